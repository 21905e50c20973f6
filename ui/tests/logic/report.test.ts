import { describe, expect, it } from "vitest";
import type { ReportDto, ReportEntry, SecretEntry } from "@/api";
import { REPORT_BROKEN, REPORT_DIFFERENT, REPORT_NEEDS, REPORT_RUNS, REPORT_UNSUPPORTED } from "@/api/fake/report";
import { isSecretSet, openTopics, sortReport, verdict } from "@/logic/report";

const base: ReportEntry = { effect: "needs", code: "needs-secret", file: ".drone.yml", line: 3, column: 1, title: "", help: null, excerpt: null, secret: null };

function set(name: string, project?: string): SecretEntry {
  return { name, scope: project === undefined ? { scope: "everywhere" } : { scope: "project", project }, updated: "", grants: [] };
}

/** One of all projects, after a decision about the project `p` (or another one). */
function decided(name: string, allowed: boolean, project = "p"): SecretEntry {
  return { ...set(name), grants: [{ project, project_name: project, allowed }] };
}

it.each([
  ["everywhere, without a yes for this project", [set("token")], false],
  ["everywhere, after a yes", [decided("token", true)], true],
  ["everywhere, after a no", [decided("token", false)], false],
  ["everywhere, after a yes for another project", [decided("token", true, "q")], false],
  ["for this project", [set("token", "p")], true],
  ["for another project", [set("token", "q")], false],
  ["in capital letters", [set("TOKEN", "p")], true],
  ["not at all", [set("other")], false],
])("a secret that is set %s", (_, secrets, expected) => {
  expect(isSecretSet(secrets, "p", "token")).toBe(expected);
});

describe("sorting", () => {
  it("makes one topic of what one action settles", () => {
    const { needs, different, runs } = sortReport(REPORT_NEEDS, [], "p");
    expect(needs.map((topic) => [topic.kind, topic.name, topic.entries.length])).toEqual([
      ["secret", "docker_password", 2],
      ["secret", "deploy_key", 1],
      ["secret", "webhook_url", 1],
      ["trust", null, 1],
      ["login", null, 1],
    ]);
    expect(different).toHaveLength(2);
    expect(runs).toHaveLength(2);
  });

  it("says the same sentence once, with all its places", () => {
    const same = { ...base, effect: "different" as const, code: "platform-ignored", title: "the platform is ignored" };
    const report: ReportDto = { ...REPORT_RUNS, entries: [same, { ...same, line: 9 }, { ...same, title: "another" }] };
    expect(sortReport(report, [], "p").different.map((topic) => topic.entries.length)).toEqual([2, 1]);
  });

  it("keeps a need of a newer core, in the core's words", () => {
    const report: ReportDto = { ...REPORT_RUNS, entries: [{ ...base, code: "needs-magic", title: "magic `x` is needed" }] };
    const { needs } = sortReport(report, [set("x")], "p");
    expect(needs.map((topic) => [topic.kind, topic.name, topic.done])).toEqual([["other", null, false]]);
  });

  it("puts what is settled last and does not count it", () => {
    const { needs } = sortReport(REPORT_NEEDS, [set("docker_password", "p")], "p");
    expect(openTopics(needs)).toBe(4);
    expect(needs.at(-1)).toMatchObject({ name: "docker_password", done: true });
    expect(needs[0]).toMatchObject({ name: "deploy_key", done: false });
  });
});

it.each([
  ["runs as it is", REPORT_RUNS, [], "runs"],
  ["runs, but differently", REPORT_DIFFERENT, [], "runs"],
  ["needs the user", REPORT_NEEDS, [], "needs"],
  ["does not run completely", REPORT_UNSUPPORTED, [set("docker_password")], "unsupported"],
  ["is broken", REPORT_BROKEN, [], "unsupported"],
])("a file that %s", (_, report, secrets, expected) => {
  expect(verdict(sortReport(report, secrets, "p"))).toBe(expected);
});

it("a need that is met is in nobody's way", () => {
  const report: ReportDto = { ...REPORT_RUNS, entries: [...REPORT_RUNS.entries, { ...base, title: "the secret `token` must be set", secret: "token" }] };
  expect(verdict(sortReport(report, [], "p"))).toBe("needs");
  expect(verdict(sortReport(report, [set("token", "p")], "p"))).toBe("runs");
});
