/** Cuts the lines of a finding's excerpt into the parts before, under and after the underline. */
import type { Excerpt } from "@/api/types";

export interface ExcerptLine {
  readonly number: number;
  readonly before: string;
  readonly marked: string;
  readonly after: string;
}

export function excerptLines(excerpt: Excerpt): ExcerptLine[] {
  return excerpt.lines.map((text, index) => {
    const number = excerpt.first_line + index;
    // Columns count characters, not UTF-16 units.
    const characters = Array.from(text);
    if (number < excerpt.line || number > excerpt.end_line) return { number, before: text, marked: "", after: "" };
    const indent = characters.findIndex((character) => character.trim() !== "");
    const from = number === excerpt.line ? excerpt.column - 1 : Math.max(0, indent);
    let to = number === excerpt.end_line ? excerpt.end_column - 1 : characters.length;
    // An empty range on its only line still needs something to point at.
    if (to <= from && excerpt.line === excerpt.end_line) to = from + 1;
    return {
      number,
      before: characters.slice(0, from).join(""),
      marked: characters.slice(from, to).join("") || (to > from && number === excerpt.line ? " " : ""),
      after: characters.slice(Math.max(from, to)).join(""),
    };
  });
}
