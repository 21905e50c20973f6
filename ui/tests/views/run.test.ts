import { describe, expect, it } from "vitest";
import { openWindow, type Opened } from "../support";

const states = (app: Opened) => app.all("step-row").map((row) => row.attributes("data-state"));
const chosen = (app: Opened) => app.all("step-row").find((row) => row.attributes("aria-current") === "true")?.attributes("data-name");
const texts = (app: Opened) => app.all("log-line").map((line) => line.find(".text").text());

describe("the run screen", () => {
  it("moves with the run from the first step to the end", async () => {
    const app = await openWindow("/run/r-live", { scenario: "running" });
    expect(app.one("run-state").attributes("data-state")).toBe("running");
    expect(states(app)).toEqual(["passed", "starting", "pending", "pending", "pending"]);
    expect(chosen(app)).toBe("lint");
    expect(app.all("step-row")[1]!.text()).toContain("fetching");
    await app.pass(4000);
    expect(states(app).slice(0, 3)).toEqual(["passed", "passed", "running"]);
    expect(chosen(app)).toBe("test");
    expect(texts(app).join("\n")).toContain("test.ts");
    await app.pass(12_000);
    expect(app.one("run-state").attributes("data-state")).toBe("passed");
    expect(states(app)).toEqual(["passed", "passed", "passed", "passed", "skipped"]);
    expect(app.all("step-row")[4]!.text()).toContain("nothing failed");
    expect(app.one("cancel-button").exists()).toBe(false);
    expect(app.one("run-again").exists()).toBe(true);
  });

  it("says how long it usually takes while it goes on", async () => {
    const app = await openWindow("/run/r-live", {
      scenario: "running",
      before: (fake) => {
        const real = fake.runList;
        fake.runList = async (filter) => {
          const [one] = (await real.call(fake, { ...filter, states: [] })).runs;
          const started = Date.now() - 60_000;
          const passed = [9_000, 14_000, 80_000].map((ms) => ({
            ...one!, state: "passed" as const, workflow: "build", started: new Date(started).toISOString(), ended: new Date(started + ms).toISOString(),
          }));
          return { runs: passed, next: null };
        };
      },
    });
    expect(app.one("usual").text()).toBe("usually 14s");
    await app.pass(16_000);
    expect(app.one("usual").exists()).toBe(false);
  });

  it("does not promise a time after too few runs", async () => {
    const app = await openWindow("/run/r-live", { scenario: "running", before: (fake) => (fake.runList = () => Promise.resolve({ runs: [], next: null })) });
    expect(app.one("usual").exists()).toBe(false);
  });

  it.each([
    ["lin", "started by lin, today"],
    ["", "started today"],
  ])("says who started it, if that is known: %s", async (actor, words) => {
    const app = await openWindow("/run/r-live", {
      scenario: "running",
      before: (fake) => {
        const real = fake.runDetail;
        fake.runDetail = async (id) => {
          const detail = await real.call(fake, id);
          return { ...detail, run: { ...detail.run, actor } };
        };
      },
    });
    expect(app.window.find("header .by").text()).toContain(words);
  });

  it("names the window after its state and what runs", async () => {
    const app = await openWindow("/run/r-live", { scenario: "running" });
    expect(document.title).toMatch(/^Running – Build and test – .+ – Letterpress$/);
    await app.pass(16_000);
    expect(document.title).toMatch(/^Passed – /);
  });

  it("announces its state politely", async () => {
    const app = await openWindow("/run/r-live", { scenario: "running" });
    expect(app.window.find("header [aria-live=polite]").text()).toBe("Build and test: Running");
    await app.pass(16_000);
    expect(app.window.find("header [aria-live=polite]").text()).toBe("Build and test: Passed");
  });

  it("stays at the step that the reader chose", async () => {
    const app = await openWindow("/run/r-live", { scenario: "running" });
    await app.all("step-row")[0]!.trigger("click");
    await app.pass(6000);
    expect(chosen(app)).toBe("install");
    expect(texts(app).join("\n")).toContain("npm http fetch");
  });

  it("stays at the step whose log is being read, until the reader is back at its end", async () => {
    const app = await openWindow("/run/r-live", { scenario: "running" });
    await app.pass(6000);
    expect(chosen(app)).toBe("test");
    window.dispatchEvent(new KeyboardEvent("keydown", { key: "g" }));
    await app.pass(6000);
    expect(states(app)[2]).toBe("passed");
    expect(chosen(app)).toBe("test");
    const other = await openWindow("/run/r-live", { scenario: "running" });
    await other.pass(6000);
    window.dispatchEvent(new KeyboardEvent("keydown", { key: "g" }));
    await other.pass(500);
    window.dispatchEvent(new KeyboardEvent("keydown", { key: "G" }));
    await other.pass(5500);
    expect(states(other)[2]).toBe("passed");
    expect(chosen(other)).toBe("build");
  });

  it("tells the steps of several stages apart", async () => {
    const asked: { stage: number; step: number }[] = [];
    const app = await openWindow("/run/r-live", {
      scenario: "running",
      before: (fake) => {
        const detail = fake.runDetail;
        fake.runDetail = async (id) => {
          const run = await detail.call(fake, id);
          const first = { ...run.stages[0]!, name: "build", state: "passed" as const };
          return { ...run, stages: [first, { ...run.stages[0]!, number: 2, name: "deploy" }] };
        };
        const summary = fake.logSummary;
        fake.logSummary = (address) => {
          asked.push({ stage: address.stage, step: address.step });
          return summary.call(fake, address);
        };
      },
    });
    const headings = app.window.findAll("nav.steps h2").map((heading) => heading.text());
    expect(headings).toEqual([expect.stringContaining("build"), expect.stringContaining("deploy")]);
    const rows = app.all("step-row");
    expect(rows[0]!.attributes("data-name")).toBe(rows[5]!.attributes("data-name"));
    await rows[5]!.trigger("click");
    await app.pass();
    expect(app.all("step-row").map((row) => row.attributes("aria-current") === "true").indexOf(true)).toBe(5);
    expect(asked.at(-1)).toEqual({ stage: 2, step: 1 });
  });

  it("asks first and kills second", async () => {
    const app = await openWindow("/run/r-live", { scenario: "running", settings: { grace_s: 60 } });
    expect(app.one("kill-button").exists()).toBe(false);
    await app.one("cancel-button").trigger("click");
    await app.pass(1250);
    expect(app.one("cancel-button").attributes("disabled")).toBeDefined();
    expect(app.text()).toContain("a moment to clean up");
    expect(app.one("kill-button").text()).toBe("Kill now");
    await app.one("kill-button").trigger("click");
    await app.pass();
    expect(app.fake.calls.filter((call) => call === "runCancel" || call === "runKill")).toEqual(["runCancel", "runKill"]);
    expect(app.one("run-state").attributes("data-state")).toBe("cancelled");
    expect(states(app)).toContain("cancelled");
    expect(states(app)).toContain("skipped");
  });

  it("runs again with the same version and shows the new run", async () => {
    const app = await openWindow("/history", { scenario: "sample" });
    await app.all("history-row")[0]!.trigger("click");
    await app.pass();
    const before = app.router.currentRoute.value.params["run"];
    await app.one("run-again").trigger("click");
    await app.pass();
    expect(app.router.currentRoute.value.params["run"]).not.toBe(before);
    expect(app.one("run-state").attributes("data-state")).toBe("running");
  });

  it("says in one sentence what failed and opens the log there", async () => {
    const app = await openWindow("/run/r-live", { scenario: "failed" });
    await app.pass(15_000);
    expect(app.one("run-state").attributes("data-state")).toBe("failed");
    expect(chosen(app)).toBe("test");
    expect(app.one("error-card").text()).toContain("test failed: its program ended with exit code 1.");
    expect(app.window.find(".row.current").text()).toContain("FAIL");
    expect(states(app)).toEqual(["passed", "passed", "failed", "skipped", "passed"]);
    expect(app.all("step-row")[3]!.text()).toContain("an earlier step failed");
  });

  it("opens a run that failed long ago at its first error", async () => {
    const app = await openWindow("/history", { scenario: "sample" });
    const row = app.all("history-row").find((one) => one.attributes("data-state") === "failed");
    await row!.trigger("click");
    await app.pass(1000);
    expect(app.window.find(".row.current").text()).toContain("FAIL");
    window.dispatchEvent(new KeyboardEvent("keydown", { key: "e" }));
    await app.pass();
    expect(app.window.find(".row.current").text()).toContain("AssertionError");
  });

  it("tells why a stage could not be prepared, and why its steps have no log", async () => {
    const app = await openWindow("/history");
    const row = app.all("history-row").find((one) => one.attributes("data-state") === "errored");
    await row!.trigger("click");
    await app.pass();
    expect(app.one("error-card").text()).toContain("registry.example.com/platform/deploy:3.2 cannot be pulled");
    expect(app.one("error-card").text()).toContain("add credentials");
    expect(app.one("log-nothing").text()).toContain("the stage could not be prepared");
  });

  it("moves between steps by the bracket keys", async () => {
    const app = await openWindow("/run/r-live", { scenario: "running" });
    window.dispatchEvent(new KeyboardEvent("keydown", { key: "[" }));
    await app.pass();
    expect(chosen(app)).toBe("install");
    window.dispatchEvent(new KeyboardEvent("keydown", { key: "]" }));
    window.dispatchEvent(new KeyboardEvent("keydown", { key: "]" }));
    await app.pass();
    expect(chosen(app)).toBe("test");
  });

  it("is on its way in stripes and broken with a hint", async () => {
    const waiting = await openWindow("/run/r-1", { before: (fake) => (fake.runDetail = () => new Promise(() => undefined)) });
    expect(waiting.one("loading").exists()).toBe(true);
    waiting.window.unmount();
    const broken = await openWindow("/run/gone");
    expect(broken.one("error-card").attributes("data-code")).toBe("run_not_found");
  });

  it("says when a run has no steps", async () => {
    const app = await openWindow("/run/r-1", {
      before: (fake) => {
        const real = fake.runDetail;
        fake.runDetail = async (run) => ({ ...(await real(run)), stages: [] });
      },
    });
    expect(app.text()).toContain("This run has no steps.");
  });
});

const notes = (app: Opened) => app.all("step-row").map((row) => (row.find(".note").exists() ? row.find(".note").text() : ""));

describe("a run that went wrong", () => {
  it("can be retried from there, and says what that does before it is pressed", async () => {
    const app = await openWindow("/run/r-live", { scenario: "failed" });
    expect(app.one("run-retry").exists()).toBe(false);
    await app.pass(15_000);
    expect(app.one("run-retry").text()).toBe("Retry from test");
    expect(app.one("run-retry").classes()).toContain("primary");
    expect(app.one("run-again").classes()).toContain("plain");
    expect(app.one("retry-text").text()).toContain("the steps that passed before it are not run again, and their files are still here");
    expect(app.one("attempts").exists()).toBe(false);

    await app.one("run-retry").trigger("click");
    await app.pass(1500);
    expect(app.router.currentRoute.value.params["run"]).toBe("r-live");
    expect(app.one("run-state").attributes("data-state")).toBe("running");
    expect(app.one("run-attempt").text()).toBe("attempt 2");
    expect(app.one("usual").exists()).toBe(false);
    expect(states(app)).toEqual(["passed", "passed", "running", "pending", "pending"]);
    expect(notes(app).slice(0, 3)).toEqual(["not run again", "not run again", ""]);
    expect(chosen(app)).toBe("test");
    await app.pass(15_000);
    expect(app.one("run-state").attributes("data-state")).toBe("passed");
    expect(app.one("run-retry").exists()).toBe(false);
    expect(app.one("retry-text").exists()).toBe(false);
  });

  it("asks once on a double press, and says why when it is refused", async () => {
    const app = await openWindow("/run/r-live", { scenario: "lost" });
    app.fake.failWith("runRetry", { code: "run_under_way", message: "run 9 is not over yet", hint: "", findings: [] });
    const button = app.one("run-retry");
    void button.trigger("click");
    await button.trigger("click");
    await app.pass();
    expect(app.fake.calls.filter((call) => call === "runRetry")).toHaveLength(1);
    expect(app.one("toast").text()).toContain("The run is not over yet");
    expect(app.one("run-retry").attributes("aria-busy")).toBeUndefined();
  });

  it("begins its stage anew when its files were removed meanwhile", async () => {
    const app = await openWindow("/run/r-live", { scenario: "lost" });
    expect(app.one("run-retry").text()).toBe("Retry from deploy");
    await app.fake.keptRemove("r-live");
    await app.pass();
    expect(app.one("run-retry").text()).toBe("Retry from install");
    expect(app.one("retry-text").text()).toContain("no longer kept");
    await app.one("run-retry").trigger("click");
    await app.pass(1000);
    expect(states(app)[0]).toBe("starting");
    expect(notes(app)).not.toContain("not run again");
  });

  it("says in Chinese what a retry does", async () => {
    const app = await openWindow("/run/r-live", { scenario: "lost", settings: { language: "zh-CN" } });
    expect(app.one("run-retry").text()).toBe("从「deploy」重试");
    expect(app.one("run-state").text()).toContain("丢失");
    expect(app.one("retry-text").text()).toBe("重试从「deploy」继续：之前已通过的步骤不再运行，它们生成的文件还在。");
  });

  it("does not push a retry after a cancel", async () => {
    const app = await openWindow("/history?state=cancelled");
    await app.all("history-row")[0]!.trigger("click");
    await app.pass();
    expect(app.one("run-retry").classes()).toContain("plain");
    expect(app.one("run-again").classes()).toContain("plain");
  });

  it("shows a lost step as such, what that means and what to do", async () => {
    const app = await openWindow("/run/r-live", { scenario: "lost" });
    expect(app.one("run-state").attributes("data-state")).toBe("interrupted");
    expect(app.one("run-state").text()).toContain("Lost");
    expect(states(app)).toEqual(["passed", "passed", "passed", "interrupted", "passed"]);
    expect(chosen(app)).toBe("deploy");
    expect(notes(app)[3]).toBe("what it ran in went away before it ended");
    const card = app.one("error-card");
    expect(card.classes()).toContain("lost");
    expect(card.text()).toContain("deploy was lost: what it ran in went away before it ended.");
    expect(card.text()).toContain("the container of step deploy is gone");
    expect(card.text()).toContain("check there before you retry");
    expect(texts(app).join()).toContain("switching");
  });

  it("says when the app itself lost it", async () => {
    const app = await openWindow("/run/r-live", {
      scenario: "lost",
      before: (fake) => {
        const real = fake.runDetail;
        fake.runDetail = async (id) => {
          const detail = await real.call(fake, id);
          const steps = detail.stages[0]!.steps.map((step) => (step.state === "interrupted" ? { ...step, reason: "unattended", message: "" } : step));
          return { ...detail, stages: [{ ...detail.stages[0]!, steps }] };
        };
      },
    });
    expect(app.one("error-card").text()).toContain("Letterpress ended and could not take it over again");
  });
});

describe("a run that is disturbed", () => {
  it("waits for an engine that does not answer and says for how long", async () => {
    const app = await openWindow("/run/r-live", { scenario: "silent", settings: { engine_patience_s: 120 } });
    expect(app.one("engine-wait").text()).toContain("The container engine does not answer.");
    expect(app.one("engine-wait").text()).toContain("waits up to 2m for the engine");
    expect(notes(app)[2]).toBe("waits for the container engine");
    await app.all("step-row")[0]!.trigger("click");
    await app.pass();
    expect(app.one("engine-wait").exists()).toBe(false);
  });

  it("says that it was taken over, and how often", async () => {
    const app = await openWindow("/run/r-live", { scenario: "silent" });
    expect(app.one("resumed").text()).toBe("Letterpress ended 1 time meanwhile and took the run up again.");
    const other = await openWindow("/run/r-live", { scenario: "running" });
    expect(other.one("resumed").exists()).toBe(false);
  });

  it("cleans up after a cancel, and a second press ends that too", async () => {
    const app = await openWindow("/run/r-live", { scenario: "cleanup" });
    expect(app.one("cancelling").text()).toContain("The steps that clean up still run");
    expect(states(app)).toEqual(["passed", "cancelled", "skipped", "skipped", "running"]);
    expect(chosen(app)).toBe("tell the team");
    await app.pass(1000);
    await app.one("kill-button").trigger("click");
    await app.pass();
    expect(states(app)[4]).toBe("cancelled");
    expect(app.one("run-state").attributes("data-state")).toBe("cancelled");
    expect(app.one("cancelling").exists()).toBe(false);
  });
});
