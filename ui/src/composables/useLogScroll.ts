/**
 * Where a log's window stands. The position is kept in pixels of the full list and the scroll bar follows it, so that wheel and keys are exact
 * in a list of any length. Following means: the end stays in view while lines arrive.
 */
import { useEventListener, useResizeObserver } from "@vueuse/core";
import { computed, nextTick, ref, watch, type Ref } from "vue";
import { ROW_HEIGHT, atEnd, clampPosition, geometry, positionOf, reveal, rowsAt, scale, scrollOf } from "@/logic/window";

/** Pixels per line when a mouse wheel speaks in lines. */
const WHEEL_LINE = 3 * ROW_HEIGHT;

export function useLogScroll(el: Ref<HTMLElement | undefined>, total: () => number, wrap: () => boolean) {
  const view = ref(0);
  const position = ref(0);
  const follow = ref(false);
  let ownScroll = -1;

  // Wrapped rows are higher than a row: room below lets the last one come to the top.
  const shape = computed(() => geometry(total(), view.value, wrap() ? Math.max(0, view.value - ROW_HEIGHT) : 0));
  const rows = computed(() => rowsAt(shape.value, position.value));

  function place(next: number): void {
    position.value = clampPosition(shape.value, next);
    if (!el.value) return;
    el.value.scrollTop = scrollOf(shape.value, position.value);
    // What the browser made of it: it rounds, and clips when its own height is not up to date.
    ownScroll = el.value.scrollTop;
  }

  function user(next: number): void {
    place(next);
    follow.value = !wrap() && atEnd(shape.value, position.value);
  }

  function onScroll(): void {
    if (!el.value) return;
    // Our own move comes back as an event.
    if (Math.abs(el.value.scrollTop - ownScroll) < 1.5) return;
    ownScroll = el.value.scrollTop;
    // A window that has grown scrolls by itself, before its observer speaks: not to be taken for a reader's move.
    view.value = el.value.clientHeight;
    const next = positionOf(shape.value, el.value.scrollTop);
    if (next < position.value) follow.value = false;
    position.value = next;
    if (!wrap() && atEnd(shape.value, next)) follow.value = true;
  }

  function onWheel(event: WheelEvent): void {
    if (event.ctrlKey || event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) return;
    if (event.deltaY < 0) follow.value = false;
    // Native scrolling is best as long as one pixel means one pixel.
    if (scale(shape.value) === 1) return;
    event.preventDefault();
    const unit = event.deltaMode === 1 ? WHEEL_LINE / 3 : event.deltaMode === 2 ? view.value : 1;
    user(position.value + event.deltaY * unit);
  }

  /** Shows the end. In wrap mode the heights of the last rows are only known once they are drawn. */
  async function toEnd(): Promise<void> {
    place(wrap() ? (total() - Math.ceil(view.value / ROW_HEIGHT)) * ROW_HEIGHT : shape.value.maxPosition);
    if (!wrap()) return;
    await nextTick();
    const drawn = el.value?.querySelectorAll<HTMLElement>("[data-row]");
    if (!drawn || drawn.length === 0) return;
    const heights = new Map([...drawn].map((row) => [Number(row.dataset["row"]), row.offsetHeight]));
    let sum = 0;
    for (let row = total() - 1; row >= 0; row--) {
      const height = heights.get(row);
      if (height === undefined) return;
      sum += height;
      if (sum >= view.value) {
        place((row + (sum - view.value) / height) * ROW_HEIGHT);
        return;
      }
    }
    place(0);
  }

  function setFollow(on: boolean): void {
    follow.value = on;
    if (on) void toEnd();
  }

  function show(row: number): void {
    follow.value = false;
    place(reveal(shape.value, position.value, row));
  }

  function onKey(event: KeyboardEvent): boolean {
    const page = Math.max(ROW_HEIGHT, view.value - 2 * ROW_HEIGHT);
    const moves: Record<string, () => void> = {
      ArrowDown: () => user(position.value + ROW_HEIGHT),
      ArrowUp: () => user(position.value - ROW_HEIGHT),
      PageDown: () => user(position.value + page),
      PageUp: () => user(position.value - page),
      Home: () => user(0),
      End: () => setFollow(true),
    };
    const move = event.ctrlKey || event.altKey || event.metaKey ? undefined : moves[event.key];
    move?.();
    return move !== undefined;
  }

  // After the new height is in the page: keep the end or the place.
  watch(
    [total, wrap, view],
    () => {
      if (follow.value) void toEnd();
      else place(position.value);
    },
    { flush: "post" },
  );

  const measure = () => (view.value = el.value?.clientHeight ?? 0);
  watch(el, measure);
  useResizeObserver(el, measure);
  useEventListener(el, "wheel", onWheel, { passive: false });

  return { view, position, follow, shape, rows, onScroll, onKey, setFollow, show, toTop: () => user(0) };
}
