/** Logs of the fake core, with the limits of the real one. */
import type { StepAddress } from "../index";
import { rejection } from "./core";
import { fakeLine, fakeMarks } from "./logs";
import { FakeRuns } from "./runs";
import type { StepScript } from "./simulation";
import type { LogHit, LogRange, LogSummary, StepDetail } from "../types";
import { plainText } from "@/logic/ansi";
import { isOver } from "@/logic/status";

/** As the core's: lines and bytes of one answer, bytes of one line. */
const MOST_LINES = 400;
const MOST_BYTES = 256 * 1024;
const LINE_BYTES = 16 * 1024;

const encoder = new TextEncoder();
const byteLength = (text: string): number => encoder.encode(text).length;

/** What the core sends of a line: whole characters of its first 16 KB. */
function shortened(line: string): string {
  if (line.length * 3 <= LINE_BYTES) return line;
  const bytes = encoder.encode(line);
  return bytes.length <= LINE_BYTES ? line : new TextDecoder().decode(bytes.subarray(0, LINE_BYTES), { stream: true });
}

export class FakeLogs extends FakeRuns {
  protected log(address: StepAddress): { step: StepDetail; script: StepScript } {
    const detail = this.detail(address.run);
    const step = [detail, ...detail.attempts].map((one) => one.stages[address.stage - 1]?.steps[address.step - 1]).find((one) => one?.attempt === address.attempt);
    const script = this.record(address.run).steps[address.step - 1];
    if (!step || !script) throw rejection("step_not_found", `no step ${address.step}`);
    // What failed once failed in its own log, also when the step has passed since.
    return { step, script: step.state === "failed" && script.log === "test" ? { ...script, log: "failing" } : script };
  }

  /** Lets every log say this, for tests. */
  setLog(lines: readonly string[] | undefined): void {
    this.own = lines;
  }

  protected own: readonly string[] | undefined;

  protected lineOf(script: StepScript, n: number): string {
    return this.own ? (this.own[n] ?? "") : fakeLine(script.log, n, script.lines);
  }

  protected lengthOf(step: StepDetail): number {
    return this.own?.length ?? step.log_lines;
  }

  logSummary = (address: StepAddress): Promise<LogSummary> =>
    this.answer("logSummary", () => {
      const { step, script } = this.log(address);
      const lines = this.lengthOf(step);
      const bytes = this.own ? this.own.reduce((sum, line) => sum + byteLength(line) + 1, 0) : lines * 80;
      return { lines, bytes, complete: isOver(step.state), marks: this.own ? [] : fakeMarks(script.log, lines, script.lines) };
    });

  logRange = (address: StepAddress, from: number, count: number): Promise<LogRange> =>
    this.answer("logRange", () => {
      const { step, script } = this.log(address);
      const total = this.lengthOf(step);
      const end = Math.min(total, from + Math.min(count, MOST_LINES));
      const range: LogRange = { from, lines: [], cut: [], total };
      let size = 0;
      for (let n = from; n < end && size < MOST_BYTES; n++) {
        const whole = this.lineOf(script, n);
        const line = shortened(whole);
        if (line !== whole) range.cut.push(n - from);
        range.lines.push(line);
        size += byteLength(line);
      }
      return range;
    });

  logFind = (address: StepAddress, query: string, from: number, limit: number): Promise<LogHit[]> =>
    this.answer("logFind", () => {
      const { step, script } = this.log(address);
      const wanted = query.toLowerCase();
      const hits: LogHit[] = [];
      for (let n = from; n < this.lengthOf(step) && hits.length < limit; n++) {
        const text = plainText(this.lineOf(script, n));
        if (text.toLowerCase().includes(wanted)) hits.push({ line: n, text });
      }
      return hits;
    });

  logSave = (address: StepAddress): Promise<string | null> =>
    this.answer("logSave", () => `/home/lin/${this.log(address).script.name}.txt`);
}
