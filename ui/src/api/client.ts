/** Written by `src-tauri/tests/client.rs` from the commands of the window; do not edit. */
import type {
  Activity,
  AppStatus,
  Cleanup,
  FeedPlace,
  KeptFiles,
  LogCursor,
  LogHit,
  LogKey,
  LogPart,
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
  SearchNews,
  SearchRequest,
  SecretEntry,
  SecretScope,
  Settings,
  Uncovered,
} from "./types";

/** What the window asks of the core. Every call may reject with an `ApiError`. */
export interface Api {
  /** Opens the data folder once more where that failed at the start; does nothing where it is open. */
  appOpen(): Promise<void>;
  /** What there is on this computer. */
  appStatus(): Promise<AppStatus>;
  /** Asks the engines again; takes as long as they need to answer. */
  engineProbe(): Promise<AppStatus>;
  /** What the user set. */
  settingsGet(): Promise<Settings>;
  /** Sets everything anew; returns what was stored, after limits were applied. */
  settingsSet(settings: Settings): Promise<Settings>;
  /** Enlarges everything in the window; 1 is the usual size. */
  windowZoom(factor: number): Promise<void>;
  /** Long work: what goes on, then what has just ended. */
  activityList(): Promise<Activity[]>;
  /** Asks long work to stop; it says so by its state. */
  activityCancel(activity: string): Promise<void>;
  /** Opens the system's dialog for a folder; `null` when nothing was chosen. */
  folderPick(): Promise<string | null>;
  /** All projects. */
  projectList(): Promise<ProjectSummary[]>;
  /** Makes a folder a project. */
  projectOpen(path: string): Promise<ProjectSummary>;
  /** Takes a project off the list; folder and history stay. */
  projectRemove(project: string): Promise<void>;
  /** Unpacks the sample project, or finds it again. */
  sampleCreate(): Promise<ProjectSummary>;
  /** Says whether a project's pipelines may reach this computer itself. */
  projectSetTrusted(project: string, trusted: boolean): Promise<ProjectSummary>;
  /** Says whether the containers of image plugins run in a project, instead of the engine building by itself. */
  projectSetRealPlugins(project: string, on: boolean): Promise<ProjectSummary>;
  /** Says what happens when a run of a project is cancelled. */
  projectSetCleanup(project: string, cleanup: Cleanup): Promise<ProjectSummary>;
  /** Workflows, versions and findings of a project. */
  projectDetail(project: string): Promise<ProjectDetail>;
  /** What becomes of a project's pipelines here; of what is checked out when `version` is `null`. */
  projectCompatibility(project: string, version: string | null): Promise<ReportDto>;
  /** The workflow and its form as they are at the version, what is wrong with the values, and what would run. */
  runPreview(request: RunRequest): Promise<RunPreview>;
  /**
   * Starts a run and returns its id. Rejects with `changed_since_preview` when what would run is not what `seen` stands for; the same `key` twice is
   * one run.
   */
  runStart(request: RunRequest): Promise<string>;
  /** Starts a run with the same version and the same values, and returns its id. The same `key` twice is one run. */
  runAgain(run: string, key: string): Promise<string>;
  /** Asks the steps of a run to end; they get their grace time. Asking twice changes nothing. */
  runCancel(run: string): Promise<void>;
  /** Ends the steps of a run at once; nothing more of the run happens. */
  runKill(run: string): Promise<void>;
  /** The same run goes on from where that attempt went wrong, as its next one; once it did, asking again changes nothing. */
  runRetry(run: string, attempt: number): Promise<void>;
  /** Runs that are under way, then those that wait, in their order. */
  runQueue(): Promise<RunSummary[]>;
  /** A page of the history. */
  runList(filter: RunFilter): Promise<RunPage>;
  /** One run. */
  runDetail(run: string): Promise<RunDetail>;
  /** Files of runs that did not pass, kept for a retry. */
  keptList(): Promise<KeptFiles>;
  /** Removes those of one run, or all; returns what is left. */
  keptRemove(run: string | null): Promise<KeptFiles>;
  /** Size and landmarks of a log. */
  logSummary(log: LogKey): Promise<LogSummary>;
  /** At most `count` lines from `from` on, and no more than 400 and 256 KB: ask on from `next`. */
  logRange(log: LogKey, from: number, count: number): Promise<LogRange>;
  /** Lines that contain a text. */
  logFind(log: LogKey, query: string, from: number, limit: number): Promise<LogHit[]>;
  /** A piece of a log, from a byte of a line on, and where it goes on: all pieces together are the log, however long its lines are. */
  logPart(log: LogKey, from: LogCursor): Promise<LogPart>;
  /** Searches in logs; the listener hears what is found, and at last the end. Returns the id of the activity that the search is. */
  searchStart(request: SearchRequest, listener: (news: SearchNews) => void): Promise<string>;
  /** Opens the system's dialog and saves a log as a text file there; returns the path, `null` when nothing was chosen. */
  logSave(log: LogKey): Promise<string | null>;
  /** Names of all secrets. */
  secretList(): Promise<SecretEntry[]>;
  /** Sets a secret; returns what logs will show of it, or `null`. */
  secretSet(scope: SecretScope, name: string, value: string): Promise<Uncovered | null>;
  /** Removes a secret. */
  secretRemove(scope: SecretScope, name: string): Promise<void>;
  /** Decides whether a project may have a secret of all projects; `null` takes the decision back. */
  secretDecide(project: string, name: string, allowed: boolean | null): Promise<void>;
  /**
   * Tells the listener what to ask again, from that place in the feed on or from now, until the page subscribes anew: a page that was loaded again
   * leaves its listener behind without closing it. Returns the place that the first notice follows.
   */
  noticesSubscribe(from: FeedPlace | null, listener: (news: Notice) => void): Promise<FeedPlace>;
}

/** The command of each call, and its arguments in their order. */
export const CALLS: Record<keyof Api, [command: string, ...names: string[]]> = {
  appOpen: ["app_open"],
  appStatus: ["app_status"],
  engineProbe: ["engine_probe"],
  settingsGet: ["settings_get"],
  settingsSet: ["settings_set", "settings"],
  windowZoom: ["window_zoom", "factor"],
  activityList: ["activity_list"],
  activityCancel: ["activity_cancel", "activity"],
  folderPick: ["folder_pick"],
  projectList: ["project_list"],
  projectOpen: ["project_open", "path"],
  projectRemove: ["project_remove", "project"],
  sampleCreate: ["sample_create"],
  projectSetTrusted: ["project_set_trusted", "project", "trusted"],
  projectSetRealPlugins: ["project_set_real_plugins", "project", "on"],
  projectSetCleanup: ["project_set_cleanup", "project", "cleanup"],
  projectDetail: ["project_detail", "project"],
  projectCompatibility: ["project_compatibility", "project", "version"],
  runPreview: ["run_preview", "request"],
  runStart: ["run_start", "request"],
  runAgain: ["run_again", "run", "key"],
  runCancel: ["run_cancel", "run"],
  runKill: ["run_kill", "run"],
  runRetry: ["run_retry", "run", "attempt"],
  runQueue: ["run_queue"],
  runList: ["run_list", "filter"],
  runDetail: ["run_detail", "run"],
  keptList: ["kept_list"],
  keptRemove: ["kept_remove", "run"],
  logSummary: ["log_summary", "log"],
  logRange: ["log_range", "log", "from", "count"],
  logFind: ["log_find", "log", "query", "from", "limit"],
  logPart: ["log_part", "log", "from"],
  searchStart: ["search_start", "request", "listener"],
  logSave: ["log_save", "log"],
  secretList: ["secret_list"],
  secretSet: ["secret_set", "scope", "name", "value"],
  secretRemove: ["secret_remove", "scope", "name"],
  secretDecide: ["secret_decide", "project", "name", "allowed"],
  noticesSubscribe: ["notices_subscribe", "from", "listener"],
};
