/** Something that a screen asks for: loading, an error or the content; an answer that is overtaken by a newer call is dropped. */
import { computed, onScopeDispose, ref, shallowRef, type ComputedRef, type Ref, type ShallowRef } from "vue";
import { asApiError, type ApiError } from "@/api";

export interface Load<T> {
  /** `ready` as long as there is content, also while it is being renewed. */
  state: ComputedRef<"loading" | "error" | "ready">;
  data: ShallowRef<T | undefined>;
  error: ShallowRef<ApiError | undefined>;
  /** Whether a call is under way. */
  busy: Ref<boolean>;
  reload: () => Promise<void>;
  /** Forgets the content and loads anew: for another subject. */
  restart: () => Promise<void>;
}

export function useLoad<T>(call: () => Promise<T>): Load<T> {
  const data = shallowRef<T>();
  const error = shallowRef<ApiError>();
  const busy = ref(false);
  let newest = 0;
  onScopeDispose(() => (newest = -1));

  async function reload(): Promise<void> {
    if (newest < 0) return;
    const mine = ++newest;
    busy.value = true;
    try {
      const answer = await call();
      if (mine !== newest) return;
      data.value = answer;
      error.value = undefined;
    } catch (caught) {
      if (mine !== newest) return;
      error.value = asApiError(caught);
    }
    busy.value = false;
  }

  async function restart(): Promise<void> {
    data.value = undefined;
    error.value = undefined;
    await reload();
  }

  const state = computed(() => (error.value ? "error" : data.value === undefined ? "loading" : "ready"));
  return { state, data, error, busy, reload, restart };
}
