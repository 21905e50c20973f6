import { ref } from "vue";
import { useToasts } from "@/stores/toasts";

/** An action behind a button: a second press while it goes on does nothing, and a failure is shown. */
export function useTask<A extends unknown[]>(action: (...args: A) => Promise<void>) {
  const busy = ref(false);
  async function run(...args: A): Promise<void> {
    if (busy.value) return;
    busy.value = true;
    try {
      await action(...args);
    } catch (caught) {
      useToasts().fail(caught);
    } finally {
      busy.value = false;
    }
  }
  return { busy, run };
}
