import { describe, expect, it } from "vitest";
import { MAX_SEGMENTS, PLAIN, endStyle, parseAnsi, plainText } from "@/logic/ansi";
import { styleClass, styleInline } from "@/logic/ansiStyle";

const E = "\u001b[";
const pieces = (line: string) => parseAnsi(line).segments.map((one) => [one.text, styleClass(one.style)]);

describe("parseAnsi", () => {
  it.each<[string, string, [string, string][]]>([
    ["plain text", "hello", [["hello", ""]]],
    ["an empty line", "", []],
    ["a colour and its end", `${E}32mok${E}0m done`, [["ok", "a-fg2"], [" done", ""]]],
    ["the short reset", `${E}31mred${E}m plain`, [["red", "a-fg1"], [" plain", ""]]],
    ["bright colours and grounds", `${E}91;104mx`, [["x", "a-bg12"]]],
    ["bold and its end", `${E}1mb${E}22mn`, [["b", "a-bold"], ["n", ""]]],
    ["all faces", `${E}2;3;4;7;9mx`, [["x", "a-dim a-italic a-underline a-strike a-plain-ground"]]],
    ["reverse video of a colour is its ground", `${E}7;31mFAIL`, [["FAIL", "a-bg1"]]],
    ["reverse video of a ground too", `${E}7;31;43mx`, [["x", "a-bg1"]]],
    ["a ground chooses its letters", `${E}31;43mx`, [["x", "a-bg3"]]],
    ["same style twice is one piece", `${E}32ma${E}32mb`, [["ab", "a-fg2"]]],
    ["cursor moves are dropped", `a${E}2Kb${E}1;1Hc${E}?25l`, [["abc", ""]]],
    ["a window title is dropped", "\u001b]0;title\u0007text", [["text", ""]]],
    ["a link keeps its text", "\u001b]8;;https://example.com\u001b\\link\u001b]8;;\u001b\\!", [["link!", ""]]],
    ["a sequence that the end cuts", `text${E}3`, [["text", ""]]],
    ["a lone escape", "a\u001b", [["a", ""]]],
    ["a progress bar shows its last state", "10%\r50%\r100%", [["100%", ""]]],
    ["a Windows line end", "text\r", [["text", ""]]],
    ["a tab stays, a bell goes", "a\tb\u0007", [["a\tb", ""]]],
    ["Chinese", `${E}33m警告${E}39m：磁盘`, [["警告", "a-fg3"], ["：磁盘", ""]]],
    ["unknown codes change nothing", `${E}73;99mx`, [["x", ""]]],
    ["a wrong palette index changes nothing", `${E}38;5;999mx`, [["x", ""]]],
    ["markup is text", "<b>x</b>", [["<b>x</b>", ""]]],
  ])("%s", (_, line, expected) => {
    expect(pieces(line)).toEqual(expected);
  });

  it.each([
    ["palette", `${E}38;5;208mx`, { "--own-light": "#995100", "--own-dark": "#ff8700" }],
    ["grey", `${E}48;5;240mx`, { backgroundColor: "#585858", color: "#ffffff" }],
    ["true colour", `${E}38;2;1;2;255mx`, { "--own-light": "#0102ff", "--own-dark": "#8081ff" }],
    ["true colour with colons", `${E}38:2::1:2:255mx`, { "--own-light": "#0102ff", "--own-dark": "#8081ff" }],
  ])("extended colours: %s", (_, line, expected) => {
    expect(styleInline(parseAnsi(line).segments[0]!.style)).toEqual(expected);
  });

  it("carries the style to the next line", () => {
    const first = parseAnsi(`${E}31mred starts`);
    expect(pieces(`${E}31mx`)[0]![1]).toBe("a-fg1");
    expect(parseAnsi("and goes on", first.end).segments[0]!.style.fg).toBe(1);
    expect(endStyle(`${E}0m`, first.end)).toEqual(PLAIN);
    expect(endStyle(`50%${E}32m\r100%`, PLAIN).fg).toBe(2);
  });

  it("bounds the pieces of a line and loses no text", () => {
    const line = Array.from({ length: 500 }, (_, n) => `${E}3${n % 7}m${n},`).join("");
    const { segments } = parseAnsi(line);
    expect(segments.length).toBeLessThanOrEqual(MAX_SEGMENTS);
    expect(segments.map((one) => one.text).join("")).toBe(plainText(line));
  });
});

it("reads a line full of carriage returns in one go", () => {
  // From each of them to the end would be 10^12 steps: this test would not come to its end.
  const line = `${"\r".repeat(1_000_000)}x`;
  expect(plainText(line)).toBe("x");
  expect(parseAnsi(`done${"\r".repeat(1_000_000)}`).segments.map((segment) => segment.text)).toEqual(["done"]);
});
