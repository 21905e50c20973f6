/**
 * What a run would do, asked for whenever it would be another one. What is shown belongs to one request; `fresh` says whether that is the one that is
 * chosen now, and only then may it be started.
 */
import { watchDebounced } from "@vueuse/core";
import { computed, ref, shallowRef } from "vue";
import { asApiError, useApi, type ApiError, type InputProblem, type RunPreview, type RunRequest } from "@/api";
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
  readonly refused: readonly InputProblem[];
}

/** Consent does not change what would happen. */
const keyOf = (request: RunRequest | null) => (request === null ? "" : JSON.stringify({ ...request, allow_host: false }));

/** `wanted` is `null` while something is missing that only a person can give. */
export function usePreview(wanted: () => RunRequest | null) {
  const answer = shallowRef<Answer>();
  const asking = ref(false);
  const key = computed(() => keyOf(wanted()));
  let newest = 0;

  /** Another button's steps would be a lie until its own are there; those of another version are shown as what they are: old. */
  const shown = computed(() => (answer.value !== undefined && answer.value.request.workflow === wanted()?.workflow ? answer.value : undefined));
  const fresh = computed(() => shown.value?.key === key.value);

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
    answer.value = { key: mark, request, ...found };
    asking.value = false;
  }

  watchDebounced(key, ask, { debounce: computed(() => (shown.value ? PAUSE_MS : 0)), immediate: true });
  useStale(() => {
    const request = wanted();
    return request === null ? [] : TAGS.runPreview(request.project);
  }, coalesced(ask, EVERY_MS));

  return {
    preview: computed(() => shown.value?.preview),
    error: computed(() => shown.value?.error),
    refused: computed(() => shown.value?.refused ?? []),
    /** What is shown is what the chosen request would do. */
    fresh,
    asking,
    ask,
    /** The request that is shown, for starting exactly that; `null` unless it is fresh and possible. */
    seen: computed(() => (fresh.value && shown.value?.preview ? shown.value.request : null)),
  };
}

async function answerTo(request: RunRequest): Promise<Pick<Answer, "preview" | "error" | "refused">> {
  try {
    return { preview: await useApi().runPreview(request), error: undefined, refused: [] };
  } catch (caught) {
    const error = asApiError(caught);
    // The patterns of the author are the core's to check: it says which value is wrong.
    const refused = error.code === "input_invalid" ? await useApi().runInputProblems(request).catch(() => []) : [];
    return { preview: undefined, error, refused };
  }
}
