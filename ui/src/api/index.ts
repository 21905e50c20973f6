/**
 * The one door to the app's core, as `client.ts` describes it, which is written from Rust. `tauri.ts` is the real core, `fake.ts` the one for tests
 * and the browser; both are checked against `Api`. Every call may reject with an `ApiError`; use `asApiError` on whatever was caught.
 */
import type { Api } from "./client";
import type { ApiError } from "./types";

export type { Api } from "./client";
export type * from "./types";

let current: Api | undefined;

/** Called once at start, and by tests before each case. */
export function provideApi(api: Api): void {
  current = api;
}

export function useApi(): Api {
  if (!current) throw new Error("provideApi was not called");
  return current;
}

let defect: (caught: unknown) => void = () => undefined;

/** Says who hears of defects of ours: what was caught and is no answer of the core. */
export function onDefect(listener: (caught: unknown) => void): void {
  defect = listener;
}

/**
 * Turns whatever was caught into an `ApiError`: what the core rejected with, or a defect of ours. What that says is for programmers, in English, and
 * goes into its report, not to the screen.
 */
export function asApiError(caught: unknown): ApiError {
  if (isApiError(caught)) return caught;
  defect(caught);
  return { code: "internal", message: "", hint: "", findings: [] };
}

function isApiError(value: unknown): value is ApiError {
  return typeof value === "object" && value !== null && "code" in value && "message" in value && "findings" in value;
}
