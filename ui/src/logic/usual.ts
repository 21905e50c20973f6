import type { RunSummary } from "@/api/types";
import { span } from "./time";

/** Fewer passed runs say nothing about the next one; the core counts the same way for the docket. */
const LEAST = 3;

/** Median time in milliseconds of the passed runs of a workflow among `runs`; `null` when there are too few. */
export function usualMs(runs: readonly RunSummary[], workflow: string): number | null {
  const times = runs
    .filter((run) => run.workflow === workflow && run.state === "passed")
    .map((run) => (run.ended === null ? null : span(run.started, run.ended, 0)))
    .filter((ms) => ms !== null)
    .sort((a, b) => a - b);
  return times.length < LEAST ? null : (times[Math.floor(times.length / 2)] ?? null);
}
