/**
 * Terminal colours of one log line as plain segments. Everything that is not a colour (cursor moves, titles, links' addresses) is
 * dropped, and of a line that a program wrote over with carriage returns only the last version stays.
 */

/** How a piece of text looks. Colours are `0`–`255` of the palette, or `#rrggbb`, or `null` for the theme's own. */
export interface Style {
  readonly fg: number | string | null;
  readonly bg: number | string | null;
  readonly bold: boolean;
  readonly dim: boolean;
  readonly italic: boolean;
  readonly underline: boolean;
  readonly inverse: boolean;
  readonly strike: boolean;
}

export interface Segment {
  readonly text: string;
  readonly style: Style;
}

export const PLAIN: Style = {
  fg: null,
  bg: null,
  bold: false,
  dim: false,
  italic: false,
  underline: false,
  inverse: false,
  strike: false,
};

const ESC = "\u001b";
// CSI … final | OSC … BEL or ST | other string sequences … ST | two-character escapes | remaining control characters but the tab.
const SEQUENCE = new RegExp(
  [
    "\\u001b\\[([0-?]*)[ -/]*(?:([@-~])|$)",
    "\\u001b\\][^\\u0007\\u001b]*(?:\\u0007|\\u001b\\\\)?",
    "\\u001b[PX^_][^\\u001b]*(?:\\u001b\\\\)?",
    "\\u001b[ -/]*[0-Z\\\\-~]?",
    "[\\u0000-\\u0008\\u000a-\\u001a\\u001c-\\u001f\\u007f]",
  ].join("|"),
  "g",
);

/** Most pieces that one line is drawn with: a bound on the nodes of a page that is full of colours. */
export const MAX_SEGMENTS = 14;

/** Parses a line that begins in `start`; returns its pieces and the style in which the next line begins. */
export function parseAnsi(line: string, start: Style = PLAIN): { segments: Segment[]; end: Style } {
  const segments: Segment[] = [];
  let style = start;
  const push = (text: string) => {
    if (text === "") return;
    const last = segments[segments.length - 1];
    if (last && (sameStyle(last.style, style) || segments.length >= MAX_SEGMENTS)) {
      segments[segments.length - 1] = { text: last.text + text, style: last.style };
    } else {
      segments.push({ text, style });
    }
  };

  const { skipped, shown } = lastVersion(line);
  style = endStyle(skipped, style);
  let at = 0;
  for (const match of shown.matchAll(SEQUENCE)) {
    push(shown.slice(at, match.index));
    at = match.index + match[0].length;
    if (match[2] === "m") style = applySgr(match[1] ?? "", style);
  }
  push(shown.slice(at));
  return { segments, end: style };
}

/** The style after a line, without building its pieces: for skipping over lines that are not drawn. */
export function endStyle(line: string, start: Style): Style {
  if (!line.includes(ESC)) return start;
  let style = start;
  for (const match of line.matchAll(SEQUENCE)) {
    if (match[2] === "m") style = applySgr(match[1] ?? "", style);
  }
  return style;
}

/** The text of a line as it is read, without any sequence. */
export function plainText(line: string): string {
  return lastVersion(line).shown.replace(SEQUENCE, "");
}

/** A progress bar rewrites its line with `\r`: what stands after the last one that is followed by text is what a terminal shows. */
function lastVersion(line: string): { skipped: string; shown: string } {
  // Counted by hand: a pattern for "returns at the end" looks from each of them to the end, which takes seconds for a line full of them.
  let end = line.length;
  while (end > 0 && line[end - 1] === "\r") end--;
  const text = line.slice(0, end);
  const cut = text.lastIndexOf("\r");
  return cut < 0 ? { skipped: "", shown: text } : { skipped: text.slice(0, cut), shown: text.slice(cut + 1) };
}

function applySgr(parameters: string, from: Style): Style {
  // `38:2::r:g:b` separates by colons, `38;2;r;g;b` by semicolons: both are in use.
  const codes = parameters
    .replace(/([34]8):2::?/g, "$1;2;")
    .split(/[;:]/)
    .map((code) => (code === "" ? 0 : Number(code)));
  const style = { ...from };
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] ?? 0;
    if (code === 0) Object.assign(style, PLAIN);
    else if (code === 1) style.bold = true;
    else if (code === 2) style.dim = true;
    else if (code === 3) style.italic = true;
    else if (code === 4) style.underline = true;
    else if (code === 7) style.inverse = true;
    else if (code === 9) style.strike = true;
    else if (code === 22) style.bold = style.dim = false;
    else if (code === 23) style.italic = false;
    else if (code === 24) style.underline = false;
    else if (code === 27) style.inverse = false;
    else if (code === 29) style.strike = false;
    else if (code >= 30 && code <= 37) style.fg = code - 30;
    else if (code === 39) style.fg = null;
    else if (code >= 40 && code <= 47) style.bg = code - 40;
    else if (code === 49) style.bg = null;
    else if (code >= 90 && code <= 97) style.fg = code - 90 + 8;
    else if (code >= 100 && code <= 107) style.bg = code - 100 + 8;
    else if (code === 38 || code === 48) {
      const { colour, used } = extendedColour(codes, i + 1);
      if (colour !== undefined) {
        if (code === 38) style.fg = colour;
        else style.bg = colour;
      }
      i += used;
    }
  }
  return style;
}

function extendedColour(codes: number[], at: number): { colour: number | string | undefined; used: number } {
  if (codes[at] === 5) {
    const index = codes[at + 1];
    return { colour: index !== undefined && index >= 0 && index <= 255 ? index : undefined, used: 2 };
  }
  if (codes[at] === 2) {
    const parts = codes.slice(at + 1, at + 4);
    const valid = parts.length === 3 && parts.every((part) => part >= 0 && part <= 255);
    return { colour: valid ? hex(parts) : undefined, used: 4 };
  }
  return { colour: undefined, used: 0 };
}

function hex(parts: number[]): string {
  return "#" + parts.map((part) => part.toString(16).padStart(2, "0")).join("");
}

function sameStyle(a: Style, b: Style): boolean {
  return (
    a === b ||
    (a.fg === b.fg &&
      a.bg === b.bg &&
      a.bold === b.bold &&
      a.dim === b.dim &&
      a.italic === b.italic &&
      a.underline === b.underline &&
      a.inverse === b.inverse &&
      a.strike === b.strike)
  );
}
