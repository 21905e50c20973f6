/**
 * Something of the core that is shown: asked for, kept, and asked for again when it is stale. An answer that a newer question has overtaken is
 * dropped; an error of a later question stands beside what is there, and `at` says how old that is. An answer like the one before changes nothing.
 */
import { computed, onScopeDispose, ref, shallowRef, type ComputedRef, type Ref, type ShallowRef } from "vue";
import { asApiError, type ApiError } from "@/api";
import type { Tag } from "@/logic/tags";
import { coalesced } from "./coalesced";
import { useStale } from "./useStale";

export interface Resource<T> {
  /** The newest answer. */
  data: ShallowRef<T | undefined>;
  /** Why the newest question has no answer. */
  error: ShallowRef<ApiError | undefined>;
  /** When `data` was answered, in milliseconds since 1970 UTC; `null` before the first answer. */
  at: Ref<number | null>;
  /** Whether a question is under way. */
  busy: Ref<boolean>;
  /** There is content, but it could not be renewed. */
  outdated: ComputedRef<boolean>;
  reload: () => Promise<void>;
  /** Takes the answer of another call for the newest one. */
  put: (answer: T) => void;
}

export interface ResourceOptions {
  /** What it is made of; asked for again when one of these is stale. */
  tags?: () => readonly Tag[];
  /** Least time between two questions that notices lead to, in milliseconds; a function gets how long the last one took. */
  every?: number | ((tookMs: number) => number);
  /** It is asked for by `reload` only, not at once. */
  lazy?: boolean;
}

/** Least time between two questions where nobody says another, in milliseconds. */
const EVERY_MS = 300;

export function useResource<T>(call: () => Promise<T>, options: ResourceOptions = {}): Resource<T> {
  const data = shallowRef<T>();
  const error = shallowRef<ApiError>();
  const at = ref<number | null>(null);
  const busy = ref(false);
  let newest = 0;
  let words = "";
  let took = 0;
  onScopeDispose(() => (newest = -1));

  function put(answer: T): void {
    newest++;
    keep(answer);
    busy.value = false;
  }

  function keep(answer: T): void {
    const said = JSON.stringify(answer);
    if (said !== words || data.value === undefined) data.value = answer;
    words = said;
    at.value = Date.now();
    error.value = undefined;
  }

  async function reload(): Promise<void> {
    if (newest < 0) return;
    const mine = ++newest;
    const begun = Date.now();
    busy.value = true;
    try {
      const answer = await call();
      if (mine !== newest) return;
      keep(answer);
    } catch (caught) {
      if (mine !== newest) return;
      error.value = asApiError(caught);
    }
    took = Date.now() - begun;
    busy.value = false;
  }

  if (options.tags) {
    const every = options.every ?? EVERY_MS;
    useStale(options.tags, coalesced(reload, typeof every === "number" ? every : () => every(took)));
  }
  if (!options.lazy) void reload();
  const outdated = computed(() => error.value !== undefined && data.value !== undefined);
  return { data, error, at, busy, outdated, reload, put };
}
