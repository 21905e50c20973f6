import { describe, expect, it } from "vitest";
import type { Message } from "@/api/types";
import { BROKEN_FINDINGS, LEFT_OUT, TRUST_FINDINGS } from "@/api/fake/data";
import { REPORT_BROKEN, REPORT_DIFFERENT, REPORT_NEEDS, REPORT_RUNS, REPORT_UNSUPPORTED } from "@/api/fake/report";
import { sentencesIn } from "@/i18n/sentences";
import { say, templatesOf } from "@/logic/say";

const zh = sentencesIn("zh-CN");
const english = (message: Message) => say(message, sentencesIn("en"));
const chinese = (message: Message) => say(message, zh);

describe("say", () => {
  it("fills the holes of a template with texts and other sentences, in each language's order", () => {
    const step: Message = { template: "step `{}`", args: ["构建"] };
    const message: Message = {
      template: "{} must be {}, not {}",
      args: [{ template: "`{}` of {}", args: ["image", step] }, { template: "a list" }, { template: "a text" }],
    };
    expect(english(message)).toBe("`image` of step `构建` must be a list, not a text");
    expect(chinese(message)).toBe("步骤 `构建` 的 `image` 应为列表，而不是文本");
    expect(chinese({ template: "{} has no key `{}`; it is ignored", args: [{ template: "the file" }, "stpes"] })).toBe("文件没有字段 `stpes`，已忽略");
  });

  it("leaves a text as it is, brackets and all", () => {
    expect(chinese("no route to {host}")).toBe("no route to {host}");
    expect(english({ template: "`${{{}}}` {{}} {}", args: ["NAME"] })).toBe("`${NAME}` {} ");
    expect(english({ template: "git: {}", args: ["a {} b"] })).toBe("git: a {} b");
  });

  it("puts what stands between the parts of a list between all of them", () => {
    const many: Message = { template: "{}; {}; {}", args: ["a", { template: "a list" }, "c"] };
    expect([english(many), chinese(many)]).toEqual(["a; a list; c", "a；列表；c"]);
  });

  it("falls back to English where a language has no template", () => {
    expect(chinese({ template: "no such {} sentence", args: ["a"] })).toBe("no such a sentence");
  });

  it("tells the templates that a message is made of", () => {
    expect(templatesOf({ template: "a {}", args: [{ template: "b {}", args: ["c"] }] })).toEqual(["a {}", "b {}"]);
  });
});

// Names of programs, languages and keys that stand without backticks, as in Chinese documentation.
const NAMES = /Letterpress|Docker Desktop|Drone CI|Woodpecker CI|Docker Compose|OpenSSH|GitHub Actions|Settings → Resources → File sharing/g;

describe("the Chinese catalogue", () => {
  it("has no three English words in a row", () => {
    const templates = Object.entries(zh);
    expect(templates.length).toBeGreaterThan(800);
    const english = templates.filter(([, text]) => {
      // What stands in backticks and what fills a hole is data.
      const plain = text.replaceAll("{{", "").replaceAll("}}", "").replace(/`[^`]*`/g, "·").replace(/\{\d*\}/g, "·").replace(NAMES, "·");
      return /[A-Za-z]{2,}[ ,;:]+[A-Za-z]{2,}[ ,;:]+[A-Za-z]{2,}/.test(plain);
    });
    expect(english).toEqual([]);
  });

  it("takes the same arguments as the English", () => {
    const holes = (template: string) => {
      let next = 0;
      const all = [...template.replaceAll("{{", "").replaceAll("}}", "").matchAll(/\{(\d*)\}/g)];
      return all.map((hole) => {
        const index = hole[1] === "" ? next : Number(hole[1]);
        next = index + 1;
        return index;
      });
    };
    for (const [template, text] of Object.entries(zh)) expect(holes(text).sort(), template).toEqual(holes(template).sort());
  });
});

/** Every sentence in a value, however deep. */
function allIn(value: unknown): Message[] {
  if (typeof value !== "object" || value === null) return [];
  if ("template" in value) return [value as Message];
  return Object.values(value).flatMap(allIn);
}

it("the fake core says only what the real one says", () => {
  const said = allIn([REPORT_BROKEN, REPORT_DIFFERENT, REPORT_NEEDS, REPORT_RUNS, REPORT_UNSUPPORTED, BROKEN_FINDINGS, TRUST_FINDINGS, LEFT_OUT]);
  expect(said.length).toBeGreaterThan(20);
  const templates = said.flatMap(templatesOf);
  expect(templates.filter((template) => zh[template] === undefined)).toEqual([]);
});
