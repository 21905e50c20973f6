/** The real core: one `invoke` per use case. The only module that imports Tauri. */
import { Channel, invoke } from "@tauri-apps/api/core";
import type { Api } from "./index";
import type { Cleanup, FeedPlace, Notice, RunFilter, RunRequest, SearchNews, SecretScope, Settings } from "./types";

export const tauriApi: Api = {
  appOpen: () => invoke("app_open"),
  windowZoom: (factor: number) => invoke("window_zoom", { factor }),
  appStatus: () => invoke("app_status"),
  engineProbe: () => invoke("engine_probe"),
  settingsGet: () => invoke("settings_get"),
  settingsSet: (settings: Settings) => invoke("settings_set", { settings }),
  folderPick: () => invoke("folder_pick"),

  projectList: () => invoke("project_list"),
  projectOpen: (path: string) => invoke("project_open", { path }),
  projectRemove: (project: string) => invoke("project_remove", { project }),
  projectSetTrusted: (project: string, trusted: boolean) => invoke("project_set_trusted", { project, trusted }),
  projectSetCleanup: (project: string, cleanup: Cleanup) => invoke("project_set_cleanup", { project, cleanup }),
  sampleCreate: () => invoke("sample_create"),
  projectDetail: (project: string) => invoke("project_detail", { project }),
  projectCompatibility: (project: string, version: string | null) => invoke("project_compatibility", { project, version }),

  runPreview: (request: RunRequest) => invoke("run_preview", { request }),
  runStart: (request: RunRequest) => invoke("run_start", { request }),
  runAgain: (run: string, key: string) => invoke("run_again", { run, key }),
  runCancel: (run: string) => invoke("run_cancel", { run }),
  runKill: (run: string) => invoke("run_kill", { run }),
  runRetry: (run: string, attempt: number) => invoke("run_retry", { run, attempt }),
  runQueue: () => invoke("run_queue"),
  runList: (filter: RunFilter) => invoke("run_list", { filter }),
  runDetail: (run: string) => invoke("run_detail", { run }),

  keptList: () => invoke("kept_list"),
  keptRemove: (run: string | null) => invoke("kept_remove", { run }),

  logSummary: (address) => invoke("log_summary", { ...address }),
  logRange: (address, from, count) => invoke("log_range", { ...address, from, count }),
  logPart: (address, from) => invoke("log_part", { ...address, from }),
  logFind: (address, query, from, limit) => invoke("log_find", { ...address, query, from, limit }),
  logSave: (address) => invoke("log_save", { ...address }),

  searchStart: (request, listener) => {
    const channel = new Channel<SearchNews>();
    channel.onmessage = listener;
    return invoke("search_start", { request, channel });
  },

  secretList: () => invoke("secret_list"),
  secretSet: (scope: SecretScope, name: string, value: string) => invoke("secret_set", { scope, name, value }),
  secretRemove: (scope: SecretScope, name: string) => invoke("secret_remove", { scope, name }),
  secretDecide: (project: string, name: string, allowed: boolean | null) => invoke("secret_decide", { project, name, allowed }),

  activityList: () => invoke("activity_list"),
  activityCancel: (activity: string) => invoke("activity_cancel", { activity }),

  subscribe: (from, listener) => {
    const channel = new Channel<Notice>();
    channel.onmessage = listener;
    return invoke<FeedPlace>("notices_subscribe", { from, channel });
  },
};
