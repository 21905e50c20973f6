// @vitest-environment jsdom
import axe from "axe-core";
import { beforeAll, describe, expect, it, vi } from "vitest";
import type { Scenario } from "@/api/fake";
import { openWindow, type Opened } from "./support";

beforeAll(() => {
  // What this page without a layout does not have.
  globalThis.ResizeObserver = class {
    observe() {}
    unobserve() {}
    disconnect() {}
  };
  globalThis.matchMedia = ((query: string) => ({ matches: false, media: query, addEventListener() {}, removeEventListener() {} })) as never;
  HTMLCanvasElement.prototype.getContext = () => null;
  for (const name of ["hasPointerCapture", "setPointerCapture", "releasePointerCapture"] as const) HTMLElement.prototype[name] = (() => false) as never;
});

/** Colours need a layout: `contrast.test.ts` reads them from the tokens. */
const RULES = { "color-contrast": { enabled: false } };

async function violations(): Promise<string[]> {
  vi.useRealTimers();
  const { violations: found } = await axe.run(document, { rules: RULES, resultTypes: ["violations"] });
  vi.useFakeTimers();
  return found.flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.html.slice(0, 160)} – ${node.failureSummary ?? ""}`));
}

const key = (name: string, part: KeyboardEventInit = {}) => window.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true, ...part }));

const SCREENS: [name: string, path: string, scenario: Scenario, act?: (app: Opened) => Promise<void>][] = [
  ["the first start", "/", "empty"],
  ["home", "/", "sample"],
  ["home with trouble", "/", "error"],
  ["a project", "/project/p-store", "sample"],
  [
    "a project with a form",
    "/project/p-store",
    "sample",
    async (app) => {
      await app.window.find("[data-testid=workflow-card][data-name=deploy]").trigger("click");
      await app.pass();
      await app.one("run-button").trigger("click");
      await app.one("trust-switch").trigger("click");
      await app.pass();
    },
  ],
  [
    "a project where no version is found",
    "/project/p-store",
    "sample",
    async (app) => {
      await app.one("version-search").setValue("nothing like it");
      await app.pass();
    },
  ],
  ["a project with errors in its files", "/project/p-store", "broken"],
  ["a project that is not trusted", "/project/p-store", "untrusted"],
  ["a project without an engine", "/project/p-store", "noengine"],
  ["a compatibility report", "/project/p-checkout/compatibility", "sample"],
  ["a run that goes on", "/run/r-live", "running", async (app) => app.pass(5000)],
  ["a run that is cancelled", "/run/r-live", "cleanup"],
  [
    "a run that failed, with its find open",
    "/run/r-live",
    "failed",
    async (app) => {
      await app.pass(15_000);
      key("/");
      await app.pass();
    },
  ],
  ["a lost run", "/run/r-live", "lost"],
  ["the attempts of a run", "/run/r-live", "retried"],
  ["a run that waits", "/run/r-live", "queued"],
  ["the history", "/history", "sample"],
  ["the history with nothing in it", "/history", "empty"],
  ["the settings", "/settings", "lost"],
  ["the settings without an engine", "/settings", "noengine"],
  [
    "the list of commands",
    "/",
    "sample",
    async (app) => {
      key("k", { ctrlKey: true });
      await app.pass();
    },
  ],
  [
    "the keys",
    "/",
    "sample",
    async (app) => {
      key("F1");
      await app.pass();
    },
  ],
];

describe.each([
  ["en", "light"],
  ["zh-CN", "dark"],
] as const)("without a fault that a checker can see, in %s and %s:", (language, theme) => {
  it.each(SCREENS)("%s", async (_, path, scenario, act) => {
    const app = await openWindow(path, { scenario, settings: { language, theme } });
    await act?.(app);
    expect(await violations()).toEqual([]);
  });
});
