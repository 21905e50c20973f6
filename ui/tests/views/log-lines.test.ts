import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { openWindow } from "../support";

describe("every line of any log", () => {
  /** Lines of any length: most short, some as long as what a bundler or a database prints, a few longer than the core sends. */
  const line = fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 0, max: 200 }) },
    { weight: 3, arbitrary: fc.integer({ min: 200, max: 6_000 }) },
    { weight: 1, arbitrary: fc.integer({ min: 6_000, max: 40_000 }) },
  );
  const shownOf = (text: string) => text.slice(0, 16 * 1024);

  it("is shown and copied, whatever the answers hold", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 700 }), fc.array(fc.nat(700), { minLength: 1, maxLength: 4 }), async (lengths, places) => {
        const lines = lengths.map((length, n) => `${n} `.padEnd(length, String.fromCharCode(97 + (n % 26))));
        const app = await openWindow("/history", { before: (fake) => fake.setLog(lines) });
        await app.all("history-row")[0]!.trigger("click");
        await app.pass(1000);
        const view = app.window.find<HTMLElement>("[data-testid=log-view]");
        expect(view.attributes("data-lines")).toBe(String(lines.length));
        for (const place of [...places, 0, lines.length]) {
          view.element.scrollTop = Math.max(0, Math.min(place, lines.length - 40)) * 20;
          await view.trigger("scroll");
          await app.pass(500);
          for (const row of app.all("log-line")) {
            const n = Number(row.attributes("data-row"));
            expect(row.find(".text").element.textContent, `row ${n} of ${lines.length}`).toBe(shownOf(lines[n]!));
          }
        }
        const write = vi.spyOn(navigator.clipboard, "writeText").mockResolvedValue();
        await app.one("log-copy").trigger("click");
        await app.pass(1000);
        expect(write.mock.calls.at(-1)![0], "every line, and all of it").toBe(lines.join("\n") + "\n");
        expect(app.all("toast").at(-1)!.text()).toMatch(/lines copied$/);
        write.mockRestore();
      }),
      { numRuns: 8 },
    );
  });

  it("is copied alone where it is too long to show", async () => {
    const lines = ["short", `${"构".repeat(700_000)}end`, "last"];
    const app = await openWindow("/history", { before: (fake) => fake.setLog(lines) });
    await app.all("history-row")[0]!.trigger("click");
    await app.pass(1000);
    const write = vi.spyOn(navigator.clipboard, "writeText").mockResolvedValue();
    await app.one("log-whole").trigger("click");
    await app.pass(1000);
    expect(write.mock.calls.at(-1)![0] === lines[1]).toBe(true);
    expect(app.all("toast").at(-1)!.text()).toBe("Line 2 copied");
    write.mockRestore();
  });

  it("has an address, which opens its log there and can be copied", async () => {
    const lines = Array.from({ length: 500 }, (_, n) => `line ${n + 1}`);
    const app = await openWindow("/history", { before: (fake) => fake.setLog(lines) });
    const run = app.all("history-row")[0]!.attributes("data-run");
    await app.router.push(`/run/${run}/1/2/1#L312`);
    await app.pass(1000);
    expect(app.window.find(".row.current .text").text()).toBe("line 312");
    expect(app.router.currentRoute.value.query).toMatchObject({ step: "1/2" });
    const write = vi.spyOn(navigator.clipboard, "writeText").mockResolvedValue();
    await app.all("log-number")[0]!.trigger("click");
    await app.pass();
    const marked = Number(app.window.find(".row.current").attributes("data-row")) + 1;
    await app.one("log-link").trigger("click");
    await app.pass();
    expect(write.mock.calls.at(-1)![0]).toBe(`letterpress://run/${run}/1/2/1#L${marked}`);
    write.mockRestore();
  });

  it("says that nothing was copied when the system refuses", async () => {
    const app = await openWindow("/history");
    await app.all("history-row")[0]!.trigger("click");
    await app.pass(1000);
    vi.spyOn(navigator.clipboard, "writeText").mockRejectedValue(new Error("no"));
    document.execCommand = () => false;
    await app.one("log-copy").trigger("click");
    await app.pass(1000);
    expect(app.one("toast").text()).toContain("could not be copied");
  });
});
