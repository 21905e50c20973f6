import { expect, it } from "vitest";
import { gathered } from "@/logic/steps";
import type { Tone } from "@/logic/status";

it("draws a piece for each step, and of ten thousand as many as can be seen, each with its worst step", () => {
  expect(gathered(["passed", "running"])).toEqual(["passed", "running"]);
  const tones = Array.from({ length: 10_000 }, (): Tone => "passed");
  tones[5_000] = "failed";
  tones[9_999] = "running";
  const pieces = gathered(tones);
  expect(pieces).toHaveLength(160);
  expect(pieces.filter((tone) => tone === "failed")).toHaveLength(1);
  expect(pieces[80]).toBe("failed");
  expect(pieces.at(-1)).toBe("running");
});
