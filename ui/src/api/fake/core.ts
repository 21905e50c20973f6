/** What the fake core holds, and how it answers and speaks up. */
import type { Api, Message } from "../index";
import { asApiError } from "../index";
import { OTHERS, SAMPLE, history, live } from "./data";
import { detailAt, type RunRecord } from "./simulation";
import { DEFAULTS } from "@/logic/settings";
import type { Activity, ApiError, ErrorCode, LogSize, Notice, ProjectSummary, RunDetail, RunSummary, SecretEntry, SecretScope, Settings, Tag } from "../types";

export const SCENARIOS = [
  "empty",
  "sample",
  "running",
  "failed",
  "lost",
  "retried",
  "queued",
  "cleanup",
  "silent",
  "untrusted",
  "noengine",
  "broken",
  "error",
] as const;
export type Scenario = (typeof SCENARIOS)[number];

export interface FakeOptions {
  scenario?: Scenario;
  /** The clock; runs move only as it does. */
  now?: () => number;
  settings?: Partial<Settings>;
}

/** Which life of the core this is. */
export const EPOCH = "fake";

export function rejection(code: ErrorCode, message: Message, hint: Message = "", findings: ApiError["findings"] = []): ApiError {
  return { code, message, hint, findings };
}

export function sameScope(a: SecretScope, b: SecretScope): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

export class FakeCore {
  readonly scenario: Scenario;
  readonly now: () => number;
  /** Names of the calls that were made, for tests. */
  readonly calls: string[] = [];
  protected settings: Settings;
  protected projects: ProjectSummary[] = [];
  protected runs: RunRecord[] = [];
  protected secrets: SecretEntry[] = [];
  protected listener: ((notice: Notice) => void) | undefined;
  /** Every notice, from the first. */
  protected readonly feed: Notice[] = [];
  /** Long work, for tests to fill. */
  activities: Activity[] = [];
  protected said = new Map<string, string>();
  protected engine: boolean;
  protected asked = false;
  protected readonly failures = new Map<string, ApiError>();

  constructor(options: FakeOptions = {}) {
    this.scenario = options.scenario ?? "sample";
    this.now = options.now ?? Date.now;
    this.settings = { ...DEFAULTS, ...options.settings };
    this.engine = this.scenario !== "noengine";
    const at = this.now();
    if (this.scenario !== "empty") this.projects = [SAMPLE, ...OTHERS];
    if (this.scenario === "noengine") this.projects = [SAMPLE, ...OTHERS.slice(0, 1)];
    this.runs = this.scenario === "empty" ? [] : history(at, this.projects, true);
    if (this.projects.length > 0) {
      this.secrets = [
        { name: "registry_password", scope: { scope: "everywhere" }, updated: new Date(at - 9e8).toISOString(), grants: [] },
        { name: "deploy_key", scope: { scope: "project", project: "p-store" }, updated: new Date(at - 3e8).toISOString(), grants: [] },
      ];
    }
    this.runs.push(...live(this.scenario, at));
  }

  /** Makes every later call of one method reject; `undefined` heals it. */
  failWith(method: keyof Api, error: ApiError | undefined): void {
    if (error) this.failures.set(method, error);
    else this.failures.delete(method);
  }

  /** Says what has changed since the last tick, as the core would. */
  tick(): void {
    for (const record of this.runs.slice(-8)) {
      const detail = detailAt(record, this.now());
      for (const step of detail.stages[0]?.steps ?? []) {
        const key = `${record.base.id}/${step.number}/${step.attempt}`;
        const lines = String(step.log_lines);
        if (step.log_lines > 0 && this.said.get(key) !== lines) {
          this.said.set(key, lines);
          this.notify([`log/${record.base.id}/1/${step.number}/${step.attempt}`], { lines: step.log_lines, bytes: step.log_lines * 80 });
        }
      }
      const word = [detail.run.state, detail.run.cancelling, ...(detail.stages[0]?.steps.map((step) => step.state) ?? [])].join();
      if (this.said.get(record.base.id) !== word) {
        this.said.set(record.base.id, word);
        this.notifyOfRun(record.base.id, record.base.project);
      }
    }
  }

  /** Says what is stale, as the core would. With `lost` the notice goes astray: it has its number, and nobody hears it. */
  notify(tags: Tag[], log: LogSize | null = null, lost = false): void {
    const notice: Notice = { epoch: EPOCH, number: this.feed.length + 1, tags, log };
    this.feed.push(notice);
    if (!lost) this.listener?.(notice);
  }

  /** A run is another one wherever runs are listed. */
  notifyOfRun(run: string, project: string): void {
    this.notify([`run/${run}`, "runs", `runs/${project}`, "projects", `project/${project}`, "queue"]);
  }

  protected async answer<T>(method: keyof Api, value: () => T): Promise<T> {
    this.calls.push(method);
    await Promise.resolve();
    const failure = this.failures.get(method);
    if (failure) throw failure;
    if (this.scenario === "error" && !["settingsGet", "noticesSubscribe"].includes(method)) {
      throw rejection("store_unavailable", "cannot read `/home/lin/.local/share/letterpress/letterpress.db`: permission denied");
    }
    try {
      return value();
    } catch (caught) {
      throw asApiError(caught);
    }
  }

  protected record(run: string): RunRecord {
    const record = this.runs.find((one) => one.base.id === run);
    if (!record) throw rejection("run_not_found", `no run \`${run}\``);
    return record;
  }

  protected detail(run: string): RunDetail {
    return detailAt(this.record(run), this.now());
  }

  protected project(id: string): ProjectSummary {
    const project = this.projects.find((one) => one.id === id);
    if (!project) throw rejection("project_not_found", `no project \`${id}\``);
    return { ...project, last_run: this.summaries({ project: id })[0] ?? null };
  }

  protected summaries(filter: { project?: string | null }): RunSummary[] {
    const runs = this.runs.filter((record) => !filter.project || record.base.project === filter.project);
    return runs.map((record) => detailAt(record, this.now()).run).sort((a, b) => b.created.localeCompare(a.created));
  }
}
