/**
 * The runs that the history shows, page after page. They stay here while another screen is shown: who comes back finds filter, rows and place as
 * they were.
 */
import { defineStore } from "pinia";
import { computed, ref, shallowRef } from "vue";
import { asApiError, useApi, type ApiError, type RunPage, type RunStateWord, type RunSummary } from "@/api";

/** Runs per page. */
export const PAGE = 50;
/** The most that one question may ask for. */
const MOST = 200;

export interface HistoryFilter {
  readonly state: RunStateWord | null;
  readonly project: string | null;
  readonly text: string;
}

export const ALL_RUNS: HistoryFilter = { state: null, project: null, text: "" };

const same = (a: HistoryFilter, b: HistoryFilter) => a.state === b.state && a.project === b.project && a.text === b.text;

export const useHistory = defineStore("history", () => {
  const filter = shallowRef<HistoryFilter>(ALL_RUNS);
  /** The filter that the rows are of. */
  const shown = shallowRef<HistoryFilter>();
  const runs = shallowRef<readonly RunSummary[]>([]);
  const next = ref<string | null>(null);
  const at = ref<number | null>(null);
  /** Why the rows could not be read anew. */
  const error = shallowRef<ApiError>();
  /** Why there are no more of them. */
  const moreError = shallowRef<ApiError>();
  const busy = ref(false);
  /** Pixels that the list is scrolled by. */
  const scroll = ref(0);
  let newest = 0;

  const loaded = computed(() => shown.value !== undefined && same(shown.value, filter.value));

  function page(after: string | null, limit: number): Promise<RunPage> {
    const { state, project, text } = filter.value;
    return useApi().runList({ project, states: state === null ? [] : [state], text, after, limit });
  }

  /** Shows the runs of a filter; those that are there already stay while they are asked for again. */
  async function show(wanted: HistoryFilter): Promise<void> {
    if (!same(wanted, filter.value)) {
      scroll.value = 0;
      moreError.value = undefined;
    }
    filter.value = wanted;
    await reload();
  }

  /** Reads as many rows as there are, so that a change never throws the reader to another place. */
  async function reload(): Promise<void> {
    const mine = ++newest;
    const wanted = loaded.value ? Math.max(PAGE, runs.value.length) : PAGE;
    try {
      const rows: RunSummary[] = [];
      let after: string | null = null;
      do {
        const answer: RunPage = await page(after, Math.min(MOST, wanted - rows.length));
        if (mine !== newest) return;
        rows.push(...answer.runs);
        after = answer.next;
      } while (after !== null && rows.length < wanted);
      runs.value = rows;
      next.value = after;
      shown.value = filter.value;
      at.value = Date.now();
      error.value = undefined;
    } catch (caught) {
      if (mine === newest) error.value = asApiError(caught);
    }
    if (mine === newest) busy.value = false;
  }

  async function more(): Promise<void> {
    if (busy.value || next.value === null || !loaded.value) return;
    const mine = newest;
    busy.value = true;
    moreError.value = undefined;
    try {
      const answer = await page(next.value, PAGE);
      if (mine !== newest) return;
      runs.value = [...runs.value, ...answer.runs];
      next.value = answer.next;
    } catch (caught) {
      if (mine !== newest) return;
      moreError.value = asApiError(caught);
    }
    busy.value = false;
  }

  return { filter, loaded, runs, next, at, error, moreError, busy, scroll, show, reload, more };
});
