/** A run as a pure function of time: nothing moves unless the clock that is passed in moves. */
import type { RunDetail, RunStateWord, RunSummary, StageStateWord, StepDetail, StepStateWord } from "../types";
import type { LogKind } from "./logs";

export interface StepScript {
  name: string;
  image: string;
  kind: "commands" | "plugin" | "service";
  log: LogKind;
  lines: number;
  ms: number;
  onlyAfterFailure?: boolean;
}

export interface RunRecord {
  /** What does not change while it runs. */
  base: Omit<RunSummary, "state" | "cancelling" | "started" | "ended" | "message">;
  steps: StepScript[];
  /** Milliseconds since the epoch. */
  startedAt: number;
  inputs: Record<string, string>;
  isolated: boolean;
  /** Name of the step that fails, if any. */
  failing?: string;
  /** When and how it was stopped from outside. */
  stopped?: { at: number; as: "cancelled" | "timed_out" | "interrupted" };
  /** Cancel was asked for and steps still have their grace time. */
  cancelRequestedAt?: number;
  /** The stage could not be prepared. */
  errored?: { message: string; hint: string };
}

export const PULL_MS = 900;

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

export function detailAt(record: RunRecord, now: number): RunDetail {
  const stopAt = record.stopped?.at ?? Number.POSITIVE_INFINITY;
  const t = Math.min(now, stopAt);
  let at = record.startedAt + 250;
  let failed = false;
  const steps: StepDetail[] = record.steps.map((script, index) => {
    const step: StepDetail = {
      number: index + 1,
      attempt: 1,
      name: script.name,
      image: record.isolated ? script.image : "",
      kind: script.kind,
      state: "pending",
      started: null,
      ended: null,
      exit_code: null,
      reason: "",
      message: "",
      hint: "",
      note: "",
      failure_ignored: false,
      log_lines: 0,
    };
    if (record.errored) return { ...step, state: "skipped", reason: "stage_errored" };
    const skip = script.onlyAfterFailure ? (failed ? "" : "nothing_failed") : failed ? "after_failure" : "";
    if (skip !== "") {
      // A skip is known when its turn comes.
      if (t >= at) return { ...step, state: "skipped", reason: skip };
      return record.stopped ? { ...step, state: "skipped", reason: "cancelled" } : step;
    }
    const begin = at;
    const fails = record.failing === script.name;
    const ran = fails ? script.ms * 0.9 : script.ms;
    at = begin + PULL_MS + ran;
    if (fails) failed = true;
    let state: StepStateWord;
    if (t < begin) state = "pending";
    else if (t < begin + PULL_MS) state = "starting";
    else if (t < at) state = "running";
    else state = fails ? "failed" : "passed";
    const over = state === "passed" || state === "failed";
    const progress = Math.min(1, Math.max(0, (t - begin - PULL_MS) / ran));
    const result: StepDetail = {
      ...step,
      state,
      started: state === "pending" ? null : iso(begin),
      ended: over ? iso(at) : null,
      exit_code: over ? (fails ? 1 : 0) : null,
      note: state === "starting" && record.isolated ? `pulling ${script.image}: 34 of 61 MB` : "",
      log_lines: state === "pending" ? 0 : Math.floor(script.lines * progress),
    };
    if (record.stopped && now >= stopAt && !over) {
      const as = record.stopped.as;
      if (state === "pending") return { ...result, state: as === "interrupted" ? "interrupted" : "skipped", reason: as === "interrupted" ? "" : "cancelled" };
      return {
        ...result,
        state: as === "interrupted" ? "interrupted" : as === "timed_out" ? "failed" : "cancelled",
        reason: as === "timed_out" ? "timed_out" : as === "cancelled" ? "cancelled" : "",
        ended: iso(stopAt),
      };
    }
    return result;
  });

  let state: RunStateWord;
  let ended: number | null = null;
  if (record.errored) {
    state = now < record.startedAt + 1200 ? "running" : "errored";
    ended = state === "errored" ? record.startedAt + 1200 : null;
  } else if (record.stopped && now >= stopAt && stopAt < at) {
    state = record.stopped.as;
    ended = stopAt;
  } else if (now >= at) {
    state = failed ? "failed" : "passed";
    ended = at;
  } else state = now < record.startedAt + 100 ? "queued" : "running";

  const stage: StageStateWord = state === "queued" ? "pending" : state === "timed_out" ? "failed" : state;
  const run: RunSummary = {
    ...record.base,
    state,
    cancelling: record.cancelRequestedAt !== undefined && ended === null,
    started: state === "queued" ? null : iso(record.startedAt),
    ended: ended === null ? null : iso(ended),
    message: failed && state === "failed" ? `step \`${record.failing ?? ""}\` ended with exit code 1` : "",
  };
  return {
    run,
    backend: record.isolated ? "docker" : "host",
    isolated: record.isolated,
    stages: [
      {
        number: 1,
        name: "default",
        state: stage,
        message: state === "errored" ? (record.errored?.message ?? "") : "",
        hint: state === "errored" ? (record.errored?.hint ?? "") : "",
        steps,
      },
    ],
    inputs: record.inputs,
    can_run_again: true,
    seq: steps.filter((step) => step.state !== "pending").length,
  };
}
