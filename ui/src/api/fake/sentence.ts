/** Sentences of the fake core: templates of the real one, so that they are said in every language that the real ones are said in. */
import type { Message } from "../types";

/** A sentence with its arguments in their order. */
export function sentence(template: string, ...args: Message[]): Message {
  return args.length === 0 ? { template } : { template, args };
}
