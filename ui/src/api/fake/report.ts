/** Compatibility reports of the fake projects. */
import type { Excerpt, ReportDto, ReportEffect, ReportEntry, ReportStep } from "../types";

const FILE = ".drone.yml";

function entry(effect: ReportEffect, code: string, en: string, zh: string, at: Excerpt | number, help?: [string, string]): ReportEntry {
  const excerpt = typeof at === "number" ? null : at;
  return {
    effect,
    code,
    file: FILE,
    line: typeof at === "number" ? at : at.line,
    column: excerpt?.column ?? 1,
    title: { en, zh },
    help: help ? { en: help[0], zh: help[1] } : null,
    excerpt,
  };
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
    reason: { en: "line 1 has `kind:`", zh: "第 1 行有 `kind:`" },
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
  const en = steps === 1 ? `stage \`${stage}\`: 1 step runs as it is` : `stage \`${stage}\`: ${steps} steps run as they are`;
  return entry("runs", "runs-as-is", en, `阶段 \`${stage}\`：${steps} 个步骤可直接运行`, line);
}

function secret(name: string, line: number): ReportEntry {
  const lines = ["  settings:", `    ${name.split("_").at(-1) ?? name}:`, `      from_secret: ${name}`];
  return entry("needs", "needs-secret", `the secret \`${name}\` must be set`, `需要设置密钥 \`${name}\``, excerpt(line, lines, name), [
    "set it in the settings, for this project or for all of them",
    "在设置中为这个项目或所有项目设置它",
  ]);
}

const DIFFERENT = [
  entry(
    "different",
    "clone-built-in",
    "there is no clone step here; of `clone` only `disable` counts",
    "这里没有克隆步骤；`clone` 中只有 `disable` 有效",
    excerpt(6, ["clone:", "  depth: 50"], "depth: 50"),
    ["remove `clone`; the whole history is not needed for a build", "删除 `clone`；构建不需要完整的历史"],
  ),
  entry("different", "platform-ignored", "`platform` asks for `arm64`; the steps run on this machine", "`platform` 要求 `arm64`；步骤在这台电脑上运行", 9),
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
      "volume `docker` of the machine reaches beyond the container, and this project is not trusted",
      "本机的卷 `docker` 会影响到容器之外，而此项目未被信任",
      excerpt(39, ["  volumes:", "  - name: docker", "    host: {path: /var/run/docker.sock}"], "/var/run/docker.sock"),
      [
        "remove this line, or trust the project (`letterpress trust`, or the switch on its page)",
        "请删除这一行，或信任该项目（`letterpress trust`，或项目页面上的开关）",
      ],
    ),
    entry(
      "needs",
      "needs-login",
      "the image `harbor.example.com/platform/deploy:3.2` may need a login at `harbor.example.com`",
      "镜像 `harbor.example.com/platform/deploy:3.2` 可能需要登录 `harbor.example.com`",
      excerpt(55, ["- name: deploy", "  image: harbor.example.com/platform/deploy:3.2"], "harbor.example.com/platform/deploy:3.2"),
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
      "the pipeline `ios` is of type `exec`, which is not supported; the rest of the file still runs",
      "流水线 `ios` 的类型 `exec` 不受支持；文件的其余部分仍会运行",
      excerpt(61, ["---", "kind: pipeline", "type: exec"], "exec"),
      ["run its steps in containers: `type: docker`", "让它的步骤在容器中运行：`type: docker`"],
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
      "step `test` has no key `comands`",
      "步骤 `test` 没有字段 `comands`",
      excerpt(14, ["  - name: test", "    image: node:20", "    comands:"], "comands"),
      ["did you mean `commands`?", "是不是想写 `commands`？"],
    ),
  ],
  0,
  1,
);
