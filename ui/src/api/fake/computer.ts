/** The fake computer: engines, disk, settings, files that are kept. */
import { SAMPLE } from "./data";
import { FakeCore } from "./core";
import { detailAt } from "./simulation";
import type { AppStatus, EngineStatus, KeptFiles, Settings, Tag } from "../types";

export class FakeComputer extends FakeCore {
  appOpen = (): Promise<void> => this.answer("appOpen", () => undefined);

  /** What the window was enlarged to last; a browser has a zoom of its own. */
  zoom = 1;
  windowZoom = (factor: number): Promise<void> => this.answer("windowZoom", () => void (this.zoom = factor));

  appStatus = (): Promise<AppStatus> => this.answer("appStatus", () => this.status());

  engineProbe = (): Promise<AppStatus> =>
    this.answer("engineProbe", () => {
      this.asked = true;
      return this.status();
    });

  protected status(): AppStatus {
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
  protected engines(): EngineStatus[] {
    const silent = { name: "", version: "", api_version: "", context: "", description: "", used: false, asked: true, answers: false, problem: "", started_by_app: false };
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
    this.notify(["status", "plans"]);
  }

  settingsGet = (): Promise<Settings> => this.answer("settingsGet", () => ({ ...this.settings }));

  settingsSet = (settings: Settings): Promise<Settings> =>
    this.answer("settingsSet", () => {
      this.settings = { ...settings, grace_s: Math.min(600, Math.max(1, settings.grace_s)), max_runs: Math.min(16, Math.max(1, settings.max_runs)) };
      return { ...this.settings };
    });

  protected kept(): KeptFiles {
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
      const gone = this.runs.filter((record) => run === null || record.base.id === run);
      for (const record of gone) record.filesGone = true;
      this.notify(["kept", ...gone.map((record): Tag => `run/${record.base.id}`)]);
      return this.kept();
    });
}
