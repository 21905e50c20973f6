/** The one subscription of the window: hands notices on, by kind or by what they make stale. */
import { defineStore } from "pinia";
import { ref } from "vue";
import { useApi, type Notice } from "@/api";
import { isStale, tagsOf, type Tag } from "@/logic/tags";

type Kind = Notice["kind"];
type Of<K extends Kind> = Extract<Notice, { kind: K }>;
type Listener = (notice: Notice) => void;

/** Pause before the next try to subscribe, in milliseconds; it doubles up to the longest. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

export const useNotices = defineStore("notices", () => {
  const byKind = new Map<Kind, Set<Listener>>();
  const byTag = new Set<{ parts: () => readonly Tag[]; listener: () => void }>();
  /** Nothing is heard of changes: what is shown may be old. */
  const deaf = ref(false);
  let trying: Promise<void> | undefined;
  let timer: number | undefined;

  /** Subscribes; when that fails it is tried again, by itself and by every later call. */
  function start(pause = FIRST_PAUSE_MS): Promise<void> {
    window.clearTimeout(timer);
    trying ??= subscribe(pause).finally(() => (trying = undefined));
    return trying;
  }

  async function subscribe(pause: number): Promise<void> {
    try {
      await useApi().subscribe((notice) => {
        for (const listener of [...(byKind.get(notice.kind) ?? [])]) listener(notice);
        tell(tagsOf(notice));
      });
      const missed = deaf.value;
      deaf.value = false;
      if (missed) tell(["everything"]);
    } catch {
      deaf.value = true;
      timer = window.setTimeout(() => void start(Math.min(2 * pause, LONGEST_PAUSE_MS)), pause);
    }
  }

  /** Says that something is stale: whoever shows it asks again. */
  function tell(tags: readonly Tag[]): void {
    for (const { parts, listener } of [...byTag]) if (isStale(parts(), tags)) listener();
  }

  /** Listens for notices of one kind; returns what ends it. */
  function on<K extends Kind>(kind: K, listener: (notice: Of<K>) => void): () => void {
    const all = byKind.get(kind) ?? new Set<Listener>();
    byKind.set(kind, all);
    const wrapped: Listener = (notice) => listener(notice as Of<K>);
    all.add(wrapped);
    return () => all.delete(wrapped);
  }

  /** Calls `listener` whenever something made of `parts` is stale; returns what ends it. */
  function onStale(parts: () => readonly Tag[], listener: () => void): () => void {
    const entry = { parts, listener };
    byTag.add(entry);
    return () => byTag.delete(entry);
  }

  return { deaf, start, tell, on, onStale };
});
