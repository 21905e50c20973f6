import fc from "fast-check";
import { expect, it } from "vitest";
import { KEPT_CHARACTERS, KEPT_LINES, PART, Ranges } from "@/logic/ranges";

const lines = (count: number, word = "line") => Array.from({ length: count }, (_, n) => `${word} ${n}`);

it("names the rows that are missing, and how many up to what is known", () => {
  const ranges = new Ranges();
  expect(ranges.missing(0, 50)).toEqual([{ from: 0, count: 50 }]);
  expect(ranges.missing(0, 0)).toEqual([]);
  ranges.put(10, lines(10));
  ranges.put(30, lines(5));
  expect(ranges.missing(0, 50)).toEqual([
    { from: 0, count: 10 },
    { from: 20, count: 10 },
    { from: 35, count: 15 },
  ]);
  expect(ranges.missing(12, 20)).toEqual([]);
  expect(ranges.line(17)?.text).toBe("line 7");
  expect(ranges.line(20)).toBeUndefined();
});

it("goes on from what came, however short the answer was", () => {
  const ranges = new Ranges();
  ranges.put(400, lines(16));
  expect(ranges.missing(400, 460)).toEqual([{ from: 416, count: 44 }]);
});

it("asks again for a line that may have grown, and shows the old one meanwhile", () => {
  const ranges = new Ranges();
  ranges.put(800, lines(10));
  ranges.doubt(809);
  ranges.doubt(900);
  expect(ranges.missing(800, 812)).toEqual([{ from: 809, count: 3 }]);
  expect(ranges.line(809)?.text).toBe("line 9");
  ranges.put(809, ["line 9 and more"]);
  expect(ranges.missing(800, 810)).toEqual([]);
  expect(ranges.line(809)?.text).toBe("line 9 and more");
  ranges.put(900, ["later"]);
  expect(ranges.missing(900, 901), "a row that was not here was not in doubt").toEqual([]);
});

it("keeps a bounded number of lines and characters, those read last", () => {
  const ranges = new Ranges();
  for (let from = 0; from < KEPT_LINES; from += PART) ranges.put(from, lines(PART));
  ranges.line(10);
  ranges.put(KEPT_LINES, lines(PART));
  expect(ranges.size).toBe(KEPT_LINES);
  expect(ranges.line(5)).toBeDefined();
  expect(ranges.line(PART)).toBeUndefined();
  const heavy = new Ranges();
  const line = "x".repeat(16_384);
  for (let from = 0; from < 1600; from += 16) heavy.put(from, Array.from({ length: 16 }, () => line));
  expect(heavy.size * line.length).toBeLessThanOrEqual(KEPT_CHARACTERS);
  expect(heavy.line(1599)).toBeDefined();
});

it("carries the colour from line to line and from piece to piece, whichever came first", () => {
  const ranges = new Ranges();
  ranges.put(PART, lines(3));
  expect(ranges.line(PART)?.start.fg).toBeNull();
  ranges.put(0, ["\u001b[31mred", ...lines(PART - 1)]);
  expect(ranges.line(0)?.start.fg).toBeNull();
  expect(ranges.line(1)?.start.fg).toBe(1);
  expect(ranges.line(PART)?.start.fg).toBe(1);
});

it("answers with what was put last for each row, in any order of pieces", () => {
  const piece = fc.record({ from: fc.nat(120), length: fc.integer({ min: 1, max: 40 }) });
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), fc.nat(100), fc.nat(80), (pieces, first, count) => {
      const ranges = new Ranges();
      const expected = new Map<number, string>();
      pieces.forEach(({ from, length }, n) => {
        ranges.put(from, Array.from({ length }, (_, index) => `${n}/${from + index}`));
        for (let row = from; row < from + length; row++) expected.set(row, `${n}/${row}`);
      });
      for (let row = 0; row < 200; row++) expect(ranges.line(row)?.text).toBe(expected.get(row));
      const missing = ranges.missing(first, first + count).flatMap((gap) => Array.from({ length: gap.count }, (_, n) => gap.from + n));
      expect(missing).toEqual(Array.from({ length: count }, (_, n) => first + n).filter((row) => !expected.has(row)));
    }),
  );
});

it("knows when each line began, also when pieces are joined and cut", () => {
  const ranges = new Ranges();
  ranges.put(0, lines(4), [], [
    { index: 0, time: "08:00" },
    { index: 2, time: "08:01" },
  ]);
  ranges.put(4, lines(2), [], [{ index: 1, time: "08:02" }]);
  ranges.put(1, ["again"], [], [{ index: 0, time: "08:03" }]);
  expect([0, 1, 2, 3, 4, 5].map((row) => ranges.line(row)?.time)).toEqual(["08:00", "08:03", "08:01", "08:01", "", "08:02"]);
});
