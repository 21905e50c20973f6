import { describe, expect, it } from "vitest";
import type { RunRequest } from "@/api";
import { openWindow, type Opened } from "../support";

/** Places in the list of versions, as the fake core has them: 1.1.0; 1.0.0, from before an input existed; the first one, from before a workflow did. */
const [NEW, OLD, FIRST] = [1, 5, 7];

async function choose(app: Opened, workflow: string, version: number): Promise<void> {
  await app.window.find(`[data-testid=workflow-card][data-name=${workflow}]`).trigger("click");
  await app.all("version-row")[version]!.trigger("click");
  await app.pass();
}
const inputs = (app: Opened) => app.all("input").map((input) => input.attributes("data-name"));
const options = (app: Opened, name: string) => app.window.findAll(`[data-name=${name}] input[type=radio]`).map((radio) => (radio.element as HTMLInputElement).value);
const runnable = (app: Opened) => app.one("run-button").attributes("disabled") === undefined;

function starts(app: Opened): RunRequest[] {
  const all: RunRequest[] = [];
  const start = app.fake.runStart;
  app.fake.runStart = (request) => {
    all.push(request);
    return start(request);
  };
  return all;
}

describe("the form of a version", () => {
  it("is that of the chosen version, and one from before an input existed can be run", async () => {
    const app = await openWindow("/project/p-store");
    const started = starts(app);
    await choose(app, "deploy", NEW);
    expect(inputs(app)).toEqual(["NOTE", "BATCH", "WINDOW", "SKIP_CACHE"]);
    await app.window.find("#input-NOTE").setValue("back to it");
    await app.pass();
    await choose(app, "deploy", OLD);
    expect(inputs(app)).toEqual(["NOTE", "BATCH"]);
    expect((app.window.find("#input-NOTE").element as HTMLInputElement).value, "what was typed is kept").toBe("back to it");
    expect(options(app, "BATCH"), "the choices of that version").toEqual(["5", "10"]);
    expect(runnable(app)).toBe(true);
    await choose(app, "deploy", NEW);
    expect(inputs(app)).toHaveLength(4);
    await choose(app, "deploy", OLD);
    await app.one("run-button").trigger("click");
    await app.pass();
    expect(started.map((request) => request.inputs)).toEqual([{ NOTE: "back to it", BATCH: "5" }]);
    expect(app.one("run-state").exists()).toBe(true);
  });

  it("says so when the version has no such workflow, and offers those that it has", async () => {
    const app = await openWindow("/project/p-store");
    await choose(app, "deploy", FIRST);
    expect(app.one("error-card").attributes("data-code")).toBe("workflow_not_found");
    expect(app.text()).toContain("this version has no workflow deploy");
    expect(inputs(app)).toEqual([]);
    expect(runnable(app)).toBe(false);
    expect(app.all("docket-other").map((one) => one.attributes("data-name"))).toEqual(["build", "tag"]);
    await app.all("docket-other")[0]!.trigger("click");
    await app.pass();
    expect(runnable(app)).toBe(true);
  });

  it("cannot be run before the form of the version is known", async () => {
    const app = await openWindow("/project/p-store");
    await choose(app, "deploy", NEW);
    await app.window.find("#input-NOTE").setValue("x");
    await app.pass();
    const real = app.fake.runPreview;
    let release: () => void = () => undefined;
    app.fake.runPreview = async (request) => {
      await new Promise<void>((resolve) => (release = resolve));
      return real(request);
    };
    await app.all("version-row")[OLD]!.trigger("click");
    await app.pass(2000);
    expect(runnable(app)).toBe(false);
    // The first answer brings the form, the second what would run with it.
    release();
    await app.pass();
    release();
    await app.pass();
    expect([inputs(app), runnable(app)]).toEqual([["NOTE", "BATCH"], true]);
  });
});

describe("a press", () => {
  it("starts nothing but what was seen, and says what has changed", async () => {
    const app = await openWindow("/project/p-store");
    const started = starts(app);
    app.fake.move();
    await app.one("run-button").trigger("click");
    await app.pass();
    expect(app.one("run-state").exists(), "nothing was started").toBe(false);
    expect(app.one("docket-changed").text()).toContain("nothing was started");
    expect(app.one("docket-changed").text()).toContain("The commit that is checked out is another one now");
    expect(app.all("toast")).toHaveLength(0);
    await app.one("run-button").trigger("click");
    await app.pass();
    expect(app.one("run-state").exists()).toBe(true);
    expect(started).toHaveLength(2);
    expect(started[0]!.seen).not.toBe(started[1]!.seen);
    expect(started.every((request) => request.seen !== null)).toBe(true);
  });

  it("is one run also when its answer was lost and it is pressed again", async () => {
    const app = await openWindow("/project/p-store");
    const before = (await app.fake.runList({ project: "p-store", states: [], text: "", after: null, limit: 200 })).runs.length;
    const real = app.fake.runStart;
    let lost = true;
    app.fake.runStart = async (request) => {
      const run = await real(request);
      if (!lost) return run;
      lost = false;
      throw { code: "not_owner", message: "no answer in a minute", hint: "", findings: [] };
    };
    await app.one("run-button").trigger("click");
    await app.pass(3000);
    expect(app.one("run-state").exists()).toBe(false);
    await app.one("run-button").trigger("click");
    await app.pass();
    expect(app.one("run-state").exists()).toBe(true);
    expect((await app.fake.runList({ project: "p-store", states: [], text: "", after: null, limit: 200 })).runs).toHaveLength(before + 1);
  });

  it("that follows a run which began is another one", async () => {
    const app = await openWindow("/project/p-store");
    const started = starts(app);
    for (let n = 0; n < 2; n++) {
      await app.one("run-button").trigger("click");
      await app.pass();
      app.router.back();
      await app.pass();
    }
    expect(started).toHaveLength(2);
    expect(started[0]!.key).not.toBe(started[1]!.key);
  });
});
