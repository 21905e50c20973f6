/** Small pure helpers about text: an author's languages, search, form values. */
import type { Input, Words } from "@/api/types";

/** The text for `locale`: that language, its family, the author's default, English, anything. */
export function localised(text: { [key in string]: string }, locale: string): string {
  const family = locale.split("-")[0] ?? locale;
  const sameFamily = Object.keys(text).find((tag) => tag.split("-")[0] === family);
  return text[locale] ?? (sameFamily === undefined ? undefined : text[sameFamily]) ?? text[""] ?? text["en"] ?? Object.values(text)[0] ?? "";
}

/** The core's sentence in the language of `locale`; English where the other one is missing. */
export function spoken(words: Words, locale: string): string {
  return (locale.startsWith("zh") ? words.zh : "") || words.en;
}

/** With a capital first letter; a name in backticks stays as it is written. */
export function capitalised(text: string): string {
  return text.charAt(0).toLocaleUpperCase("en") + text.slice(1);
}

/** Whether every word of `query` occurs in one of the texts. */
export function matches(query: string, texts: readonly string[]): boolean {
  const words = query.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const whole = texts.join("\n").toLocaleLowerCase();
  return words.every((word) => whole.includes(word));
}

export type InputProblem = "required" | "pattern" | "number" | "choice";

/** What is wrong with a value of the form; `null` when it may be sent. The core checks again. */
export function inputProblem(input: Input, value: string): InputProblem | null {
  if (value === "") return input.required ? "required" : null;
  if (input.kind === "number" && !Number.isFinite(Number(value))) return "number";
  if (input.kind === "choice" && !input.options.includes(value)) return "choice";
  if (input.pattern !== "") {
    let pattern: RegExp;
    try {
      pattern = new RegExp(`^(?:${input.pattern})$`, "u");
    } catch {
      // Written for another engine of regular expressions: the core decides.
      return null;
    }
    if (!pattern.test(value)) return "pattern";
  }
  return null;
}

/** First values of a form: what was used last where it is still allowed, else the author's default. */
export function firstValues(inputs: readonly Input[], last: { [key in string]: string } | undefined): Record<string, string> {
  const values: Record<string, string> = {};
  for (const input of inputs) {
    const before = last?.[input.name];
    const usable = before !== undefined && inputProblem(input, before) === null;
    const fallback = input.kind === "boolean" && input.default === "" ? "false" : input.default;
    values[input.name] = usable ? before : fallback;
  }
  return values;
}
