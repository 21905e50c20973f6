import { describe, expect, it } from "vitest";
import type { StageDetail, StepDetail } from "@/api";
import { ERROR_WORDS, REASON_KEY, RUN_STATES, STATE_KEY, STATE_TONE, isOver, isTrouble } from "@/logic/status";
import { interestingStep, isCarried, isCleaningUp, retryStart } from "@/logic/steps";
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
  ["interrupted", true, true],
] as const)("%s", (state, over, trouble) => {
  expect(isOver(state)).toBe(over);
  expect(isTrouble(state)).toBe(trouble);
});

describe("the step that is worth seeing", () => {
  const stages = (...steps: Partial<StepDetail>[]): StageDetail[] => [
    { number: 1, name: "default", state: "running", message: "", hint: "", steps: steps.map((step, index) => ({ number: index + 1, kind: "commands", state: "pending", failure_ignored: false, ...step }) as StepDetail) },
  ];
  it.each<[string, Partial<StepDetail>[], number]>([
    ["the lost one", [{ state: "passed" }, { state: "interrupted" }, { state: "skipped" }, { state: "passed" }], 2],
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

type Part = Partial<StepDetail>;
const stage = (number: number, name: string, ...steps: Part[]): StageDetail => ({
  number,
  name,
  state: "failed",
  message: "",
  hint: "",
  steps: steps.map((step, index) => ({ number: index + 1, attempt: 1, kind: "commands", state: "pending", started: null, ended: null, note: "", ...step }) as StepDetail),
});

describe("a retry", () => {
  const retry = (from_step: string, files_kept: boolean) => ({ possible: true, from_step, files_kept });
  const build = stage(1, "build", { name: "db", kind: "service", state: "passed" }, { name: "make", state: "passed" }, { name: "test", state: "failed" });
  const deploy = stage(2, "deploy", { name: "push", state: "skipped" });
  const lenient = stage(1, "build", { name: "db", kind: "service", state: "passed" }, { name: "lint", state: "failed", failure_ignored: true }, { name: "make", state: "passed" }, { name: "test", state: "failed" });
  const early = stage(1, "build", { name: "db", kind: "service", state: "passed" }, { name: "make", state: "failed" });

  it.each<[string, ReturnType<typeof retry>, StageDetail[], string, string]>([
    ["goes on where it went wrong", retry("test", true), [build], "test", "spares"],
    ["does not go on from a service that runs again beside it", retry("db", true), [build], "test", "spares"],
    ["does not go on from a failure that does not count", retry("db", true), [lenient], "test", "spares"],
    ["begins its stage anew without its files", retry("test", false), [build], "make", "anew"],
    ["has nothing to spare when the first step failed, a service aside", retry("make", true), [early], "make", "first"],
    ["has lost nothing then without files either", retry("make", false), [early], "make", "first"],
    ["names the stage where there are several", retry("build/test", false), [build, deploy], "build/make", "anew"],
    ["spares a stage that passed, with or without files", retry("deploy/push", false), [stage(1, "build", { name: "make", state: "passed" }), deploy], "deploy/push", "spares"],
    ["believes the core about a step that it does not know", retry("gone", false), [build], "gone", "spares"],
  ])("%s", (_, given, stages, step, kind) => {
    expect(retryStart(given, stages)).toEqual({ step, kind });
  });

  it("leaves alone what has the attempt that it had before", () => {
    const before = [stage(1, "build", { state: "passed" }, { state: "failed" }, { state: "skipped" })];
    const now = stage(1, "build", { state: "passed" }, { state: "passed", attempt: 2 }, { state: "skipped" }, { state: "passed" });
    expect(now.steps.map((step) => isCarried(before, now, step))).toEqual([true, false, false, false]);
    expect(isCarried([], now, now.steps[0]!)).toBe(false);
  });
});

describe("a cancel", () => {
  const at = (s: number) => new Date(Date.UTC(2026, 10, 23, 9, 0, s)).toISOString();
  const stopped: Part = { state: "cancelled", started: at(1), ended: at(20) };
  it.each<[string, Part[], boolean]>([
    ["asks first", [{ state: "running", started: at(1) }], false],
    ["still waits for a step that began beside the stopped one", [stopped, { state: "running", started: at(2) }], false],
    ["cleans up in a step that began afterwards", [stopped, { state: "running", started: at(20) }], true],
    ["cleans up in a step that is only being made", [stopped, { state: "starting" }], true],
    ["does not clean up in a service", [stopped, { state: "running", kind: "service", started: at(30) }], false],
    ["is over with the last of them", [stopped, { state: "passed", started: at(20), ended: at(25) }], false],
  ])("%s", (_, steps, expected) => {
    expect(isCleaningUp([stage(1, "build", ...steps)])).toBe(expected);
  });
});
