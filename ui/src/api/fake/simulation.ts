/** A run as a pure function of time: nothing moves unless the clock that is passed in moves. */
import { sentence } from "./sentence";
import type { Attempt, RunDetail, RunStateWord, RunSummary, StageStateWord, StepDetail, StepStateWord, Waiting } from "../types";
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
  base: Omit<RunSummary, "state" | "cancelling" | "started" | "ended" | "message" | "attempt" | "waiting">;
  steps: StepScript[];
  /** Milliseconds since the epoch. */
  startedAt: number;
  inputs: Record<string, string>;
  isolated: boolean;
  /** Name of the step that fails, if any. */
  failing?: string;
  /** Name of the step whose container goes away while it runs, if any. */
  lost?: string;
  /** When and how it was stopped from outside. */
  stopped?: { at: number; as: "cancelled" | "timed_out" };
  /** Steps that run after a failure still run when it is cancelled. */
  cleansUp?: boolean;
  /** The clean-up was ended by a second press. */
  killedAt?: number;
  /** It stands in the queue. */
  waiting?: Waiting;
  /** The engine does not answer while its steps run. */
  engineSilent?: boolean;
  /** Its files were removed: a retry begins with the first step. */
  filesGone?: boolean;
  /** How often it was taken over. */
  resumed?: number;
  /** Earlier attempts, oldest first. */
  past?: Attempt[];
  /** By position: steps that this attempt does not run again. */
  carried?: (StepDetail | undefined)[];
  /** Cancel was asked for and steps still have their grace time. */
  cancelRequestedAt?: number;
  /** The stage could not be prepared. */
  errored?: { message: string; hint: string };
}

export const PULL_MS = 900;
/** How long the files of a run that did not pass are kept. */
export const KEEP_MS = 7 * 86_400_000;

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

export function detailAt(record: RunRecord, now: number): RunDetail {
  const stopAt = record.stopped?.at ?? Number.POSITIVE_INFINITY;
  const t = record.waiting ? Number.NEGATIVE_INFINITY : Math.min(now, stopAt);
  const breaking = record.failing ?? record.lost;
  /** When the last clean-up step after a cancel ends. */
  let cleanAt = stopAt;
  let at = record.startedAt + 250;
  let failed = false;
  const steps: StepDetail[] = record.steps.map((script, index) => {
    const carried = record.carried?.[index];
    if (carried) return carried;
    const before = record.past?.at(-1)?.stages[0]?.steps[index]?.attempt ?? 0;
    const step: StepDetail = {
      number: index + 1,
      attempt: before + 1,
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
      engine_silent: false,
      failure_ignored: false,
      log_lines: 0,
    };
    if (record.errored) return { ...step, state: "skipped", reason: "stage_errored" };
    if (record.cleansUp && record.stopped && script.onlyAfterFailure) {
      if (now < stopAt) return step;
      const begin = cleanAt;
      const end = begin + script.ms;
      const killed = record.killedAt !== undefined && record.killedAt < end;
      cleanAt = killed ? (record.killedAt ?? end) : end;
      const over = now >= cleanAt;
      return {
        ...step,
        state: !over ? "running" : killed ? "cancelled" : "passed",
        started: iso(begin),
        ended: over ? iso(cleanAt) : null,
        exit_code: over && !killed ? 0 : null,
        reason: over && killed ? "cancelled" : "",
        log_lines: Math.floor(script.lines * Math.min(1, (Math.min(now, cleanAt) - begin) / script.ms)),
      };
    }
    const skip = script.onlyAfterFailure ? (failed ? "" : "nothing_failed") : failed ? "after_failure" : "";
    if (skip !== "") {
      // A skip is known when its turn comes.
      if (t >= at) return { ...step, state: "skipped", reason: skip };
      return record.stopped ? { ...step, state: "skipped", reason: "cancelled" } : step;
    }
    const begin = at;
    const fails = breaking === script.name;
    const isLost = fails && record.lost !== undefined;
    const ran = fails ? script.ms * 0.9 : script.ms;
    at = begin + PULL_MS + ran;
    if (fails) failed = true;
    let state: StepStateWord;
    if (t < begin) state = "pending";
    else if (t < begin + PULL_MS) state = "starting";
    else if (t < at) state = "running";
    else state = isLost ? "interrupted" : fails ? "failed" : "passed";
    const over = state === "passed" || state === "failed" || state === "interrupted";
    const progress = Math.min(1, Math.max(0, (t - begin - PULL_MS) / ran));
    const result: StepDetail = {
      ...step,
      state,
      started: state === "pending" ? null : iso(begin),
      ended: over ? iso(at) : null,
      exit_code: over && !isLost ? (fails ? 1 : 0) : null,
      reason: state === "interrupted" ? "lost" : "",
      message: state === "interrupted" ? sentence("the container of step `{}` {}", script.name, sentence("is gone")) : "",
      hint: state === "interrupted" ? sentence("retry the run: it goes on from the lost step") : "",
      note:
        state === "running" && record.engineSilent
          ? sentence("the container engine does not answer; waiting for it")
          : state === "starting" && record.isolated
            ? sentence("fetching `{}`: {} of {} MB", script.image, "34", "61")
            : "",
      engine_silent: state === "running" && record.engineSilent === true,
      log_lines: state === "pending" ? 0 : Math.floor(script.lines * progress * (isLost ? 0.6 : 1)),
    };
    if (record.stopped && now >= stopAt && !over) {
      if (state === "pending") return { ...result, state: "skipped", reason: "cancelled" };
      const timedOut = record.stopped.as === "timed_out";
      return { ...result, state: timedOut ? "failed" : "cancelled", reason: timedOut ? "timed_out" : "cancelled", ended: iso(stopAt) };
    }
    return result;
  });

  let state: RunStateWord;
  let ended: number | null = null;
  if (record.waiting) state = "queued";
  else if (record.errored) {
    state = now < record.startedAt + 1200 ? "running" : "errored";
    ended = state === "errored" ? record.startedAt + 1200 : null;
  } else if (record.stopped && now >= stopAt && stopAt < at) {
    state = now >= cleanAt ? record.stopped.as : "running";
    ended = now >= cleanAt ? cleanAt : null;
  } else if (now >= at) {
    state = !failed ? "passed" : record.lost === undefined ? "failed" : "interrupted";
    ended = at;
  } else state = now < record.startedAt + 100 ? "queued" : "running";

  const stage: StageStateWord = state === "queued" ? "pending" : state === "timed_out" ? "failed" : state;
  const run: RunSummary = {
    ...record.base,
    state,
    cancelling: record.cancelRequestedAt !== undefined && ended === null,
    started: state === "queued" ? null : iso(record.startedAt),
    ended: ended === null ? null : iso(ended),
    message: state === "failed" ? `step \`${breaking ?? ""}\` ended with exit code 1` : state === "interrupted" ? `step \`${breaking ?? ""}\` was lost` : "",
    attempt: (record.past?.length ?? 0) + 1,
    waiting: record.waiting ?? null,
  };
  const kept = !record.filesGone && ended !== null && now - ended < KEEP_MS;
  const retries = ended !== null && state !== "passed";
  const from = kept ? steps.find((step) => step.state !== "passed") : steps[0];
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
    retry: { possible: retries, from_step: retries ? (from?.name ?? "") : "", files_kept: retries && kept },
    attempts: record.past ?? [],
    left_out: [],
    resumed: record.resumed ?? 0,
    seq: steps.filter((step) => step.state !== "pending").length,
  };
}

/** Makes the next attempt of a run that is over: what passed stays, everything else runs again and passes. */
export function retryAt(record: RunRecord, now: number): void {
  const { run, stages, retry } = detailAt(record, now);
  record.past = [...(record.past ?? []), { number: run.attempt, state: run.state, started: run.started, ended: run.ended, message: run.message, stages }];
  record.carried = record.steps.map((script, index) => {
    const step = stages[0]?.steps[index];
    return retry.files_kept && step?.state === "passed" && !script.onlyAfterFailure ? step : undefined;
  });
  record.startedAt = now + 80;
  for (const key of ["failing", "lost", "stopped", "killedAt", "cancelRequestedAt", "errored", "filesGone"] as const) delete record[key];
  record.steps = record.steps.map((step) => (step.log === "failing" ? { ...step, log: "test" } : step));
}
