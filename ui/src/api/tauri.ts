/** The real core: one `invoke` per use case. The only module that imports Tauri. */
import { Channel, invoke } from "@tauri-apps/api/core";
import { CALLS, type Api } from "./client";

type Listener = (news: unknown) => void;

/** What is sent for an argument: itself; for a listener a channel that it listens to. */
function sent(argument: unknown): unknown {
  if (typeof argument !== "function") return argument;
  const channel = new Channel<unknown>();
  channel.onmessage = argument as Listener;
  return channel;
}

function call(command: string, names: readonly string[]) {
  return (...given: unknown[]): Promise<unknown> =>
    names.length === 0 ? invoke(command) : invoke(command, Object.fromEntries(names.map((name, at) => [name, sent(given[at])])));
}

export const tauriApi = Object.fromEntries(
  Object.entries(CALLS).map(([name, [command, ...names]]) => [name, call(command, names)]),
) as unknown as Api;
