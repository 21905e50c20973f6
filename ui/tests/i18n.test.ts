import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { localeFor } from "@/i18n";
import { en } from "@/i18n/en";
import { zhCN } from "@/i18n/zh-CN";

function sources(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return ["i18n", "types", "fake"].includes(name) ? [] : sources(path);
    return /\.(ts|vue)$/.test(name) ? [readFileSync(path, "utf8")] : [];
  });
}

const code = sources(join(import.meta.dirname, "../src")).join("\n");
const keys = Object.keys(en);
const places = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();

describe("messages", () => {
  it("have the same keys in both languages", () => {
    expect(Object.keys(zhCN).sort()).toEqual([...keys].sort());
  });

  it("are all used", () => {
    expect(keys.filter((key) => !code.includes(`"${key}"`) && !code.includes(`'${key}'`))).toEqual([]);
  });

  it("exist for every key that the code names", () => {
    const named = [...code.matchAll(/\b(?:t|count|say)\(\s*["']([\w.]+)["']/g)].map((match) => match[1] ?? "");
    expect(named.length).toBeGreaterThan(100);
    expect([...new Set(named)].filter((key) => !keys.includes(key))).toEqual([]);
  });

  it("take the same values in both languages", () => {
    for (const key of keys as (keyof typeof en)[]) {
      for (const form of en[key].split(" | ")) expect(places(zhCN[key]), key).toEqual(places(form));
    }
  });

  it("are never empty, and Chinese ones are in Chinese unless they are names", () => {
    const names = new Set(["engine.named", "engine.api", "settings.english", "time.moment", "project.version_by", "run.announce", "run.attempt_facts", "kept.size_unit"]);
    for (const key of keys as (keyof typeof en)[]) {
      expect(en[key].trim(), key).not.toBe("");
      if (!names.has(key)) expect(zhCN[key], key).toMatch(/[\u4e00-\u9fff]/);
    }
  });

  it("hold no character that the message language would take for its own", () => {
    for (const text of [...Object.values(en), ...Object.values(zhCN)]) expect(text).not.toMatch(/@|%\{|\$\{/);
  });
});

it.each([
  ["system", "zh-CN", "zh-CN"],
  ["system", "zh-TW", "zh-CN"],
  ["system", "ZH", "zh-CN"],
  ["system", "fi-FI", "en"],
  ["en", "zh-CN", "en"],
  ["zh-CN", "en-US", "zh-CN"],
] as const)("setting %s on a %s system speaks %s", (language, system, expected) => {
  expect(localeFor(language, system)).toBe(expected);
});
