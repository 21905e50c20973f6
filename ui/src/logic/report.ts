/** Sorts the entries of a compatibility report into what a person has to deal with: one topic for everything that one action settles. */
import type { ReportDto, ReportEffect, ReportEntry, SecretEntry } from "@/api/types";

/** What is asked of the user; `other` has the core's own words only. */
export type TopicKind = "secret" | "trust" | "login" | "other";

export interface Topic {
  readonly key: string;
  readonly kind: TopicKind;
  /** Name of the secret, when the topic is one. */
  readonly name: string | null;
  /** Where it comes from, in the order of the file. */
  readonly entries: readonly ReportEntry[];
  /** Whether the user has dealt with it. */
  readonly done: boolean;
}

export interface SortedReport {
  readonly runs: readonly Topic[];
  readonly needs: readonly Topic[];
  readonly unsupported: readonly Topic[];
  readonly different: readonly Topic[];
}

/** How the whole stands, worst first. */
export type Verdict = "unsupported" | "needs" | "runs";

const KIND: Record<string, TopicKind> = { "needs-secret": "secret", "not-trusted": "trust", "needs-login": "login" };

/** Whether the project has a value for a secret: its own, or one of all projects after the yes. The case of its name does not matter, as for the core. */
export function isSecretSet(secrets: readonly SecretEntry[], project: string, name: string): boolean {
  const reaches = (one: SecretEntry) =>
    one.scope.scope === "everywhere" ? one.grants.some((grant) => grant.project === project && grant.allowed) : one.scope.project === project;
  return secrets.some((one) => one.name.toLowerCase() === name.toLowerCase() && reaches(one));
}

export function sortReport(report: ReportDto, secrets: readonly SecretEntry[], project: string): SortedReport {
  const topics = (effect: ReportEffect) => topicsOf(report.entries.filter((entry) => entry.effect === effect), secrets, project);
  return { runs: topics("runs"), needs: topics("needs"), unsupported: topics("unsupported"), different: topics("different") };
}

function topicsOf(entries: readonly ReportEntry[], secrets: readonly SecretEntry[], project: string): Topic[] {
  const groups = new Map<string, { kind: TopicKind; name: string | null; entries: ReportEntry[] }>();
  for (const entry of entries) {
    const kind = entry.effect === "needs" ? (KIND[entry.code] ?? "other") : "other";
    const name = kind === "secret" ? entry.secret : null;
    // The same sentence about several lines is one topic.
    const key = kind === "secret" && name !== null ? `secret ${name.toLowerCase()}` : kind === "trust" || kind === "login" ? kind : `${entry.code} ${JSON.stringify(entry.title)}`;
    const group = groups.get(key) ?? { kind, name, entries: [] };
    groups.set(key, group);
    group.entries.push(entry);
  }
  const all = [...groups].map(([key, group]) => ({ key, ...group, done: group.name !== null && isSecretSet(secrets, project, group.name) }));
  return [...all.filter((topic) => !topic.done), ...all.filter((topic) => topic.done)];
}

export function openTopics(topics: readonly Topic[]): number {
  return topics.filter((topic) => !topic.done).length;
}

export function verdict(sorted: SortedReport): Verdict {
  if (sorted.unsupported.length > 0) return "unsupported";
  return openTopics(sorted.needs) > 0 ? "needs" : "runs";
}
