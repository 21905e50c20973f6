import { describe, expect, it } from "vitest";
import { openWindow, type Opened } from "../support";

const states = (app: Opened) => app.all("step-row").map((row) => row.attributes("data-state"));
const chosen = (app: Opened) => app.all("step-row").find((row) => row.attributes("aria-current") === "true")?.attributes("data-name");
const texts = (app: Opened) => app.all("log-line").map((line) => line.find(".text").text());
const notes = (app: Opened) => app.all("step-row").map((row) => (row.find(".note").exists() ? row.find(".note").text() : ""));

describe("the attempts of a run", () => {
  it("are chosen with their states, steps and logs, and the newest goes on meanwhile", async () => {
    const app = await openWindow("/run/r-live", { scenario: "retried" });
    expect(app.all("attempt").map((one) => one.text())).toEqual(["FailedAttempt 1", "LostAttempt 2", "RunningAttempt 3"]);
    expect(app.one("attempt-facts").exists()).toBe(false);
    expect(texts(app).join()).not.toContain("FAIL");

    await app.all("attempt")[0]!.find("input").setValue(true);
    await app.pass(1000);
    expect(states(app)).toEqual(["passed", "passed", "failed", "skipped", "passed"]);
    expect(chosen(app)).toBe("test");
    expect(app.one("error-card").text()).toContain("exit code 1");
    expect(app.window.find(".row.current").text()).toContain("FAIL");
    expect(app.one("attempt-facts").text()).toContain("today 14:00");
    expect(app.one("run-state").attributes("data-state"), "the header is about the run").toBe("running");
    expect(notes(app)).not.toContain("not run again");

    await app.all("attempt")[1]!.find("input").setValue(true);
    await app.pass(1000);
    expect(states(app)).toEqual(["passed", "passed", "interrupted", "skipped", "passed"]);
    expect(notes(app).slice(0, 2)).toEqual(["not run again", "not run again"]);

    await app.all("attempt")[2]!.find("input").setValue(true);
    await app.pass(1000);
    expect(states(app).slice(0, 3)).toEqual(["passed", "passed", "running"]);
    expect(app.one("error-card").exists()).toBe(false);
  });

  it("ask for the log of the attempt that is shown", async () => {
    const asked: number[] = [];
    const app = await openWindow("/run/r-live", {
      scenario: "retried",
      before: (fake) => {
        const real = fake.logSummary;
        fake.logSummary = (address) => {
          if (address.step === 3) asked.push(address.attempt);
          return real.call(fake, address);
        };
      },
    });
    await app.all("attempt")[1]!.find("input").setValue(true);
    await app.pass();
    await app.all("step-row")[0]!.trigger("click");
    await app.pass();
    expect([...new Set(asked)]).toEqual([3, 2]);
    expect(texts(app).join()).toContain("npm http fetch");
  });

  it("go back to the newest on a retry", async () => {
    const app = await openWindow("/history");
    const row = app.all("history-row").find((one) => one.attributes("data-state") === "failed");
    await row!.trigger("click");
    await app.pass();
    await app.one("run-retry").trigger("click");
    await app.pass(1500);
    await app.all("attempt")[0]!.find("input").setValue(true);
    for (const press of ["cancel-button", "kill-button"]) {
      await app.one(press).trigger("click");
      await app.pass(1500);
      expect(states(app)[2], press).toBe("failed");
    }
    await app.one("run-retry").trigger("click");
    await app.pass(1500);
    expect(app.one("run-attempt").text()).toBe("attempt 3");
    expect(states(app)[2]).toBe("running");
  });
});

describe("a run that waits", () => {
  it("says why, where it stands and what is before it, until it begins", async () => {
    const app = await openWindow("/run/r-live", { scenario: "queued" });
    expect(app.one("run-state").attributes("data-state")).toBe("queued");
    expect(app.one("queue-place").text()).toBe("Place 2 in the queue");
    const card = app.one("queue-card");
    expect(card.text()).toContain("It waits because 2 runs are under way, as many as may be at once on this computer.");
    expect(card.findAll("[data-testid=history-row]").map((row) => row.attributes("data-run"))).toEqual(["r-first", "r-second", "r-third"]);
    expect(card.find("a").attributes("href")).toBe("/settings#runs");
    app.fake.begins("r-live");
    await app.pass(1000);
    expect(app.one("queue-card").exists()).toBe(false);
    expect(app.one("queue-place").exists()).toBe(false);
    expect(app.one("run-state").attributes("data-state")).toBe("running");
  });

  it.each([
    ["project", "It waits because 1 run of this project is under way"],
    ["environment", "It waits because 1 run to the same environment is under way"],
  ] as const)("behind its own %s counts only those", async (reason, words) => {
    const app = await openWindow("/run/r-live", {
      scenario: "queued",
      before: (fake) => {
        const detail = fake.runDetail;
        fake.runDetail = async (id) => {
          const one = await detail.call(fake, id);
          return { ...one, run: { ...one.run, project: "p-checkout", waiting: { position: 1, reason } } };
        };
      },
    });
    expect(app.one("queue-place").text()).toBe("Next in the queue");
    expect(app.one("queue-card").text()).toContain(words);
  });

  it("says why also when the queue cannot be read, and can be cancelled", async () => {
    const app = await openWindow("/run/r-live", {
      scenario: "queued",
      settings: { max_runs: 3 },
      before: (fake) => fake.failWith("runQueue", { code: "not_owner", message: "", hint: "", findings: [] }),
    });
    expect(app.one("queue-card").text()).toContain("3 runs are under way");
    expect(app.one("queue-card").findAll("[data-testid=history-row]")).toHaveLength(0);
    expect(app.one("cancel-button").exists()).toBe(true);
  });
});
