import { expect, it } from "vitest";
import type { RunDetail } from "@/api";
import { openWindow } from "../support";

const COUNT = 10_000;

/** The run with ten thousand steps, of which the one with that number runs. */
function many(run: RunDetail, running: number): RunDetail {
  const [stage] = run.stages;
  const step = stage!.steps[0]!;
  const steps = Array.from({ length: COUNT }, (_, n) => ({
    ...step,
    number: n + 1,
    name: `step-${n + 1}`,
    state: n + 1 < running ? ("passed" as const) : n + 1 === running ? ("running" as const) : ("pending" as const),
  }));
  return { ...run, stages: [{ ...stage!, steps }] };
}

it("draws of very many steps those around the chosen one, and more when asked", async () => {
  const app = await openWindow("/run/r-live", {
    scenario: "running",
    before: (fake) => {
      const detail = fake.runDetail;
      fake.runDetail = async (id) => many(await detail.call(fake, id), 5_000);
    },
  });
  const names = () => app.all("step-row").map((row) => row.attributes("data-name"));
  expect(names()).toHaveLength(200);
  expect(app.window.find("[data-testid=step-row][aria-current]").attributes("data-name")).toBe("step-5000");
  expect(app.one("steps-before").text()).toBe("Show 4,899 more");
  expect(app.one("steps-after").text()).toBe("Show 4,901 more");
  await app.one("steps-after").trigger("click");
  expect(names()).toHaveLength(400);
  // The arrow keys go on where what is drawn ends.
  const last = app.all("step-row").at(-1)!;
  const name = Number(last.attributes("data-name")!.slice(5));
  (last.element as HTMLElement).focus();
  await last.trigger("keydown", { key: "ArrowDown" });
  await app.pass();
  expect((document.activeElement as HTMLElement).dataset["name"]).toBe(`step-${name + 1}`);
  expect(app.window.find("[data-testid=step-row][aria-current]").attributes("data-name")).toBe(`step-${name + 1}`);
  await app.one("steps-before").trigger("click");
  expect(names().slice(0, 2)).toEqual(["step-4700", "step-4701"]);
  expect(new Set(names()).size).toBe(names().length);
});
