/** What the fake core says about a form, its values and its steps: by the rules of the core. */
import { rejection } from "./core";
import type { StepScript } from "./simulation";
import type { ApiError, Finding, InputProblem, Words, Workflow } from "../types";

function finding(code: string, message: Words): Finding {
  return { code, severity: "error", message, help: null, file: "", excerpt: null };
}

export function noWorkflow(name: string, others: readonly Workflow[]): ApiError {
  const said = { en: `this version has no workflow \`${name}\``, zh: `此版本没有工作流 \`${name}\`` };
  const hint = `its workflows are: ${others.map((one) => `\`${one.name}\``).join(", ")}`;
  return rejection("workflow_not_found", said.en, hint, [finding("workflow-not-there", said)]);
}

export function changedSincePreview(): ApiError {
  const said = { en: "the version is another commit now", zh: "版本现在是另一个提交" };
  return rejection("changed_since_preview", `what would run is not what was shown: ${said.en}`, "", [finding("changed-since-preview", said)]);
}

/** As the core: what must have a value has one, a choice is one of those of its version, a pattern fits the whole value, and nothing is unknown. */
export function inputProblems(workflow: Workflow, values: { [key in string]?: string }): InputProblem[] {
  const problem = (input: string, en: string, zh: string): InputProblem => ({ input, message: { en, zh } });
  const wrong = workflow.inputs.flatMap((input): InputProblem[] => {
    const { name, pattern } = input;
    const value = values[name] || (input.required ? input.default : "");
    if (value === "") return input.required ? [problem(name, `\`${name}\` must have a value`, `\`${name}\` 必须有值`)] : [];
    if (input.kind === "choice" && !input.options.includes(value)) {
      const options = input.options.map((option) => `\`${option}\``).join(", ");
      return [problem(name, `\`${name}\` must be one of ${options}`, `\`${name}\` 必须是 ${options} 之一`)];
    }
    // The fake's patterns are its own, so the browser may check them.
    const fits = pattern === "" || new RegExp(`^(?:${pattern})$`, "u").test(value);
    return fits ? [] : [problem(name, `\`${name}\` must match \`${pattern}\``, `\`${name}\` 必须符合 \`${pattern}\``)];
  });
  const unknown = Object.keys(values).filter((name) => !workflow.derived && !workflow.inputs.some((input) => input.name === name));
  const said = (name: string) => problem(name, `the workflow \`${workflow.name}\` has no input \`${name}\``, `工作流 \`${workflow.name}\` 没有输入 \`${name}\``);
  return [...wrong, ...unknown.map(said)];
}

/** What a step would do. */
export function sentencesOf(step: StepScript, inContainers: boolean): Words[] {
  const { name, image } = step;
  const first: Words = !inContainers
    ? { en: `\`${name}\` runs its commands directly on this computer`, zh: `\`${name}\` 直接在本机上执行命令` }
    : step.kind === "commands"
      ? { en: `\`${name}\` runs its commands in a container of \`${image}\``, zh: `\`${name}\` 在 \`${image}\` 的容器中执行命令` }
      : { en: `\`${name}\` runs the program of the image \`${image}\` with the settings of the file`, zh: `\`${name}\` 按文件中的设置运行镜像 \`${image}\` 的程序` };
  return step.onlyAfterFailure ? [first, { en: `\`${name}\` runs only after a failure`, zh: `\`${name}\` 只在失败后运行` }] : [first];
}
