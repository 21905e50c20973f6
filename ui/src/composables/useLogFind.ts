/** Find in a step's log. The core searches; here are the hits so far and which one the reader stands on. */
import { watchDebounced } from "@vueuse/core";
import { computed, ref, shallowRef, watch } from "vue";
import { useApi, type LogKey } from "@/api";
import { useToasts } from "@/stores/toasts";
import { useWords } from "./useWords";

/** Hits that are asked for at once. */
const LIMIT = 1000;
/** Pause after the last key, in milliseconds. */
const TYPING_MS = 160;

export function useLogFind(address: () => LogKey | null) {
  const { t, number } = useWords();
  const query = ref("");
  const hits = shallowRef<readonly number[]>([]);
  const more = ref(false);
  const searched = ref("");
  const index = ref(-1);
  let newest = 0;
  let going: Promise<void> | undefined;
  let again = false;

  /** The core reads the whole log for an answer: what is typed meanwhile is looked for afterwards, and only the last of it. */
  function search(): Promise<void> {
    again = going !== undefined;
    going ??= searchOnce().finally(() => {
      going = undefined;
      if (again) return search();
    });
    return going;
  }

  async function searchOnce(): Promise<void> {
    const mine = ++newest;
    const at = address();
    const text = query.value;
    hits.value = [];
    index.value = -1;
    more.value = false;
    searched.value = "";
    if (text === "" || at === null) return;
    try {
      const found = await useApi().logFind(at, text, 0, LIMIT);
      if (mine !== newest || again) return;
      hits.value = found.map((hit) => hit.line);
      more.value = found.length === LIMIT;
      searched.value = text;
    } catch (caught) {
      if (mine === newest) useToasts().fail(caught);
    }
  }

  /** Asks for hits after the last known one: more of them, or those of lines that came meanwhile. */
  async function extend(): Promise<void> {
    const at = address();
    const last = hits.value.at(-1);
    const mine = newest;
    if (at === null || searched.value === "") return;
    const found = await useApi().logFind(at, searched.value, last === undefined ? 0 : last + 1, LIMIT);
    if (mine !== newest) return;
    hits.value = [...hits.value, ...found.map((hit) => hit.line)];
    more.value = found.length === LIMIT;
  }

  /** The next hit after (or before) `from`, going round at the ends; `null` when there is none. */
  async function step(by: 1 | -1, from: number | null): Promise<number | null> {
    if (searched.value !== query.value) await search();
    try {
      if (by > 0 && (index.value === hits.value.length - 1 || hits.value.length === 0)) await extend();
    } catch (caught) {
      useToasts().fail(caught);
    }
    if (hits.value.length === 0) return null;
    const at = from ?? (by > 0 ? -1 : Number.POSITIVE_INFINITY);
    const next = by > 0 ? hits.value.findIndex((line) => line > at) : hits.value.findLastIndex((line) => line < at);
    index.value = next >= 0 ? next : by > 0 ? 0 : hits.value.length - 1;
    return hits.value[index.value] ?? null;
  }

  watchDebounced(query, () => (searched.value === query.value ? undefined : search()), { debounce: TYPING_MS });
  watch(() => JSON.stringify(address()), () => void search());

  const words = computed(() => {
    if (query.value === "" || searched.value !== query.value) return "";
    if (hits.value.length === 0) return t("log.no_hits");
    const all = number(hits.value.length);
    if (index.value < 0) return t(more.value ? "log.found_more" : "log.found", { all });
    return t(more.value ? "log.hits_more" : "log.hits", { at: number(index.value + 1), all });
  });

  return { query, words, step };
}
