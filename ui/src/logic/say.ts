/** How a sentence of the core is said: its template in the language of the window, with its arguments in the holes. Pure; the core says the same. */
import type { Message } from "@/api/types";

/** The templates of a language by their English: a hole with a number (`{1}`) takes that argument, for where a language has another order. */
export type Catalogue = Readonly<Record<string, string>>;

const HOLE = /\{\{|\}\}|\{(\d*)\}/g;
const HAN_FIRST = /^[\u4e00-\u9fff]/;
const HAN_LAST = /[\u4e00-\u9fff]$/;

/** The sentence; English where the catalogue has no template for it. A text is the same in every language. */
export function say(message: Message, catalogue: Catalogue): string {
  if (typeof message === "string") return message;
  const template = catalogue[message.template] ?? list(message.template, catalogue) ?? message.template;
  let out = "";
  let from = 0;
  let next = 0;
  for (const hole of template.matchAll(HOLE)) {
    out += template.slice(from, hole.index);
    from = hole.index + hole[0].length;
    if (hole[1] === undefined) {
      out += hole[0].charAt(0);
      continue;
    }
    const index = hole[1] === "" ? next : Number(hole[1]);
    next = index + 1;
    const arg = message.args?.[index] ?? "";
    const part = say(arg, catalogue);
    if (typeof arg !== "string") {
      // The template parts names from words by a blank; between two Chinese words stands none.
      if (HAN_FIRST.test(part) && out.endsWith(" ") && HAN_LAST.test(out.slice(0, -1))) out = out.slice(0, -1);
      if (HAN_LAST.test(part) && template.charAt(from) === " " && HAN_FIRST.test(template.slice(from + 1))) from += 1;
    }
    out += part;
  }
  return out + template.slice(from);
}

/** The template of a list of any length, with what stands between two parts of one in the language. */
function list(template: string, catalogue: Catalogue): string | undefined {
  const between = /^\{\}([^{}]+)\{\}/.exec(template)?.[1];
  const two = between === undefined ? undefined : catalogue[`{}${between}{}`];
  const parts = template.split(between ?? "\0");
  return two !== undefined && parts.every((part) => part === "{}") ? parts.join(two.slice(2, -2)) : undefined;
}

/** All templates in a message: its own and those of its parts. */
export function templatesOf(message: Message): string[] {
  if (typeof message === "string") return [];
  return [message.template, ...(message.args ?? []).flatMap(templatesOf)];
}
