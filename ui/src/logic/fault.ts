/** A report about a defect of the window itself, fit to be given away: what a person typed, who they are and where their files lie is taken out. */

export interface FaultFacts {
  readonly version: string;
  readonly locale: string;
  /** The web view, as it calls itself. */
  readonly agent: string;
  /** Name of the screen; not its address, which holds ids. */
  readonly screen: string;
  /** When, RFC 3339. */
  readonly time: string;
  /** Where it was caught. */
  readonly place: string;
}

const RULES: readonly (readonly [RegExp, string])[] = [
  // Who somebody is, and what they may do, in an address.
  [/([a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi, "$1…@"],
  [/\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+/g, "…@…"],
  // Folders of a person.
  [/(\/(?:home|Users)\/)[^/\s:)]+/g, "$1…"],
  [/([A-Z]:\\Users\\)[^\\\s]+/gi, "$1…"],
  // What is named: values, names, paths.
  [/`[^`\n]*`/g, "`…`"],
  [/"[^"\n]*"/g, '"…"'],
  [/'[^'\n]*'/g, "'…'"],
  [/[“「『][^”」』\n]*[”」』]/g, "“…”"],
  // Values of queries, and what looks like a token or an id.
  [/([?&][\w.-]+=)[^\s&#)]+/g, "$1…"],
  [/\b(?=[A-Za-z0-9_-]*\d)[A-Za-z0-9_-]{20,}\b/g, "…"],
];

/** The longest report, in characters: a stack of a thousand frames says no more than its first ones. */
const MOST = 6_000;

export function redacted(text: string): string {
  return RULES.reduce((result, [pattern, by]) => result.replace(pattern, by), text);
}

/** The lines of the report. Only the name, the sentence and the stack of what was thrown are read, never its other parts. */
export function faultReport(caught: unknown, facts: FaultFacts): string {
  const error = caught instanceof Error ? caught : new Error(typeof caught === "string" ? caught : "not an error");
  const stack = (error.stack ?? "").split("\n").filter((line) => !line.includes(error.message) || error.message === "");
  const lines = [
    `Letterpress ${facts.version} (${facts.locale}), ${facts.time}`,
    facts.agent,
    `screen ${facts.screen}, caught in ${facts.place}`,
    `${error.name}: ${redacted(error.message)}`,
    ...stack.map(redacted),
  ];
  return lines.join("\n").slice(0, MOST);
}
