/**
 * Fields that are stored one change after the other. Each is seen at once; a change while another is being stored waits its turn, and of several
 * of one field the last counts. What could not be stored goes back to what is stored, and `failed` hears why.
 */
import { computed, shallowRef, type ComputedRef } from "vue";

export interface Fields<T extends object> {
  /** What is stored, with what is on its way. */
  values: ComputedRef<T>;
  /** Ends when nothing is on its way any more. */
  change: (part: Partial<T>) => Promise<void>;
}

export function useFields<T extends object>(stored: () => T, write: (part: Partial<T>) => Promise<void>, failed: (caught: unknown) => void): Fields<T> {
  const seen = shallowRef<Partial<T>>({});
  const values = computed<T>(() => ({ ...stored(), ...seen.value }));
  let waiting: Partial<T> = {};
  let going: Promise<void> | undefined;

  async function storeAll(): Promise<void> {
    while (Object.keys(waiting).length > 0) {
      const part = waiting;
      waiting = {};
      try {
        await write(part);
      } catch (caught) {
        failed(caught);
      }
      seen.value = { ...waiting };
    }
    going = undefined;
  }

  function change(part: Partial<T>): Promise<void> {
    seen.value = { ...seen.value, ...part };
    waiting = { ...waiting, ...part };
    going ??= storeAll();
    return going;
  }

  return { values, change };
}
