/** Runs of the fake core: what would happen, start, end, lists. */
import { BROKEN_FINDINGS, LEFT_OUT, SAMPLE, TRUST_FINDINGS, WORKFLOWS, recordOf, stepsOf, versions, workflowsAt } from "./data";
import { FakeComputer } from "./computer";
import { sentence } from "./sentence";
import { rejection, sameScope } from "./core";
import { changedSincePreview, inputProblems, noWorkflow, sentencesOf } from "./preview";
import { retryAt } from "./simulation";
import type {
  HandedSecret,
  Missing,
  PlannedRun,
  ProjectDetail,
  ProjectSummary,
  RunDetail,
  RunFilter,
  RunPage,
  RunPreview,
  RunRequest,
  RunSummary,
  Workflow,
} from "../types";
import { matches } from "@/logic/words";

/** As the core: runs in one page. */
const MOST_RUNS = 200;

export class FakeRuns extends FakeComputer {
  /** How often the branches have moved: what would run is another thing then. */
  private moved = 0;
  private readonly presses = new Map<string, string>();

  /** Lets a branch move, for tests. */
  move(): void {
    this.moved += 1;
  }

  /** What the core would say that it has seen. */
  private markOf(request: RunRequest): string {
    const { project, workflow, version, inputs } = request;
    return JSON.stringify([this.moved, this.engine, this.project(project).trusted, workflow, version, Object.entries(inputs).sort()]);
  }

  /** The workflows at the version of a request. */
  private workflowsOf(request: RunRequest): Workflow[] {
    const newer = versions(this.now()).findIndex((one) => one.id === request.version);
    if (newer < 0 && request.version !== "") throw rejection("version_not_found", `no version \`${request.version}\``);
    return workflowsAt(Math.max(newer, 0));
  }

  runPreview = (request: RunRequest): Promise<RunPreview> =>
    this.answer("runPreview", () => {
      const all = this.workflowsOf(request);
      const others = all.filter((one) => one.name !== request.workflow);
      const workflow = all.find((one) => one.name === request.workflow) ?? null;
      const preview: RunPreview = { workflow, others, problems: [], refused: null, planned: null, findings: [], missing: [] };
      if (workflow === null) return { ...preview, refused: noWorkflow(request.workflow, others) };
      if (this.scenario === "broken") return { ...preview, refused: rejection("pipeline_invalid", "`.drone.yml` has 1 error", "", BROKEN_FINDINGS) };
      if (this.scenario === "untrusted" && !this.project(request.project).trusted) {
        return { ...preview, refused: rejection("not_trusted", "the pipeline reaches beyond its containers", "", TRUST_FINDINGS) };
      }
      const problems = inputProblems(workflow, request.inputs);
      if (problems.length > 0) return { ...preview, problems };
      return { ...preview, planned: this.planned(request), missing: this.missing(request) };
    });

  private planned(request: RunRequest): PlannedRun {
    const steps = stepsOf(request.workflow);
    return {
      stages: [
        {
          number: 1,
          name: "default",
          steps: steps.map((step, index) => ({
            number: index + 1,
            name: step.name,
            image: this.engine ? step.image : "",
            kind: step.kind,
            only_after_failure: step.onlyAfterFailure ?? false,
          })),
        },
      ],
      sentences: steps.flatMap((step, index) => sentencesOf(step, this.engine).map((message) => ({ stage: 1, step: index + 1, message }))),
      backend: this.engine ? "docker" : "host",
      isolated: this.engine,
      needs_consent: !this.engine && request.project !== SAMPLE.id,
      secrets: this.handed(request),
      left_out: request.workflow === "build" ? LEFT_OUT : [],
      event: WORKFLOWS.find((one) => one.name === request.workflow)?.event ?? "push",
      usual_ms: request.workflow === "tag" ? null : 16_400,
      seen: this.markOf(request),
    };
  }

  private missing(request: RunRequest): Missing[] {
    return this.handed(request).flatMap((secret): Missing[] => {
      const message = sentence("the secret `{}` is not set", secret.name);
      return secret.state === "missing" ? [{ kind: "secret", name: secret.name, message }] : [];
    });
  }

  /** As the core: the same press is the same run, and what was not seen is refused. */
  runStart = (request: RunRequest): Promise<string> =>
    this.answer("runStart", () => {
      const first = request.key === null ? undefined : this.presses.get(request.key);
      if (first !== undefined) return first;
      const project = this.project(request.project);
      const workflow = this.workflowsOf(request).find((one) => one.name === request.workflow);
      if (!workflow) throw noWorkflow(request.workflow, this.workflowsOf(request));
      const wrong = inputProblems(workflow, request.inputs)[0];
      if (wrong) throw rejection("input_invalid", wrong.message);
      if (request.seen !== null && request.seen !== this.markOf(request)) throw changedSincePreview();
      if (this.handed(request).some((secret) => secret.state === "undecided")) throw rejection("secret_not_allowed", "nobody has said yet whether it may have `webhook_url`");
      if (!this.engine && project.kind !== "sample" && !request.allow_host) throw rejection("no_engine", "no container engine answers");
      const list = versions(this.now());
      const version = list.find((one) => one.id === request.version) ?? list[0];
      if (!version) throw rejection("version_not_found", "the project has no version");
      return this.pressed(request.key, () => this.begin(project, request.workflow, version, request.inputs));
    });

  private pressed(key: string | null, begin: () => string): string {
    const run = (key === null ? undefined : this.presses.get(key)) ?? begin();
    if (key !== null) this.presses.set(key, run);
    return run;
  }

  protected begin(project: ProjectSummary, workflow: string, version: ProjectDetail["versions"][number], inputs: Record<string, string>): string {
    const id = `r-new-${this.runs.length + 1}`;
    const number = this.summaries({ project: project.id }).length + 1;
    const outcome = this.scenario === "failed" ? "failed" : "passed";
    this.runs.push({ ...recordOf(id, number, project, workflow, version, this.now(), "lin", outcome), inputs, isolated: this.engine });
    this.notifyOfRun(id, project.id);
    return id;
  }

  runAgain = (run: string, key: string): Promise<string> =>
    this.answer("runAgain", () => {
      const record = this.record(run);
      const version = versions(this.now()).find((one) => one.title === record.base.version_title);
      if (!version) throw rejection("version_not_found", "the version is gone");
      return this.pressed(key, () => this.begin(this.project(record.base.project), record.base.workflow, version, record.inputs));
    });

  /** As the core: a second call changes nothing. */
  runCancel = (run: string): Promise<void> =>
    this.answer("runCancel", () => {
      const record = this.record(run);
      if (record.cancelRequestedAt !== undefined) return;
      record.cancelRequestedAt = this.now();
      record.stopped = { at: this.now() + this.settings.grace_s * 1000, as: "cancelled" };
      this.notifyOfRun(run, record.base.project);
    });

  runKill = (run: string): Promise<void> =>
    this.answer("runKill", () => {
      const record = this.record(run);
      if (this.detail(run).run.ended !== null) return;
      record.cancelRequestedAt ??= this.now();
      if (record.stopped && this.now() >= record.stopped.at) record.killedAt = this.now();
      else {
        record.stopped = { at: this.now(), as: "cancelled" };
        record.cleansUp = false;
      }
      this.notifyOfRun(run, record.base.project);
    });

  runRetry = (run: string, attempt: number): Promise<void> =>
    this.answer("runRetry", () => {
      const { retry, run: before } = this.detail(run);
      if (before.attempt > attempt) return;
      if (before.ended === null) throw rejection("run_under_way", `run ${before.number} is not over yet`);
      if (!retry.possible) throw rejection("nothing_to_retry", `run ${before.number} has passed`);
      retryAt(this.record(run), this.now());
      this.notifyOfRun(run, before.project);
      this.notify(["kept"]);
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
    this.notifyOfRun(run, record.base.project);
  }

  /** The secrets that the workflow `deploy` asks for. */
  protected handed(request: RunRequest): HandedSecret[] {
    if (request.workflow !== "deploy") return [];
    const receivers = [{ step: "notify", image: this.engine ? "docker.io/plugins/webhook:1" : "", engine: false }];
    const own = this.secrets.some((one) => one.name === "webhook_url" && sameScope(one.scope, { scope: "project", project: request.project }));
    const shared = this.secrets.find((one) => one.name === "webhook_url" && one.scope.scope === "everywhere");
    const allowed = shared?.grants.find((grant) => grant.project === request.project)?.allowed;
    const decided = allowed === undefined ? "undecided" : allowed ? "allowed" : "refused";
    return [{ name: "webhook_url", state: own ? "own" : shared ? decided : "missing", receivers }];
  }

  runList = (filter: RunFilter): Promise<RunPage> =>
    this.answer("runList", () => {
      const all = this.summaries({ project: filter.project }).filter(
        (run) =>
          (filter.states.length === 0 || filter.states.includes(run.state)) &&
          matches(filter.text, [run.workflow, ...Object.values(run.workflow_title), run.version_name, run.version_title, run.project_name, run.actor]),
      );
      const from = filter.after === null ? 0 : all.findIndex((run) => run.id === filter.after) + 1;
      const runs = all.slice(from, from + Math.min(MOST_RUNS, Math.max(1, filter.limit)));
      return { runs, next: from + runs.length < all.length ? (runs.at(-1)?.id ?? null) : null };
    });

  runDetail = (run: string): Promise<RunDetail> => this.answer("runDetail", () => this.detail(run));
}
