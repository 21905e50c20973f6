/** A bounded cache of the blocks of a log: what was read longest ago goes first. */
import { PLAIN, endStyle, type Style } from "./ansi";

/** Lines per block: the most that one call may ask for. */
export const BLOCK = 400;
/** Blocks kept. */
export const KEPT = 64;

export interface Block {
  readonly lines: readonly string[];
  /** Indices of lines that are longer than what was sent. */
  readonly cut: ReadonlySet<number>;
  /** Style in which each line begins. Across blocks that were not read one after the other it starts plain: an approximation. */
  readonly starts: readonly Style[];
  readonly end: Style;
}

export class Ranges {
  private blocks = new Map<number, Block>();
  private outdated = new Set<number>();

  get size(): number {
    return this.blocks.size;
  }

  clear(): void {
    this.blocks.clear();
    this.outdated.clear();
  }

  put(number: number, lines: readonly string[], cut: readonly number[] = []): void {
    let style = this.blocks.get(number - 1)?.end ?? PLAIN;
    const starts = lines.map((line) => {
      const start = style;
      style = endStyle(line, style);
      return start;
    });
    this.blocks.delete(number);
    this.outdated.delete(number);
    this.blocks.set(number, { lines, cut: new Set(cut), starts, end: style });
    for (const oldest of this.blocks.keys()) {
      if (this.blocks.size <= KEPT) break;
      this.blocks.delete(oldest);
    }
  }

  line(row: number): { text: string; start: Style; cut: boolean } | undefined {
    const block = this.blocks.get(Math.floor(row / BLOCK));
    const index = row % BLOCK;
    const text = block?.lines[index];
    return block && text !== undefined ? { text, start: block.starts[index] ?? PLAIN, cut: block.cut.has(index) } : undefined;
  }

  /** Numbers of the blocks that rows `first..end` of a log of `total` lines need and that are missing or have grown since. */
  missing(first: number, end: number, total: number): number[] {
    const result: number[] = [];
    const last = Math.min(end, total);
    for (let number = Math.floor(first / BLOCK); number * BLOCK < last; number++) {
      const block = this.blocks.get(number);
      const expected = Math.min(BLOCK, total - number * BLOCK);
      if (!block || block.lines.length < expected || this.outdated.has(number)) result.push(number);
      else {
        this.blocks.delete(number);
        this.blocks.set(number, block);
      }
    }
    return result;
  }

  /** A block whose last line may have grown: it stays readable, and counts as missing until it is put again. */
  stale(number: number): void {
    this.outdated.add(number);
  }
}
