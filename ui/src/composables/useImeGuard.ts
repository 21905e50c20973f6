/**
 * Enter means "take this word" while a Chinese, Japanese or Korean word is being composed, and must not press a button then. Three
 * signs, because no single one is right everywhere: the event's own flag, the key code 229, and for WebKit, which sends the key press
 * after the end of the composition, the time since that end.
 */
const AFTER_MS = 60;

export function useImeGuard() {
  let composing = false;
  let endedAt = Number.NEGATIVE_INFINITY;

  return {
    onCompositionstart: () => {
      composing = true;
    },
    onCompositionend: (event: Event) => {
      composing = false;
      endedAt = event.timeStamp;
    },
    /** Whether this key press is a real Enter. */
    isEnter: (event: KeyboardEvent): boolean =>
      event.key === "Enter" && !event.isComposing && event.keyCode !== 229 && !composing && event.timeStamp - endedAt > AFTER_MS,
  };
}
