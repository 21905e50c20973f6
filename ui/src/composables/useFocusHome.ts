/**
 * Keeps the keyboard's place. When what has the focus goes away (a button that was pressed, a row that was removed, a whole screen), the focus goes to the
 * nearest thing around it that is still there and may have it, instead of to nowhere.
 */
import { useEventListener, useMutationObserver } from "@vueuse/core";
import { nextTick, watch, type Ref } from "vue";
import { useRoute } from "vue-router";

const HOMES = "[data-focus-home], main";

export function useFocusHome(main: Ref<HTMLElement | undefined>): void {
  const route = useRoute();
  let last: Element | null = null;
  /** What was around it, from the inside out: once it is gone nobody can ask. */
  let around: Element[] = [];

  useEventListener(main, "focusin", (event: FocusEvent) => {
    last = event.target instanceof Element ? event.target : null;
    around = [];
    for (let el = last?.parentElement ?? null; el !== null; el = el.parentElement) around.push(el);
  });

  function bringHome(): void {
    if (last === null || last.isConnected || (document.activeElement !== null && document.activeElement !== document.body)) return;
    const home = around.find((el) => el.isConnected && el.matches(HOMES)) as HTMLElement | undefined;
    last = null;
    home?.focus({ preventScroll: true });
  }
  useMutationObserver(main, bringHome, { childList: true, subtree: true });

  // A new screen is read from its beginning; who went there by a link in the rail stays in the rail.
  watch(
    () => route.path,
    async () => {
      const inside = main.value?.contains(document.activeElement) ?? false;
      await nextTick();
      if (inside || document.activeElement === document.body) main.value?.focus({ preventScroll: true });
    },
    { flush: "pre" },
  );
}
