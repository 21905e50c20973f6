import { describe, expect, it } from "vitest";
import { openWindow, type Opened } from "../support";
import { fakeLine } from "@/api/fake/logs";
import { plainText } from "@/logic/ansi";

const TOTAL = 1_000_000;
const numbers = (app: Opened) =>
  app
    .all("log-line")
    .map((line) => Number(line.attributes("data-row")))
    .sort((a, b) => a - b);
const key = (name: string, part: KeyboardEventInit = {}) => window.dispatchEvent(new KeyboardEvent("keydown", { key: name, cancelable: true, ...part }));

async function openSoak(): Promise<Opened> {
  const app = await openWindow("/history");
  const row = app.all("history-row").find((one) => one.text().includes("Soak"));
  await row!.trigger("click");
  await app.pass();
  await app.window.find("[data-name=soak]").trigger("click");
  await app.pass(1000);
  return app;
}

function allShown(app: Opened): void {
  for (const line of app.all("log-line")) {
    const row = Number(line.attributes("data-row"));
    expect(line.find(".text").text(), `row ${row}`).toBe(plainText(fakeLine("soak", row, TOTAL)).trim());
  }
}

describe("a log of a million lines", () => {
  it("opens at its end, with few nodes and the right lines", async () => {
    const app = await openSoak();
    expect(app.one("log-view").attributes("data-lines")).toBe(String(TOTAL));
    expect(numbers(app).at(-1)).toBe(TOTAL - 1);
    allShown(app);
    expect(app.window.element.ownerDocument.querySelectorAll("[data-testid=log-view] *").length).toBeLessThan(1_500);
    expect(document.querySelectorAll("*").length).toBeLessThan(1_500);
  });

  it("shows any place after a few calls, and keeps its nodes", async () => {
    const app = await openSoak();
    const before = new Set(app.all("log-line").map((line) => line.element));
    app.fake.calls.length = 0;
    const view = app.window.find<HTMLElement>("[data-testid=log-view]");
    for (const part of [0, 0.25, 0.5, 0.999]) {
      view.element.scrollTop = (8_000_000 - 800) * part;
      await view.trigger("scroll");
      await app.pass(300);
      const shown = numbers(app);
      expect(Math.abs(shown[0]! - part * TOTAL)).toBeLessThan(60);
      expect(new Set(shown).size).toBe(shown.length);
      allShown(app);
    }
    expect(app.fake.calls.filter((call) => call === "logRange").length).toBeLessThanOrEqual(8);
    const kept = app.all("log-line").filter((line) => before.has(line.element)).length;
    expect(kept).toBeGreaterThan(20);
    expect(document.querySelectorAll("*").length).toBeLessThan(1_500);
  });

  it("moves by exact rows although the scroll bar is scaled", async () => {
    const app = await openSoak();
    key("g");
    await app.pass(300);
    expect(numbers(app)[0]).toBe(0);
    const view = app.one("log-view");
    for (let n = 0; n < 40; n++) await view.trigger("keydown", { key: "ArrowDown" });
    await app.pass(300);
    expect(numbers(app)[0]).toBe(40 - 12);
    await view.trigger("keydown", { key: "PageDown" });
    await app.pass(300);
    expect(numbers(app)[0]).toBe(40 + 38 - 12);
    await view.trigger("keydown", { key: "End" });
    await app.pass(300);
    expect(numbers(app).at(-1)).toBe(TOTAL - 1);
    await view.trigger("keydown", { key: "Home" });
    await app.pass(300);
    expect(numbers(app)[0]).toBe(0);
    view.element.dispatchEvent(new WheelEvent("wheel", { deltaY: 100, cancelable: true }));
    view.element.dispatchEvent(new WheelEvent("wheel", { deltaY: 100, cancelable: true }));
    view.element.dispatchEvent(new WheelEvent("wheel", { deltaY: 100, cancelable: true }));
    await app.pass(300);
    expect(numbers(app)[0]).toBe(3);
  });

  it("goes from error to error and round", async () => {
    const app = await openSoak();
    expect(app.one("log-next-error").text()).toBe("11 errors");
    const seen: string[] = [];
    for (let n = 0; n < 12; n++) {
      key("e");
      await app.pass(200);
      seen.push(app.window.find(".row.current").attributes("data-row") ?? "");
    }
    expect(seen[0]).toBe("77");
    expect(seen[1]).toBe(String(77 + 99_991));
    expect(seen[11]).toBe("77");
    key("E");
    await app.pass(200);
    expect(app.window.find(".row.current").attributes("data-row")).toBe(String(77 + 10 * 99_991));
  });

  it("finds, forward and back, and says how often", async () => {
    const app = await openSoak();
    key("/");
    await app.pass();
    await app.one("log-find").setValue("upstream closed");
    await app.pass();
    expect(app.one("log-hits").text()).toBe("11 found");
    await app.one("log-find").trigger("keydown", { key: "Enter" });
    await app.pass();
    expect(app.one("log-hits").text()).toBe("1 of 11");
    expect(app.window.find(".row.current").attributes("data-row")).toBe("77");
    expect(app.window.find(".row.current").classes()).toContain("hit");
    (document.activeElement as HTMLElement).blur();
    key("n");
    await app.pass();
    expect(app.one("log-hits").text()).toBe("2 of 11");
    key("N");
    await app.pass();
    key("N");
    await app.pass();
    expect(app.one("log-hits").text()).toBe("11 of 11");
    await app.one("log-find").setValue("no such words");
    await app.pass();
    expect(app.one("log-hits").text()).toBe("not found");
    await app.one("log-find").trigger("keydown", { key: "Escape" });
    expect(app.one("log-find").exists()).toBe(false);
  });

  it("does not search while a Chinese word is being composed", async () => {
    const app = await openSoak();
    key("/");
    await app.pass();
    await app.one("log-find").setValue("订单 #9");
    await app.pass();
    await app.one("log-find").trigger("keydown", { key: "Enter", isComposing: true });
    await app.pass();
    expect(app.window.find(".row.current").exists()).toBe(false);
  });

  it("is too long for the clipboard but can be saved", async () => {
    const app = await openSoak();
    expect(app.one("log-copy").attributes("disabled")).toBeDefined();
    await app.one("log-save").trigger("click");
    await app.pass();
    expect(app.one("toast").text()).toContain("/home/lin/soak.txt");
  });
});

describe("a log that grows", () => {
  it("follows its end, and says how much is new when the reader has gone up", async () => {
    const app = await openWindow("/run/r-live", { scenario: "running" });
    await app.pass(5500);
    const first = numbers(app).at(-1)!;
    await app.pass(750);
    expect(numbers(app).at(-1)!).toBeGreaterThan(first);
    expect(app.one("log-newer").exists()).toBe(false);
    key("g");
    await app.pass(750);
    expect(numbers(app)[0]).toBe(0);
    expect(app.one("log-newer").text()).toMatch(/^\d+ new lines$/);
    await app.one("log-newer").trigger("click");
    await app.pass(250);
    expect(app.one("log-newer").exists()).toBe(false);
    expect(numbers(app).at(-1)! + 1).toBe(Number(app.one("log-view").attributes("data-lines")));
  });

  it("shows the rest of a last line that had no end yet", async () => {
    let tail = "50%";
    const app = await openWindow("/run/r-live", {
      scenario: "running",
      before: (fake) => {
        fake.logSummary = () => Promise.resolve({ lines: 1, bytes: tail.length, complete: false, marks: [] });
        fake.logRange = (_, from) => Promise.resolve({ from, lines: [tail], cut: [], next: null, times: [], total: 1 });
      },
    });
    await app.all("step-row")[1]!.trigger("click");
    await app.pass();
    expect(app.one("log-line").text()).toBe("50%");
    tail = "50% 100%";
    app.fake.notify(["log/r-live/1/2/1"], { lines: 1, bytes: tail.length });
    await app.pass(250);
    expect(app.one("log-line").text()).toBe("50% 100%");
  });

  it("waits for a step that has only just begun and has no log yet", async () => {
    const app = await openWindow("/run/r-live", {
      scenario: "running",
      before: (fake) => fake.failWith("logSummary", { code: "step_not_found", message: "no log", hint: "", findings: [] }),
    });
    expect(app.one("error-card").exists()).toBe(false);
    expect(app.one("log-nothing").text()).toContain("fetching");
    app.fake.failWith("logSummary", undefined);
    await app.pass(1500);
    expect(app.all("log-line").length).toBeGreaterThan(0);
  });

  it("does not miss lines that are told while its size is still being asked for", async () => {
    const app = await openWindow("/run/r-live", {
      scenario: "running",
      before: (fake) => {
        const tell = fake.notify.bind(fake);
        // The step says no more than this.
        fake.notify = (tags, log) => {
          if (!log) tell(tags);
        };
        fake.logSummary = async (at) => {
          // The core looked before the only line came; its answer arrives after that was told.
          tell([`log/${at.run}/${at.stage}/${at.step}/${at.attempt}`], { lines: 1, bytes: 7 });
          await new Promise((resolve) => setTimeout(resolve, 20));
          return { lines: 0, bytes: 0, complete: false, marks: [] };
        };
        fake.logRange = (_, from) => Promise.resolve({ from, lines: ["waiting"], cut: [], next: null, times: [], total: 1 });
      },
    });
    await app.all("step-row")[1]!.trigger("click");
    await app.pass();
    expect(app.one("log-line").text()).toBe("waiting");
  });

  it("does not ask for the log of a step that waits, and opens it when it begins", async () => {
    const app = await openWindow("/run/r-live", { scenario: "running" });
    await app.all("step-row")[3]!.trigger("click");
    app.fake.calls.length = 0;
    await app.pass();
    expect(app.one("log-nothing").text()).toBe("This step waits for its turn.");
    expect(app.fake.calls).not.toContain("logSummary");
    await app.pass(12_000);
    expect(app.all("log-line").length).toBeGreaterThan(0);
  });

  it("does not ask for ever when the core has no line where it promised one", async () => {
    const app = await openWindow("/run/r-1", {
      before: (fake) => {
        fake.logSummary = () => Promise.resolve({ lines: 500, bytes: 5000, complete: true, marks: [] });
        fake.logRange = (_, from) => {
          fake.calls.push("short");
          return Promise.resolve({ from, lines: from < 480 ? ["one"] : [], cut: [], next: null, times: [], total: 500 });
        };
      },
    });
    await app.pass(2000);
    expect(app.all("log-line").filter((line) => line.find(".text").text() !== "").length).toBeGreaterThan(20);
    expect(app.fake.calls.filter((call) => call === "short").length).toBeLessThan(250);
    const before = app.fake.calls.length;
    await app.pass(2000);
    expect(app.fake.calls.slice(before)).not.toContain("short");
  });

  it("shows an error of the log with a way to try again", async () => {
    const app = await openWindow("/run/r-live", {
      scenario: "running",
      before: (fake) => fake.failWith("logSummary", { code: "store_unavailable", message: "no log", hint: "", findings: [] }),
    });
    expect(app.one("error-card").attributes("data-code")).toBe("store_unavailable");
    app.fake.failWith("logSummary", undefined);
    await app.one("error-card").find("button").trigger("click");
    await app.pass();
    expect(app.one("error-card").exists()).toBe(false);
    expect(app.all("log-line").length + app.all("log-nothing").length).toBeGreaterThan(0);
  });
});

it("shows log text as text, whatever it holds", async () => {
  const nasty = `<img src=x onerror="document.title='x'"><script>1</script>`;
  const app = await openWindow("/run/r-live", {
    scenario: "running",
    before: (fake) => {
      fake.logSummary = () => Promise.resolve({ lines: 1, bytes: nasty.length, complete: true, marks: [] });
      fake.logRange = (_, from) => Promise.resolve({ from, lines: [nasty], cut: [], next: null, times: [], total: 1 });
    },
  });
  await app.pass();
  expect(app.one("log-line").text()).toBe(nasty);
  expect(document.querySelector("[data-testid=log-view] img, [data-testid=log-view] script")).toBeNull();
});

it("keeps the number of nodes bounded when every character has a colour", async () => {
  const loud = Array.from({ length: 400 }, (_, n) => `\u001b[3${n % 7}mx`).join("");
  const app = await openWindow("/run/r-live", {
    scenario: "running",
    before: (fake) => {
      fake.logSummary = () => Promise.resolve({ lines: 100_000, bytes: 1e8, complete: true, marks: [] });
      fake.logRange = (_, from) => Promise.resolve({ from, lines: Array.from({ length: 400 }, () => loud), cut: [], next: null, times: [], total: 100_000 });
    },
  });
  await app.pass();
  expect(app.all("log-line").length).toBeGreaterThan(50);
  expect(document.querySelectorAll("[data-testid=log-view] *").length).toBeLessThan(1_500);
});

it("says when a line was too long to be sent whole", async () => {
  const app = await openWindow("/run/r-live", {
    scenario: "running",
    before: (fake) => {
      fake.logSummary = () => Promise.resolve({ lines: 2, bytes: 40_000, complete: true, marks: [] });
      fake.logRange = (_, from) => Promise.resolve({ from, lines: ["short", "x".repeat(16_384)], cut: [1], next: null, times: [], total: 2 });
    },
  });
  await app.pass();
  expect(app.all("log-line").map((line) => line.find(".cut").exists())).toEqual([false, true]);
});

it("shows what could be read beside the reason why there is no more of it, and goes on when asked", async () => {
  const app = await openWindow("/history");
  await app.all("history-row").find((one) => one.text().includes("Soak"))!.trigger("click");
  await app.pass();
  await app.window.find("[data-name=soak]").trigger("click");
  await app.pass(1000);
  app.fake.failWith("logRange", { code: "store_unavailable", message: "the disk is away", hint: "", findings: [] });
  const view = app.window.find<HTMLElement>("[data-testid=log-view]");
  view.element.scrollTop = 4_000_000;
  await view.trigger("scroll");
  await app.pass();
  expect(app.one("stale-note").text()).toContain("the disk is away");
  expect(app.one("log-view").exists()).toBe(true);
  app.fake.failWith("logRange", undefined);
  await app.one("stale-retry").trigger("click");
  await app.pass();
  expect(app.one("stale-note").exists()).toBe(false);
  for (const line of app.all("log-line")) expect(line.find(".text").text()).not.toBe("");
});

it("marks the words that are found, not their whole line", async () => {
  const app = await openSoak();
  key("/");
  await app.pass();
  await app.one("log-find").setValue("UPSTREAM closed");
  await app.pass();
  await app.one("log-find").trigger("keydown", { key: "Enter" });
  await app.pass();
  const found = app.window.find(".row.current").findAll(".found");
  expect(found.map((one) => one.text()).join("")).toBe("upstream closed");
});

it("does not start a search while the one before goes on", async () => {
  const app = await openSoak();
  let atOnce = 0;
  let most = 0;
  const asked: string[] = [];
  app.fake.logFind = async (_, query) => {
    asked.push(query);
    most = Math.max(most, ++atOnce);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    atOnce--;
    return [];
  };
  key("/");
  await app.pass();
  for (const words of ["a", "ab", "abc", "abcd"]) {
    await app.one("log-find").setValue(words);
    await app.pass(250);
  }
  await app.pass(4000);
  expect(most).toBe(1);
  expect(asked[0]).toBe("a");
  expect(asked.at(-1)).toBe("abcd");
  expect(asked.length).toBeLessThan(4);
  expect(app.one("log-hits").text()).toBe("not found");
});
