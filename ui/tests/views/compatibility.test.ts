import { describe, expect, it } from "vitest";
import { REPORT_DIFFERENT, REPORT_NEEDS, REPORT_RUNS } from "@/api/fake/report";
import type { ReportDto } from "@/api";
import { openWindow, type Opened } from "../support";

const STORE = "/project/p-store/compatibility";
const topics = (app: Opened, section: string) => app.one(`report-${section}`).findAll("[data-testid=topic]");
const tally = (app: Opened) => app.all("tally").map((one) => `${one.attributes("data-effect")} ${one.find("b").text()}`);
const answering = (report: ReportDto) => ({ before: (fake: Opened["fake"]) => (fake.projectCompatibility = () => Promise.resolve(report)) });

/** Opens the form of the first secret that is not set, and saves a value. */
async function setFirstSecret(app: Opened, value: string): Promise<void> {
  await app.one("report-set-secret").trigger("click");
  await app.one("secret-value").setValue(value);
  await app.one("secret-save").trigger("click");
  await app.pass();
}

describe("the compatibility report", () => {
  it("says in one sentence how it stands, then what needs the user", async () => {
    const app = await openWindow(STORE);
    expect(app.one("verdict").find(".sentence").text()).toBe("5 of 9 steps run here as they are. 4 things need you.");
    expect(app.one("verdict").attributes("data-verdict")).toBe("needs");
    expect(tally(app)).toEqual(["needs 4", "different 2", "runs 5"]);
    expect(topics(app, "needs").map((topic) => topic.attributes("data-kind"))).toEqual(["secret", "secret", "trust", "login", "secret"]);
    expect(topics(app, "needs")[0]!.text()).toContain("The secret docker_password is not set.");
    expect(topics(app, "needs")[0]!.text()).toContain(".drone.yml, line 47");
    expect(app.one("dialect").text()).toBe(".drone.yml · read as Drone 1.x/2.x · line 1 has kind:");
    expect(app.one("report-runs").text()).toContain("Stage build: its 4 steps run as they are");
  });

  it("speaks Chinese, the core's sentences too", async () => {
    const app = await openWindow(STORE, { settings: { language: "zh-CN" } });
    expect(app.one("verdict").find(".sentence").text()).toBe("9 个步骤中有 5 个可以直接在这里运行。有 4 项需要你处理。");
    expect(app.one("dialect").text()).toBe(".drone.yml · 按 Drone 1.x/2.x 读取 · 第 1 行有 kind:");
    expect(topics(app, "different")[0]!.text()).toContain("这里没有克隆步骤");
    expect(app.one("report-runs").text()).toContain("4 个步骤均可直接运行");
    expect(app.window.find("main").text()).not.toMatch(/\b(step|secret|needs)\b/);
  });

  it("folds the lines of the file away, and underlines the place", async () => {
    const app = await openWindow(STORE);
    const place = topics(app, "needs")[0]!.find("details");
    expect(place.attributes("open")).toBeUndefined();
    expect(place.find("mark").text()).toBe("docker_password");
    expect(topics(app, "different")[1]!.find("details").exists(), "a place without lines has nothing to unfold").toBe(false);
    expect(topics(app, "different")[1]!.text()).toContain(".drone.yml, line 9");
  });

  it("sets a secret where it is missed, and goes on to the next", async () => {
    const app = await openWindow(STORE);
    expect(app.one("report-set-secret").attributes("aria-label")).toBe("Set secret docker_password");
    await app.one("report-set-secret").trigger("click");
    expect(document.activeElement).toBe(app.one("secret-value").element);
    expect(app.one("secret-name").exists(), "the name is given").toBe(false);
    await app.one("secret-value").setValue("s3cret-value");
    await app.one("secret-value").trigger("keydown", { key: "Enter" });
    await app.pass();
    const saved = (await app.fake.secretList()).find((one) => one.name === "docker_password");
    expect(saved?.scope).toEqual({ scope: "project", project: "p-store" });
    expect(app.one("verdict").text()).toContain("3 things need you.");
    expect(app.window.find("[data-name=docker_password]").text()).toContain("The secret docker_password is set.");
    expect(app.one("secret-value").exists()).toBe(false);
    expect(document.activeElement?.getAttribute("aria-label")).toBe("Set secret webhook_url");
    expect(document.documentElement.outerHTML).not.toContain("s3cret-value");
  });

  it("keeps the form when the secret could not be saved", async () => {
    const app = await openWindow(STORE);
    app.fake.failWith("secretSet", { code: "vault_unavailable", message: "no key", hint: "", findings: [] });
    await setFirstSecret(app, "s3cret-value");
    expect(app.one("toast").text()).toContain("The key of the secrets cannot be read");
    expect(app.one("secret-value").exists()).toBe(true);
    expect(app.one("verdict").text()).toContain("4 things need you.");
  });

  it("closes the form with Escape and gives the keyboard back", async () => {
    const app = await openWindow(STORE);
    await app.one("report-set-secret").trigger("click");
    await app.one("secret-value").trigger("keydown", { key: "Escape" });
    await app.pass();
    expect(app.one("secret-value").exists()).toBe(false);
    expect(document.activeElement).toBe(app.one("report-set-secret").element);
  });

  it("is content when the last need is met", async () => {
    const entries = REPORT_NEEDS.entries.filter((entry) => entry.effect === "runs" || entry.secret === "webhook_url");
    const app = await openWindow(STORE, answering({ ...REPORT_NEEDS, entries }));
    await setFirstSecret(app, "https://example.com");
    expect(app.one("verdict").attributes("data-verdict")).toBe("runs");
    expect(app.one("verdict").text()).toContain("Everything in .drone.yml runs here.");
    expect(document.activeElement).toBe(app.one("report-needs").find("h2").element);
  });

  it("leads to the switch that decides about trust, and says where a login goes", async () => {
    const app = await openWindow(STORE);
    const [trust, login] = ["trust", "login"].map((kind) => app.window.find(`[data-kind=${kind}]`));
    expect(trust!.text()).toContain("Whoever is responsible for this computer decides");
    expect(login!.text()).toContain("docker login");
    expect(login!.find("button").exists()).toBe(false);
    await trust!.find("button").trigger("click");
    await app.pass();
    expect(app.router.currentRoute.value.fullPath).toBe("/project/p-store#trust");
    expect(document.activeElement).toBe(app.one("trust-switch").element);
  });

  it("jumps to a part from its count, the keyboard too", async () => {
    const app = await openWindow(STORE);
    await app.window.find("[data-testid=tally][data-effect=different]").trigger("click");
    expect(document.activeElement).toBe(app.one("report-different").find("h2").element);
  });

  it("says what does not run, and what does", async () => {
    const app = await openWindow("/project/p-checkout/compatibility");
    expect(app.one("verdict").attributes("data-verdict")).toBe("unsupported");
    expect(app.one("verdict").text()).toContain("3 of 4 steps run here as they are. 1 thing needs you. 1 thing is not supported here.");
    expect(topics(app, "unsupported")[0]!.text()).toContain("Step sign has no commands");
    expect(topics(app, "unsupported")[0]!.text()).toContain("Only steps with commands can; run it in containers");
  });

  it("says that nothing runs when the file has errors", async () => {
    const app = await openWindow(STORE, { scenario: "broken" });
    expect(app.one("verdict").text()).toContain(".drone.yml does not run here yet. 1 thing is not supported here.");
    expect(topics(app, "unsupported")[0]!.find("mark").text()).toBe("comands");
    expect(app.one("report-runs").exists()).toBe(false);
  });

  it("mentions differences when nothing else is in the way", async () => {
    const app = await openWindow(STORE, answering(REPORT_DIFFERENT));
    expect(app.one("verdict").find(".sentence").text()).toBe("Everything in .drone.yml runs here. 2 things mean something different here.");
  });

  it("names all files", async () => {
    const app = await openWindow(STORE, { ...answering({ ...REPORT_RUNS, files: ["a.yml", "b.yml", "c.yml"] }), settings: { language: "zh-CN" } });
    expect(app.one("verdict").text()).toContain("a.yml、b.yml和c.yml 的内容都能在这里运行。");
  });

  it("shows the first of very many, and the rest when asked", async () => {
    const one = REPORT_DIFFERENT.entries.find((entry) => entry.effect === "different")!;
    const many = Array.from({ length: 200 }, (_, n) => ({ ...one, title: `difference ${n}` }));
    const app = await openWindow(STORE, answering({ ...REPORT_RUNS, entries: [...REPORT_RUNS.entries, ...many] }));
    expect(topics(app, "different")).toHaveLength(30);
    expect(app.one("report-more").text()).toBe("Show 170 more");
    await app.one("report-more").trigger("click");
    expect(topics(app, "different")).toHaveLength(200);
  });

  it("shows a few places of one topic, and the rest when asked", async () => {
    const one = REPORT_NEEDS.entries.find((entry) => entry.code === "needs-secret")!;
    const many = Array.from({ length: 20 }, (_, n) => ({ ...one, line: n + 1 }));
    const app = await openWindow(STORE, answering({ ...REPORT_NEEDS, entries: many }));
    expect(app.all("report-place")).toHaveLength(4);
    await app.one("report-more-places").trigger("click");
    expect(app.all("report-place")).toHaveLength(20);
  });

  it("waits for the secrets, so that nothing is asked for that is there", async () => {
    const app = await openWindow(STORE, { before: (fake) => (fake.secretList = () => new Promise(() => undefined)) });
    expect(app.one("loading").exists()).toBe(true);
    expect(app.one("verdict").exists()).toBe(false);
  });

  it("is empty in words, on its way in stripes, broken with a hint and a second try", async () => {
    const empty = await openWindow("/project/p-notes/compatibility");
    expect(empty.text()).toContain("Nothing to run here yet");
    await empty.one("report-go-on").trigger("click");
    await empty.pass();
    expect(empty.router.currentRoute.value.path).toBe("/project/p-notes");
    empty.window.unmount();
    const waiting = await openWindow(STORE, { before: (fake) => (fake.projectCompatibility = () => new Promise(() => undefined)) });
    expect(waiting.one("loading").exists()).toBe(true);
    waiting.window.unmount();
    const broken = await openWindow(STORE, { before: (fake) => fake.failWith("projectCompatibility", { code: "repository_unreadable", message: "", hint: "", findings: [] }) });
    expect(broken.one("error-card").attributes("data-code")).toBe("repository_unreadable");
    broken.fake.failWith("projectCompatibility", undefined);
    await broken.one("error-card").find("button").trigger("click");
    await broken.pass();
    expect(broken.one("verdict").exists()).toBe(true);
  });
});

describe("the way to the report", () => {
  it("is a button of the project; it is about the version that is chosen, and leads back to it", async () => {
    const app = await openWindow("/project/p-store");
    await app.one("compatibility-button").trigger("click");
    await app.pass();
    expect(app.router.currentRoute.value.path).toBe(STORE);
    expect(app.window.find(".version").text()).toContain("Show the delivery date before checkout");
    expect(document.title).toBe("Compatibility – 门店后台-订单与库存管理系统 – Letterpress");
    expect(app.window.find("[data-project=p-store]").classes(), "the rail shows where we are").toContain("router-link-active");
    await app.one("report-back").trigger("click");
    await app.pass();
    await app.all("version-row")[1]!.trigger("click");
    await app.pass();
    await app.one("compatibility-button").trigger("click");
    await app.pass();
    expect(app.window.find(".version").text()).toBe("1.1.0 Fix the cart total");
    await app.one("report-go-on").trigger("click");
    await app.pass();
    expect(app.one("run-button").text()).toBe("Run Build and test · 1.1.0");
  });

  const added = async (report: ReportDto | undefined, secret?: { name: string; decided: boolean }) => {
    const app = await openWindow("/", { scenario: "empty" });
    if (secret) {
      const grants = secret.decided ? [{ project: "p-1", project_name: "", allowed: true }] : [];
      app.fake.secretList = () => Promise.resolve([{ name: secret.name, scope: { scope: "everywhere" }, updated: "", grants }]);
    }
    if (report) app.fake.projectCompatibility = () => Promise.resolve(report);
    await app.one("open-folder").trigger("click");
    await app.pass();
    return app;
  };

  it("says whose report it is when no version was chosen", async () => {
    const app = await openWindow(STORE);
    expect(app.window.find(".version").text()).toBe("The version in the folder");
  });

  it("is not taken when everything runs: a short word is enough", async () => {
    const app = await added(REPORT_RUNS);
    expect(app.router.currentRoute.value.name).toBe("project");
    expect(app.one("toast").text()).toBe("Everything in .drone.yml runs here");
  });

  it("is not taken for differences alone", async () => {
    const app = await added(REPORT_DIFFERENT);
    expect(app.router.currentRoute.value.name).toBe("project");
    expect(app.one("toast").text()).toContain("some of it differently: see Compatibility");
  });

  it("is taken by itself when something needs the user", async () => {
    const app = await added(REPORT_NEEDS);
    expect(app.router.currentRoute.value.name).toBe("compatibility");
    expect(app.one("toast").exists()).toBe(false);
    await app.one("report-go-on").trigger("click");
    await app.pass();
    expect(app.router.currentRoute.value.name).toBe("project");
  });

  it("is not taken when all secrets that it asks for are set", async () => {
    const asked = REPORT_NEEDS.entries.find((entry) => entry.code === "needs-secret")!;
    const report = { ...REPORT_RUNS, entries: [...REPORT_RUNS.entries, { ...asked, secret: "registry_password" }] };
    const app = await added(report, { name: "registry_password", decided: true });
    expect(app.router.currentRoute.value.name).toBe("project");
    app.window.unmount();
    const open = await added(report, { name: "registry_password", decided: false });
    expect(open.router.currentRoute.value.name, "one of all projects waits for a yes").toBe("compatibility");
  });

  it("is not taken again for a project that is known", async () => {
    const app = await openWindow("/");
    app.fake.folderPick = () => Promise.resolve("/home/lin/src/checkout-service");
    await app.one("open-folder").trigger("click");
    await app.pass();
    expect(app.router.currentRoute.value.fullPath).toBe("/project/p-checkout");
    expect(app.fake.calls).not.toContain("projectCompatibility");
  });

  it("stays out of the way when there is no report", async () => {
    const app = await openWindow("/", { scenario: "empty" });
    app.fake.failWith("projectCompatibility", { code: "pipeline_missing", message: "", hint: "", findings: [] });
    await app.one("open-folder").trigger("click");
    await app.pass();
    expect(app.router.currentRoute.value.name).toBe("project");
    expect(app.one("toast").exists()).toBe(false);
  });

  it("is the same from the rail", async () => {
    const app = await openWindow("/", { scenario: "empty", ...answering(REPORT_NEEDS) });
    await app.window.find(".rail .add").trigger("click");
    await app.pass();
    expect(app.router.currentRoute.value.name).toBe("compatibility");
  });
});
