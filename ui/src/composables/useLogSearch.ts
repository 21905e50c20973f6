/** A search in many logs: what it has found so far, and how it goes on. One at a time; a new one, or leaving the screen, ends the one before. */
import { computed, onScopeDispose, ref, shallowRef, triggerRef } from "vue";
import { asApiError, useApi, type ApiError, type LogHit, type SearchEnd, type SearchNews, type SearchPlace, type SearchScope } from "@/api";

export interface FoundLog {
  readonly place: SearchPlace;
  readonly hits: LogHit[];
}

/** How often what was found is shown anew, in milliseconds: a search finds hundreds of lines a second, and each showing costs all of them. */
const SHOWN_EVERY = 200;

export function useLogSearch(scope: () => SearchScope) {
  const logs = shallowRef<FoundLog[]>([]);
  const byAddress = new Map<string, FoundLog>();
  const count = ref(0);
  let found = 0;
  let showing: ReturnType<typeof setTimeout> | undefined;
  const runs = ref(0);
  /** How the last search has ended; `null` while one goes on, `undefined` before the first. */
  const end = ref<SearchEnd | null>();
  const error = shallowRef<ApiError>();
  let newest = 0;
  let id: string | undefined;
  /** The search that was stopped last. */
  let stopped = 0;

  const going = computed(() => end.value === null);

  function show(): void {
    clearTimeout(showing);
    showing = undefined;
    count.value = found;
    triggerRef(logs);
  }

  function hear(news: SearchNews): void {
    if (news.kind === "progress") runs.value = news.runs;
    else if (news.kind === "ended") {
      show();
      end.value = news.end;
      error.value = news.error ?? undefined;
      id = undefined;
    } else {
      const key = addressOf(news.place);
      const known = byAddress.get(key);
      if (known) known.hits.push(...news.hits);
      else {
        const log = { place: news.place, hits: [...news.hits] };
        byAddress.set(key, log);
        logs.value.push(log);
      }
      // The first at once.
      const isFirst = found === 0;
      found += news.hits.length;
      if (isFirst) show();
      else showing ??= setTimeout(show, SHOWN_EVERY);
    }
  }

  async function start(text: string, regex: boolean): Promise<void> {
    void stop();
    const mine = ++newest;
    logs.value = [];
    byAddress.clear();
    found = 0;
    show();
    runs.value = 0;
    error.value = undefined;
    end.value = text === "" ? undefined : null;
    if (text === "") return;
    try {
      const started = await useApi().searchStart({ scope: scope(), text, regex }, (news) => {
        if (mine === newest) hear(news);
      });
      // Another one was wanted, it was stopped, or the screen left, before this one had its id.
      if (mine !== newest || mine === stopped) void useApi().activityCancel(started);
      else if (end.value === null) id = started;
    } catch (caught) {
      if (mine !== newest) return;
      error.value = asApiError(caught);
      end.value = "failed";
    }
  }

  /** What was found stays. */
  async function stop(): Promise<void> {
    const going = id;
    stopped = newest;
    id = undefined;
    // One that is over already is none to be ended.
    if (going !== undefined) await useApi().activityCancel(going).catch(() => undefined);
  }

  onScopeDispose(() => {
    newest++;
    clearTimeout(showing);
    void stop();
  });

  return { logs, runs, end, error, going, count, start, stop };
}

/** The address of a log in the window, to which a line is added. */
export function addressOf(place: SearchPlace): string {
  return `/run/${place.run}/${place.stage}/${place.step}/${place.attempt}`;
}
