/** A core that lives in memory: for tests and for working on the window in a browser (`?fake=SCENARIO`). */
import type { Api, StepAddress } from "./index";
import { asApiError } from "./index";
import { BROKEN_FINDINGS, FRESH, LEFT_OUT, OTHERS, SAMPLE, TRUST_FINDINGS, WORKFLOWS, history, live, recordOf, stepsOf, versions } from "./fake/data";
import { fakeLine, fakeMarks } from "./fake/logs";
import { REPORT_BROKEN, REPORT_NEEDS, REPORT_RUNS, REPORT_UNSUPPORTED, ofTrusted } from "./fake/report";
import { detailAt, retryAt, type RunRecord, type StepScript } from "./fake/simulation";
import type {
  HandedSecret,
  InputProblem,
  Uncovered,
  ApiError,
  AppStatus,
  Cleanup,
  EngineStatus,
  ErrorCode,
  KeptFiles,
  LogHit,
  LogRange,
  LogSummary,
  Notice,
  ProjectDetail,
  ProjectSummary,
  ReportDto,
  RunDetail,
  RunFilter,
  RunPage,
  RunPreview,
  RunRequest,
  RunSummary,
  SecretEntry,
  SecretScope,
  Settings,
  StepDetail,
} from "./types";
import { plainText } from "@/logic/ansi";
import { isOver } from "@/logic/status";
import { foreign, matches } from "@/logic/words";

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

const REPORTS: Record<string, ReportDto> = { "p-store": REPORT_NEEDS, "p-checkout": REPORT_UNSUPPORTED };

export interface FakeOptions {
  scenario?: Scenario;
  /** The clock; runs move only as it does. */
  now?: () => number;
  settings?: Partial<Settings>;
}

function rejection(code: ErrorCode, message: string, hint = "", findings: ApiError["findings"] = []): ApiError {
  return { code, message, hint, findings };
}

function sameScope(a: SecretScope, b: SecretScope): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

export class FakeApi implements Api {
  readonly scenario: Scenario;
  readonly now: () => number;
  /** Names of the calls that were made, for tests. */
  readonly calls: string[] = [];
  private settings: Settings;
  private projects: ProjectSummary[] = [];
  private runs: RunRecord[] = [];
  private secrets: SecretEntry[] = [];
  private listener: ((notice: Notice) => void) | undefined;
  private said = new Map<string, string>();
  private engine: boolean;
  private asked = false;
  private readonly failures = new Map<string, ApiError>();

  constructor(options: FakeOptions = {}) {
    this.scenario = options.scenario ?? "sample";
    this.now = options.now ?? Date.now;
    this.settings = {
      language: "system",
      theme: "system",
      grace_s: 10,
      max_runs: 2,
      max_runs_per_project: 0,
      max_runs_per_environment: 1,
      max_steps: 0,
      keep_failed_days: 7,
      keep_failed_mb: 5000,
      engine_patience_s: 300,
      engine: "",
      ...options.settings,
    };
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
          this.notify({ kind: "log", run: record.base.id, stage: 1, step: step.number, attempt: step.attempt, lines: step.log_lines, bytes: step.log_lines * 80 });
        }
      }
      const word = [detail.run.state, detail.run.cancelling, ...(detail.stages[0]?.steps.map((step) => step.state) ?? [])].join();
      if (this.said.get(record.base.id) !== word) {
        this.said.set(record.base.id, word);
        this.notify({ kind: "run", run: record.base.id, project: record.base.project });
      }
    }
  }

  notify(notice: Notice): void {
    this.listener?.(notice);
  }

  private async answer<T>(method: keyof Api, value: () => T): Promise<T> {
    this.calls.push(method);
    await Promise.resolve();
    const failure = this.failures.get(method);
    if (failure) throw failure;
    if (this.scenario === "error" && !["settingsGet", "subscribe"].includes(method)) {
      throw rejection("store_unavailable", "cannot read `/home/lin/.local/share/letterpress/letterpress.db`: permission denied");
    }
    try {
      return value();
    } catch (caught) {
      throw asApiError(caught);
    }
  }

  private record(run: string): RunRecord {
    const record = this.runs.find((one) => one.base.id === run);
    if (!record) throw rejection("run_not_found", `no run \`${run}\``);
    return record;
  }

  private detail(run: string): RunDetail {
    return detailAt(this.record(run), this.now());
  }

  private project(id: string): ProjectSummary {
    const project = this.projects.find((one) => one.id === id);
    if (!project) throw rejection("project_not_found", `no project \`${id}\``);
    return { ...project, last_run: this.summaries({ project: id })[0] ?? null };
  }

  private summaries(filter: { project?: string | null }): RunSummary[] {
    const runs = this.runs.filter((record) => !filter.project || record.base.project === filter.project);
    return runs.map((record) => detailAt(record, this.now()).run).sort((a, b) => b.created.localeCompare(a.created));
  }

  appStatus = (): Promise<AppStatus> => this.answer("appStatus", () => this.status());

  engineProbe = (): Promise<AppStatus> =>
    this.answer("engineProbe", () => {
      this.asked = true;
      return this.status();
    });

  private status(): AppStatus {
    return {
      version: "0.1.0",
      data_folder: "/home/lin/.local/share/letterpress",
      is_owner: true,
      engines: this.engines(),
      disk: { free_bytes: 41_300_000_000, total_bytes: 256_000_000_000, low: false },
      key_place: this.secrets.length > 0 ? "file" : "not_yet",
      key_path: this.secrets.length > 0 ? "/home/lin/.local/share/letterpress/vault.key" : "",
      resumed_runs: this.scenario === "silent" ? ["r-live"] : [],
      interrupted_runs: this.scenario === "lost" ? ["r-live"] : [],
      sample_project: this.projects.some((one) => one.id === SAMPLE.id) ? SAMPLE.id : null,
    };
  }

  /** Two usual places and a context that is asked only on request. */
  private engines(): EngineStatus[] {
    const silent = { name: "", version: "", api_version: "", context: "", description: "", used: false, asked: true, answers: false, problem: "" };
    const docker = "unix:///var/run/docker.sock";
    const podman = "unix:///run/user/1000/podman/podman.sock";
    const build = "ssh://lin@build.example.com";
    const engines: EngineStatus[] = [
      this.engine
        ? { ...silent, choice: docker, name: "Docker", version: "20.10.24", api_version: "1.41", address: docker, answers: true }
        : { ...silent, choice: docker, name: docker, address: docker, problem: "connection refused: the daemon does not run" },
      { ...silent, choice: podman, name: podman, address: podman, problem: "no such file" },
      this.asked
        ? { ...silent, choice: "build", context: "build", description: "the big machine", name: "Docker", version: "28.2.2", api_version: "1.50", address: build, answers: true }
        : { ...silent, choice: "build", context: "build", description: "the big machine", name: build, address: build, asked: false },
    ];
    const wanted = this.settings.engine;
    if (wanted !== "" && !engines.some((engine) => engine.choice === wanted)) {
      engines.unshift({ ...silent, choice: wanted, name: wanted, address: wanted, problem: "nobody listens there" });
    }
    const used = engines.find((engine) => (wanted === "" ? engine.answers && engine.context === "" : engine.choice === wanted));
    return engines.map((engine) => ({ ...engine, used: engine === used }));
  }

  /** Starts or stops the engine, for tests. */
  setEngine(answers: boolean): void {
    this.engine = answers;
    this.notify({ kind: "status" });
  }

  settingsGet = (): Promise<Settings> => this.answer("settingsGet", () => ({ ...this.settings }));

  settingsSet = (settings: Settings): Promise<Settings> =>
    this.answer("settingsSet", () => {
      this.settings = { ...settings, grace_s: Math.min(600, Math.max(1, settings.grace_s)), max_runs: Math.min(16, Math.max(1, settings.max_runs)) };
      return { ...this.settings };
    });

  folderPick = (): Promise<string | null> => this.answer("folderPick", () => "/home/lin/src/new-shop");

  projectList = (): Promise<ProjectSummary[]> => this.answer("projectList", () => this.projects.map((one) => this.project(one.id)));

  projectOpen = (path: string): Promise<ProjectSummary> =>
    this.answer("projectOpen", () => {
      const known = this.projects.find((one) => one.path === path);
      if (known) return this.project(known.id);
      const project: ProjectSummary = { id: `p-${this.projects.length + 1}`, name: path.split("/").at(-1) ?? path, path, kind: "folder", ...FRESH };
      this.projects.push(project);
      this.notify({ kind: "projects" });
      return project;
    });

  projectRemove = (project: string): Promise<void> =>
    this.answer("projectRemove", () => {
      this.projects = this.projects.filter((one) => one.id !== project);
      this.notify({ kind: "projects" });
    });

  private change(id: string, part: Partial<ProjectSummary>): ProjectSummary {
    this.project(id);
    this.projects = this.projects.map((one) => (one.id === id ? { ...one, ...part } : one));
    this.notify({ kind: "projects" });
    return this.project(id);
  }

  projectSetTrusted = (project: string, trusted: boolean): Promise<ProjectSummary> =>
    this.answer("projectSetTrusted", () => this.change(project, { trusted }));

  projectSetCleanup = (project: string, cleanup: Cleanup): Promise<ProjectSummary> =>
    this.answer("projectSetCleanup", () => this.change(project, { cleanup }));

  sampleCreate = (): Promise<ProjectSummary> =>
    this.answer("sampleCreate", () => {
      if (!this.projects.some((one) => one.id === SAMPLE.id)) this.projects.unshift(SAMPLE);
      this.notify({ kind: "projects" });
      return this.project(SAMPLE.id);
    });

  projectDetail = (id: string): Promise<ProjectDetail> =>
    this.answer("projectDetail", () => {
      const project = this.project(id);
      const runs = this.summaries({ project: id });
      const list = versions(this.now()).map((version) => ({
        ...version,
        last_run: runs.find((run) => run.version_title === version.title) ?? null,
      }));
      const lone = project.id === "p-notes";
      return {
        project,
        workflows: lone ? [] : WORKFLOWS,
        versions: lone ? [] : list,
        findings: this.scenario === "broken" ? BROKEN_FINDINGS : [],
        last_inputs: { deploy: { BATCH: "2" } },
      };
    });

  projectCompatibility = (id: string, version: string | null): Promise<ReportDto> =>
    this.answer("projectCompatibility", () => {
      const project = this.project(id);
      if (project.id === "p-notes") throw rejection("pipeline_missing", "the repository has no pipeline file");
      if (version !== null && !versions(this.now()).some((one) => one.id === version)) throw rejection("version_not_found", `no version \`${version}\``);
      if (this.scenario === "broken") return REPORT_BROKEN;
      const report = REPORTS[project.id] ?? REPORT_RUNS;
      return project.trusted ? ofTrusted(report) : report;
    });

  runPreview = (request: RunRequest): Promise<RunPreview> =>
    this.answer("runPreview", () => {
      if (this.scenario === "broken") throw rejection("pipeline_invalid", "`.drone.yml` has 1 error", "", BROKEN_FINDINGS);
      if (this.scenario === "untrusted" && !this.project(request.project).trusted) {
        throw rejection("not_trusted", "the pipeline reaches beyond its containers", "", TRUST_FINDINGS);
      }
      if (this.inputProblems(request).length > 0) throw rejection("input_invalid", "a value is not allowed");
      const sample = request.project === SAMPLE.id;
      return {
        stages: [
          {
            name: "default",
            steps: stepsOf(request.workflow).map((step) => ({
              name: step.name,
              image: this.engine ? step.image : "",
              kind: step.kind,
              only_after_failure: step.onlyAfterFailure ?? false,
            })),
          },
        ],
        backend: this.engine ? "docker" : "host",
        isolated: this.engine,
        needs_consent: !this.engine && !sample,
        missing_secrets: this.handed(request).flatMap((secret) => (secret.state === "missing" ? [secret.name] : [])),
        secrets: this.handed(request),
        findings: [],
        left_out: request.workflow === "build" ? LEFT_OUT : [],
        event: WORKFLOWS.find((one) => one.name === request.workflow)?.event ?? "push",
        usual_ms: request.workflow === "tag" ? null : 16_400,
      };
    });

  runInputProblems = (request: RunRequest): Promise<InputProblem[]> => this.answer("runInputProblems", () => this.inputProblems(request));

  /** As the core: a pattern must fit the whole value. The fake's patterns are its own, so the browser may check them. */
  private inputProblems(request: RunRequest): InputProblem[] {
    const inputs = WORKFLOWS.find((one) => one.name === request.workflow)?.inputs ?? [];
    const wrong = inputs.filter((input) => {
      const value = request.inputs[input.name] ?? "";
      return value !== "" && input.pattern !== "" && !new RegExp(`^(?:${input.pattern})$`, "u").test(value);
    });
    return wrong.map((input) => ({
      input: input.name,
      message: { en: `\`${input.name}\` must match \`${input.pattern}\``, zh: `\`${input.name}\` 必须符合 \`${input.pattern}\`` },
    }));
  }

  runStart = (request: RunRequest): Promise<string> =>
    this.answer("runStart", () => {
      const project = this.project(request.project);
      if (this.handed(request).some((secret) => secret.state === "undecided")) throw rejection("secret_not_allowed", "nobody has said yet whether it may have `webhook_url`");
      if (!this.engine && project.kind !== "sample" && !request.allow_host) throw rejection("no_engine", "no container engine answers");
      const list = versions(this.now());
      const version = list.find((one) => one.id === request.version) ?? list[0];
      if (!version) throw rejection("version_not_found", "the project has no version");
      return this.begin(project, request.workflow, version, request.inputs);
    });

  private begin(project: ProjectSummary, workflow: string, version: ProjectDetail["versions"][number], inputs: Record<string, string>): string {
    const id = `r-new-${this.runs.length + 1}`;
    const number = this.summaries({ project: project.id }).length + 1;
    const outcome = this.scenario === "failed" ? "failed" : "passed";
    this.runs.push({ ...recordOf(id, number, project, workflow, version, this.now(), "lin", outcome), inputs, isolated: this.engine });
    this.notify({ kind: "run", run: id, project: project.id });
    return id;
  }

  runAgain = (run: string): Promise<string> =>
    this.answer("runAgain", () => {
      const record = this.record(run);
      const version = versions(this.now()).find((one) => one.title === record.base.version_title);
      if (!version) throw rejection("version_not_found", "the version is gone");
      return this.begin(this.project(record.base.project), record.base.workflow, version, record.inputs);
    });

  runCancel = (run: string): Promise<void> =>
    this.answer("runCancel", () => {
      const record = this.record(run);
      if (record.cancelRequestedAt === undefined) {
        record.cancelRequestedAt = this.now();
        record.stopped = { at: this.now() + this.settings.grace_s * 1000, as: "cancelled" };
      } else if (record.stopped && this.now() >= record.stopped.at) record.killedAt = this.now();
      else {
        record.stopped = { at: this.now(), as: "cancelled" };
        record.cleansUp = false;
      }
      this.notify({ kind: "run", run, project: record.base.project });
    });

  runRetry = (run: string): Promise<void> =>
    this.answer("runRetry", () => {
      const { retry, run: before } = this.detail(run);
      if (before.ended === null) throw rejection("run_under_way", `run ${before.number} is not over yet`);
      if (!retry.possible) throw rejection("nothing_to_retry", `run ${before.number} has passed`);
      retryAt(this.record(run), this.now());
      this.notify({ kind: "run", run, project: before.project });
      this.notify({ kind: "kept" });
    });

  runQueue = (): Promise<RunSummary[]> =>
    this.answer("runQueue", () => {
      const all = this.summaries({}).reverse();
      const waiting = all.filter((run) => run.waiting !== null).sort((a, b) => (a.waiting?.position ?? 0) - (b.waiting?.position ?? 0));
      return [...all.filter((run) => run.state === "running"), ...waiting];
    });

  /** Lets a run that waits begin, for tests. */
  begins(run: string): void {
    const record = this.record(run);
    delete record.waiting;
    record.startedAt = this.now();
    this.notify({ kind: "queue" });
  }

  private kept(): KeptFiles {
    const details = this.runs.map((record) => detailAt(record, this.now())).filter((detail) => detail.retry.files_kept);
    const runs = details
      .map(({ run }) => ({
        run: run.id,
        number: run.number,
        project: run.project,
        project_name: run.project_name,
        ended: run.ended,
        bytes: run.id === "r-live" ? null : 38_000_000 + run.number * 7_300_000,
      }))
      .sort((a, b) => (b.ended ?? "").localeCompare(a.ended ?? ""));
    return { runs, bytes: runs.reduce((sum, run) => sum + (run.bytes ?? 0), 0) };
  }

  keptList = (): Promise<KeptFiles> => this.answer("keptList", () => this.kept());

  keptRemove = (run: string | null): Promise<KeptFiles> =>
    this.answer("keptRemove", () => {
      for (const record of this.runs) if (run === null || record.base.id === run) record.filesGone = true;
      this.notify({ kind: "kept" });
      return this.kept();
    });

  runList = (filter: RunFilter): Promise<RunPage> =>
    this.answer("runList", () => {
      const all = this.summaries({ project: filter.project }).filter(
        (run) =>
          (filter.states.length === 0 || filter.states.includes(run.state)) &&
          matches(filter.text, [run.workflow, ...Object.values(run.workflow_title), run.version_name, run.version_title, run.project_name, run.actor]),
      );
      const from = filter.after === null ? 0 : all.findIndex((run) => run.id === filter.after) + 1;
      const runs = all.slice(from, from + filter.limit);
      return { runs, next: from + runs.length < all.length ? (runs.at(-1)?.id ?? null) : null };
    });

  runDetail = (run: string): Promise<RunDetail> => this.answer("runDetail", () => this.detail(run));

  private log(address: StepAddress): { step: StepDetail; script: StepScript } {
    const detail = this.detail(address.run);
    const step = [detail, ...detail.attempts].map((one) => one.stages[address.stage - 1]?.steps[address.step - 1]).find((one) => one?.attempt === address.attempt);
    const script = this.record(address.run).steps[address.step - 1];
    if (!step || !script) throw rejection("step_not_found", `no step ${address.step}`);
    // What failed once failed in its own log, also when the step has passed since.
    return { step, script: step.state === "failed" && script.log === "test" ? { ...script, log: "failing" } : script };
  }

  logSummary = (address: StepAddress): Promise<LogSummary> =>
    this.answer("logSummary", () => {
      const { step, script } = this.log(address);
      return { lines: step.log_lines, bytes: step.log_lines * 80, complete: isOver(step.state), marks: fakeMarks(script.log, step.log_lines, script.lines) };
    });

  logRange = (address: StepAddress, from: number, count: number): Promise<LogRange> =>
    this.answer("logRange", () => {
      const { step, script } = this.log(address);
      const end = Math.min(step.log_lines, from + Math.min(count, 400));
      const lines: string[] = [];
      for (let n = from; n < end; n++) lines.push(fakeLine(script.log, n, script.lines));
      return { from, lines, cut: [], total: step.log_lines };
    });

  logFind = (address: StepAddress, query: string, from: number, limit: number): Promise<LogHit[]> =>
    this.answer("logFind", () => {
      const { step, script } = this.log(address);
      const wanted = query.toLowerCase();
      const hits: LogHit[] = [];
      for (let n = from; n < step.log_lines && hits.length < limit; n++) {
        const text = plainText(fakeLine(script.log, n, script.lines));
        if (text.toLowerCase().includes(wanted)) hits.push({ line: n, text });
      }
      return hits;
    });

  logSave = (address: StepAddress): Promise<string | null> =>
    this.answer("logSave", () => `/home/lin/${this.log(address).script.name}.txt`);

  secretList = (): Promise<SecretEntry[]> => this.answer("secretList", () => [...this.secrets]);

  secretSet = (scope: SecretScope, name: string, value: string): Promise<Uncovered | null> =>
    this.answer("secretSet", () => {
      if (value === "") throw rejection("secret_invalid", `the value of \`${name}\` is empty`);
      if (name !== name.trim() || foreign(name) !== name) throw rejection("secret_invalid", `the name \`${name}\` is not allowed`);
      const before = this.secrets.find((one) => one.name === name && sameScope(one.scope, scope));
      this.secrets = this.secrets.filter((one) => one !== before);
      this.secrets.push({ name, scope, updated: new Date(this.now()).toISOString(), grants: before?.grants ?? [] });
      this.secrets.sort((a, b) => a.name.localeCompare(b.name));
      this.notify({ kind: "projects" });
      return [...value.trim()].length < 4 ? "too_short" : null;
    });

  secretRemove = (scope: SecretScope, name: string): Promise<void> =>
    this.answer("secretRemove", () => {
      this.secrets = this.secrets.filter((one) => !(one.name === name && sameScope(one.scope, scope)));
      this.notify({ kind: "projects" });
    });

  secretDecide = (id: string, name: string, allowed: boolean | null): Promise<void> =>
    this.answer("secretDecide", () => {
      const project = this.project(id);
      this.secrets = this.secrets.map((one) => {
        if (one.name !== name || one.scope.scope !== "everywhere") return one;
        const others = one.grants.filter((grant) => grant.project !== id);
        return { ...one, grants: allowed === null ? others : [...others, { project: id, project_name: project.name, allowed }] };
      });
      this.notify({ kind: "projects" });
    });

  /** The secrets that the workflow `deploy` asks for. */
  private handed(request: RunRequest): HandedSecret[] {
    if (request.workflow !== "deploy") return [];
    const receivers = [{ step: "notify", image: this.engine ? "docker.io/plugins/webhook:1" : "" }];
    const own = this.secrets.some((one) => one.name === "webhook_url" && sameScope(one.scope, { scope: "project", project: request.project }));
    const shared = this.secrets.find((one) => one.name === "webhook_url" && one.scope.scope === "everywhere");
    const allowed = shared?.grants.find((grant) => grant.project === request.project)?.allowed;
    const decided = allowed === undefined ? "undecided" : allowed ? "allowed" : "refused";
    return [{ name: "webhook_url", state: own ? "own" : shared ? decided : "missing", receivers }];
  }

  subscribe = (listener: (notice: Notice) => void): Promise<void> =>
    this.answer("subscribe", () => {
      this.listener = listener;
    });
}
