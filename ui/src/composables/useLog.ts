/** One step's log: how long it is, its marks, and the lines around the window, pulled as they are needed. */
import { onScopeDispose, ref, shallowRef, watch } from "vue";
import { asApiError, useApi, type ApiError, type LogMark, type StepAddress } from "@/api";
import { BLOCK, Ranges } from "@/logic/ranges";
import { coalesced } from "./coalesced";
import { useNotice } from "./useNotice";

/** Calls for lines that may be under way at once. */
const AT_ONCE = 3;
/** Least time between two questions for marks while a log grows, in milliseconds. */
const MARKS_EVERY = 500;

export function useLog(address: () => StepAddress | null) {
  const total = ref(0);
  const complete = ref(false);
  const marks = shallowRef<readonly LogMark[]>([]);
  const state = ref<"loading" | "ready" | "error">("loading");
  const error = shallowRef<ApiError>();
  /** Grows whenever lines have arrived: what draws rows depends on it. */
  const version = ref(0);

  let ranges = new Ranges();
  let generation = 0;
  let bytes = 0;
  let wanted = { first: 0, end: 0 };
  const under = new Set<number>();
  /** With how many lines in the log each block was asked for last: a short answer is not asked for again until the log has grown. */
  const asked = new Map<number, string>();

  async function open(): Promise<void> {
    const mine = ++generation;
    ranges = new Ranges();
    under.clear();
    asked.clear();
    total.value = 0;
    bytes = 0;
    complete.value = false;
    marks.value = [];
    state.value = "loading";
    error.value = undefined;
    if (address() === null) return;
    await summarise();
    if (mine === generation && state.value === "loading") state.value = "ready";
  }

  async function summarise(): Promise<void> {
    const at = address();
    const mine = generation;
    if (at === null) return;
    try {
      const summary = await useApi().logSummary(at);
      if (mine !== generation) return;
      marks.value = summary.marks;
      complete.value = summary.complete;
      grow(summary.lines, summary.bytes);
    } catch (caught) {
      if (mine !== generation) return;
      const failure = asApiError(caught);
      // A step that has only just begun has no log yet: a notice will tell when it has.
      if (failure.code === "step_not_found") return;
      error.value = failure;
      state.value = "error";
    }
  }

  function grow(lines: number, size: number): void {
    if (size <= bytes && lines <= total.value) return;
    // The last line that we have may have gone on without a new one.
    if (total.value > 0) ranges.stale(Math.floor((total.value - 1) / BLOCK));
    bytes = Math.max(bytes, size);
    total.value = Math.max(total.value, lines);
    pump();
  }

  function want(first: number, end: number): void {
    wanted = { first, end };
    pump();
  }

  function pump(): void {
    const at = address();
    if (at === null) return;
    for (const number of ranges.missing(wanted.first, wanted.end, total.value)) {
      if (under.size >= AT_ONCE) return;
      if (under.has(number) || asked.get(number) === `${total.value}/${bytes}`) continue;
      void pull(at, number);
    }
  }

  async function pull(at: StepAddress, number: number): Promise<void> {
    const mine = generation;
    under.add(number);
    asked.set(number, `${total.value}/${bytes}`);
    try {
      const range = await useApi().logRange(at, number * BLOCK, BLOCK);
      if (mine !== generation) return;
      ranges.put(number, range.lines, range.cut);
      total.value = Math.max(total.value, range.total);
      version.value++;
    } catch (caught) {
      if (mine !== generation) return;
      error.value = asApiError(caught);
      state.value = "error";
    }
    under.delete(number);
    // A block that has left the cache may be wanted again later.
    if (asked.size > 4 * AT_ONCE) asked.clear();
    pump();
  }

  const marksAgain = coalesced(summarise, MARKS_EVERY);
  useNotice("log", (notice) => {
    const at = address();
    if (!at || notice.run !== at.run || notice.stage !== at.stage || notice.step !== at.step || notice.attempt !== at.attempt) return;
    // Also while the size is being asked for: the answer may be older than this, and a step that then is silent tells nothing more.
    if (state.value === "error") return;
    grow(notice.lines, notice.bytes);
    marksAgain();
  });

  watch(() => JSON.stringify(address()), () => void open(), { immediate: true });
  onScopeDispose(() => generation++);

  return {
    total,
    complete,
    marks,
    state,
    error,
    version,
    want,
    reopen: open,
    /** Asks for size and marks again: when the step has ended. */
    refresh: marksAgain,
    line: (row: number) => ranges.line(row),
  };
}

export type Log = ReturnType<typeof useLog>;
