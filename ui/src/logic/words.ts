/** Small pure helpers about text: an author's languages, search. */
/** The text for `locale`: that language, its family, the author's default, English, anything. */
export function localised(text: { [key in string]: string }, locale: string): string {
  const family = locale.split("-")[0] ?? locale;
  const sameFamily = Object.keys(text).find((tag) => tag.split("-")[0] === family);
  return text[locale] ?? (sameFamily === undefined ? undefined : text[sameFamily]) ?? text[""] ?? text["en"] ?? Object.values(text)[0] ?? "";
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

// Steers the reading direction or a terminal that it is copied to, or cannot be seen though it changes what is read. A tab is a blank.
// eslint-disable-next-line no-control-regex -- these are the characters that are looked for
const HIDDEN = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;
const LEFTWARDS = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]|[\ud802\ud803\ud83a\ud83b]/;

/**
 * A text from a repository (titles, names of versions, steps, files, people) as it may stand beside others: what is hidden becomes visible, and
 * what runs from right to left is kept apart, so that it turns nothing around it.
 */
export function foreign(text: string): string {
  const seen = text.replace(HIDDEN, (c) => `\\u{${c.codePointAt(0)?.toString(16) ?? ""}}`);
  return LEFTWARDS.test(seen) ? `\u2068${seen}\u2069` : seen;
}
