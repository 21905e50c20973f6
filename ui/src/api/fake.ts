/** A core that lives in memory: for tests and for working on the window in a browser (`?fake=SCENARIO`). */
import type { Api } from "./index";
import { EPOCH, rejection, sameScope } from "./fake/core";
import { BROKEN_FINDINGS, FRESH, SAMPLE, WORKFLOWS, versions } from "./fake/data";
import { FakeLogs } from "./fake/logApi";
import { REPORT_BROKEN, REPORT_NEEDS, REPORT_RUNS, REPORT_UNSUPPORTED, ofTrusted } from "./fake/report";
import type { Activity, Cleanup, FeedPlace, Notice, ProjectDetail, ProjectSummary, ReportDto, SecretEntry, SecretScope, Uncovered } from "./types";
import { foreign } from "@/logic/words";

export { SCENARIOS, type FakeOptions, type Scenario } from "./fake/core";

const REPORTS: Record<string, ReportDto> = { "p-store": REPORT_NEEDS, "p-checkout": REPORT_UNSUPPORTED };

export class FakeApi extends FakeLogs implements Api {
  folderPick = (): Promise<string | null> => this.answer("folderPick", () => "/home/lin/src/new-shop");

  projectList = (): Promise<ProjectSummary[]> => this.answer("projectList", () => this.projects.map((one) => this.project(one.id)));

  projectOpen = (path: string): Promise<ProjectSummary> =>
    this.answer("projectOpen", () => {
      const known = this.projects.find((one) => one.path === path);
      if (known) return this.project(known.id);
      const project: ProjectSummary = { id: `p-${this.projects.length + 1}`, name: path.split("/").at(-1) ?? path, path, kind: "folder", ...FRESH };
      this.projects.push(project);
      this.notify(["projects"]);
      return project;
    });

  projectRemove = (project: string): Promise<void> =>
    this.answer("projectRemove", () => {
      this.projects = this.projects.filter((one) => one.id !== project);
      this.notify(["projects"]);
    });

  protected change(id: string, part: Partial<ProjectSummary>): ProjectSummary {
    this.project(id);
    this.projects = this.projects.map((one) => (one.id === id ? { ...one, ...part } : one));
    this.notify(["projects", `project/${id}`, `plan/${id}`]);
    return this.project(id);
  }

  projectSetTrusted = (project: string, trusted: boolean): Promise<ProjectSummary> =>
    this.answer("projectSetTrusted", () => this.change(project, { trusted }));

  projectSetRealPlugins = (project: string, on: boolean): Promise<ProjectSummary> =>
    this.answer("projectSetRealPlugins", () => this.change(project, { real_plugins: on }));

  projectSetCleanup = (project: string, cleanup: Cleanup): Promise<ProjectSummary> =>
    this.answer("projectSetCleanup", () => this.change(project, { cleanup }));

  sampleCreate = (): Promise<ProjectSummary> =>
    this.answer("sampleCreate", () => {
      if (!this.projects.some((one) => one.id === SAMPLE.id)) this.projects.unshift(SAMPLE);
      this.notify(["projects"]);
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

  secretList = (): Promise<SecretEntry[]> => this.answer("secretList", () => [...this.secrets]);

  secretSet = (scope: SecretScope, name: string, value: string): Promise<Uncovered | null> =>
    this.answer("secretSet", () => {
      if (value === "") throw rejection("secret_invalid", `the value of \`${name}\` is empty`);
      if (name !== name.trim() || foreign(name) !== name) throw rejection("secret_invalid", `the name \`${name}\` is not allowed`);
      const before = this.secrets.find((one) => one.name === name && sameScope(one.scope, scope));
      this.secrets = this.secrets.filter((one) => one !== before);
      this.secrets.push({ name, scope, updated: new Date(this.now()).toISOString(), grants: before?.grants ?? [] });
      this.secrets.sort((a, b) => a.name.localeCompare(b.name));
      this.notify(["secrets", "status", "plans"]);
      return [...value.trim()].length < 4 ? "too_short" : null;
    });

  secretRemove = (scope: SecretScope, name: string): Promise<void> =>
    this.answer("secretRemove", () => {
      this.secrets = this.secrets.filter((one) => !(one.name === name && sameScope(one.scope, scope)));
      this.notify(["secrets", "status", "plans"]);
    });

  secretDecide = (id: string, name: string, allowed: boolean | null): Promise<void> =>
    this.answer("secretDecide", () => {
      const project = this.project(id);
      this.secrets = this.secrets.map((one) => {
        if (one.name !== name || one.scope.scope !== "everywhere") return one;
        const others = one.grants.filter((grant) => grant.project !== id);
        return { ...one, grants: allowed === null ? others : [...others, { project: id, project_name: project.name, allowed }] };
      });
      this.notify(["secrets", "status", "plans"]);
    });

  activityList = (): Promise<Activity[]> => this.answer("activityList", () => this.activities);

  activityCancel = (id: string): Promise<void> =>
    this.answer("activityCancel", () => {
      if (!this.activities.some((one) => one.id === id)) throw rejection("bad_request", `there is no work \`${id}\``);
      this.activities = this.activities.map((one) => (one.id === id && one.ended === null ? { ...one, state: "cancelling" } : one));
      this.notify(["activities"]);
    });

  noticesSubscribe = (from: FeedPlace | null, listener: (notice: Notice) => void): Promise<FeedPlace> =>
    this.answer("noticesSubscribe", () => {
      this.listener = listener;
      const place = from ?? { epoch: EPOCH, number: this.feed.length };
      for (const notice of this.feed.slice(place.number)) listener(notice);
      return place;
    });
}
