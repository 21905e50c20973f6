import { describe, expect, it } from "vitest";
import { MAX_HEIGHT, OVERSCAN, ROW_HEIGHT, atEnd, geometry, positionOf, reveal, rowsAt, scale, scrollOf } from "@/logic/window";

const VIEW = 800;

describe.each([0, 1, 10, 40, 41, 1_000, 399_999, 1_000_000, 5_000_000])("a list of %i rows", (rows) => {
  const g = geometry(rows, VIEW);

  it("is never higher than a browser can scroll", () => {
    expect(g.height).toBeLessThanOrEqual(MAX_HEIGHT);
    expect(g.maxScroll).toBe(Math.max(0, g.height - VIEW));
  });

  it("shows its first row at the top and its last row at the end", () => {
    const top = rowsAt(g, 0);
    expect(top.first).toBe(0);
    expect(top.offset).toBeCloseTo(0);
    const end = rowsAt(g, positionOf(g, g.maxScroll));
    expect(end.end).toBe(rows);
    if (rows > VIEW / ROW_HEIGHT) expect(end.offset + (end.end - end.first) * ROW_HEIGHT).toBeCloseTo(VIEW);
    expect(atEnd(g, g.maxPosition)).toBe(true);
  });

  it("draws few rows and covers the window everywhere", () => {
    for (let n = 0; n <= 100; n++) {
      const position = (g.maxPosition * n) / 100;
      const { first, end, offset } = rowsAt(g, position);
      expect(end - first).toBeLessThanOrEqual(VIEW / ROW_HEIGHT + 2 * OVERSCAN + 2);
      expect(offset).toBeLessThanOrEqual(0.001);
      if (rows * ROW_HEIGHT >= VIEW) expect(offset + (end - first) * ROW_HEIGHT).toBeGreaterThanOrEqual(VIEW - 0.001);
    }
  });

  it("maps position to scroll offset and back", () => {
    for (let n = 0; n <= 50; n++) {
      const position = (g.maxPosition * n) / 50;
      expect(positionOf(g, scrollOf(g, position))).toBeCloseTo(position, 3);
    }
  });

  it("can bring any row into view", () => {
    for (const row of [0, 1, Math.floor(rows / 2), rows - 1].filter((one) => one >= 0 && one < rows)) {
      const position = reveal(g, 0, row);
      const top = row * ROW_HEIGHT - position;
      expect(top).toBeGreaterThanOrEqual(0);
      expect(top + ROW_HEIGHT).toBeLessThanOrEqual(Math.max(VIEW, ROW_HEIGHT));
    }
  });
});

it("scales only lists that are too high", () => {
  expect(scale(geometry(400_000, VIEW))).toBe(1);
  expect(scale(geometry(1_000_000, VIEW))).toBeCloseTo(2.5, 3);
});

it("does not move when the row is in view already", () => {
  const g = geometry(1000, VIEW);
  expect(reveal(g, 4000, 210)).toBe(4000);
});

it("clips a position outside the list", () => {
  const g = geometry(1000, VIEW);
  expect(rowsAt(g, -500).first).toBe(0);
  expect(rowsAt(g, 1e12).end).toBe(1000);
  expect(rowsAt(geometry(0, VIEW), 5)).toEqual({ first: 0, end: 0, offset: 0 });
});

it("leaves room to bring the last row to the top", () => {
  const g = geometry(100, VIEW, VIEW - ROW_HEIGHT);
  expect(g.maxPosition).toBe(99 * ROW_HEIGHT);
});
