/**
 * What a run would do, and the form of its version, asked for whenever it would be another one. What is shown belongs to one request; `fresh` says
 * whether that is the one that is chosen now, and only then may it be started: `seen` is that request with the core's mark of what was shown.
 */
import { watchDebounced } from "@vueuse/core";
import { computed, ref, shallowRef } from "vue";
import { asApiError, useApi, type ApiError, type RunPreview, type RunRequest } from "@/api";
import { TAGS } from "@/logic/tags";
import { coalesced } from "./coalesced";
import { useStale } from "./useStale";

/** Pause after the last change before it is asked, in milliseconds; none while nothing is shown. */
const PAUSE_MS = 120;
/** Least time between two questions for the same request, in milliseconds. */
const EVERY_MS = 300;

interface Answer {
  readonly key: string;
  readonly request: RunRequest;
  readonly preview: RunPreview | undefined;
  readonly error: ApiError | undefined;
}

/** Consent does not change what would happen; a mark and a press come later. */
const keyOf = (request: RunRequest | null) => (request === null ? "" : JSON.stringify({ ...request, allow_host: false, seen: null, key: null }));

/** `wanted` is `null` while something is missing that only a person can give; `learned` hears of the form of a version. */
export function usePreview(wanted: () => RunRequest | null, learned: (request: RunRequest, preview: RunPreview) => void = () => undefined) {
  const answer = shallowRef<Answer>();
  const asking = ref(false);
  const key = computed(() => keyOf(wanted()));
  let newest = 0;

  /** Another button's steps would be a lie until its own are there; those of another version are shown as what they are: old. */
  const shown = computed(() => (answer.value !== undefined && answer.value.request.workflow === wanted()?.workflow ? answer.value : undefined));
  const fresh = computed(() => shown.value?.key === key.value);
  const planned = computed(() => shown.value?.preview?.planned ?? undefined);

  async function ask(): Promise<void> {
    const mine = ++newest;
    const request = wanted();
    if (request === null) {
      asking.value = false;
      return;
    }
    asking.value = true;
    const mark = keyOf(request);
    const found = await answerTo(request);
    if (mine !== newest) return;
    if (found.preview) learned(request, found.preview);
    answer.value = { key: mark, request, ...found };
    asking.value = false;
  }

  watchDebounced(key, ask, { debounce: computed(() => (shown.value ? PAUSE_MS : 0)), immediate: true });
  useStale(() => {
    const request = wanted();
    return request === null ? [] : TAGS.runPreview(request.project);
  }, coalesced(ask, EVERY_MS));

  return {
    /** What would run. */
    planned,
    /** Why it cannot be said, or why nothing can run. */
    error: computed(() => shown.value?.error ?? shown.value?.preview?.refused ?? undefined),
    /** Values that the core does not take. */
    problems: computed(() => shown.value?.preview?.problems ?? []),
    /** The other workflows of the version. */
    others: computed(() => shown.value?.preview?.others ?? []),
    /** About the files of the version; `undefined` before they are known. */
    findings: computed(() => shown.value?.preview?.findings),
    /** What somebody still has to give. */
    missing: computed(() => shown.value?.preview?.missing ?? []),
    /** What is shown is what the chosen request would do. */
    fresh,
    asking,
    ask,
    /** The request that is shown, with the mark of what was shown, for starting exactly that; `null` unless it is fresh and possible. */
    seen: computed(() => (fresh.value && shown.value && planned.value ? { ...shown.value.request, seen: planned.value.seen } : null)),
  };
}

async function answerTo(request: RunRequest): Promise<Pick<Answer, "preview" | "error">> {
  try {
    return { preview: await useApi().runPreview(request), error: undefined };
  } catch (caught) {
    return { preview: undefined, error: asApiError(caught) };
  }
}
