/** What the core takes for set as long as nobody has set anything else. */
import type { Settings } from "@/api/types";

export const DEFAULTS: Readonly<Settings> = {
  language: "system",
  theme: "system",
  grace_s: 10,
  max_runs: 2,
  max_runs_per_project: 0,
  max_runs_per_environment: 1,
  max_steps: 0,
  max_log_mb: 2000,
  keep_failed_days: 7,
  keep_failed_mb: 5000,
  engine_patience_s: 300,
  engine: "",
};
