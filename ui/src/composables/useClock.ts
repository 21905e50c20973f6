/** Clocks that the whole window shares, so that what shows a time is drawn again when its words change, and only then. */
import { createSharedComposable, useEventListener, useIntervalFn, useNow } from "@vueuse/core";
import { computed, ref } from "vue";

/** How often the day is looked at, in milliseconds: a computer that slept over midnight tells nobody. */
const DAY_CHECK_MS = 20_000;

const useTicks = createSharedComposable(() => useNow({ interval: 1000 }));

/** Milliseconds since 1970 UTC, moving once a second. Only what reads it is drawn again. */
export function useSecond() {
  const ticks = useTicks();
  return computed(() => ticks.value.getTime());
}

/** A moment of today. It changes when the calendar day does: "today" becomes "yesterday" while the window stays open. */
export const useToday = createSharedComposable(() => {
  const today = ref(new Date());
  function look(): void {
    const now = new Date();
    if (now.toDateString() !== today.value.toDateString()) today.value = now;
  }
  useIntervalFn(look, DAY_CHECK_MS);
  useEventListener(window, "focus", look);
  useEventListener(document, "visibilitychange", look);
  return today;
});
