/** Which steps of a run matter, and for what. */
import type { Retry, StageDetail, StepDetail } from "@/api/types";
import { isOver, isTrouble, type Tone } from "./status";

/**
 * The step whose log is worth seeing: the first that went wrong and counts, else one that runs (a service only when nothing else does), else the last that
 * ran, else the first.
 */
export function interestingStep(stages: readonly StageDetail[]): { stage: number; step: number } | null {
  const all = stages.flatMap((stage) => stage.steps.map((step) => ({ stage: stage.number, step })));
  const going = (one: (typeof all)[number]) => one.step.state === "running" || one.step.state === "starting";
  const found =
    all.find((one) => isTrouble(one.step.state) && !one.step.failure_ignored) ??
    all.find((one) => going(one) && one.step.kind !== "service") ??
    all.findLast((one) => isOver(one.step.state) && one.step.state !== "skipped" && one.step.kind !== "service") ??
    all.find(going) ??
    all[0];
  return found ? { stage: found.stage, step: found.step.number } : null;
}

/** What a step is called in a text: its name, after that of its stage where there are several. */
function label(stages: readonly StageDetail[], stage: StageDetail, step: StepDetail): string {
  return stages.length > 1 ? `${stage.name}/${step.name}` : step.name;
}

/** How a retry begins: its first step in words, and what becomes of the steps before it. */
export interface RetryStart {
  readonly step: string;
  /** `spares`: they are not run again. `first`: there is none that passed. `anew`: their files are gone, so its stage begins anew. */
  readonly kind: "spares" | "first" | "anew";
}

export function retryStart(retry: Retry, stages: readonly StageDetail[]): RetryStart {
  const passed = (stage: StageDetail) => stage.steps.some((step) => step.state === "passed" && step.kind !== "service");
  const spares = stages.some(passed) ? "spares" : "first";
  const stage = stages.find((one) => one.steps.some((step) => label(stages, one, step) === retry.from_step));
  if (!stage) return { step: retry.from_step, kind: spares };
  const steps = stage.steps.filter((step) => step.kind !== "service");
  // What runs beside the steps begins again with them: nobody would say that it goes on from there.
  const first = (retry.files_kept ? steps.find((step) => step.state !== "passed" && !step.failure_ignored) : steps[0]) ?? stage.steps[0];
  const step = first ? label(stages, stage, first) : retry.from_step;
  return { step, kind: !retry.files_kept && passed(stage) ? "anew" : spares };
}

/** Whether clean-up steps run after a cancel: steps that began after the first one had been stopped. */
export function isCleaningUp(stages: readonly StageDetail[]): boolean {
  const steps = stages.flatMap((stage) => stage.steps).filter((step) => step.kind !== "service");
  const stopped = steps.flatMap((step) => (step.state === "cancelled" && step.ended !== null ? [Date.parse(step.ended)] : []));
  if (stopped.length === 0) return false;
  const since = Math.min(...stopped);
  return steps.some((step) => (step.state === "starting" || step.state === "running") && (step.started === null || Date.parse(step.started) >= since));
}

/** Whether a step of an attempt is the one of the attempt before it: it passed there and was not run again. */
export function isCarried(before: readonly StageDetail[], stage: StageDetail, step: StepDetail): boolean {
  if (step.state === "skipped" || !isOver(step.state)) return false;
  const earlier = before.find((one) => one.number === stage.number)?.steps.find((one) => one.number === step.number);
  return earlier?.attempt === step.attempt;
}

/** Pieces of a picture of all steps: more would be thinner than can be seen. */
const MOST_PIECES = 160;
/** What a piece that stands for several steps shows, first what matters most. */
const WORST: readonly Tone[] = ["failed", "errored", "interrupted", "running", "cancelled", "waiting", "passed", "skipped"];

/** The tones of steps in their order, gathered into at most 160 pieces. */
export function gathered(tones: readonly Tone[]): Tone[] {
  if (tones.length <= MOST_PIECES) return [...tones];
  return Array.from({ length: MOST_PIECES }, (_, n) => {
    const from = Math.floor((n * tones.length) / MOST_PIECES);
    const part = new Set(tones.slice(from, Math.floor(((n + 1) * tones.length) / MOST_PIECES)));
    return WORST.find((tone) => part.has(tone)) ?? "waiting";
  });
}
