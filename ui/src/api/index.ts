/**
 * The one door to the app's core. `tauri.ts` is the real one, `fake.ts` the one for tests and the browser; both are checked
 * against `Api`. Every call may reject with an `ApiError`; use `asApiError` on whatever was caught.
 */
import type {
  Activity,
  ApiError,
  AppStatus,
  Cleanup,
  FeedPlace,
  KeptFiles,
  LogCursor,
  LogHit,
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

export type * from "./types";

/** Names one attempt of one step of one run: whose log is meant. */
export interface StepAddress {
  run: string;
  stage: number;
  step: number;
  attempt: number;
}

export interface Api {
  /** Opens the data folder once more where that failed at the start; does nothing where it is open. */
  appOpen(): Promise<void>;
  /** Enlarges everything in the window; 1 is the usual size. */
  windowZoom(factor: number): Promise<void>;
  appStatus(): Promise<AppStatus>;
  /** Asks the engines again; takes as long as they need to answer. */
  engineProbe(): Promise<AppStatus>;
  settingsGet(): Promise<Settings>;
  /** Returns what was stored, after limits were applied. */
  settingsSet(settings: Settings): Promise<Settings>;
  /** Opens the system's dialog; `null` when nothing was chosen. */
  folderPick(): Promise<string | null>;

  projectList(): Promise<ProjectSummary[]>;
  projectOpen(path: string): Promise<ProjectSummary>;
  /** Takes it off the list; folder and history stay. */
  projectRemove(project: string): Promise<void>;
  /** Whether its pipelines may reach this computer itself. */
  projectSetTrusted(project: string, trusted: boolean): Promise<ProjectSummary>;
  projectSetCleanup(project: string, cleanup: Cleanup): Promise<ProjectSummary>;
  sampleCreate(): Promise<ProjectSummary>;
  projectDetail(project: string): Promise<ProjectDetail>;
  /** What of the pipeline runs here; of what is checked out when `version` is `null`. */
  projectCompatibility(project: string, version: string | null): Promise<ReportDto>;

  /** The workflow and its form as they are at the version, what is wrong with the values, and what would run. */
  runPreview(request: RunRequest): Promise<RunPreview>;
  /**
   * Returns the id of the new run. Rejects with `changed_since_preview` when what would run is not what `seen` stands for; the same `key` twice is
   * one run.
   */
  runStart(request: RunRequest): Promise<string>;
  /** Same version, same values; returns the id of the new run. The same `key` twice is one run. */
  runAgain(run: string, key: string): Promise<string>;
  /** Asks the steps to end; they get their grace time. Asking twice changes nothing. */
  runCancel(run: string): Promise<void>;
  /** Ends the steps at once; nothing more of the run happens. */
  runKill(run: string): Promise<void>;
  /** The same run goes on from where that attempt went wrong, as its next one; once it did, asking again changes nothing. */
  runRetry(run: string, attempt: number): Promise<void>;
  /** Those under way first, then those that wait, in their order. */
  runQueue(): Promise<RunSummary[]>;
  runList(filter: RunFilter): Promise<RunPage>;
  runDetail(run: string): Promise<RunDetail>;

  /** Files of runs that did not pass, kept for a retry. */
  keptList(): Promise<KeptFiles>;
  /** Removes those of one run, or all; returns what is left. */
  keptRemove(run: string | null): Promise<KeptFiles>;

  logSummary(address: StepAddress): Promise<LogSummary>;
  /** At most `count` lines from `from` on, and no more than 400 and 256 KB: ask on from `next`. */
  logRange(address: StepAddress, from: number, count: number): Promise<LogRange>;
  /** A piece of the text, and where it goes on: all pieces together are the log, however long its lines are. */
  logPart(address: StepAddress, from: LogCursor): Promise<LogPart>;
  logFind(address: StepAddress, query: string, from: number, limit: number): Promise<LogHit[]>;
  /** Opens the system's dialog; returns the path, or `null` when nothing was chosen. */
  logSave(address: StepAddress): Promise<string | null>;

  /** Returns the id of the activity that it is; `listener` hears what it finds, and at last its end. */
  searchStart(request: SearchRequest, listener: (news: SearchNews) => void): Promise<string>;

  secretList(): Promise<SecretEntry[]>;
  /** Returns what logs will show of the value, or `null`. */
  secretSet(scope: SecretScope, name: string, value: string): Promise<Uncovered | null>;
  secretRemove(scope: SecretScope, name: string): Promise<void>;
  /** Whether a project may have a secret of all projects; `null` takes the decision back. */
  secretDecide(project: string, name: string, allowed: boolean | null): Promise<void>;

  /** Long work: what goes on, then what has just ended. */
  activityList(): Promise<Activity[]>;
  /** Asks long work to stop; it says so by its state. */
  activityCancel(activity: string): Promise<void>;

  /**
   * One long-lived subscription per window: notices say what to ask again. It goes on from a place in the feed, or from now; returns the place that
   * the first notice follows. A later subscription takes the place of the one before.
   */
  subscribe(from: FeedPlace | null, listener: (notice: Notice) => void): Promise<FeedPlace>;
}

let current: Api | undefined;

/** Called once at start, and by tests before each case. */
export function provideApi(api: Api): void {
  current = api;
}

export function useApi(): Api {
  if (!current) throw new Error("provideApi was not called");
  return current;
}

/** Turns whatever was caught into an `ApiError`: what the core rejected with, or a defect of ours. */
export function asApiError(caught: unknown): ApiError {
  if (isApiError(caught)) return caught;
  const message = caught instanceof Error ? caught.message : String(caught);
  return { code: "internal", message, hint: "", findings: [] };
}

function isApiError(value: unknown): value is ApiError {
  return typeof value === "object" && value !== null && "code" in value && "message" in value && "findings" in value;
}
