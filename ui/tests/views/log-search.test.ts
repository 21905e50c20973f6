import { describe, expect, it } from "vitest";
import { openWindow, type Opened } from "../support";

async function look(app: Opened, text: string): Promise<void> {
  await app.one("log-search-text").setValue(text);
  await app.one("log-search-start").trigger("click");
}
const status = (app: Opened) => (app.one("log-search-status").exists() ? app.one("log-search-status").text() : "");

describe("a search in logs", () => {
  it("of a run finds lines in all of its steps, and leads to them", async () => {
    const app = await openWindow("/history");
    const built = app.all("history-row").find((row) => row.attributes("data-state") === "passed" && row.text().includes("Build and test"));
    await built!.trigger("click");
    await app.pass(1000);
    await look(app, "npm run build");
    await app.pass(1000);
    expect(status(app)).toBe("1 line found");
    expect(app.one("log-search-hit").text()).toContain("+ npm run build");
    expect(app.one("log-search-hit").find("mark").text()).toBe("npm run build");
    await app.one("log-search-hit").trigger("click");
    await app.pass(1000);
    expect(app.window.find(".row.current .text").text()).toBe("+ npm run build");
    await look(app, "no such thing");
    await app.pass(1000);
    expect(status(app)).toBe("Found nowhere");
  });

  it("can be typed into as soon as it is opened", async () => {
    const app = await openWindow("/history");
    const run = app.all("history-row")[0]!.attributes("data-run");
    for (const screen of ["/history", `/run/${run}`]) {
      await app.router.push(screen);
      await app.pass(1000);
      const search = app.one("log-search");
      const fold = (search.element as HTMLElement).closest("details")!;
      expect(fold.open, screen).toBe(false);
      expect(search.element.contains(document.activeElement), screen).toBe(false);
      fold.querySelector("summary")!.click();
      await app.pass();
      expect(fold.open, screen).toBe(true);
      expect(document.activeElement, screen).toBe(app.one("log-search-text").element);
    }
  });

  it("of all runs streams, and can be stopped", async () => {
    const app = await openWindow("/history");
    await look(app, "npm ci");
    await app.pass(250);
    expect(status(app)).toMatch(/^Searching… \d+ lines found in \d+ runs so far$/);
    const before = app.all("log-search-log").length;
    expect(before).toBeGreaterThan(0);
    await app.pass(250);
    expect(app.all("log-search-log").length).toBeGreaterThan(before);
    await app.one("log-search-stop").trigger("click");
    await app.pass(250);
    expect(status(app)).toMatch(/^Stopped: \d+ lines found so far$/);
    const stopped = app.all("log-search-log").length;
    await app.pass(3000);
    expect(app.all("log-search-log")).toHaveLength(stopped);
    expect(app.fake.calls).toContain("activityCancel");
  });

  it("ends when the screen is left, and begins by Enter, never by that of an input method", async () => {
    const app = await openWindow("/history", { settings: { language: "zh-CN" } });
    const field = app.one("log-search-text");
    await field.setValue("npm");
    await field.trigger("compositionstart");
    await field.trigger("keydown", { key: "Enter", isComposing: true });
    await app.pass();
    expect(app.fake.calls).not.toContain("searchStart");
    await field.trigger("compositionend");
    await app.pass();
    await field.trigger("keydown", { key: "Enter" });
    await app.pass(100);
    expect(app.fake.calls).toContain("searchStart");
    expect(status(app)).toContain("正在搜索");
    await app.router.push("/settings");
    await app.pass();
    expect(app.fake.calls).toContain("activityCancel");
  });

  it("says what is wrong with what is looked for", async () => {
    const app = await openWindow("/history", {
      before: (fake) => fake.failWith("searchStart", { code: "bad_request", message: "this cannot be searched for: unclosed group", hint: "", findings: [] }),
    });
    await look(app, "(");
    await app.pass();
    expect(app.one("error-card").text()).toContain("unclosed group");
  });
});
