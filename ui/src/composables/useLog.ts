/** One step's log: how long it is, its marks, and the lines around the window, pulled as they are needed. */
import { onScopeDispose, ref, shallowRef, watch } from "vue";
import { asApiError, useApi, type ApiError, type LogMark, type LogKey } from "@/api";
import { PART, Ranges } from "@/logic/ranges";
import { TAGS } from "@/logic/tags";
import { coalesced } from "./coalesced";
import { useStale } from "./useStale";

/** Questions for lines that may be under way at once. */
const AT_ONCE = 3;
/** Least time between two questions for marks while a log grows, in milliseconds; more when there are many, since all of them come each time. */
const MARKS_EVERY = 500;
const MORE_PER_MARK = 0.5;
/** Most bytes that one answer holds: the core's limit. */
const ANSWER_BYTES = 256 * 1024;
/** Lines around the window that are asked for with it. */
const MARGIN = 160;

export function useLog(address: () => LogKey | null) {
  const total = ref(0);
  const complete = ref(false);
  const marks = shallowRef<readonly LogMark[]>([]);
  const state = ref<"loading" | "ready" | "error">("loading");
  const error = shallowRef<ApiError>();
  /** Grows whenever lines have arrived: what draws rows depends on it. */
  const version = ref(0);

  let ranges = new Ranges();
  let generation = 0;
  const bytes = ref(0);
  let wanted = { first: 0, end: 0 };
  /** The last answer held less than was asked for: what is in the window comes first. */
  let tight = false;
  const under = new Map<number, number>();
  /** Rows that the core had no line for, with the size of the log then: they are not asked for again until it has grown. */
  const empty = new Map<number, string>();
  const size = () => `${total.value}/${bytes.value}`;

  async function open(): Promise<void> {
    const mine = ++generation;
    ranges = new Ranges();
    under.clear();
    empty.clear();
    total.value = 0;
    bytes.value = 0;
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
      error.value = undefined;
      grow(summary.lines, summary.bytes);
    } catch (caught) {
      if (mine === generation) fail(caught);
    }
  }

  /** What is there stays readable; an error counts alone only where there is nothing to read. */
  function fail(caught: unknown): void {
    const failure = asApiError(caught);
    // A step that has only just begun has no log yet: a notice will tell when it has.
    if (failure.code === "step_not_found" && total.value === 0) return;
    error.value = failure;
    if (total.value === 0) state.value = "error";
  }

  function grow(lines: number, now: number): void {
    if (now <= bytes.value && lines <= total.value) return;
    // The last line that we have may have gone on without a new one.
    if (total.value > 0) ranges.doubt(total.value - 1);
    bytes.value = Math.max(bytes.value, now);
    total.value = Math.max(total.value, lines);
    pump();
  }

  function want(first: number, end: number): void {
    wanted = { first, end };
    pump();
  }

  /** Asks for what the window needs. What is around it comes along as far as one answer holds it. */
  function pump(): void {
    const at = address();
    if (at === null || error.value) return;
    const perLine = total.value === 0 ? 1 : Math.max(1, bytes.value / total.value);
    const room = Math.max(0, Math.min(PART, Math.floor(ANSWER_BYTES / perLine)) - (wanted.end - wanted.first));
    const margin = tight ? 0 : Math.min(MARGIN, Math.floor(room / 2));
    const needed = ranges.missing(wanted.first, Math.min(wanted.end, total.value));
    if (needed.length === 0) return;
    for (const gap of ranges.missing(Math.max(0, wanted.first - margin), Math.min(wanted.end + margin, total.value))) {
      if (!needed.some((one) => one.from < gap.from + gap.count && one.from + one.count > gap.from)) continue;
      for (let from = gap.from; from < gap.from + gap.count; from += PART) {
        if (under.size >= AT_ONCE) return;
        if (isUnder(from) || empty.get(from) === size()) continue;
        void pull(at, from, Math.min(PART, gap.from + gap.count - from));
      }
    }
  }

  const isUnder = (row: number) => [...under].some(([from, count]) => row >= from && row < from + count);

  async function pull(at: LogKey, from: number, count: number): Promise<void> {
    const mine = generation;
    const before = size();
    under.set(from, count);
    try {
      const range = await useApi().logRange(at, from, count);
      if (mine !== generation) return;
      ranges.put(from, range.lines, range.cut, range.times);
      tight = range.lines.length < count;
      if (range.lines.length === 0) empty.set(from, before);
      total.value = Math.max(total.value, range.total);
      version.value++;
    } catch (caught) {
      if (mine !== generation) return;
      fail(caught);
    }
    under.delete(from);
    pump();
  }

  const marksAgain = coalesced(summarise, () => MARKS_EVERY + marks.value.length * MORE_PER_MARK);
  useStale(
    () => {
      const at = address();
      return at === null ? [] : TAGS.logSummary(at);
    },
    ({ log }) => {
      // Also while the size is being asked for: the answer may be older than this, and a step that then is silent tells nothing more.
      if (log && state.value !== "error") grow(log.lines, log.bytes);
      // Without a size notices were lost: this log's may be among them.
      if (!log || state.value !== "error") marksAgain();
    },
  );

  watch(() => JSON.stringify(address()), () => void open(), { immediate: true });
  onScopeDispose(() => generation++);

  /** Asks again after a failure: from the beginning, or for what could not be had. */
  async function again(): Promise<void> {
    if (state.value === "error") return open();
    error.value = undefined;
    await summarise();
    pump();
  }

  return {
    total,
    bytes,
    complete,
    marks,
    state,
    error,
    version,
    want,
    again,
    /** Asks for size and marks again: when the step has ended. */
    refresh: marksAgain,
    line: (row: number) => ranges.line(row),
  };
}

export type Log = ReturnType<typeof useLog>;
