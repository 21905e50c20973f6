/**
 * When a press is meant. A press with a consequence must not be the second half of a double click, a key that is held, the Enter that takes a word
 * of an input method, or one that was on its way to something else when the button appeared.
 */
import { onScopeDispose, ref, watch, type Ref } from "vue";

/** How long what has just appeared takes no press, in milliseconds. */
export const SETTLE_MS = 250;

export interface PressOptions {
  /** What a press would do now: when that changes, the button counts as one that has just appeared. */
  means: () => unknown;
  /** How long it takes no press then, in milliseconds. */
  settle?: () => number | undefined;
  /** Enter does not press it; who tries hears so by the callback. */
  noEnter?: () => boolean;
  triedEnter?: () => void;
}

export interface Press {
  /** It has been there long enough. */
  armed: Ref<boolean>;
  onKeydown: (event: KeyboardEvent) => void;
  onPointerdown: () => void;
  onClick: (event: MouseEvent) => void;
}

export function usePress(action: () => void, options: PressOptions): Press {
  const armed = ref(false);
  let timer: number | undefined;
  /** The press that is under way began before the button was ready. */
  let early = false;

  function settle(): void {
    armed.value = false;
    window.clearTimeout(timer);
    timer = window.setTimeout(() => (armed.value = true), options.settle?.() ?? SETTLE_MS);
  }
  watch(options.means, settle, { immediate: true, flush: "sync" });
  onScopeDispose(() => window.clearTimeout(timer));

  return {
    armed,
    onPointerdown: () => (early = !armed.value),
    onKeydown: (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      early = !armed.value;
      const refused = event.key === "Enter" && options.noEnter?.() === true;
      if (refused && !event.repeat) options.triedEnter?.();
      if (refused || event.repeat || event.isComposing || event.keyCode === 229) event.preventDefault();
    },
    onClick: (event) => {
      const meant = armed.value && !early && event.detail <= 1;
      early = false;
      if (meant) action();
    },
  };
}
