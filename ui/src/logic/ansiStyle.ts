/** How a style of a terminal is drawn in each theme: class names for what the theme has tokens for, inline colours for the rest. */
import { PLAIN, type Style } from "./ansi";
import { letterOn, readableOn } from "./contrast";

/** The grounds on which log text is hardest to read: the wash of a marked line in each theme (`--failed-wash`). */
export const LIGHT_GROUND = "#fbeae7";
export const DARK_GROUND = "#3a1f20";

/** The theme's own ink as a ground: of text in reverse video that has no colour. */
const INK = "ink";

interface Drawn {
  readonly fg: number | string | null;
  readonly bg: number | string | null;
}

/** Reverse video changes letters and ground. On a coloured ground the letters are chosen by it: a pair that a program chose is often unreadable. */
function drawn(style: Style): Drawn {
  const { fg, bg } = style;
  if (style.inverse) return { fg: null, bg: fg ?? INK };
  return bg === null ? { fg, bg } : { fg: null, bg };
}

/** The class names of a style; empty for plain text. */
export function styleClass(style: Style): string {
  if (style === PLAIN) return "";
  const names: string[] = [];
  if (style.bold) names.push("a-bold");
  if (style.dim) names.push("a-dim");
  if (style.italic) names.push("a-italic");
  if (style.underline) names.push("a-underline");
  if (style.strike) names.push("a-strike");
  const { fg, bg } = drawn(style);
  if (bg === INK) names.push("a-plain-ground");
  else if (typeof bg === "number" && bg < 16) names.push(`a-bg${bg}`);
  if (typeof fg === "number" && fg < 16) names.push(`a-fg${fg}`);
  else if (fg !== null) names.push("a-fg-own");
  return names.join(" ");
}

const own = new Map<string, { "--own-light": string; "--own-dark": string }>();

/** Inline colours for what the theme has no token for (the 240 others and true colour). */
export function styleInline(style: Style): Record<string, string> | undefined {
  const { fg, bg } = drawn(style);
  const ground = bg === INK ? undefined : inlineColour(bg);
  if (ground) return { backgroundColor: ground, color: letterOn(ground) };
  const letters = inlineColour(fg);
  if (!letters) return undefined;
  let both = own.get(letters);
  if (!both) {
    both = { "--own-light": readableOn(letters, LIGHT_GROUND), "--own-dark": readableOn(letters, DARK_GROUND) };
    // A program may use every colour that there is.
    if (own.size > 4096) own.clear();
    own.set(letters, both);
  }
  return both;
}

function inlineColour(colour: number | string | null): string | undefined {
  if (typeof colour === "string") return colour;
  if (colour === null || colour < 16) return undefined;
  if (colour >= 232) {
    const level = 8 + (colour - 232) * 10;
    return hex([level, level, level]);
  }
  const index = colour - 16;
  const level = (n: number) => (n === 0 ? 0 : 55 + n * 40);
  return hex([level(Math.floor(index / 36)), level(Math.floor(index / 6) % 6), level(index % 6)]);
}

function hex(parts: number[]): string {
  return "#" + parts.map((part) => part.toString(16).padStart(2, "0")).join("");
}
