/** The compatibility report as it crosses from the core. */
import type { Excerpt, Words } from "./types";

/** What a line of the pipeline file means for running it here. */
export type ReportEffect = "runs" | "needs" | "unsupported" | "different";

export interface ReportEntry {
  effect: ReportEffect;
  /** Stable code of the finding behind it, e.g. `needs-secret`. */
  code: string;
  file: string;
  /** From 1; `null` when it is about the whole file. */
  line: number | null;
  column: number | null;
  title: Words;
  /** What to do. */
  help: Words | null;
  excerpt: Excerpt | null;
}

/** A step or service; those of a matrix once. */
export interface ReportStep {
  stage: string;
  name: string;
  file: string;
  line: number;
  runs_as_is: boolean;
}

export interface ReportDto {
  dialect: string;
  /** For people, e.g. `Drone 1.x/2.x`; empty when it cannot be told. */
  dialectName: string;
  /** Why the files were taken for that. */
  reason: Words;
  files: string[];
  /** `runs` counts steps, the others entries. */
  counts: { [effect in ReportEffect]: number };
  entries: ReportEntry[];
  steps: ReportStep[];
}
