import { beforeEach, expect, it, vi } from "vitest";

const invoke = vi.hoisted(() => vi.fn());
vi.mock("@tauri-apps/api/core", () => ({
  invoke,
  Channel: class {
    onmessage: (message: unknown) => void = () => undefined;
  },
}));

import { tauriApi } from "@/api/tauri";

const LOG = { run: "r", stage: 1, step: 2, attempt: 3 };

beforeEach(() => invoke.mockReset().mockResolvedValue("answer"));

it.each<[keyof typeof tauriApi, unknown[], string, object?]>([
  ["appStatus", [], "app_status"],
  ["windowZoom", [1.25], "window_zoom", { factor: 1.25 }],
  ["runAgain", ["r", "k"], "run_again", { run: "r", key: "k" }],
  ["keptRemove", [null], "kept_remove", { run: null }],
  ["logFind", [LOG, "词", 5, 100], "log_find", { log: LOG, query: "词", from: 5, limit: 100 }],
])("%s is one command with its arguments", async (method, args, command, sent) => {
  const call = tauriApi[method] as (...values: unknown[]) => Promise<unknown>;
  await expect(call(...args)).resolves.toBe("answer");
  expect(invoke.mock.calls).toEqual([sent === undefined ? [command] : [command, sent]]);
});

it("gives a listener a channel that hands on what arrives", async () => {
  const heard: unknown[] = [];
  const from = { epoch: "e", number: 4 };
  await expect(tauriApi.noticesSubscribe(from, (notice) => heard.push(notice))).resolves.toBe("answer");
  const [command, sent] = invoke.mock.calls[0] as [string, { from: unknown; listener: { onmessage: (message: unknown) => void } }];
  expect(command).toBe("notices_subscribe");
  expect(sent.from).toBe(from);
  sent.listener.onmessage({ number: 5 });
  expect(heard).toEqual([{ number: 5 }]);
});
