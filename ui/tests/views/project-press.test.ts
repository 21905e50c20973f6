import { describe, expect, it } from "vitest";
import { openWindow, type Opened } from "../support";

async function choose(app: Opened, workflow: string): Promise<void> {
  await app.window.find(`[data-testid=workflow-card][data-name=${workflow}]`).trigger("click");
  await app.pass();
}

describe("what is chosen on the project screen", () => {
  it("cannot be run while what is shown belongs to another version", async () => {
    const app = await openWindow("/project/p-store");
    const real = app.fake.runPreview;
    let release: () => void = () => undefined;
    app.fake.runPreview = async (request) => {
      await new Promise<void>((resolve) => (release = resolve));
      return real(request);
    };
    const started: string[] = [];
    const start = app.fake.runStart;
    app.fake.runStart = (request) => {
      started.push(request.version);
      return start(request);
    };
    await app.all("version-row")[1]!.trigger("click");
    for (const ms of [20, 200, 3000]) {
      await app.pass(ms);
      expect(app.one("run-button").attributes("disabled")).toBeDefined();
      expect(app.one("run-button").text()).toContain("1.1.0");
      expect(app.one("docket-looking").text()).toContain("1.1.0");
      expect(app.one("preview").classes()).toContain("stale");
      await app.one("run-button").trigger("click");
    }
    release();
    await app.pass();
    expect(app.one("docket-looking").exists()).toBe(false);
    expect(app.one("preview").classes()).not.toContain("stale");
    await app.one("run-button").trigger("click");
    await app.pass();
    expect(started).toHaveLength(1);
  });

  it("does not dim what it shows because the project is read again", async () => {
    const app = await openWindow("/project/p-store");
    const before = app.fake.calls.filter((call) => call === "runPreview").length;
    for (let n = 0; n < 4; n++) {
      app.fake.notifyOfRun("r-1", "p-store");
      await app.pass(2000);
      expect(app.one("preview").classes()).not.toContain("stale");
      expect(app.one("run-button").attributes("disabled")).toBeUndefined();
    }
    expect(app.fake.calls.filter((call) => call === "runPreview")).toHaveLength(before);
  });

  it("does not deploy by Enter, and says what does", async () => {
    const app = await openWindow("/project/p-store");
    await choose(app, "deploy");
    await app.window.find("#input-NOTE").setValue("fix");
    await app.pass();
    const enter = new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true });
    app.one("run-button").element.dispatchEvent(enter);
    await app.pass();
    expect(enter.defaultPrevented).toBe(true);
    expect(app.one("docket-space").text()).toContain("Press the space bar");
    expect(app.fake.calls).not.toContain("runStart");
  });

  it("leads to the first value that is missing", async () => {
    const app = await openWindow("/project/p-store");
    await choose(app, "deploy");
    await app.one("run-button").trigger("click");
    await app.pass();
    expect(document.activeElement).toBe(app.window.find("#input-NOTE").element);
  });

  it("is found again as it was left: workflow, version, values and place", async () => {
    const app = await openWindow("/project/p-store");
    await choose(app, "deploy");
    await app.window.find("#input-NOTE").setValue("修复购物车");
    await app.all("version-row")[1]!.trigger("click");
    await app.pass();
    const left = app.window.find<HTMLElement>(".left");
    left.element.scrollTop = 222;
    await left.trigger("scroll");
    await app.one("history-link").trigger("click");
    await app.pass();
    app.router.back();
    await app.pass();
    expect(app.one("run-button").text()).toBe("Deploy 1.1.0 to production");
    expect((app.window.find("#input-NOTE").element as HTMLInputElement).value).toBe("修复购物车");
    expect(app.window.find<HTMLElement>(".left").element.scrollTop).toBe(222);
  });

  it("stores both of two changes that follow each other", async () => {
    const app = await openWindow("/project/p-store");
    const real = app.fake.projectSetCleanup;
    app.fake.projectSetCleanup = async (project, cleanup) => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      return real(project, cleanup);
    };
    await app.window.find("[data-testid=cleanup-policy] [data-value=always] input").setValue(true);
    const field = app.one("cleanup-seconds").find("input");
    await field.setValue("60");
    await field.trigger("blur");
    await app.pass(3000);
    expect((await app.fake.projectList()).find((one) => one.id === "p-store")?.cleanup).toEqual({ policy: "always", seconds: 60 });
  });

  it("says when it was taken off the list, and can be put back", async () => {
    const app = await openWindow("/project/p-store");
    const list = app.fake.projectList;
    app.fake.projectList = async () => (await list()).filter((one) => one.id !== "p-store");
    app.fake.notify(["projects", "project/p-store"]);
    await app.pass(3000);
    expect(app.one("off-list").text()).toContain("taken off the list");
    expect(app.one("project-remove").exists()).toBe(false);
    app.fake.projectList = list;
    await app.one("put-back").trigger("click");
    await app.pass();
    expect(app.one("off-list").exists()).toBe(false);
  });

  it("says that runs go on when a project with some under way is taken off the list", async () => {
    const app = await openWindow("/project/p-store", { scenario: "queued" });
    const live = app.window.find("[data-testid=history-row][data-state=running]").exists();
    await app.window.find("button[aria-label='Remove from the list']").trigger("click");
    await app.pass();
    expect(app.text().includes("Its runs that are under way go on.")).toBe(live);
  });

  it("says that only the newest versions are listed when there are as many as the core gives", async () => {
    const app = await openWindow("/project/p-store", {
      before: (fake) => {
        const real = fake.projectDetail;
        fake.projectDetail = async (id) => {
          const found = await real(id);
          const one = found.versions[0]!;
          return { ...found, versions: Array.from({ length: 200 }, (_, n) => ({ ...one, id: `v-${n}`, name: `1.${n}` })) };
        };
      },
    });
    expect(app.one("version-limit").text()).toBe("Only the newest 200 versions are listed.");
    expect(app.all("version-row")).toHaveLength(60);
  });
});
