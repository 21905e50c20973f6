/** Values of a form. A form belongs to a version; what was typed is kept by name and kind of the input, and fits into the form of any version. */
import type { Input } from "@/api/types";

/** What was typed, by [`slot`] of the input. */
export type TypedValues = Record<string, string>;
export type ValueProblem = "required" | "number" | "choice";

/** Where the value of an input is kept: a text is not what a number of the same name was in another version. */
export function slot(input: Pick<Input, "name" | "kind">): string {
  return `${input.kind} ${input.name}`;
}

/**
 * What is wrong with a value of the form as far as the window can tell; `null` when the core is to be asked. The author's pattern is the core's:
 * a browser's engine of regular expressions takes minutes for an innocent `(\w+\.?)+`.
 */
export function inputProblem(input: Input, value: string): ValueProblem | null {
  if (value === "") return input.required ? "required" : null;
  if (input.kind === "number" && !Number.isFinite(Number(value))) return "number";
  if (input.kind === "choice" && !input.options.includes(value)) return "choice";
  return null;
}

/**
 * The values of a form: what was typed, else what was used last where it is still allowed, else the author's default. A typed choice that this
 * version does not have gives way to them, and comes back with a version that has it. Nothing is in it that the form does not have.
 */
export function formValues(inputs: readonly Input[], typed: TypedValues | undefined, last: { [key in string]?: string } | undefined): Record<string, string> {
  const values: Record<string, string> = {};
  for (const input of inputs) {
    const own = typed?.[slot(input)];
    const before = last?.[input.name];
    const fallback = input.kind === "boolean" && input.default === "" ? "false" : input.default;
    const usable = before !== undefined && inputProblem(input, before) === null;
    const fits = own !== undefined && inputProblem(input, own) !== "choice";
    values[input.name] = fits ? own : usable ? before : fallback;
  }
  return values;
}
