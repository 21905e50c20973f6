/** Moments, spans and sizes in words, by `Intl` only. `now` is passed in. */
import { dateFormat, listFormat, numberFormat, relativeFormat } from "./formatters";

const DAY = 86_400_000;

function dayNumber(time: Date): number {
  // By the calendar, not by elapsed hours: days with a clock change are not 24 hours long.
  return Date.UTC(time.getFullYear(), time.getMonth(), time.getDate()) / DAY;
}

/** Days from the calendar day of `now` back to that of `time`; negative in the future. */
export function daysAgo(time: Date, now: Date): number {
  return dayNumber(now) - dayNumber(time);
}

/** The day in words ("today", "yesterday", "Tuesday", "3 Mar", "3 Mar 2024") and the time of day, for a pattern to join. */
export function momentParts(iso: string, now: Date, locale: string): { day: string; time: string } | undefined {
  const moment = new Date(iso);
  if (Number.isNaN(moment.getTime())) return undefined;
  const time = dateFormat(locale, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(moment);
  const ago = daysAgo(moment, now);
  let day: string;
  if (ago === 0 || ago === 1) day = relativeFormat(locale, { numeric: "auto" }).format(-ago, "day");
  else if (ago > 1 && ago < 7) day = dateFormat(locale, { weekday: "long" }).format(moment);
  else {
    const sameYear = moment.getFullYear() === now.getFullYear();
    day = dateFormat(locale, { day: "numeric", month: "short", ...(sameYear ? {} : { year: "numeric" }) }).format(moment);
  }
  return { day, time };
}

/** Date and time in full, for tool tips. */
export function fullMoment(iso: string, locale: string): string {
  const moment = new Date(iso);
  if (Number.isNaN(moment.getTime())) return "";
  return dateFormat(locale, { dateStyle: "full", timeStyle: "medium", hourCycle: "h23" }).format(moment);
}

function unit(value: number, name: string, locale: string, digits = 0): string {
  return numberFormat(locale, {
    style: "unit",
    unit: name,
    unitDisplay: "narrow",
    minimumFractionDigits: 0,
    maximumFractionDigits: digits,
  }).format(value);
}

/** A length of time with the two units that matter: "3.2s", "42s", "1m 20s", "2h 5m". */
export function duration(ms: number, locale: string): string {
  const clean = Math.max(0, ms);
  if (clean < 9_950) return unit(Math.round(clean / 100) / 10, "second", locale, 1);
  const seconds = Math.round(clean / 1000);
  if (seconds < 60) return unit(seconds, "second", locale);
  const [big, small] = seconds < 3600 ? (["minute", "second"] as const) : (["hour", "minute"] as const);
  const [bigS, smallS] = seconds < 3600 ? [60, 1] : [3600, 60];
  const rest = Math.floor((seconds % bigS) / smallS);
  const parts = [unit(Math.floor(seconds / bigS), big, locale), ...(rest === 0 ? [] : [unit(rest, small, locale)])];
  return listFormat(locale, { type: "unit", style: "narrow" }).format(parts);
}

/** A running clock: "0:07", "12:05", "1:02:05". The same in every language. */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number) => String(n).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** Milliseconds between two moments; `null` when it has not begun. `end` null: until `now`. */
export function span(start: string | null, end: string | null, now: number): number | null {
  if (start === null) return null;
  const from = Date.parse(start);
  const to = end === null ? now : Date.parse(end);
  return Number.isNaN(from) || Number.isNaN(to) ? null : Math.max(0, to - from);
}

/** A size: "41 GB". Decimal units, as disks are sold. */
export function bytes(count: number, locale: string): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;
  let value = Math.max(0, count);
  let index = 0;
  while (value >= 1000 && index < units.length - 1) {
    value /= 1000;
    index++;
  }
  return numberFormat(locale, {
    style: "unit",
    unit: units[index] ?? "byte",
    unitDisplay: "short",
    maximumFractionDigits: value < 10 && index > 0 ? 1 : 0,
  }).format(value);
}
