/** The one subscription of the window: hands on what is stale. A notice that was lost on the way is found by its number and asked for again. */
import { defineStore } from "pinia";
import { ref } from "vue";
import { useApi, type FeedPlace, type Notice } from "@/api";
import { isGap, isStale, type Tag } from "@/logic/tags";

/** What is told: a notice of the core, or the tags alone of what else makes answers stale. */
export type Told = Pick<Notice, "tags"> & Partial<Pick<Notice, "log">>;
type Listener = (told: Told) => void;

/** Pause before the next try to subscribe, in milliseconds; it doubles up to the longest. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

export const useNotices = defineStore("notices", () => {
  const listeners = new Set<{ tags: () => readonly Tag[]; listener: Listener }>();
  /** Nothing is heard of changes: what is shown may be old. */
  const deaf = ref(false);
  let heard: FeedPlace | null = null;
  let trying: Promise<void> | undefined;
  let timer: number | undefined;

  /** Subscribes; when that fails it is tried again, by itself and by every later call. */
  function start(pause = FIRST_PAUSE_MS): Promise<void> {
    window.clearTimeout(timer);
    trying ??= subscribe(pause).finally(() => (trying = undefined));
    return trying;
  }

  async function subscribe(pause: number): Promise<void> {
    const from = heard;
    let open = true;
    try {
      const place = await useApi().noticesSubscribe(from, (notice) => {
        if (!open) return;
        if (isGap(heard, notice)) {
          if (notice.tags.includes("everything")) {
            // The core itself says that more was missed than it keeps.
            take(notice);
            return;
          }
          // This subscription has lost something: the next one goes on where it was whole.
          open = false;
          void (trying ?? Promise.resolve()).then(() => start());
          return;
        }
        take(notice);
      });
      heard ??= place;
      const missed = deaf.value;
      deaf.value = false;
      if (missed) tell(["everything"]);
    } catch {
      deaf.value = true;
      timer = window.setTimeout(() => void start(Math.min(2 * pause, LONGEST_PAUSE_MS)), pause);
    }
  }

  function take(notice: Notice): void {
    // What was heard already, on the subscription before.
    if (heard !== null && notice.epoch === heard.epoch && notice.number <= heard.number && !notice.tags.includes("everything")) return;
    heard = { epoch: notice.epoch, number: notice.number };
    hand(notice);
  }

  function hand(told: Told): void {
    for (const { tags, listener } of [...listeners]) if (isStale(tags(), told.tags)) listener(told);
  }

  /** Says that answers under these tags are stale: whoever shows one asks again. */
  function tell(tags: Tag[]): void {
    hand({ tags });
  }

  /** Calls `listener` whenever an answer under these tags is stale; returns what ends it. */
  function onStale(tags: () => readonly Tag[], listener: Listener): () => void {
    const entry = { tags, listener };
    listeners.add(entry);
    return () => listeners.delete(entry);
  }

  return { deaf, start, tell, onStale };
});
