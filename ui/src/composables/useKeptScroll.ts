import { useEventListener } from "@vueuse/core";
import { nextTick, watch, type Ref } from "vue";

/** Keeps how far an element is scrolled in `place`, and brings it back there as soon as its content is `ready`. */
export function useKeptScroll(el: Ref<HTMLElement | undefined>, place: { scroll: number }, ready: () => boolean): void {
  let back = false;
  watch(
    [el, ready],
    async ([element, isReady]) => {
      if (!element || !isReady || back) return;
      back = true;
      await nextTick();
      element.scrollTop = place.scroll;
    },
    { immediate: true, flush: "post" },
  );
  useEventListener(el, "scroll", () => (back ? (place.scroll = el.value?.scrollTop ?? 0) : undefined), { passive: true });
}
