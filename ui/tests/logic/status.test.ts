import { describe, expect, it } from "vitest";
import type { StageDetail, StepDetail } from "@/api";
import { ERROR_WORDS, REASON_KEY, RUN_STATES, STATE_KEY, STATE_TONE, isOver, isTrouble } from "@/logic/status";
import { interestingStep } from "@/logic/steps";
import { en } from "@/i18n/en";
import { zhCN } from "@/i18n/zh-CN";

it("has words in both languages for every state, code and reason", () => {
  const keys = [...Object.values(STATE_KEY), ...Object.values(ERROR_WORDS).flatMap((words) => [words.title, words.hint]), ...Object.values(REASON_KEY)];
  for (const key of keys) {
    expect(en, key).toHaveProperty([key]);
    expect(zhCN, key).toHaveProperty([key]);
  }
});

it("draws no two final outcomes of a run alike but the two failures", () => {
  const tones = RUN_STATES.filter(isOver).map((state) => STATE_TONE[state]);
  expect(new Set(tones).size).toBe(tones.length - 1);
});

it.each([
  ["queued", false, false],
  ["preparing", false, false],
  ["running", false, false],
  ["passed", true, false],
  ["failed", true, true],
  ["errored", true, true],
  ["timed_out", true, true],
  ["skipped", true, false],
  ["cancelled", true, false],
  ["interrupted", true, false],
] as const)("%s", (state, over, trouble) => {
  expect(isOver(state)).toBe(over);
  expect(isTrouble(state)).toBe(trouble);
});

describe("the step that is worth seeing", () => {
  const stages = (...steps: Partial<StepDetail>[]): StageDetail[] => [
    { number: 1, name: "default", state: "running", message: "", hint: "", steps: steps.map((step, index) => ({ number: index + 1, kind: "commands", state: "pending", failure_ignored: false, ...step }) as StepDetail) },
  ];
  it.each<[string, Partial<StepDetail>[], number]>([
    ["the one that runs", [{ state: "passed" }, { state: "running" }, {}], 2],
    ["not a service", [{ state: "running", kind: "service" }, { state: "starting" }], 2],
    ["the failed one, also while others clean up", [{ state: "failed" }, { state: "running" }], 1],
    ["not a failure that does not count", [{ state: "failed", failure_ignored: true }, { state: "running" }], 2],
    ["the last that ran when all is over", [{ state: "passed" }, { state: "passed" }, { state: "skipped" }], 2],
    ["the first before anything has begun", [{}, {}], 1],
  ])("%s", (_, steps, expected) => {
    expect(interestingStep(stages(...steps))).toEqual({ stage: 1, step: expected });
  });
  it("is none without steps", () => expect(interestingStep([])).toBeNull());
});
