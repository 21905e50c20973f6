import { beforeEach, expect, it, vi } from "vitest";

const invoke = vi.hoisted(() => vi.fn());
vi.mock("@tauri-apps/api/core", () => ({
  invoke,
  Channel: class {
    onmessage: (message: unknown) => void = () => undefined;
  },
}));

import { tauriApi } from "@/api/tauri";

const ADDRESS = { run: "r", stage: 1, step: 2, attempt: 3 };
const REQUEST = { project: "p", workflow: "w", version: "v", inputs: {}, allow_host: false };
const FILTER = { project: null, states: [], text: "", after: null, limit: 50 };
const SETTINGS = {
  language: "en",
  theme: "dark",
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
} as const;
const CLEANUP = { policy: "always", seconds: 60 } as const;
const SCOPE = { scope: "everywhere" } as const;

beforeEach(() => invoke.mockReset().mockResolvedValue("answer"));

it.each<[keyof typeof tauriApi, unknown[], string, object?]>([
  ["appOpen", [], "app_open"],
  ["windowZoom", [1.25], "window_zoom", { factor: 1.25 }],
  ["appStatus", [], "app_status"],
  ["engineProbe", [], "engine_probe"],
  ["settingsGet", [], "settings_get"],
  ["settingsSet", [SETTINGS], "settings_set", { settings: SETTINGS }],
  ["folderPick", [], "folder_pick"],
  ["projectList", [], "project_list"],
  ["projectOpen", ["/x"], "project_open", { path: "/x" }],
  ["projectRemove", ["p"], "project_remove", { project: "p" }],
  ["sampleCreate", [], "sample_create"],
  ["projectDetail", ["p"], "project_detail", { project: "p" }],
  ["projectCompatibility", ["p", null], "project_compatibility", { project: "p", version: null }],
  ["runPreview", [REQUEST], "run_preview", { request: REQUEST }],
  ["runStart", [REQUEST], "run_start", { request: REQUEST }],
  ["runAgain", ["r", "k"], "run_again", { run: "r", key: "k" }],
  ["runCancel", ["r"], "run_cancel", { run: "r" }],
  ["runKill", ["r"], "run_kill", { run: "r" }],
  ["runRetry", ["r", 2], "run_retry", { run: "r", attempt: 2 }],
  ["runQueue", [], "run_queue"],
  ["keptList", [], "kept_list"],
  ["keptRemove", ["r"], "kept_remove", { run: "r" }],
  ["keptRemove", [null], "kept_remove", { run: null }],
  ["projectSetTrusted", ["p", true], "project_set_trusted", { project: "p", trusted: true }],
  ["projectSetCleanup", ["p", CLEANUP], "project_set_cleanup", { project: "p", cleanup: CLEANUP }],
  ["runList", [FILTER], "run_list", { filter: FILTER }],
  ["runDetail", ["r"], "run_detail", { run: "r" }],
  ["logSummary", [ADDRESS], "log_summary", ADDRESS],
  ["logRange", [ADDRESS, 400, 400], "log_range", { ...ADDRESS, from: 400, count: 400 }],
  ["logFind", [ADDRESS, "词", 5, 100], "log_find", { ...ADDRESS, query: "词", from: 5, limit: 100 }],
  ["logPart", [ADDRESS, { line: 2, byte: 9 }], "log_part", { ...ADDRESS, from: { line: 2, byte: 9 } }],
  ["logSave", [ADDRESS], "log_save", ADDRESS],
  ["secretList", [], "secret_list"],
  ["secretSet", [SCOPE, "n", "v"], "secret_set", { scope: SCOPE, name: "n", value: "v" }],
  ["secretRemove", [SCOPE, "n"], "secret_remove", { scope: SCOPE, name: "n" }],
  ["activityList", [], "activity_list"],
  ["activityCancel", ["a"], "activity_cancel", { activity: "a" }],
  ["secretDecide", ["p", "n", null], "secret_decide", { project: "p", name: "n", allowed: null }],
])("%s is one command with its arguments", async (method, args, command, sent) => {
  const call = tauriApi[method] as (...values: unknown[]) => Promise<unknown>;
  await expect(call(...args)).resolves.toBe("answer");
  expect(invoke.mock.calls).toEqual([sent === undefined ? [command] : [command, sent]]);
});

it("subscribes once over a channel that hands notices on", async () => {
  const heard: unknown[] = [];
  const from = { epoch: "e", number: 4 };
  await expect(tauriApi.subscribe(from, (notice) => heard.push(notice))).resolves.toBe("answer");
  const [command, sent] = invoke.mock.calls[0] as [string, { from: unknown; channel: { onmessage: (message: unknown) => void } }];
  expect(command).toBe("notices_subscribe");
  expect(sent.from).toBe(from);
  sent.channel.onmessage({ number: 5 });
  expect(heard).toEqual([{ number: 5 }]);
});
