/** Logs of the fake core, with the limits of the real one. */
import type { LogKey } from "../index";
import { rejection } from "./core";
import { fakeLine, fakeMarks } from "./logs";
import { FakeRuns } from "./runs";
import type { StepScript } from "./simulation";
import type { Activity, LogCursor, LogHit, LogPart, LogRange, LogSummary, SearchNews, SearchRequest, SearchScope, StepDetail } from "../types";
import { plainText } from "@/logic/ansi";
import { isOver } from "@/logic/status";

/** As the core's: lines and bytes of one answer, bytes of one line. */
const MOST_LINES = 400;
const MOST_BYTES = 256 * 1024;
const LINE_BYTES = 16 * 1024;

const PART_BYTES = 512 * 1024;
/** How long the fake takes to look through a run, in milliseconds. */
const SEARCH_MS = 5;

const encoder = new TextEncoder();
const byteLength = (text: string): number => encoder.encode(text).length;

/** What the core sends of a line: whole characters of its first 16 KB. */
function shortened(line: string): string {
  if (line.length * 3 <= LINE_BYTES) return line;
  const bytes = encoder.encode(line);
  return bytes.length <= LINE_BYTES ? line : new TextDecoder().decode(bytes.subarray(0, LINE_BYTES), { stream: true });
}

/** A line in which a text is found; the text is in lower case. */
function hitIn(text: string, line: number, wanted: string): LogHit | null {
  const at = text.toLowerCase().indexOf(wanted);
  if (at < 0) return null;
  const end = at + wanted.length;
  return { line, before: text.slice(Math.max(0, at - 120), at), found: text.slice(at, end), after: text.slice(end, end + 120) };
}

export class FakeLogs extends FakeRuns {
  protected log(address: LogKey): { step: StepDetail; script: StepScript } {
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

  logSummary = (address: LogKey): Promise<LogSummary> =>
    this.answer("logSummary", () => {
      const { step, script } = this.log(address);
      const lines = this.lengthOf(step);
      const bytes = this.own ? this.own.reduce((sum, line) => sum + byteLength(line) + 1, 0) : lines * 80;
      return { lines, bytes, complete: isOver(step.state), marks: this.own ? [] : fakeMarks(script.log, lines, script.lines) };
    });

  logRange = (address: LogKey, from: number, count: number): Promise<LogRange> =>
    this.answer("logRange", () => {
      const { step, script } = this.log(address);
      const total = this.lengthOf(step);
      const end = Math.min(total, from + Math.min(count, MOST_LINES));
      const range: LogRange = { from, lines: [], cut: [], next: null, times: [], total };
      let size = 0;
      for (let n = from; n < end && size < MOST_BYTES; n++) {
        const whole = this.lineOf(script, n);
        const line = shortened(whole);
        if (line !== whole) range.cut.push(n - from);
        range.lines.push(line);
        size += byteLength(line);
      }
      const after = from + range.lines.length;
      // A line each 100 milliseconds; the core tells a time where the second changes.
      const begun = Date.parse(step.started ?? "1970-01-01T00:00:00Z");
      for (let n = from; n < after; n++) {
        if (n === from || n % 10 === 0) range.times.push({ index: n - from, time: new Date(begun + Math.floor(n / 10) * 1000).toISOString() });
      }
      return { ...range, next: after < total ? after : null };
    });

  logFind = (address: LogKey, query: string, from: number, limit: number): Promise<LogHit[]> =>
    this.answer("logFind", () => {
      const { step, script } = this.log(address);
      const wanted = query.toLowerCase();
      const hits: LogHit[] = [];
      for (let n = from; n < this.lengthOf(step) && hits.length < limit; n++) {
        const hit = hitIn(plainText(this.lineOf(script, n)), n, wanted);
        if (hit) hits.push(hit);
      }
      return hits;
    });

  logPart = (address: LogKey, from: LogCursor): Promise<LogPart> =>
    this.answer("logPart", () => {
      const { step, script } = this.log(address);
      const total = this.lengthOf(step);
      let { line, byte } = from;
      let text = "";
      for (let room = PART_BYTES; line < total && room > 0; ) {
        const bytes = encoder.encode(`${this.lineOf(script, line)}\n`);
        // As the core: a part ends between two characters.
        const piece = new TextDecoder().decode(bytes.subarray(byte, byte + room), { stream: true });
        const size = byteLength(piece);
        text += piece;
        room -= Math.max(size, 4);
        byte += size;
        if (byte >= bytes.length) [line, byte] = [line + 1, 0];
      }
      return { text, next: line < total ? { line, byte } : null };
    });

  searchStart = (request: SearchRequest, listener: (news: SearchNews) => void): Promise<string> =>
    this.answer("searchStart", () => {
      if (request.text === "") throw rejection("bad_request", "this cannot be searched for: it is empty");
      const id = `s-${this.activities.length + 1}`;
      this.activities = [...this.activities, this.searching(id)];
      this.notify(["activities"]);
      void this.searchOn(id, request.scope, request.text.toLowerCase(), listener);
      return id;
    });

  private searching(id: string): Activity {
    const began = new Date(this.now()).toISOString();
    return { id, kind: "search", unit: "bytes", state: "running", done: 0, total: null, result: null, error: null, began, ended: null };
  }

  /** As the core: what is found comes while the search goes on, run after run. The fake's expressions are texts. */
  private async searchOn(id: string, scope: SearchScope, wanted: string, listener: (news: SearchNews) => void): Promise<void> {
    const runs = scope.scope === "all" ? (await this.runList({ ...scope.filter, after: null, limit: 200 })).runs : [this.detail(scope.run).run];
    const isStopped = () => this.activities.some((one) => one.id === id && one.state === "cancelling");
    let looked = 0;
    for (const run of runs) {
      await new Promise((resolve) => setTimeout(resolve, SEARCH_MS));
      if (isStopped()) break;
      const stages = this.detail(run.id).stages;
      const steps = stages.flatMap((stage) => stage.steps.map((step) => ({ stage: stage.number, step })));
      for (const { stage, step } of steps) {
        if (scope.scope === "step" && (scope.stage !== stage || scope.step !== step.number)) continue;
        const hits = await this.logFind({ run: run.id, stage, step: step.number, attempt: step.attempt }, wanted, 0, 1000);
        const { number, project_name, created } = run;
        const place = { run: run.id, number, project_name, created, stage, step: step.number, attempt: step.attempt, step_name: step.name };
        if (hits.length > 0) listener({ kind: "hits", place, hits });
      }
      listener({ kind: "progress", runs: ++looked, bytes: looked * 80_000 });
    }
    const end = isStopped() ? "cancelled" : "complete";
    const ended = new Date(this.now()).toISOString();
    this.activities = this.activities.map((one) => (one.id === id ? { ...one, state: end === "cancelled" ? "cancelled" : "done", ended } : one));
    this.notify(["activities"]);
    listener({ kind: "ended", end, error: null });
  }

  logSave = (address: LogKey): Promise<string | null> =>
    this.answer("logSave", () => `/home/lin/${this.log(address).script.name}.txt`);
}
