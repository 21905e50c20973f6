/** What the fake core says about a form, its values and its steps: by the rules of the core. */
import { rejection } from "./core";
import type { StepScript } from "./simulation";
import { sentence } from "./sentence";
import type { ApiError, Finding, InputProblem, Message, Workflow } from "../types";

function finding(code: string, message: Message): Finding {
  return { code, severity: "error", message, help: null, file: "", excerpt: null };
}

export function noWorkflow(name: string, others: readonly Workflow[]): ApiError {
  const said = sentence("this version has no workflow `{}`", name);
  const hint = sentence("its workflows are: {}", others.map((one) => `\`${one.name}\``).join(", "));
  return rejection("workflow_not_found", said, hint, [finding("workflow-not-there", said)]);
}

export function changedSincePreview(): ApiError {
  const said = sentence("the commit that is checked out is another one now");
  return rejection("changed_since_preview", sentence("what would run is not what was shown: {}", said), "", [finding("changed-since-preview", said)]);
}

/** As the core: what must have a value has one, a choice is one of those of its version, a pattern fits the whole value, and nothing is unknown. */
export function inputProblems(workflow: Workflow, values: { [key in string]?: string }): InputProblem[] {
  const problem = (input: string, message: Message): InputProblem => ({ input, message });
  const wrong = workflow.inputs.flatMap((input): InputProblem[] => {
    const { name, pattern } = input;
    const value = values[name] || (input.required ? input.default : "");
    if (value === "") return input.required ? [problem(name, sentence("`{}` must have a value", name))] : [];
    if (input.kind === "choice" && !input.options.includes(value)) {
      const options = input.options.map((option) => `\`${option}\``).join(", ");
      return [problem(name, sentence("`{}` must be one of {}", name, options))];
    }
    // The fake's patterns are its own, so the browser may check them.
    const fits = pattern === "" || new RegExp(`^(?:${pattern})$`, "u").test(value);
    return fits ? [] : [problem(name, sentence("`{}` must match `{}`", name, pattern))];
  });
  const unknown = Object.keys(values).filter((name) => !workflow.derived && !workflow.inputs.some((input) => input.name === name));
  const said = (name: string) => problem(name, sentence("the workflow `{}` has no input `{}`", workflow.name, name));
  return [...wrong, ...unknown.map(said)];
}

/** What a step would do. */
export function sentencesOf(step: StepScript, inContainers: boolean): Message[] {
  const { image } = step;
  const first = !inContainers
    ? sentence("runs its commands directly on this computer")
    : step.kind === "commands"
      ? sentence("runs its commands in a container of `{}`", image)
      : sentence("runs the program of the image `{}` with the settings of the file", image);
  return step.onlyAfterFailure ? [first, sentence("runs only after a failure")] : [first];
}
