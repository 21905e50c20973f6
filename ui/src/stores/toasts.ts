/** Short messages about what an action did or why it did not. */
import { defineStore } from "pinia";
import { ref } from "vue";
import { asApiError, type ApiError } from "@/api";

export interface Toast {
  id: number;
  /** An i18n key with its values, or a failure of the core. */
  text?: { key: string; values: Record<string, string> };
  error?: ApiError;
  /** Something is not as it was wanted. */
  bad: boolean;
}

/** How long a good message stays, in milliseconds; a bad one stays until it is closed. */
const STAYS_MS = 5_000;
const MOST = 4;

export const useToasts = defineStore("toasts", () => {
  const items = ref<Toast[]>([]);
  let next = 1;

  function add(toast: Omit<Toast, "id">): number {
    const id = next++;
    items.value = [...items.value, { id, ...toast }].slice(-MOST);
    return id;
  }

  function say(key: string, values: Record<string, string> = {}): void {
    const id = add({ text: { key, values }, bad: false });
    window.setTimeout(() => close(id), STAYS_MS);
  }

  function warn(key: string, values: Record<string, string> = {}): void {
    add({ text: { key, values }, bad: true });
  }

  function fail(caught: unknown): void {
    add({ error: asApiError(caught), bad: true });
  }

  function close(id: number): void {
    items.value = items.value.filter((toast) => toast.id !== id);
  }

  return { items, say, warn, fail, close };
});
