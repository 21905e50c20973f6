import { describe, expect, it } from "vitest";
import type { FakeApi } from "@/api/fake";
import { useProjects } from "@/stores/projects";
import { openWindow } from "../support";

describe("the first screen", () => {
  it("offers the sample first, and opens it", async () => {
    const app = await openWindow("/", { scenario: "empty" });
    expect(app.one("try-sample").text()).toBe("Try the sample project");
    expect(app.one("try-sample").classes()).toContain("primary");
    expect(app.one("check-engine").text()).toContain("Docker 20.10.24 answers");
    expect(app.one("check-disk").text()).toContain("41 GB free");
    await app.one("try-sample").trigger("click");
    await app.pass();
    expect(app.router.currentRoute.value.params["project"]).toBe("p-sample");
    expect(app.all("project-link").map((link) => link.text())).toEqual(["storefront-sample"]);
  });

  it("opens the folder that was chosen, and does nothing when none was", async () => {
    const app = await openWindow("/", { scenario: "empty" });
    app.fake.folderPick = () => Promise.resolve(null);
    await app.one("open-folder").trigger("click");
    await app.pass();
    expect(app.router.currentRoute.value.path).toBe("/");
    app.fake.folderPick = () => Promise.resolve("/home/lin/src/店铺");
    await app.one("open-folder").trigger("click");
    await app.pass();
    expect(app.router.currentRoute.value.name).toBe("project");
    expect(app.text()).toContain("店铺");
  });

  it("tells why a folder cannot be opened, and stays", async () => {
    const app = await openWindow("/", { scenario: "empty" });
    app.fake.failWith("projectOpen", { code: "not_a_repository", message: "`/tmp/x` is no git repository", hint: "", findings: [] });
    await app.one("open-folder").trigger("click");
    await app.pass();
    expect(app.one("toast").text()).toContain("This folder is not a git repository");
    expect(app.one("toast").text()).toContain("/tmp/x is no git repository");
    expect(app.router.currentRoute.value.path).toBe("/");
  });

  it("says plainly that steps are not isolated without an engine, and checks again", async () => {
    const app = await openWindow("/", { scenario: "noengine" });
    expect(app.one("check-engine").text()).toContain("not isolated");
    expect(app.one("engine-chip").text()).toBe("No container engine");
    app.fake.setEngine(true);
    await app.one("check-again").trigger("click");
    await app.pass();
    expect(app.one("check-engine").attributes("data-state")).toBe("good");
    expect(app.one("engine-chip").text()).toBe("Docker 20.10.24");
  });

  it("shows what is wrong with the core, and recovers", async () => {
    const app = await openWindow("/", { before: (fake) => fake.failWith("appStatus", { code: "newer_data", message: "schema 9", hint: "", findings: [] }) });
    expect(app.one("error-card").attributes("data-code")).toBe("newer_data");
    expect(app.one("error-card").text()).toContain("newer Letterpress");
    app.fake.failWith("appStatus", undefined);
    await app.one("error-card").find("button").trigger("click");
    await app.pass();
    expect(app.one("error-card").exists()).toBe(false);
  });

  it("shows that something is on its way", async () => {
    const app = await openWindow("/", { scenario: "empty", before: (fake) => (fake.appStatus = () => new Promise(() => undefined)) });
    expect(app.one("loading").exists()).toBe(true);
  });

  it("speaks the system's language as the shell tells it", async () => {
    Object.defineProperty(window, "__LETTERPRESS_LANGUAGE__", { value: "zh-Hans-CN", configurable: true });
    const app = await openWindow("/", { scenario: "empty", settings: { language: "system" } });
    Reflect.deleteProperty(window, "__LETTERPRESS_LANGUAGE__");
    expect(app.one("try-sample").text()).toBe("试用示例项目");
  });

  it("keeps its face while the sample is made", async () => {
    const app = await openWindow("/", { scenario: "empty" });
    const real = app.fake.sampleCreate;
    let release: () => void = () => undefined;
    app.fake.sampleCreate = async () => {
      const project = await real.call(app.fake);
      await new Promise<void>((resolve) => (release = resolve));
      return project;
    };
    await app.one("try-sample").trigger("click");
    app.fake.tick();
    await useProjects().refresh();
    await app.pass();
    expect(app.all("project-link")).toHaveLength(1);
    expect(app.one("try-sample").classes()).toContain("primary");
    expect(app.window.find("h1").text()).toBe("Press Run. Watch it build.");
    release();
    await app.pass();
    expect(app.router.currentRoute.value.name).toBe("project");
  });

  it("shows the projects with what happened last, and the sample only once", async () => {
    const app = await openWindow("/");
    expect(app.one("try-sample").exists()).toBe(false);
    const cards = app.all("project-card");
    expect(cards.map((card) => card.find("strong").text())).toEqual(app.all("project-link").map((link) => link.find(".name").text()));
    expect(cards[0]!.text()).toContain("Failed");
    await cards[0]!.trigger("click");
    await app.pass();
    expect(app.router.currentRoute.value.name).toBe("project");
  });

  it("names the window after its screen", async () => {
    const app = await openWindow("/");
    expect(document.title).toBe("Letterpress");
    await app.one("history-link").trigger("click");
    await app.pass();
    expect(document.title).toBe("History – Letterpress");
    await app.one("home-link").trigger("click");
    await app.pass();
    expect(document.title).toBe("Letterpress");
  });

  it("speaks Chinese and sets language and colours of the page", async () => {
    const app = await openWindow("/", { scenario: "empty", settings: { language: "zh-CN", theme: "dark" } });
    expect(app.one("try-sample").text()).toBe("试用示例项目");
    expect(document.documentElement.lang).toBe("zh-CN");
    expect(document.documentElement.dataset["theme"]).toBe("dark");
  });

  it("tells about runs that it took over, and leads to the one or to all", async () => {
    const resumed = (runs: string[]) => (fake: FakeApi) => {
      const real = fake.appStatus;
      fake.appStatus = async () => ({ ...(await real()), resumed_runs: runs });
    };
    const one = await openWindow("/", { scenario: "running", before: resumed(["r-live"]) });
    expect(one.one("resumed-bar").text()).toContain("1 run that was under way when Letterpress ended was taken up again.");
    expect(one.one("interrupted-bar").exists()).toBe(false);
    await one.one("resumed-bar").find("a").trigger("click");
    await one.pass();
    expect(one.router.currentRoute.value.params["run"]).toBe("r-live");
    await one.one("resumed-bar").find("button").trigger("click");
    expect(one.one("resumed-bar").exists()).toBe(false);
    one.window.unmount();
    const two = await openWindow("/", { scenario: "running", before: resumed(["r-live", "r-1"]) });
    await two.one("resumed-bar").find("a").trigger("click");
    await two.pass();
    expect(two.router.currentRoute.value.fullPath).toBe("/history?state=running");
  });

  it("tells about interrupted runs and another owner", async () => {
    const app = await openWindow("/", {
      before: (fake) => {
        const real = fake.appStatus;
        fake.appStatus = async () => ({ ...(await real()), interrupted_runs: ["r-1", "r-2"], is_owner: false });
      },
    });
    expect(app.one("interrupted-bar").text()).toContain("2 runs that were under way when Letterpress ended could not go on");
    expect(app.one("not-owner").exists()).toBe(true);
    await app.one("interrupted-bar").find("a").trigger("click");
    await app.pass();
    expect(app.all("history-row").length).toBeGreaterThan(0);
    expect(new Set(app.all("history-row").map((row) => row.attributes("data-state")))).toEqual(new Set(["interrupted"]));
  });
});
