/** Believable projects, workflows, versions and a history, all placed in time before `now`. */
import { sentence } from "./sentence";
import type { Finding, Input, LeftOut, ProjectSummary, Version, Workflow } from "../types";
import { retryAt, type RunRecord, type StepScript } from "./simulation";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export const NODE = "docker.io/library/node:20";

export const BUILD_STEPS: StepScript[] = [
  { name: "install", image: NODE, kind: "commands", log: "install", lines: 240, ms: 4_000 },
  { name: "lint", image: NODE, kind: "commands", log: "lint", lines: 48, ms: 1_800 },
  { name: "test", image: NODE, kind: "commands", log: "test", lines: 900, ms: 6_200 },
  { name: "build", image: NODE, kind: "commands", log: "build", lines: 60, ms: 3_400 },
  { name: "tell the team", image: "docker.io/plugins/webhook:1", kind: "plugin", log: "notify", lines: 3, ms: 600, onlyAfterFailure: true },
];

const DEPLOY_STEPS: StepScript[] = [
  { name: "install", image: NODE, kind: "commands", log: "install", lines: 240, ms: 4_000 },
  { name: "build", image: NODE, kind: "commands", log: "build", lines: 60, ms: 3_400 },
  { name: "publish image", image: "docker.io/plugins/docker:20", kind: "plugin", log: "deploy", lines: 20, ms: 5_000 },
  { name: "deploy", image: "registry.example.com/platform/deploy:3.2", kind: "commands", log: "deploy", lines: 40, ms: 9_000 },
  { name: "tell the team", image: "docker.io/plugins/webhook:1", kind: "plugin", log: "notify", lines: 3, ms: 600, onlyAfterFailure: true },
];

const SOAK_STEPS: StepScript[] = [
  { name: "install", image: NODE, kind: "commands", log: "install", lines: 240, ms: 4_000 },
  { name: "soak", image: NODE, kind: "commands", log: "soak", lines: 1_000_000, ms: 40 * MINUTE },
];

export function stepsOf(workflow: string): StepScript[] {
  return workflow === "deploy" ? DEPLOY_STEPS : workflow === "soak" ? SOAK_STEPS : BUILD_STEPS;
}

function input(part: Partial<Input> & Pick<Input, "name">): Input {
  return { label: {}, help: {}, kind: "text", default: "", required: false, options: [], pattern: "", ...part };
}

export const WORKFLOWS: Workflow[] = [
  {
    name: "build",
    title: { "zh-CN": "构建与测试", "": "Build and test" },
    description: { "zh-CN": "安装依赖，运行检查和单元测试，然后打包。", "": "Installs, lints, runs the unit tests and bundles the shop." },
    derived: false,
    event: "push",
    by_version: false,
    target: "",
    cron: "",
    pipeline: ".drone.yml",
    inputs: [],
  },
  {
    name: "deploy",
    title: { "zh-CN": "发布到生产环境", "": "Deploy to production" },
    description: { "zh-CN": "构建镜像并逐台替换线上版本，用户无感知。", "": "Builds the image and replaces the live site node by node." },
    derived: false,
    event: "promote",
    by_version: false,
    target: "production",
    cron: "",
    pipeline: ".drone.yml",
    inputs: [
      input({
        name: "NOTE",
        label: { "zh-CN": "发布说明", "": "Release note" },
        help: { "zh-CN": "会写进团队群的消息。", "": "Goes into the message to the team." },
        required: true,
      }),
      input({
        name: "BATCH",
        label: { "zh-CN": "批次大小", "": "Batch size" },
        kind: "choice",
        default: "1",
        options: ["1", "2", "3"],
      }),
      input({
        name: "WINDOW",
        label: { "zh-CN": "发布窗口", "": "Window" },
        kind: "choice",
        default: "now",
        options: ["now", "20:00", "21:00", "22:00", "23:00", "00:00", "02:00", "04:00"],
      }),
      input({ name: "SKIP_CACHE", label: { "zh-CN": "不使用缓存", "": "Without the cache" }, kind: "boolean" }),
    ],
  },
  {
    name: "tag",
    title: {},
    description: {},
    derived: true,
    event: "tag",
    by_version: false,
    target: "",
    cron: "",
    pipeline: ".drone.yml",
    inputs: [],
  },
];

/** What the conditions of the pipeline keep out of a build. */
export const LEFT_OUT: LeftOut[] = [
  { name: "deploy", reason: sentence("`{}` does not hold (line {}): it is `{}`", "event", "21", "push") },
];

/** The newest version, counted from the newest, in which something was not yet there. */
const BEFORE_WINDOW = 5;
const BEFORE_DEPLOY = 7;

/** The workflows as they were at the version that has so many newer ones: forms grow, and buttons come late. */
export function workflowsAt(newer: number): Workflow[] {
  if (newer < BEFORE_WINDOW) return WORKFLOWS;
  const older = WORKFLOWS.map((one) => ({
    ...one,
    inputs: one.inputs.flatMap((input) => (input.name === "BATCH" ? [{ ...input, default: "5", options: ["5", "10"] }] : input.name === "NOTE" ? [input] : [])),
  }));
  return newer < BEFORE_DEPLOY ? older : older.filter((one) => one.name !== "deploy");
}

function hash(n: number): string {
  return (n * 7919 + 104729).toString(16).padStart(8, "0").repeat(5);
}

export function versions(now: number): Version[] {
  const rows: [string, string, string, number, string[]][] = [
    ["", "Show the delivery date before checkout", "Chen Jie", 25 * MINUTE, ["main"]],
    ["1.1.0", "Fix the cart total", "Lin Yue", DAY + 3 * HOUR, []],
    ["", "满减与优惠券同时使用时，按先满减后优惠券的顺序计算合计金额，并补充十二个边界用例", "王晓明", DAY + 5 * HOUR, ["feature/优惠券叠加规则"]],
    ["", "Round prices the way accounting does", "Lin Yue", 2 * DAY + HOUR, ["release/1.1"]],
    ["", "Speed up the search page", "Anna Virtanen", 4 * DAY, []],
    ["1.0.0", "First version of the storefront", "Lin Yue", 9 * DAY + 2 * HOUR, []],
    ["", "Add the cart", "Chen Jie", 12 * DAY, []],
    ["", "Start the shop", "Lin Yue", 400 * DAY, []],
  ];
  return rows.map(([name, title, author, ago, branches], index) => ({
    id: hash(index + 1),
    name,
    title,
    author,
    time: new Date(now - ago).toISOString(),
    branches,
    last_run: null,
  }));
}

/** As a project is when it has just been opened. */
export const FRESH: Pick<ProjectSummary, "last_run" | "trusted" | "real_plugins" | "cleanup"> = { last_run: null, trusted: false, real_plugins: false, cleanup: { policy: "dialect", seconds: null } };

export const SAMPLE: ProjectSummary = {
  ...FRESH,
  id: "p-sample",
  name: "storefront-sample",
  path: "/home/lin/.local/share/letterpress/sample/storefront-sample",
  kind: "sample",
};

export const OTHERS: ProjectSummary[] = [
  { id: "p-store", name: "门店后台-订单与库存管理系统", path: "/home/lin/项目/门店后台-订单与库存管理系统", kind: "folder", ...FRESH },
  { id: "p-checkout", name: "checkout-service", path: "/home/lin/src/checkout-service", kind: "folder", ...FRESH },
  { id: "p-notes", name: "release-notes-generator-for-partners", path: "/home/lin/src/release-notes-generator-for-partners", kind: "folder", ...FRESH },
];

export const BROKEN_FINDINGS: Finding[] = [
  {
    code: "unknown-key",
    severity: "error",
    message: sentence("{} has no key `{}`; it is ignored", sentence("step `{}`", "test"), "comands"),
    help: sentence("did you mean `{}`?", "commands"),
    file: ".drone.yml",
    excerpt: {
      first_line: 12,
      lines: ["  - name: test", "    image: node:20", "    comands:", "      - npm test", "      - npm run report -- --title \"测试报告\""],
      line: 14,
      column: 5,
      end_line: 14,
      end_column: 12,
    },
  },
  {
    code: "unused-anchor",
    severity: "warning",
    message: sentence("`{}` at the top of the file has no effect", "x-cache"),
    help: null,
    file: ".drone.yml",
    excerpt: { first_line: 2, lines: ["type: docker", "x-cache: &cache", "  path: /tmp/cache"], line: 3, column: 10, end_line: 3, end_column: 16 },
  },
];

export const TRUST_FINDINGS: Finding[] = [
  {
    code: "not-trusted",
    severity: "error",
    message: sentence("{} reaches beyond the container, and this project is not trusted", sentence("{} of the machine", sentence("volume `{}`", "docker"))),
    help: sentence("remove this line, or trust the project (`letterpress trust`, or the switch on its page)"),
    file: ".drone.yml",
    excerpt: {
      first_line: 37,
      lines: ["  volumes:", "  - name: docker", "    host: {path: /var/run/docker.sock}"],
      line: 39,
      column: 18,
      end_line: 39,
      end_column: 38,
    },
  },
];

interface Past {
  project: ProjectSummary;
  workflow: string;
  version: number;
  ago: number;
  actor: string;
  outcome: "passed" | "failed" | "errored" | "cancelled" | "timed_out" | "interrupted";
}

/** Past runs, oldest first. */
export function history(now: number, projects: readonly ProjectSummary[], many: boolean): RunRecord[] {
  const [sample, store, checkout] = projects;
  const past: Past[] = [];
  if (sample) {
    past.push(
      { project: sample, workflow: "build", version: 5, ago: 9 * DAY, actor: "lin", outcome: "passed" },
      { project: sample, workflow: "build", version: 3, ago: 2 * DAY, actor: "lin", outcome: "cancelled" },
      { project: sample, workflow: "build", version: 1, ago: DAY + 2 * HOUR, actor: "lin", outcome: "passed" },
      { project: sample, workflow: "deploy", version: 1, ago: DAY + HOUR, actor: "lin", outcome: "passed" },
      { project: sample, workflow: "build", version: 0, ago: 18 * MINUTE, actor: "lin", outcome: "failed" },
    );
  }
  if (store && many) {
    const outcomes = ["passed", "passed", "failed", "passed", "cancelled", "passed", "timed_out", "errored", "passed", "interrupted"] as const;
    for (let n = 0; n < 130; n++) {
      past.push({
        project: n % 3 === 2 && checkout ? checkout : store,
        workflow: n % 4 === 3 ? "deploy" : "build",
        version: n % 8,
        ago: 3 * HOUR + n * 7.3 * HOUR,
        actor: n % 2 === 0 ? "lin" : "王晓明",
        outcome: outcomes[n % outcomes.length] ?? "passed",
      });
    }
    past.push({ project: store, workflow: "soak", version: 0, ago: 2 * HOUR, actor: "lin", outcome: "passed" });
  }
  past.sort((a, b) => b.ago - a.ago);
  const numbers = new Map<string, number>();
  return past.map((run, index) => {
    const number = (numbers.get(run.project.id) ?? 0) + 1;
    numbers.set(run.project.id, number);
    const record = recordOf(`r-${index + 1}`, number, run.project, run.workflow, versions(now)[run.version] as Version, now - run.ago, run.actor, run.outcome);
    // Here and there somebody tried again a few minutes later.
    if (run.outcome === "failed" && run.version % 4 === 2) retryAt(record, now - run.ago + 5 * MINUTE);
    return record;
  });
}

export function recordOf(
  id: string,
  number: number,
  project: ProjectSummary,
  workflow: string,
  version: Version,
  at: number,
  actor: string,
  outcome: Past["outcome"],
): RunRecord {
  const known = WORKFLOWS.find((one) => one.name === workflow);
  const steps = stepsOf(workflow).map((step) => (outcome === "failed" && step.name === "test" ? { ...step, log: "failing" as const } : step));
  const breaking = workflow === "deploy" ? "deploy" : "test";
  return {
    base: {
      id,
      number,
      project: project.id,
      project_name: project.name,
      workflow,
      workflow_title: workflow === "soak" ? { "zh-CN": "百万请求压力测试", "": "Soak with a million requests" } : (known?.title ?? {}),
      event: known?.event ?? "cron",
      target: known?.target ?? "",
      version_name: version.name,
      version_title: version.title,
      version_author: version.author,
      version_time: version.time,
      created: new Date(at).toISOString(),
      actor,
    },
    steps,
    startedAt: at + 80,
    inputs: workflow === "deploy" ? { NOTE: "修复购物车合计", BATCH: "2" } : {},
    isolated: true,
    ...(outcome === "failed" ? { failing: breaking } : {}),
    ...(outcome === "interrupted" ? { lost: breaking } : {}),
    ...(outcome === "cancelled" || outcome === "timed_out" ? { stopped: { at: at + 6_500, as: outcome } } : {}),
    ...(outcome === "errored"
      ? { errored: { message: "the image `registry.example.com/platform/deploy:3.2` cannot be pulled: access denied", hint: "add credentials for `registry.example.com`, or check the name of the image" } }
      : {}),
  };
}

/** The run that a scenario is about, as `r-live`, with those that stand around it. */
export function live(scenario: string, now: number): RunRecord[] {
  const version = versions(now)[1];
  const [store, checkout] = OTHERS;
  if (!version || !store || !checkout) return [];
  const run = (workflow: string, ago: number, outcome: Past["outcome"] = "passed") => recordOf("r-live", 9, SAMPLE, workflow, version, now - ago, "lin", outcome);
  /** Steps that take long enough to be looked at. */
  const slow = (record: RunRecord, ms: number): RunRecord => ({ ...record, steps: record.steps.map((step) => ({ ...step, ms })) });
  switch (scenario) {
    case "running":
      return [run("build", 5_000)];
    case "failed":
      return [run("build", 5_000, "failed")];
    case "lost":
      return [run("deploy", 90_000, "interrupted")];
    case "silent":
      return [{ ...run("build", 9_000), engineSilent: true, resumed: 1, steps: run("build", 0).steps.map((step) => (step.name === "test" ? { ...step, ms: 10 * MINUTE } : step)) }];
    case "cleanup":
      return [{ ...slow(run("deploy", 60_000), 30_000), cleansUp: true, cancelRequestedAt: now - 2_000, stopped: { at: now - 1_000, as: "cancelled" } }];
    case "retried": {
      const record = slow(run("build", 20 * MINUTE, "failed"), 6_000);
      retryAt(record, now - 12 * MINUTE);
      record.lost = "test";
      retryAt(record, now - 8_000);
      record.steps = record.steps.map((step) => (step.name === "test" ? { ...step, ms: 5 * MINUTE } : step));
      return [record];
    }
    case "queued": {
      const ahead = (id: string, project: ProjectSummary, workflow: string, ago: number) => slow(recordOf(id, 52, project, workflow, version, now - ago, "王晓明", "passed"), 10 * MINUTE);
      return [
        ahead("r-first", store, "build", 4 * MINUTE),
        ahead("r-second", checkout, "deploy", 3 * MINUTE),
        { ...ahead("r-third", checkout, "build", MINUTE), waiting: { position: 1, reason: "machine" } },
        { ...run("deploy", 20_000), waiting: { position: 2, reason: "machine" } },
      ];
    }
    default:
      return [];
  }
}
