/** Compatibility reports of the fake projects. */
import { sentence } from "./sentence";
import type { Excerpt, Message, ReportDto, ReportEffect, ReportEntry, ReportStep } from "../types";

const FILE = ".drone.yml";

function entry(effect: ReportEffect, code: string, title: Message, at: Excerpt | number, help: Message | null = null): ReportEntry {
  const excerpt = typeof at === "number" ? null : at;
  const line = typeof at === "number" ? at : at.line;
  return { effect, code, file: FILE, line, column: excerpt?.column ?? 1, title, help, excerpt, secret: null };
}

/** The last of `lines` has `marked` underlined; `line` is its number. */
function excerpt(line: number, lines: string[], marked: string): Excerpt {
  const column = Array.from(lines.at(-1)?.split(marked)[0] ?? "").length + 1;
  return { first_line: line - lines.length + 1, lines, line, column, end_line: line, end_column: column + Array.from(marked).length };
}

/** `runs` steps that run as they are, and others about which something is said. */
function reportOf(entries: ReportEntry[], runs: number, others: number): ReportDto {
  const count = (effect: ReportEffect) => entries.filter((one) => one.effect === effect).length;
  const steps = Array.from({ length: runs + others }, (_, n): ReportStep => ({ stage: "build", name: `step ${n + 1}`, file: FILE, line: 12 + 6 * n, runs_as_is: n < runs }));
  return {
    dialect: "drone1",
    dialectName: "Drone 1.x/2.x",
    reason: sentence("line {} has `kind:`", "1"),
    files: [FILE],
    counts: { runs, needs: count("needs"), unsupported: count("unsupported"), different: count("different") },
    entries,
    steps,
  };
}

/** The same once the project is trusted. */
export function ofTrusted(report: ReportDto): ReportDto {
  const entries = report.entries.filter((one) => one.code !== "not-trusted");
  return { ...report, entries, counts: { ...report.counts, needs: entries.filter((one) => one.effect === "needs").length } };
}

function runs(stage: string, steps: number, line: number): ReportEntry {
  const title = steps === 1 ? sentence("stage `{}`: its step runs as it is", stage) : sentence("stage `{}`: its {} steps run as they are", stage, `${steps}`);
  return entry("runs", "runs-as-is", title, line);
}

function secret(name: string, line: number): ReportEntry {
  const lines = ["  settings:", `    ${name.split("_").at(-1) ?? name}:`, `      from_secret: ${name}`];
  const help = sentence("set it in the settings, for this project or for all of them");
  return { ...entry("needs", "needs-secret", sentence("the secret `{}` must be set", name), excerpt(line, lines, name), help), secret: name };
}

const DIFFERENT = [
  entry(
    "different",
    "clone-built-in",
    sentence("there is no clone step here: `{}` of `{}` has no effect", "depth", "clone"),
    excerpt(6, ["clone:", "  depth: 50"], "depth: 50"),
  ),
  entry("different", "platform-ignored", sentence("`platform` asks for `{}`; the steps run on this machine", "arm64"), 9),
];

export const REPORT_RUNS = reportOf([runs("build", 5, 4)], 5, 0);

export const REPORT_DIFFERENT = reportOf([runs("build", 5, 4), ...DIFFERENT], 5, 0);

export const REPORT_NEEDS = reportOf(
  [
    runs("build", 4, 12),
    runs("notify", 1, 88),
    secret("docker_password", 47),
    secret("deploy_key", 58),
    secret("DOCKER_PASSWORD", 66),
    secret("webhook_url", 94),
    entry(
      "needs",
      "not-trusted",
      sentence("{} reaches beyond the container, and this project is not trusted", sentence("{} of the machine", sentence("volume `{}`", "docker"))),
      excerpt(39, ["  volumes:", "  - name: docker", "    host: {path: /var/run/docker.sock}"], "/var/run/docker.sock"),
      sentence("remove this line, or trust the project (`letterpress trust`, or the switch on its page)"),
    ),
    entry(
      "needs",
      "needs-login",
      sentence("images from `{}` may need a login", "harbor.example.com"),
      excerpt(55, ["- name: deploy", "  image: harbor.example.com/platform/deploy:3.2"], "harbor.example.com/platform/deploy:3.2"),
      sentence("log in to the registry once on this computer with `docker login`"),
    ),
    ...DIFFERENT,
  ],
  5,
  4,
);

export const REPORT_UNSUPPORTED = reportOf(
  [
    runs("build", 3, 12),
    secret("docker_password", 47),
    entry(
      "unsupported",
      "pipeline-type",
      sentence("{} has no `commands`, and a pipeline of the type `exec` runs nothing else", sentence("step `{}`", "sign")),
      excerpt(61, ["---", "kind: pipeline", "type: exec"], "exec"),
      sentence("only steps with commands can; run it in containers"),
    ),
    ...DIFFERENT.slice(0, 1),
  ],
  3,
  1,
);

export const REPORT_BROKEN = reportOf(
  [
    entry(
      "unsupported",
      "unknown-key",
      sentence("{} has no key `{}`; it is ignored", sentence("step `{}`", "test"), "comands"),
      excerpt(14, ["  - name: test", "    image: node:20", "    comands:"], "comands"),
      sentence("did you mean `{}`?", "commands"),
    ),
  ],
  0,
  1,
);
