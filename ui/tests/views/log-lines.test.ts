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
        expect(write.mock.calls.at(-1)![0]).toBe(lines.map(shownOf).join("\n") + "\n");
        const long = lines.some((text) => text.length > 16 * 1024);
        expect(app.all("toast").at(-1)!.text()).toMatch(long ? /lines copied, \d+ of them only in part/ : /lines copied$/);
        write.mockRestore();
      }),
      { numRuns: 8 },
    );
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
