import { describe, expect, it } from "vitest";
import { openWindow, type Opened } from "../support";

const chosen = (app: Opened) => app.all("step-row").find((row) => row.attributes("aria-current") === "true")?.attributes("data-name");

describe("presses that were not meant", () => {
  const calls = (app: Opened) => app.fake.calls.filter((call) => /^run(Cancel|Kill|Retry|Again|Start)$/.test(call));

  it("a double click on Cancel asks once and kills nothing", async () => {
    const app = await openWindow("/run/r-live", { scenario: "running" });
    const button = app.one("cancel-button");
    await button.trigger("click", { detail: 1 });
    await app.pass(250);
    await button.trigger("click", { detail: 2 });
    await button.trigger("click", { detail: 1 });
    await app.pass(500);
    // Where Cancel was there is nothing to press now, and Kill takes none yet.
    await app.one("kill-button").trigger("click", { detail: 1 });
    await app.pass();
    expect(calls(app)).toEqual(["runCancel"]);
  });

  it("a second press on Cancel does not kill although the answer was lost", async () => {
    const app = await openWindow("/run/r-live", { scenario: "running", settings: { grace_s: 60 } });
    app.fake.failWith("runDetail", { code: "store_unavailable", message: "", hint: "", findings: [] });
    await app.one("cancel-button").trigger("click");
    await app.pass(2000);
    await app.one("cancel-button").trigger("click");
    await app.pass(2000);
    expect(calls(app)).toEqual(["runCancel"]);
    expect(app.one("cancelling").exists()).toBe(true);
  });

  it("a double click on Run again or Retry does not cancel the new run", async () => {
    for (const id of ["run-retry", "run-again"]) {
      const app = await openWindow("/run/r-live", { scenario: "lost" });
      await app.one(id).trigger("click", { detail: 1 });
      for (let n = 0; n < 10 && !app.one("cancel-button").exists(); n++) await app.pass(20);
      await app.one("cancel-button").trigger("click", { detail: 2 });
      await app.one("cancel-button").trigger("click", { detail: 1 });
      await app.pass();
      expect(calls(app)).toEqual([id === "run-retry" ? "runRetry" : "runAgain"]);
      app.window.unmount();
    }
  });
});

describe("what is chosen on a run", () => {
  it("stands in the address, and is found again", async () => {
    const app = await openWindow("/run/r-live", { scenario: "retried" });
    await app.all("attempt")[0]!.find("input").setValue(true);
    await app.pass();
    await app.all("step-row")[1]!.trigger("click");
    await app.pass();
    expect(app.router.currentRoute.value.query).toEqual({ attempt: "1", step: "1/2" });
    await app.one("history-link").trigger("click");
    await app.pass();
    app.router.back();
    await app.pass();
    expect(chosen(app)).toBe("lint");
    expect((app.all("attempt")[0]!.find("input").element as HTMLInputElement).checked).toBe(true);
    const strange = await openWindow("/run/r-live?attempt=99&step=7/x", { scenario: "retried" });
    expect(chosen(strange)).toBe("test");
  });

  it("can be left for what happens", async () => {
    const app = await openWindow("/run/r-live", { scenario: "running" });
    expect(app.one("run-follow").exists()).toBe(false);
    await app.all("step-row")[0]!.trigger("click");
    await app.pass(6000);
    expect(chosen(app)).toBe("install");
    await app.one("run-follow").trigger("click");
    await app.pass(500);
    expect(chosen(app)).toBe("test");
    expect(app.one("run-follow").exists()).toBe(false);
    await app.pass(5500);
    expect(chosen(app)).toBe("build");
  });

  it("is let go when the reader comes to the end of a step that has ended meanwhile", async () => {
    const app = await openWindow("/run/r-live", { scenario: "running" });
    await app.pass(6000);
    window.dispatchEvent(new KeyboardEvent("keydown", { key: "g" }));
    await app.pass(6000);
    expect(chosen(app)).toBe("test");
    window.dispatchEvent(new KeyboardEvent("keydown", { key: "G" }));
    await app.pass(500);
    expect(chosen(app)).toBe("build");
  });
});

it("does not ask for a run again because of what does not concern it", async () => {
  const app = await openWindow("/run/r-live", { scenario: "running" });
  const asked = () => app.fake.calls.filter((call) => call === "runDetail").length;
  await app.pass(1000);
  const before = asked();
  for (let n = 0; n < 10; n++) {
    app.fake.notify(["queue"]);
    app.fake.notify(["kept"]);
    app.fake.notifyOfRun("r-other", "p-store");
    await app.pass(20);
  }
  expect(asked()).toBe(before);
});
