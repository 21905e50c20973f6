import { expect, it } from "vitest";
import type { RunSummary } from "@/api";
import { usualMs } from "@/logic/usual";

function run(part: Partial<RunSummary> & { ms: number | null }): RunSummary {
  const { ms, ...rest } = part;
  const started = Date.UTC(2026, 10, 23, 9, 0, 0);
  return {
    id: "r", number: 1, project: "p", project_name: "shop", workflow: "build", workflow_title: {}, event: "push", target: "", version_name: "", version_title: "",
    version_author: "", version_time: "", state: "passed", cancelling: false, created: new Date(started).toISOString(), started: new Date(started).toISOString(),
    ended: ms === null ? null : new Date(started + ms).toISOString(), actor: "", message: "", attempt: 1, waiting: null, ...rest,
  };
}

it.each<[string, RunSummary[], number | null]>([
  ["no run", [], null],
  ["too few", [run({ ms: 1000 }), run({ ms: 2000 })], null],
  ["the middle one, whatever the order", [run({ ms: 9000 }), run({ ms: 1000 }), run({ ms: 2000 })], 2000],
  ["the longer of two in the middle", [run({ ms: 1000 }), run({ ms: 2000 }), run({ ms: 3000 }), run({ ms: 4000 })], 3000],
  ["not those of another workflow", [run({ ms: 1000 }), run({ ms: 2000 }), run({ ms: 3000, workflow: "deploy" })], null],
  ["not those that did not pass", [run({ ms: 1000 }), run({ ms: 2000 }), run({ ms: 3000, state: "failed" })], null],
  ["not those without a time", [run({ ms: 1000 }), run({ ms: 2000 }), run({ ms: null })], null],
])("the usual time of %s", (_, runs, expected) => {
  expect(usualMs(runs, "build")).toBe(expected);
});
