import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { fakeLine } from "@/api/fake/logs";
import { dateFormat, numberFormat } from "@/logic/formatters";
import { momentParts } from "@/logic/time";
import { openWindow } from "../support";

describe("the window", () => {
  it("asks for a folder once, whichever of its buttons are pressed", async () => {
    let answer: (path: string | null) => void = () => undefined;
    const app = await openWindow("/", {
      before: (fake) => {
        fake.folderPick = () => {
          fake.calls.push("folderPick");
          return new Promise((resolve) => (answer = resolve));
        };
      },
    });
    const buttons = [app.window.find(".rail .add"), app.one("open-folder")];

    for (const button of buttons) await button.trigger("click");
    await app.pass();
    expect(app.fake.calls.filter((call) => call === "folderPick")).toHaveLength(1);
    answer(null);
    await app.pass();
    await buttons[0]!.trigger("click");
    expect(app.fake.calls.filter((call) => call === "folderPick")).toHaveLength(2);
  });

  it("has no menu of the web view's own but in fields, and takes nothing that is dropped", async () => {
    const app = await openWindow("/history");
    const taken = (target: EventTarget, name: string) => !target.dispatchEvent(new MouseEvent(name, { bubbles: true, cancelable: true }));
    expect(taken(app.one("history-row").element, "contextmenu")).toBe(true);
    expect(taken(app.one("history-search").element, "contextmenu")).toBe(false);
    for (const name of ["dragover", "drop"]) expect(taken(app.one("history-row").element, name), name).toBe(true);
  });

  it("lands at the part that a link names also when what is above it grows, until somebody scrolls", async () => {
    let grow: () => void = () => undefined;
    vi.stubGlobal(
      "ResizeObserver",
      class {
        constructor(heard: () => void) {
          grow = heard;
        }
        observe(): void {}
        unobserve(): void {}
        disconnect(): void {}
      },
    );
    const landed: string[] = [];
    vi.spyOn(Element.prototype, "scrollIntoView").mockImplementation(function (this: Element) {
      landed.push(this.id);
    });
    const app = await openWindow("/settings#secrets");
    expect(landed).toContain("secrets");
    landed.length = 0;
    grow();
    expect(landed).toEqual(["secrets"]);
    await app.window.find(".page").trigger("wheel");
    grow();
    expect(landed).toEqual(["secrets"]);
    vi.unstubAllGlobals();
  });

  it("says why something failed and what to do where no button of a screen stands", async () => {
    const app = await openWindow("/settings", {
      before: (fake) => fake.failWith("settingsSet", { code: "disk_full", message: "no room on `/data`", hint: "remove something", findings: [] }),
    });
    await app.window.find("[data-testid=theme-select] [data-value=dark] input").trigger("change");
    await app.pass();
    for (const words of ["The disk is full", "no room on /data", "remove something"]) expect(app.one("toast").text()).toContain(words);
    // There is no layout here: the docket with the Run button stands at the right, so the toasts begin at the left.
    const css = readFileSync(join(import.meta.dirname, "../../src/components/base/ToastStack.vue"), "utf8");
    const stack = /\.stack \{[^}]*\}/.exec(css)?.[0] ?? "";
    expect(stack).toContain("position: fixed");
    expect(stack).toMatch(/\n\s+left:/);
    expect(stack).not.toMatch(/\n\s+(right|inset):/);
  });
});

it("shows the lines of a log whose notices were lost", async () => {
  let lines = 1;
  const app = await openWindow("/run/r-live", {
    scenario: "running",
    before: (fake) => {
      const tell = fake.notify.bind(fake);
      fake.notify = (tags, log) => {
        if (!log) tell(tags);
      };
      fake.logSummary = () => Promise.resolve({ lines, bytes: 100 * lines, complete: false, marks: [] });
      fake.logRange = (_, from, count) => {
        const all = Array.from({ length: Math.min(count, lines - from) }, (__, n) => fakeLine("soak", from + n, lines));
        return Promise.resolve({ from, lines: all, cut: [], next: null, times: [], total: lines });
      };
    },
  });
  await app.all("step-row")[0]!.trigger("click");
  await app.pass(1000);
  expect(app.all("log-line")).toHaveLength(1);
  lines = 9;
  await app.pass(1000);
  expect(app.all("log-line")).toHaveLength(1);
  app.fake.notify(["everything"]);
  await app.pass(2000);
  expect(app.all("log-line")).toHaveLength(9);
});

it("names by its labels only fields that are there", async () => {
  const app = await openWindow("/project/p-store");
  await app.window.find("[data-testid=workflow-card][data-name=deploy]").trigger("click");
  await app.pass();
  expect(app.all("input").length).toBeGreaterThan(2);
  const named = [...document.querySelectorAll("[for]")].map((label) => label.getAttribute("for") ?? "");
  expect(named.length).toBeGreaterThan(0);
  expect(named.filter((id) => document.getElementById(id) === null)).toEqual([]);
  const described = [...document.querySelectorAll("[aria-describedby]")].flatMap((one) => one.getAttribute("aria-describedby")!.split(" "));
  expect(described.filter((id) => document.getElementById(id) === null)).toEqual([]);
});

it("makes what writes dates and numbers once for each form, not for each value", () => {
  const now = new Date(2026, 10, 23, 14, 20, 0);
  const write = (hour: number) => momentParts(new Date(2026, 10, 3, hour, 0, 0).toISOString(), now, "en-GB");
  write(1);
  const made = vi.spyOn(Intl, "DateTimeFormat");
  for (let hour = 2; hour < 20; hour++) expect(write(hour)?.time).toMatch(/:00$/);
  expect(made).not.toHaveBeenCalled();
  expect(dateFormat("en", { month: "long" })).toBe(dateFormat("en", { month: "long" }));
  expect(dateFormat("en", { month: "long" })).not.toBe(dateFormat("zh-CN", { month: "long" }));
  expect(numberFormat("en")).toBe(numberFormat("en"));
});
