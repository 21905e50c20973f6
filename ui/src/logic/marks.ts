/** Cuts pieces of a line where a text that is looked for begins and ends. */
import type { Segment } from "./ansi";

export interface MarkedSegment extends Segment {
  /** It is a part of what was found. */
  readonly found: boolean;
}

/** Places that are marked in one line: a bound on the nodes of a page. */
const MOST_PLACES = 12;

/** Marks the first places of `query` in the pieces of one line, in any case, also where a place goes over several pieces. */
export function markFound(segments: readonly Segment[], query: string): MarkedSegment[] {
  const plain = segments.map((segment) => ({ ...segment, found: false }));
  if (query === "") return plain;
  const whole = segments.map((segment) => segment.text).join("");
  const places = [...whole.matchAll(new RegExp(escaped(query), "giu"))].slice(0, MOST_PLACES).map((match) => [match.index, match.index + match[0].length] as const);
  if (places.length === 0) return plain;
  const result: MarkedSegment[] = [];
  let at = 0;
  for (const segment of segments) {
    const end = at + segment.text.length;
    const cuts = places.flat().filter((cut) => cut > at && cut < end);
    const edges = [at, ...cuts, end];
    for (let n = 0; n + 1 < edges.length; n++) {
      const [from, to] = [edges[n] ?? 0, edges[n + 1] ?? 0];
      const found = places.some(([begin, stop]) => from >= begin && to <= stop);
      if (to > from) result.push({ text: segment.text.slice(from - at, to - at), style: segment.style, found });
    }
    at = end;
  }
  return result;
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`);
}
