import { describe, expect, it } from "vitest";
import type { Excerpt } from "@/api";
import { excerptLines } from "@/logic/excerpt";
import { capitalised, foreign, localised, matches } from "@/logic/words";

it.each<[string, Record<string, string>, string, string]>([
  ["the language", { "zh-CN": "中", en: "e" }, "zh-CN", "中"],
  ["its family", { zh: "中", en: "e" }, "zh-CN", "中"],
  ["the author's default", { "": "d", en: "e" }, "zh-CN", "d"],
  ["English", { en: "e", fi: "f" }, "zh-CN", "e"],
  ["anything", { fi: "f" }, "en", "f"],
  ["nothing", {}, "en", ""],
])("localised falls back to %s", (_, text, locale, expected) => {
  expect(localised(text, locale)).toBe(expected);
});

it.each([
  ["the step `x` runs", "The step `x` runs"],
  ["`name` is empty", "`name` is empty"],
  ["步骤运行", "步骤运行"],
  ["", ""],
])("a sentence that stands alone: %s", (text, expected) => {
  expect(capitalised(text)).toBe(expected);
});

it("matches when every word occurs somewhere", () => {
  expect(matches("cart lin", ["Fix the cart total", "Lin Yue"])).toBe(true);
  expect(matches("cart wang", ["Fix the cart total", "Lin Yue"])).toBe(false);
  expect(matches("优惠券", ["满减与优惠券"])).toBe(true);
  expect(matches("  ", ["anything"])).toBe(true);
});

describe("excerpts", () => {
  const excerpt = (part: Partial<Excerpt>): Excerpt => ({ first_line: 4, lines: ["ab", "  标题: x", "cd"], line: 5, column: 3, end_line: 5, end_column: 5, ...part });
  const marks = (part: Partial<Excerpt>) => excerptLines(excerpt(part)).map((line) => line.marked);

  it("underlines by characters", () => {
    expect(excerptLines(excerpt({}))[1]).toEqual({ number: 5, before: "  ", marked: "标题", after: ": x" });
    expect(marks({ lines: ["", "😀😀key", ""], column: 3, end_column: 6 })).toEqual(["", "key", ""]);
  });
  it("underlines several lines from their first letter", () => {
    expect(marks({ end_line: 6, end_column: 2 })).toEqual(["", "标题: x", "c"]);
  });
  it("points at an empty range and past the end of a line", () => {
    expect(marks({ end_column: 3 })).toEqual(["", "标", ""]);
    expect(marks({ column: 40, end_column: 40 })).toEqual(["", " ", ""]);
  });
});

it.each([
  ["Fix the cart 修复", "Fix the cart 修复"],
  ["1.0\u202e0.2", "1.0\\u{202e}0.2"],
  ["a\u0007\u001b[31m\r\nb", "a\\u{7}\\u{1b}[31m\\u{d}\\u{a}b"],
  ["\u2066a\u2069", "\\u{2066}a\\u{2069}"],
  ["שלום", "\u2068שלום\u2069"],
  ["مرحبا v1.2", "\u2068مرحبا v1.2\u2069"],
  ["👩\u200d💻", "👩\u200d💻"],
])("a foreign text turns nothing around it: %j", (text, expected) => {
  expect(foreign(text)).toBe(expected);
});
