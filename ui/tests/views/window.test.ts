import { describe, expect, it, vi } from "vitest";
import { defineComponent, h, nextTick } from "vue";
import { asApiError } from "@/api";
import ScreenBoundary from "@/components/shell/ScreenBoundary.vue";
import { i18n } from "@/i18n";
import { useFaults } from "@/stores/faults";
import { useNotices } from "@/stores/notices";
import { useView } from "@/stores/view";
import { mount } from "@vue/test-utils";
import { openWindow, type Opened } from "../support";

const key = (name: string, part: KeyboardEventInit = {}, target: EventTarget = window) =>
  target.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true, ...part }));
const inPage = (testid: string) => document.querySelector<HTMLElement>(`[data-testid="${testid}"]`);
const commands = () => [...document.querySelectorAll<HTMLElement>("[data-testid=command]")];
const where = (app: Opened) => app.router.currentRoute.value.fullPath;

async function type(app: Opened, words: string): Promise<HTMLInputElement> {
  const field = inPage("commands-text") as HTMLInputElement;
  field.value = words;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  await app.pass();
  return field;
}

describe("the list of commands", () => {
  it("opens by its key, finds projects, runs and actions, and goes there", async () => {
    const app = await openWindow("/");
    key("k", { ctrlKey: true });
    await app.pass();
    const ids = commands().map((one) => one.dataset["id"]);
    expect(ids).toContain("project p-store");
    expect(ids).toContain("go.settings");
    expect(ids, "it is open").not.toContain("window.commands");
    expect(ids, "there is no log here").not.toContain("log.save");
    const field = await type(app, "soak");
    expect(commands().map((one) => one.dataset["id"])).toEqual(["search", expect.stringMatching(/^run /)]);
    key("Enter", { isComposing: true }, field);
    await app.pass();
    expect(where(app)).toBe("/");
    key("ArrowDown", {}, field);
    key("Enter", {}, field);
    await app.pass();
    expect(where(app)).toMatch(/^\/run\//);
    expect(inPage("commands")).toBeNull();
  });

  it("searches the history for what is not found here", async () => {
    const app = await openWindow("/");
    key("k", { ctrlKey: true });
    await app.pass();
    await type(app, "没有这样的");
    commands()[0]!.click();
    await app.pass();
    expect(app.router.currentRoute.value.query).toEqual({ text: "没有这样的" });
    expect((app.one("history-search").element as HTMLInputElement).value).toBe("没有这样的");
  });

  it("offers what the screen offers, and nothing that starts or ends a run", async () => {
    const app = await openWindow("/run/r-live", { scenario: "running" });
    await app.pass(6000);
    key("k", { ctrlKey: true });
    await app.pass();
    const words = commands().map((one) => one.textContent ?? "");
    expect(words.join()).toContain("Wrap long lines");
    expect(words.join()).not.toMatch(/Cancel|Kill|Retry/);
  });
});

describe("keys", () => {
  it("are listed from the table, with a switch for those without Ctrl or Alt", async () => {
    const app = await openWindow("/run/r-live", { scenario: "failed" });
    await app.pass(15_000);
    key("?");
    await app.pass();
    const help = inPage("key-help")!;
    expect(help.textContent).toContain("Next error");
    expect([...help.querySelectorAll("kbd")].map((one) => one.textContent)).toContain("Ctrl+K");
    key("e");
    expect(app.window.find(".row.current").text(), "a dialog is open").toContain("FAIL");
    help.querySelector<HTMLElement>("[role=switch]")!.click();
    await app.pass();
    expect(help.textContent).not.toContain("Next error");
    help.querySelector<HTMLElement>(".dialog-close")!.click();
    await app.pass();
    expect(app.one("log-next-error").attributes("title")).toBe("2 errors");
    const before = app.window.find(".row.current").attributes("data-row");
    key("e");
    key("/");
    await app.pass();
    expect(app.window.find(".row.current").attributes("data-row")).toBe(before);
    expect(app.one("log-find").exists()).toBe(false);
    key("f", { ctrlKey: true });
    await app.pass();
    expect(app.one("log-find").exists()).toBe(true);
    useView().bareKeys = true;
  });

  it("stand in tool tips and are told to who hears the page", async () => {
    const app = await openWindow("/run/r-live", { scenario: "failed" });
    await app.pass(15_000);
    const button = app.one("log-next-error");
    expect(button.attributes("title")).toBe("2 errors  e");
    expect(button.attributes("aria-keyshortcuts")).toBe("e");
  });

  it("are not taken from a field or an input method", async () => {
    const app = await openWindow("/run/r-live", { scenario: "running" });
    await app.pass(6000);
    key("/");
    await app.pass();
    const field = app.one("log-find").element;
    key("w", {}, field);
    key("w", { isComposing: true });
    await app.pass();
    expect(app.one("log-wrap").attributes("aria-pressed")).toBe("false");
    key("w");
    await app.pass();
    expect(app.one("log-wrap").attributes("aria-pressed")).toBe("true");
  });

  it("of the log's tools are one stop, with arrows inside", async () => {
    const app = await openWindow("/run/r-live", { scenario: "running" });
    await app.pass(6000);
    const buttons = [...document.querySelectorAll<HTMLElement>(".tools button")];
    buttons[0]!.focus();
    await app.pass(250);
    expect(buttons.filter((one) => one.tabIndex === 0)).toHaveLength(1);
    key("ArrowRight", {}, buttons[0]);
    await app.pass(250);
    expect(document.activeElement).toBe(buttons[1]);
  });

  it("go back and to the other screens", async () => {
    const app = await openWindow("/");
    key("h", { ctrlKey: true });
    await app.pass();
    expect(where(app)).toBe("/history");
    key(",", { ctrlKey: true });
    await app.pass();
    expect(where(app)).toBe("/settings");
    key("ArrowLeft", { altKey: true });
    await app.pass();
    expect(where(app)).toBe("/history");
  });
});

it("has a menu of the actions that are for any screen", async () => {
  const app = await openWindow("/");
  const button = app.one("app-menu");
  button.element.dispatchEvent(new PointerEvent("pointerdown", { bubbles: true, button: 0 }));
  await button.trigger("click");
  await app.pass();
  const items = [...document.querySelectorAll<HTMLElement>("[data-testid=menu-item]")];
  expect(items.map((one) => one.dataset["id"])).toEqual(expect.arrayContaining(["window.commands", "window.larger", "go.history", "project.open"]));
  expect(items[0]!.textContent).toContain("Ctrl+K");
});

describe("the size", () => {
  it("changes by keys and in the settings, from 80 to 200 per cent, and is kept", async () => {
    const app = await openWindow("/settings");
    expect(app.one("zoom-now").text()).toBe("100%");
    for (let n = 0; n < 9; n++) key("+", { ctrlKey: true });
    await app.pass();
    expect(app.one("zoom-now").text()).toBe("200%");
    expect(app.fake.zoom).toBe(2);
    expect(app.one("zoom-in").attributes("disabled")).toBeDefined();
    expect(localStorage.getItem("letterpress.zoom")).toBe("200");
    key("0", { ctrlKey: true });
    await app.pass();
    expect(app.fake.zoom).toBe(1);
    for (let n = 0; n < 9; n++) key("-", { ctrlKey: true });
    await app.pass();
    expect(app.one("zoom-now").text()).toBe("80%");
    expect(app.fake.zoom).toBe(0.8);
    await app.one("zoom-in").trigger("click");
    await app.pass();
    expect(app.fake.zoom).toBe(0.9);
  });
});

describe("a defect of the window itself", () => {
  it("is told with a report that may be given away, and the rail stays", async () => {
    const app = await openWindow("/history");
    useFaults().tell(new TypeError("cannot read `deploy_token` in /home/lin/x"), "render function");
    await app.pass();
    expect(app.one("fault").text()).toContain("Something went wrong in this window.");
    expect(app.one("fault-report").text()).toContain("TypeError: cannot read `…` in /home/…/x");
    expect(app.one("fault-report").text()).toContain("screen history");
    const write = vi.spyOn(navigator.clipboard, "writeText").mockResolvedValue();
    await app.one("fault-copy").trigger("click");
    await app.pass();
    expect(write.mock.calls[0]![0]).toContain("Letterpress 0.1.0 (en)");
    expect(app.one("fault-copy").text()).toBe("Copied");
    expect(app.all("project-link").length).toBeGreaterThan(0);
    await app.window.find(".fault .close").trigger("click");
    expect(app.one("fault").exists()).toBe(false);
  });

  it("comes from anywhere: a promise, a script, a component", async () => {
    const app = await openWindow("/");
    const faults = useFaults();
    const config: { errorHandler?: (caught: unknown, instance: null, place: string) => void } = {};
    const listened: Record<string, (event: Event) => void> = {};
    const add = vi.spyOn(window, "addEventListener").mockImplementation((name, listener) => void (listened[name] = listener as (event: Event) => void));
    faults.listen({ config } as never);
    add.mockRestore();
    listened["unhandledrejection"]!({ reason: new Error("of a promise") } as never);
    expect(faults.newest?.report).toContain("of a promise");
    listened["error"]!({ error: new Error("of a script"), message: "" } as never);
    expect(faults.newest?.report).toContain("of a script");
    config.errorHandler!(new Error("of a component"), null, "render function");
    expect(faults.newest?.report).toContain("of a component");
    asApiError(new Error("of a call"));
    expect(faults.newest?.report).toContain("of a call");
    app.window.unmount();
  });

  it("keeps a screen that cannot be drawn to itself, and tries it again", async () => {
    await openWindow("/");
    let broken = true;
    const Screen = defineComponent({
      render() {
        if (broken) throw new Error("cannot draw");
        return h("p", "drawn");
      },
    });
    const part = mount(ScreenBoundary, { slots: { default: () => h(Screen) }, global: { plugins: [i18n] } });
    await nextTick();
    expect(part.text()).toContain("This screen could not be drawn");
    expect(useFaults().newest?.report).toContain("cannot draw");
    broken = false;
    await part.find("[data-testid=fault-again]").trigger("click");
    await nextTick();
    expect(part.text()).toBe("drawn");
    part.unmount();
  });
});

describe("what is shown while the core cannot be asked", () => {
  const trouble = { code: "store_unavailable" as const, message: "the disk is away", hint: "", findings: [] };

  it("stays, says how old it is, and its clock stands still", async () => {
    const app = await openWindow("/run/r-live", { scenario: "running" });
    await app.pass(4000);
    app.fake.failWith("runDetail", trouble);
    await app.pass(6000);
    expect(app.one("stale-note").text()).toContain("Not up to date: as of today 14:20");
    expect(app.one("run-state").exists()).toBe(true);
    const clock = app.window.find(".header .lasted").text();
    expect(clock).toMatch(/^0:\d\d$/);
    await app.pass(5000);
    expect(app.window.find(".header .lasted").text()).toBe(clock);
    app.fake.failWith("runDetail", undefined);
    await app.one("stale-retry").trigger("click");
    await app.pass();
    expect(app.one("stale-note").exists()).toBe(false);
    expect(app.window.find(".header .lasted").text()).not.toBe(clock);
  });

  it.each([
    ["/project/p-store", "projectDetail", "version-row"],
    ["/history", "runList", "history-row"],
    ["/settings", "keptList", "kept-now"],
    ["/settings", "secretList", "secret-row"],
    ["/settings", "appStatus", "engine-row"],
    ["/", "projectList", "project-card"],
  ] as const)("stays at %s when %s fails", async (path, method, shown) => {
    const app = await openWindow(path);
    const before = app.all(shown).length;
    expect(before).toBeGreaterThan(0);
    app.fake.failWith(method, trouble);
    useNotices().tell(["everything"]);
    await app.pass(3000);
    expect(app.all(shown)).toHaveLength(before);
    expect(app.one("stale-note").text()).toContain("the disk is away");
    expect(app.one("error-card").exists()).toBe(false);
  });

  it.each([
    ["/", "project-card"],
    ["/history", "history-row"],
    ["/project/p-store", "version-row"],
    ["/run/r-1", "step-row"],
  ])("tries to open the data folder again, not only to ask, at %s", async (path, shown) => {
    const app = await openWindow(path, { scenario: "error" });
    expect(app.one("error-card").attributes("data-code")).toBe("store_unavailable");
    app.fake.appOpen = () => {
      app.fake.calls.push("appOpen");
      Object.assign(app.fake, { scenario: "sample" });
      return Promise.resolve();
    };
    await app.one("error-card").find("button").trigger("click");
    await app.pass(1500);
    expect(app.fake.calls).toContain("appOpen");
    expect(app.window.find("[data-code=store_unavailable]").exists()).toBe(false);
    expect(app.all(shown).length).toBeGreaterThan(0);
    expect(app.all("project-link").length, "the rail too").toBeGreaterThan(0);
  });

  it("says when nothing is heard of changes", async () => {
    const app = await openWindow("/", { before: (fake) => fake.failWith("noticesSubscribe", trouble) });
    expect(app.one("deaf-bar").text()).toContain("does not hear of changes");
    app.fake.failWith("noticesSubscribe", undefined);
    await app.one("deaf-retry").trigger("click");
    await app.pass();
    expect(app.one("deaf-bar").exists()).toBe(false);
  });
});

it("looks again when the window comes back, not at every glance", async () => {
  const app = await openWindow("/history");
  const away = async (ms: number) => {
    app.fake.calls.length = 0;
    window.dispatchEvent(new Event("blur"));
    await app.pass(ms);
    window.dispatchEvent(new Event("focus"));
    window.dispatchEvent(new Event("focus"));
    await app.pass();
  };
  await app.pass(2000);
  await away(1000);
  expect(app.fake.calls).toEqual([]);
  await away(5000);
  for (const call of ["runList", "projectList", "appStatus", "settingsGet"]) expect(app.fake.calls.filter((one) => one === call), call).toHaveLength(1);
});

it("says yesterday when the day has changed under an open window", async () => {
  const app = await openWindow("/history");
  expect(app.all("history-row")[0]!.find(".when").text()).toMatch(/^today/);
  vi.setSystemTime(new Date(2026, 10, 24, 8, 0, 0));
  await app.pass(30_000);
  expect(app.all("history-row")[0]!.find(".when").text()).toMatch(/^yesterday/);
});

describe("the focus", () => {
  it("goes to the new screen, unless somebody is in the rail", async () => {
    const app = await openWindow("/");
    (app.all("project-card")[0]!.element as HTMLElement).focus();
    await app.all("project-card")[0]!.trigger("click");
    await app.pass();
    expect(document.activeElement?.id).toBe("main");
    const link = app.one("history-link").element as HTMLElement;
    link.focus();
    await app.one("history-link").trigger("click");
    await app.pass();
    expect(document.activeElement).toBe(link);
  });

  it("does not go to nowhere when what had it goes away", async () => {
    const app = await openWindow("/settings");
    const list = app.window.find("#secrets .list").element as HTMLElement;
    const button = app.window.find("[data-name=registry_password] button").element as HTMLElement;
    button.focus();
    await app.fake.secretRemove({ scope: "everywhere" }, "registry_password");
    await app.pass();
    expect(button.isConnected).toBe(false);
    expect(document.activeElement).toBe(list);
  });
});
