import { describe, expect, it } from "vitest";
import { bytes, clock, daysAgo, duration, fullMoment, momentParts, span } from "@/logic/time";

const NOW = new Date(2026, 10, 23, 14, 20);
const at = (year: number, month: number, day: number, hour = 9, minute = 5) => new Date(year, month - 1, day, hour, minute).toISOString();
const words = (iso: string, locale: string) => {
  const parts = momentParts(iso, NOW, locale);
  return parts ? `${parts.day} ${parts.time}` : undefined;
};

describe("moments", () => {
  it.each([
    [at(2026, 11, 23, 0, 1), "today 00:01", "今天 00:01"],
    [at(2026, 11, 22, 23, 59), "yesterday 23:59", "昨天 23:59"],
    [at(2026, 11, 21), "Saturday 09:05", "星期六 09:05"],
    [at(2026, 11, 17), "Tuesday 09:05", "星期二 09:05"],
    [at(2026, 11, 16), "Nov 16 09:05", "11月16日 09:05"],
    [at(2025, 12, 31), "Dec 31, 2025 09:05", "2025年12月31日 09:05"],
    [at(2026, 11, 25), "Nov 25 09:05", "11月25日 09:05"],
  ])("%s", (iso, en, zh) => {
    expect(words(iso, "en")).toBe(en);
    expect(words(iso, "zh-CN")).toBe(zh);
  });

  it("has no words for what is no moment", () => {
    expect(words("", "en")).toBeUndefined();
    expect(fullMoment("nonsense", "en")).toBe("");
  });

  it("counts calendar days, not hours", () => {
    expect(daysAgo(new Date(2026, 10, 22, 23, 59), new Date(2026, 10, 23, 0, 1))).toBe(1);
    expect(daysAgo(new Date(2026, 2, 28, 12), new Date(2026, 2, 30, 0, 1))).toBe(2);
    expect(daysAgo(new Date(2026, 9, 24, 12), new Date(2026, 9, 26, 12))).toBe(2);
  });
});

describe("durations", () => {
  it.each([
    [0, "0s", "0秒"],
    [-5, "0s", "0秒"],
    [340, "0.3s", "0.3秒"],
    [3_200, "3.2s", "3.2秒"],
    [9_960, "10s", "10秒"],
    [42_400, "42s", "42秒"],
    [59_600, "1m", "1分钟"],
    [300_000, "5m", "5分钟"],
    [80_000, "1m 20s", "1分钟20秒"],
    [7_500_000, "2h 5m", "2小时5分钟"],
  ])("%i ms", (ms, en, zh) => {
    expect(duration(ms, "en")).toBe(en);
    expect(duration(ms, "zh-CN")).toBe(zh);
  });

  it.each([
    [0, "0:00"],
    [7_999, "0:07"],
    [725_000, "12:05"],
    [3_725_000, "1:02:05"],
  ])("clock of %i ms", (ms, expected) => expect(clock(ms)).toBe(expected));

  it("spans until now while there is no end", () => {
    expect(span(null, null, 5)).toBeNull();
    expect(span(new Date(1000).toISOString(), null, 4000)).toBe(3000);
    expect(span(new Date(1000).toISOString(), new Date(2500).toISOString(), 9000)).toBe(1500);
    // A clock that was set back must not show a negative time.
    expect(span(new Date(5000).toISOString(), null, 4000)).toBe(0);
    expect(span("nonsense", null, 4000)).toBeNull();
  });
});

it.each([
  [0, "0 byte"],
  [999, "999 byte"],
  [1_500, "1.5 kB"],
  [41_300_000_000, "41 GB"],
  [2e15, "2,000 TB"],
])("%i bytes", (count, expected) => expect(bytes(count, "en")).toBe(expected));
