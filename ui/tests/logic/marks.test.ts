import { expect, it } from "vitest";
import { PLAIN, parseAnsi } from "@/logic/ansi";
import { markFound } from "@/logic/marks";

const E = "\u001b[";
const found = (line: string, query: string) =>
  markFound(parseAnsi(line).segments, query)
    .filter((one) => one.found)
    .map((one) => one.text);

it.each([
  ["in any case", "Error: an ERROR", "error", ["Error", "ERROR"]],
  ["what is written like a pattern", "a.b a+b (a|b)", "a+b", ["a+b"]],
  ["over a change of colour", `up${E}31mstream clo${E}0msed`, "upstream closed", ["up", "stream clo", "sed"]],
  ["Chinese", "请求超时，请重试", "请", ["请", "请"]],
  ["what is not there", "abc", "x", []],
  ["nothing", "abc", "", []],
  ["a sign that is more than one unit", "go 🚀 go", "🚀", ["🚀"]],
])("marks %s", (_, line, query, expected) => {
  expect(found(line, query)).toEqual(expected);
});

it("loses no text and no colour, and bounds what it cuts", () => {
  const line = `${E}32m${"ab".repeat(500)}`;
  const pieces = markFound(parseAnsi(line).segments, "a");
  expect(pieces.map((one) => one.text).join("")).toBe("ab".repeat(500));
  expect(new Set(pieces.map((one) => one.style.fg))).toEqual(new Set([2]));
  expect(pieces.length).toBeLessThan(30);
  expect(markFound([{ text: "x", style: PLAIN }], "")).toEqual([{ text: "x", style: PLAIN, found: false }]);
});
