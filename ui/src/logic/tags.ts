/**
 * What a notice of the core makes stale. A screen names the tags of what it shows; which notice concerns which tag stands here and nowhere else.
 */
import type { Notice } from "@/api/types";

/** One kind of thing that may be out of date. `everything`: notices were lost, or nobody listened for a while. */
export type Tag = "everything" | "runs" | "projects" | "queue" | "kept" | "status" | `run ${string}` | `project ${string}`;

/** The tags of a notice. Output of a step is none: who shows a log listens for it. */
export function tagsOf(notice: Notice): readonly Tag[] {
  switch (notice.kind) {
    case "run":
      // Empty ids: notices were lost on the way.
      return notice.run === "" || notice.project === "" ? ["everything"] : ["runs", `run ${notice.run}`, `project ${notice.project}`];
    case "log":
      return [];
    default:
      return [notice.kind];
  }
}

/** Whether something made of `parts` has to be asked for again. */
export function isStale(parts: readonly Tag[], told: readonly Tag[]): boolean {
  return told.includes("everything") || parts.some((part) => told.includes(part));
}
