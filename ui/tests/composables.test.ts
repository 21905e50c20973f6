import { expect, it, vi } from "vitest";
import { coalesced } from "@/composables/coalesced";
import { useImeGuard } from "@/composables/useImeGuard";
import { asApiError, onDefect } from "@/api";

it("coalesces a flood into one refresh at a time, and never misses the last", async () => {
  let running = 0;
  let most = 0;
  let calls = 0;
  const refresh = coalesced(async () => {
    calls++;
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, 50));
    running--;
  }, 100);
  for (let n = 0; n < 30; n++) {
    refresh();
    await vi.advanceTimersByTimeAsync(10);
  }
  const during = calls;
  await vi.advanceTimersByTimeAsync(1000);
  expect(most).toBe(1);
  expect(during).toBeLessThanOrEqual(4);
  expect(calls).toBeGreaterThanOrEqual(during);
  const before = calls;
  refresh();
  await vi.advanceTimersByTimeAsync(1000);
  expect(calls).toBe(before + 1);
});

it.each<[string, Partial<KeyboardEvent>, boolean]>([
  ["Enter", { key: "Enter" }, true],
  ["another key", { key: "a" }, false],
  ["an Enter that belongs to a word", { key: "Enter", isComposing: true }, false],
  ["an Enter with the key code of a composition", { key: "Enter", keyCode: 229 }, false],
])("takes %s for what it is", (_, event, expected) => {
  const guard = useImeGuard();
  expect(guard.isEnter({ isComposing: false, keyCode: 13, timeStamp: 1000, ...event } as KeyboardEvent)).toBe(expected);
});

it("does not take the Enter right after a word for a press (WebKit)", () => {
  const guard = useImeGuard();
  const enter = (timeStamp: number) => guard.isEnter({ key: "Enter", isComposing: false, keyCode: 13, timeStamp } as KeyboardEvent);
  guard.onCompositionstart();
  expect(enter(900)).toBe(false);
  guard.onCompositionend({ timeStamp: 1000 } as Event);
  expect(enter(1005)).toBe(false);
  expect(enter(1200)).toBe(true);
});

it("turns anything that was thrown into an error with words, and hands what is a defect of ours to its report", () => {
  const heard: unknown[] = [];
  onDefect((caught) => heard.push(caught));
  const known = { code: "disk_full", message: "m", hint: "", findings: [] };
  expect(asApiError(known)).toBe(known);
  expect(heard).toEqual([]);
  const boom = new Error("cannot read properties of undefined");
  // The words are those of the code: what the browser says is English in every language.
  for (const caught of [boom, "text", null]) expect(asApiError(caught)).toEqual({ code: "internal", message: "", hint: "", findings: [] });
  expect(heard).toEqual([boom, "text", null]);
  onDefect(() => undefined);
});
