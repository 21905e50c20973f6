/** How well a colour is read on another, after WCAG 2: relative luminance and contrast. Colours are `#rrggbb`. */

/** What small text needs. */
export const ENOUGH = 4.5;

function channels(colour: string): number[] {
  return [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
}

function hex(parts: readonly number[]): string {
  return "#" + parts.map((part) => Math.round(part).toString(16).padStart(2, "0")).join("");
}

export function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = channels(colour).map((part) => {
    const value = part / 255;
    return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** From 1 (the same) to 21 (black and white). */
export function contrast(a: string, b: string): number {
  const [high = 0, low = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
}

/** `share` of the first colour over the second. */
export function mixed(over: string, under: string, share: number): string {
  const below = channels(under);
  return hex(channels(over).map((part, index) => part * share + (below[index] ?? 0) * (1 - share)));
}

/** The colour, moved towards black or white as far as it takes to be read on a ground. */
export function readableOn(colour: string, ground: string): string {
  const end = letterOn(ground);
  for (let share = 1; share > 0; share -= 0.05) {
    const tried = mixed(colour, end, share);
    if (contrast(tried, ground) >= ENOUGH) return tried;
  }
  return end;
}

/** Black or white, whichever is read better on a ground. */
export function letterOn(ground: string): string {
  return contrast("#000000", ground) >= contrast("#ffffff", ground) ? "#000000" : "#ffffff";
}
