import { describe, expect, it } from "vitest";
import { openWindow, type Opened } from "../support";

const rows = (app: Opened) => app.all("history-row");

describe("the history", () => {
  it("lists runs newest first and opens one", async () => {
    const app = await openWindow("/history");
    expect(rows(app)).toHaveLength(50);
    expect(rows(app)[0]!.text()).toContain("storefront-sample");
    expect(rows(app)[0]!.attributes("data-state")).toBe("failed");
    const run = rows(app)[0]!.attributes("data-run");
    await rows(app)[0]!.trigger("click");
    await app.pass();
    expect(app.router.currentRoute.value.params["run"]).toBe(run);
  });

  it("shows more on demand and when its end comes near, each run once", async () => {
    const app = await openWindow("/history");
    await app.one("history-more").trigger("click");
    await app.pass();
    expect(rows(app)).toHaveLength(100);
    await app.window.find(".page").trigger("scroll");
    await app.pass();
    const ids = rows(app).map((row) => row.attributes("data-run"));
    expect(ids).toHaveLength(136);
    expect(new Set(ids).size).toBe(ids.length);
    expect(app.one("history-more").exists()).toBe(false);
  });

  it("searches, says when nothing matches, and shows all again", async () => {
    const app = await openWindow("/history");
    await app.one("history-search").setValue("soak");
    await app.pass();
    expect(rows(app)).toHaveLength(1);
    await app.one("history-search").setValue("没有这样的");
    await app.pass();
    expect(app.text()).toContain("No run matches");
    await app.window.find(".blank button").trigger("click");
    await app.pass();
    expect(rows(app)).toHaveLength(50);
  });

  it("filters by the state of its address", async () => {
    const app = await openWindow("/history?state=cancelled");
    expect(rows(app).length).toBeGreaterThan(0);
    expect(new Set(rows(app).map((row) => row.attributes("data-state")))).toEqual(new Set(["cancelled"]));
  });

  it("knows lost runs by name, and finds them", async () => {
    const app = await openWindow("/history?state=interrupted");
    expect(app.one("history-state").text()).toBe("Lost");
    expect(rows(app).length).toBeGreaterThan(5);
    for (const row of rows(app)) expect(row.text()).toContain("Lost");
  });

  it("marks a run that was retried, with its attempt in words too", async () => {
    const app = await openWindow("/history");
    const retried = rows(app).filter((row) => row.find("[data-testid=row-attempt]").exists());
    expect(retried.length).toBeGreaterThan(0);
    expect(retried.length).toBeLessThan(rows(app).length / 2);
    expect(retried[0]!.find("[data-testid=row-attempt]").text()).toContain("attempt 2");
    await retried[0]!.trigger("click");
    await app.pass();
    expect(app.all("attempt").map((one) => one.attributes("data-state"))).toEqual(["failed", "passed"]);
  });

  it("shows the place of a run that waits instead of its time", async () => {
    const app = await openWindow("/history", { scenario: "queued" });
    const texts = rows(app).slice(0, 2).map((row) => row.find(".lasted").text());
    expect(texts).toEqual(["place 2", "place 1"]);
    expect(rows(app)[2]!.find(".lasted").text()).toMatch(/^\d+:\d\d$/);
  });

  it("shows a new run without being asked", async () => {
    const app = await openWindow("/history");
    const run = await app.fake.runAgain("r-1", "press");
    await app.pass(1000);
    expect(rows(app)[0]!.attributes("data-run")).toBe(run);
    expect(rows(app)[0]!.attributes("data-state")).toBe("running");
  });

  it("has words for no run, for waiting and for trouble", async () => {
    const empty = await openWindow("/history", { scenario: "empty" });
    expect(empty.text()).toContain("No run yet");
    expect(empty.window.find(".blank button").text()).toBe("Start with a project");
    empty.window.unmount();
    const waiting = await openWindow("/history", { before: (fake) => (fake.runList = () => new Promise(() => undefined)) });
    expect(waiting.one("loading").exists()).toBe(true);
    waiting.window.unmount();
    const broken = await openWindow("/history", { scenario: "error" });
    expect(broken.one("error-card").attributes("data-code")).toBe("store_unavailable");
    expect(broken.one("error-card").text()).toContain("permission denied");
  });

  const scroller = (app: Opened) => app.window.find<HTMLElement>(".page").element;
  const many = async (app: Opened, pages: number) => {
    for (let n = 0; n < pages; n++) {
      await app.one("history-more").trigger("click");
      await app.pass();
    }
  };

  it("is found again on Back as it was: filter, rows and place", async () => {
    const app = await openWindow("/history");
    await app.one("history-search").setValue("build");
    await app.pass();
    await many(app, 1);
    scroller(app).scrollTop = 640;
    await app.window.find(".page").trigger("scroll");
    await app.pass();
    const count = rows(app).length;
    expect(count).toBeGreaterThan(50);
    await rows(app)[30]!.trigger("click");
    await app.pass();
    expect(app.router.currentRoute.value.name).toBe("run");
    app.router.back();
    await app.pass();
    expect(app.router.currentRoute.value.query).toEqual({ text: "build" });
    expect((app.one("history-search").element as HTMLInputElement).value).toBe("build");
    expect(rows(app)).toHaveLength(count);
    expect(scroller(app).scrollTop).toBe(640);
  });

  it("keeps all rows that are shown when a run changes, also more than one answer holds", async () => {
    const app = await openWindow("/history", {
      before: (fake) => {
        const real = fake.runList;
        // Three times as many, each with an id of its own.
        const limited = async (filter: Parameters<typeof real>[0]) => {
          const all = (await real.call(fake, { ...filter, after: null, limit: 200 })).runs;
          const tripled = [0, 1, 2].flatMap((copy) => all.map((run) => ({ ...run, id: copy === 0 ? run.id : `${run.id}-${copy}` })));
          const from = filter.after === null ? 0 : tripled.findIndex((run) => run.id === filter.after) + 1;
          const runs = tripled.slice(from, from + Math.min(200, filter.limit));
          return { runs, next: from + runs.length < tripled.length ? runs.at(-1)!.id : null };
        };
        fake.runList = limited;
      },
    });
    await many(app, 6);
    const before = rows(app).map((row) => row.attributes("data-run"));
    expect(before).toHaveLength(350);
    app.fake.notifyOfRun("r-1", "p-store");
    await app.pass(1000);
    expect(rows(app).map((row) => row.attributes("data-run"))).toEqual(before);
  });

  it("keeps its rows when there are no more to be had, says why, and goes on when asked", async () => {
    const app = await openWindow("/history");
    app.fake.failWith("runList", { code: "store_unavailable", message: "the disk is away", hint: "", findings: [] });
    await app.one("history-more").trigger("click");
    await app.pass();
    expect(rows(app)).toHaveLength(50);
    expect(app.one("more-error").text()).toContain("the disk is away");
    app.fake.failWith("runList", undefined);
    await app.one("more-error").find("button").trigger("click");
    await app.pass();
    expect(rows(app)).toHaveLength(100);
  });

  it("does not show an error of one filter over the rows of another", async () => {
    const app = await openWindow("/history");
    const real = app.fake.runList;
    let refuse: () => void = () => undefined;
    app.fake.runList = () => new Promise((_, reject) => (refuse = () => reject({ code: "internal", message: "old", hint: "", findings: [] })));
    await app.one("history-more").trigger("click");
    app.fake.runList = real;
    await app.one("history-search").setValue("build");
    await app.pass();
    refuse();
    await app.pass();
    expect(app.one("more-error").exists()).toBe(false);
    expect(rows(app).length).toBeGreaterThan(0);
  });

  it("names its filters by what they are, not by what is chosen", async () => {
    const app = await openWindow("/history?state=failed");
    expect(app.one("history-state").find("button").attributes("aria-label")).toBe("State");
    expect(app.one("history-project").find("button").attributes("aria-label")).toBe("Project");
  });

  it("draws a row that is over once, not each second", async () => {
    const app = await openWindow("/history", { scenario: "running" });
    let drawn = 0;
    const observer = new MutationObserver((all) => (drawn += all.length));
    const done = rows(app).find((row) => row.attributes("data-state") === "passed")!;
    observer.observe(done.element, { subtree: true, childList: true, characterData: true, attributes: true });
    const clock = rows(app)[0]!.find(".lasted").text();
    await app.pass(3000);
    expect(rows(app)[0]!.find(".lasted").text()).not.toBe(clock);
    expect(drawn).toBe(0);
  });
});
