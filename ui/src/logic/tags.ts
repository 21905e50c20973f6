/**
 * Under which tags the answer to each question to the core is stale. What a change makes stale the core says, in its notices; which answers a screen
 * shows, the screen says by the question that it asks.
 */
import type { LogKey } from "@/api";
import type { Notice, Tag } from "@/api/types";

export type { Tag };

export const TAGS = {
  activityList: (): readonly Tag[] => ["activities"],
  appStatus: (): readonly Tag[] => ["status"],
  keptList: (): readonly Tag[] => ["kept"],
  logSummary: (at: LogKey): readonly Tag[] => [`log/${at.run}/${at.stage}/${at.step}/${at.attempt}`],
  projectCompatibility: (project: string): readonly Tag[] => [`plan/${project}`, "plans"],
  projectDetail: (project: string): readonly Tag[] => [`project/${project}`],
  projectList: (): readonly Tag[] => ["projects"],
  runDetail: (run: string): readonly Tag[] => [`run/${run}`],
  runList: (project: string | null): readonly Tag[] => [project === null ? "runs" : `runs/${project}`],
  runPreview: (project: string): readonly Tag[] => [`plan/${project}`, "plans"],
  runQueue: (): readonly Tag[] => ["queue"],
  secretList: (): readonly Tag[] => ["secrets"],
  settingsGet: (): readonly Tag[] => ["settings"],
};

/** Whether an answer under these tags has to be asked for again. */
export function isStale(tags: readonly Tag[], told: readonly Tag[]): boolean {
  return told.includes("everything") || tags.some((tag) => told.includes(tag));
}

/** Whether notices are missing between a place in the feed and this one; `null` before the first place is known. */
export function isGap(heard: Pick<Notice, "epoch" | "number"> | null, notice: Notice): boolean {
  return heard !== null && (notice.epoch !== heard.epoch || notice.number > heard.number + 1);
}
