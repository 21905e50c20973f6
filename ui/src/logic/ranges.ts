/**
 * A bounded cache of the lines of a log. Pieces are kept as they came: an answer may hold fewer lines than were asked for (it has a limit in bytes),
 * and what is missing behind it is asked for from there.
 */
import type { LogTime } from "@/api/types";
import { PLAIN, endStyle, type Style } from "./ansi";

/** Most lines that one question may ask for. */
export const PART = 400;
/** Lines and characters kept. */
export const KEPT_LINES = 25_600;
export const KEPT_CHARACTERS = 16_000_000;

interface Piece {
  from: number;
  lines: readonly string[];
  /** Rows of lines that are longer than what was sent. */
  cut: ReadonlySet<number>;
  /** When each line began, RFC 3339; empty where that is not known. */
  times: readonly string[];
  /** Style in which each line begins. Behind a gap it starts plain: an approximation. */
  starts: Style[];
  end: Style;
  characters: number;
  /** When it was read last, by count. */
  used: number;
}

const behind = (piece: Piece) => piece.from + piece.lines.length;

export class Ranges {
  /** In the order of their rows, without overlap. */
  private pieces: Piece[] = [];
  /** Rows that are here but may have grown since. */
  private doubtful = new Set<number>();
  private reads = 0;

  /** Lines that are kept. */
  get size(): number {
    return this.pieces.reduce((sum, piece) => sum + piece.lines.length, 0);
  }

  /** Takes lines in, from row `from` on. `cut` are indices into `lines`, `times` say from which of them on which time holds. */
  put(from: number, lines: readonly string[], cut: readonly number[] = [], times: readonly LogTime[] = []): void {
    if (lines.length === 0) return;
    const end = from + lines.length;
    for (const row of this.doubtful) if (row >= from && row < end) this.doubtful.delete(row);
    const around = this.pieces.flatMap((piece) => without(piece, from, end));
    const fresh = makePiece(from, lines, new Set(cut.map((index) => from + index)), timesOf(lines.length, times));
    fresh.used = ++this.reads;
    this.pieces = joined([...around, fresh].sort((a, b) => a.from - b.from));
    this.style();
    this.forget(from, end);
  }

  line(row: number): { text: string; start: Style; cut: boolean; time: string } | undefined {
    const piece = this.pieceAt(row);
    const text = piece?.lines[row - piece.from];
    if (!piece || text === undefined) return undefined;
    piece.used = ++this.reads;
    return { text, start: piece.starts[row - piece.from] ?? PLAIN, cut: piece.cut.has(row), time: piece.times[row - piece.from] ?? "" };
  }

  /** The parts of rows `first..end` that are not here or in doubt, in order, each with how many rows it has up to what is known again. */
  missing(first: number, end: number): { from: number; count: number }[] {
    const result: { from: number; count: number }[] = [];
    const add = (from: number, until: number) => {
      const last = result.at(-1);
      if (last && last.from + last.count === from) last.count += until - from;
      else result.push({ from, count: until - from });
    };
    let row = first;
    while (row < end) {
      const piece = this.pieceAt(row);
      const until = Math.min(end, piece ? behind(piece) : (this.pieces.find((one) => one.from > row)?.from ?? end));
      if (!piece) add(row, until);
      else for (const one of [...this.doubtful].sort((a, b) => a - b)) if (one >= row && one < until) add(one, one + 1);
      row = until;
    }
    return result;
  }

  /** The line of a row may have grown: it stays readable, and counts as missing until it is put again. */
  doubt(row: number): void {
    if (this.pieceAt(row)) this.doubtful.add(row);
  }

  private pieceAt(row: number): Piece | undefined {
    return this.pieces.find((piece) => row >= piece.from && row < behind(piece));
  }

  /** Lets each piece that follows another one begin in its style. */
  private style(): void {
    this.pieces.forEach((piece, index) => {
      const before = this.pieces[index - 1];
      const start = before && behind(before) === piece.from ? before.end : PLAIN;
      if (piece.starts[0] === start) return;
      let style = start;
      piece.starts = piece.lines.map((line) => {
        const begin = style;
        style = endStyle(line, style);
        return begin;
      });
      piece.end = style;
    });
  }

  /** What was read longest ago goes first, but never what has just come. */
  private forget(from: number, end: number): void {
    let lines = this.size;
    let characters = this.pieces.reduce((sum, piece) => sum + piece.characters, 0);
    const oldest = this.pieces.filter((piece) => behind(piece) <= from || piece.from >= end).sort((a, b) => a.used - b.used);
    const gone = new Set<Piece>();
    for (const piece of oldest) {
      if (lines <= KEPT_LINES && characters <= KEPT_CHARACTERS) break;
      gone.add(piece);
      lines -= piece.lines.length;
      characters -= piece.characters;
    }
    if (gone.size > 0) this.pieces = this.pieces.filter((piece) => !gone.has(piece));
  }
}

function timesOf(count: number, times: readonly LogTime[]): string[] {
  let at = 0;
  return Array.from({ length: count }, (_, index) => {
    while ((times[at + 1]?.index ?? Number.POSITIVE_INFINITY) <= index) at += 1;
    const time = times[at];
    return time && time.index <= index ? time.time : "";
  });
}

function makePiece(from: number, lines: readonly string[], cut: ReadonlySet<number>, times: readonly string[]): Piece {
  return { from, lines, cut, times, starts: [], end: PLAIN, characters: lines.reduce((sum, line) => sum + line.length, 0), used: 0 };
}

/** What is left of a piece outside `from..end`. */
function without(piece: Piece, from: number, end: number): Piece[] {
  if (behind(piece) <= from || piece.from >= end) return [piece];
  const parts = [
    { from: piece.from, range: [0, Math.max(0, from - piece.from)] },
    { from: end, range: [Math.max(0, end - piece.from)] },
  ].map((part) => ({ from: part.from, lines: piece.lines.slice(...part.range), times: piece.times.slice(...part.range) }));
  return parts.filter((part) => part.lines.length > 0).map((part) => ({ ...makePiece(part.from, part.lines, piece.cut, part.times), used: piece.used }));
}

/** Small pieces next to each other become one, so that a log that grew line by line is not kept line by line. */
function joined(pieces: readonly Piece[]): Piece[] {
  const result: Piece[] = [];
  for (const piece of pieces) {
    const last = result.at(-1);
    if (last && behind(last) === piece.from && last.lines.length + piece.lines.length <= PART) {
      const whole = makePiece(last.from, [...last.lines, ...piece.lines], new Set([...last.cut, ...piece.cut]), [...last.times, ...piece.times]);
      result[result.length - 1] = { ...whole, used: Math.max(last.used, piece.used) };
    } else result.push(piece);
  }
  return result;
}
