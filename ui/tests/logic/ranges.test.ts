import { expect, it } from "vitest";
import { BLOCK, KEPT, Ranges } from "@/logic/ranges";

const lines = (count: number, word = "line") => Array.from({ length: count }, (_, n) => `${word} ${n}`);

it("names the blocks that are missing", () => {
  const ranges = new Ranges();
  expect(ranges.missing(0, 50, 1000)).toEqual([0]);
  expect(ranges.missing(350, 450, 1000)).toEqual([0, 1]);
  expect(ranges.missing(0, 50, 0)).toEqual([]);
  ranges.put(0, lines(BLOCK));
  expect(ranges.missing(350, 450, 1000)).toEqual([1]);
  expect(ranges.line(7)?.text).toBe("line 7");
  expect(ranges.line(BLOCK)).toBeUndefined();
});

it("asks again for a last block that has grown, and shows the old lines meanwhile", () => {
  const ranges = new Ranges();
  ranges.put(2, lines(10));
  expect(ranges.missing(800, 810, 810)).toEqual([]);
  expect(ranges.missing(800, 811, 811)).toEqual([2]);
  ranges.stale(2);
  expect(ranges.missing(800, 810, 810)).toEqual([2]);
  expect(ranges.line(805)?.text).toBe("line 5");
  ranges.put(2, lines(10, "new"));
  expect(ranges.missing(800, 810, 810)).toEqual([]);
});

it("keeps a bounded number of blocks, those read last", () => {
  const ranges = new Ranges();
  for (let n = 0; n < KEPT; n++) ranges.put(n, lines(BLOCK));
  ranges.missing(0, 10, 1e6);
  ranges.put(KEPT, lines(BLOCK));
  expect(ranges.size).toBe(KEPT);
  expect(ranges.line(5)).toBeDefined();
  expect(ranges.line(BLOCK)).toBeUndefined();
});

it("carries the colour from line to line and from block to block", () => {
  const ranges = new Ranges();
  ranges.put(0, ["\u001b[31mred", ...lines(BLOCK - 1)]);
  ranges.put(1, lines(3));
  expect(ranges.line(0)?.start.fg).toBeNull();
  expect(ranges.line(1)?.start.fg).toBe(1);
  expect(ranges.line(BLOCK)?.start.fg).toBe(1);
});
