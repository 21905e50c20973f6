/** What each state and code is called (an i18n key), how it is drawn, and what it means for the screens. */
import type { ErrorCode, RunStateWord, StageStateWord, StepStateWord } from "@/api/types";

/** How a state looks: one icon and one colour each. */
export type Tone = "waiting" | "running" | "passed" | "failed" | "errored" | "skipped" | "cancelled" | "interrupted";

export type AnyState = RunStateWord | StageStateWord | StepStateWord;

export const STATE_TONE: Record<AnyState, Tone> = {
  queued: "waiting",
  pending: "waiting",
  preparing: "running",
  starting: "running",
  running: "running",
  passed: "passed",
  failed: "failed",
  errored: "errored",
  timed_out: "failed",
  skipped: "skipped",
  cancelled: "cancelled",
  interrupted: "interrupted",
};

export const STATE_KEY: Record<AnyState, string> = {
  queued: "state.queued",
  pending: "state.pending",
  preparing: "state.preparing",
  starting: "state.starting",
  running: "state.running",
  passed: "state.passed",
  failed: "state.failed",
  errored: "state.errored",
  timed_out: "state.timed_out",
  skipped: "state.skipped",
  cancelled: "state.cancelled",
  interrupted: "state.interrupted",
};

/** In the order in which the history's filter offers them. */
export const RUN_STATES: readonly RunStateWord[] = [
  "running",
  "queued",
  "passed",
  "failed",
  "errored",
  "cancelled",
  "timed_out",
  "interrupted",
];

export function isOver(state: AnyState): boolean {
  const tone = STATE_TONE[state];
  return tone !== "waiting" && tone !== "running";
}

/** Whether a step stands out as the place where things went wrong. */
export function isTrouble(state: AnyState): boolean {
  return state === "failed" || state === "errored" || state === "timed_out" || state === "interrupted";
}

/** Why a step ended or did not run, by its `reason`; unknown ones have no words. */
export const REASON_KEY: Record<string, string> = {
  out_of_memory: "reason.out_of_memory",
  signal: "reason.signal",
  timed_out: "reason.timed_out",
  after_failure: "reason.after_failure",
  nothing_failed: "reason.nothing_failed",
  ended_early: "reason.ended_early",
  cancelled: "reason.cancelled",
  stage_errored: "reason.stage_errored",
  lost: "reason.lost",
  unattended: "reason.unattended",
};

export interface ErrorWords {
  readonly title: string;
  readonly hint: string;
}

/** Words for every kind of failure: what happened, and what to do. */
export const ERROR_WORDS: Record<ErrorCode, ErrorWords> = {
  folder_not_found: { title: "error.folder_not_found.title", hint: "error.folder_not_found.hint" },
  not_a_repository: { title: "error.not_a_repository.title", hint: "error.not_a_repository.hint" },
  empty_repository: { title: "error.empty_repository.title", hint: "error.empty_repository.hint" },
  repository_unreadable: { title: "error.repository_unreadable.title", hint: "error.repository_unreadable.hint" },
  pipeline_missing: { title: "error.pipeline_missing.title", hint: "error.pipeline_missing.hint" },
  pipeline_invalid: { title: "error.pipeline_invalid.title", hint: "error.pipeline_invalid.hint" },
  workflow_invalid: { title: "error.workflow_invalid.title", hint: "error.workflow_invalid.hint" },
  nothing_would_run: { title: "error.nothing_would_run.title", hint: "error.nothing_would_run.hint" },
  not_trusted: { title: "error.not_trusted.title", hint: "error.not_trusted.hint" },
  nothing_to_retry: { title: "error.nothing_to_retry.title", hint: "error.nothing_to_retry.hint" },
  run_under_way: { title: "error.run_under_way.title", hint: "error.run_under_way.hint" },
  input_invalid: { title: "error.input_invalid.title", hint: "error.input_invalid.hint" },
  changed_since_preview: { title: "error.changed_since_preview.title", hint: "error.changed_since_preview.hint" },
  no_engine: { title: "error.no_engine.title", hint: "error.no_engine.hint" },
  project_not_found: { title: "error.project_not_found.title", hint: "error.project_not_found.hint" },
  workflow_not_found: { title: "error.workflow_not_found.title", hint: "error.workflow_not_found.hint" },
  version_not_found: { title: "error.version_not_found.title", hint: "error.version_not_found.hint" },
  run_not_found: { title: "error.run_not_found.title", hint: "error.run_not_found.hint" },
  step_not_found: { title: "error.step_not_found.title", hint: "error.step_not_found.hint" },
  secret_invalid: { title: "error.secret_invalid.title", hint: "error.secret_invalid.hint" },
  secret_not_allowed: { title: "error.secret_not_allowed.title", hint: "error.secret_not_allowed.hint" },
  vault_unavailable: { title: "error.vault_unavailable.title", hint: "error.vault_unavailable.hint" },
  not_owner: { title: "error.not_owner.title", hint: "error.not_owner.hint" },
  newer_data: { title: "error.newer_data.title", hint: "error.newer_data.hint" },
  disk_full: { title: "error.disk_full.title", hint: "error.disk_full.hint" },
  store_unavailable: { title: "error.store_unavailable.title", hint: "error.store_unavailable.hint" },
  bad_request: { title: "error.bad_request.title", hint: "error.bad_request.hint" },
  cancelled: { title: "error.cancelled.title", hint: "error.cancelled.hint" },
  internal: { title: "error.internal.title", hint: "error.internal.hint" },
};

/** A workflow's line "what it makes", by event. */
export const EVENT_KEY: Record<string, string> = {
  push: "event.push",
  pull_request: "event.pull_request",
  tag: "event.tag",
  promote: "event.promote",
  rollback: "event.rollback",
  cron: "event.cron",
  manual: "event.manual",
};

/** Titles of the workflows that no author named, by event. */
export const DERIVED_KEY: Record<string, string> = {
  push: "derived.push",
  pull_request: "derived.pull_request",
  tag: "derived.tag",
  promote: "derived.promote",
  rollback: "derived.rollback",
  cron: "derived.cron",
  manual: "derived.manual",
};
