import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { DARK_GROUND, LIGHT_GROUND } from "@/logic/ansiStyle";
import { ENOUGH, contrast, letterOn, mixed, readableOn } from "@/logic/contrast";

const css = readFileSync(join(import.meta.dirname, "../../src/styles/tokens.css"), "utf8");
const cut = css.indexOf(':root[data-theme="dark"]');
const tokensOf = (text: string) => Object.fromEntries([...text.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map((match) => [match[1], match[2]])) as Record<string, string>;
const light = tokensOf(css.slice(0, cut));
const dark = { ...light, ...tokensOf(css.slice(cut)) };
const share = (name: string) => Number(new RegExp(`--${name}: ([0-9.]+);`).exec(css)?.[1]);

describe.each([
  ["light", light],
  ["dark", dark],
])("the %s theme can be read", (_, theme) => {
  const of = (name: string) => theme[name] ?? "";

  it.each(["ink", "ink-2", "ink-3"])("in %s on every ground that text stands on", (ink) => {
    for (const ground of ["paper", "sheet", "rail", "press", "accent-wash", "warning-wash", "failed-wash"]) {
      expect(contrast(of(ink), of(ground)), ground).toBeGreaterThanOrEqual(ENOUGH);
    }
  });

  it.each(["passed", "failed", "errored", "warning", "accent", "idle"])("in the state colour %s", (colour) => {
    for (const ground of ["paper", "sheet", "rail", "accent-wash"]) expect(contrast(of(colour), of(ground)), ground).toBeGreaterThanOrEqual(ENOUGH);
    if (theme[`${colour}-wash`]) expect(contrast(of(colour), of(`${colour}-wash`))).toBeGreaterThanOrEqual(ENOUGH);
  });

  it.each(Array.from({ length: 16 }, (__, n) => n))("in the terminal's colour %i: plain, on marked lines, dimmed, and as a ground", (n) => {
    const colour = of(`a${n}`);
    for (const ground of ["sheet", "failed-wash", "warning-wash", "accent-wash"]) expect(contrast(colour, of(ground)), ground).toBeGreaterThanOrEqual(ENOUGH);
    expect(contrast(mixed(colour, of("sheet"), share("dim-colour")), of("sheet")), "dimmed").toBeGreaterThanOrEqual(ENOUGH);
    expect(contrast(of("sheet"), colour), "as a ground").toBeGreaterThanOrEqual(ENOUGH);
  });

  it("in dimmed and in reversed text", () => {
    expect(contrast(mixed(of("ink"), of("sheet"), share("dim")), of("sheet"))).toBeGreaterThanOrEqual(ENOUGH);
    expect(contrast(of("sheet"), of("ink"))).toBeGreaterThanOrEqual(ENOUGH);
    expect(contrast(of("accent-ink"), of("accent"))).toBeGreaterThanOrEqual(ENOUGH);
  });
});

it("knows the grounds of both themes", () => {
  expect(LIGHT_GROUND).toBe(light["failed-wash"]);
  expect(DARK_GROUND).toBe(dark["failed-wash"]);
});

it("makes any colour of a program readable on both, and changes none that is", () => {
  for (let red = 0; red <= 255; red += 51) {
    for (let green = 0; green <= 255; green += 51) {
      for (let blue = 0; blue <= 255; blue += 51) {
        const colour = "#" + [red, green, blue].map((part) => part.toString(16).padStart(2, "0")).join("");
        for (const ground of [LIGHT_GROUND, DARK_GROUND]) {
          const shown = readableOn(colour, ground);
          expect(contrast(shown, ground)).toBeGreaterThanOrEqual(ENOUGH);
          if (contrast(colour, ground) >= ENOUGH) expect(shown).toBe(colour);
        }
        expect(contrast(letterOn(colour), colour)).toBeGreaterThanOrEqual(ENOUGH);
      }
    }
  }
});
