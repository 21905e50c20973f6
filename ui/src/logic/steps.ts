import type { StageDetail } from "@/api/types";
import { isOver, isTrouble } from "./status";

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
