/**
 * Workflow, version and values that are chosen on the screen of a project. The form is that of the chosen version, which the core knows: until it has
 * said so, the form that was shown before stands in, and nothing can be started.
 */
import { computed, shallowReactive, watch, type Ref } from "vue";
import type { ProjectDetail, RunPreview, RunRequest, Workflow } from "@/api";
import { formValues, slot } from "@/logic/form";
import { useChoices } from "@/stores/choices";

export function useProjectChoice(project: string, detail: Readonly<Ref<ProjectDetail | undefined>>) {
  const choice = useChoices().of(project);
  const version = computed(() => detail.value?.versions.find((one) => one.id === choice.version));

  /** The workflows of versions that the core was asked about, by version. */
  const known = shallowReactive(new Map<string, readonly Workflow[]>());
  const there = computed(() => known.get(choice.version));
  /** Those of what is checked out, then those that only the chosen version has. */
  const workflows = computed(() => {
    const all = new Map((detail.value?.workflows ?? []).map((one) => [one.name, one]));
    // What was chosen in another version stays on its card, also where this one has it not.
    const elsewhere = [...known.values()].flat().filter((one) => one.name === choice.workflow);
    for (const one of [...(there.value ?? []), ...elsewhere]) if (!all.has(one.name)) all.set(one.name, one);
    return [...all.values()];
  });
  const ofVersion = computed(() => there.value?.find((one) => one.name === choice.workflow));
  /** The chosen workflow: of the version where it has it, else without a form; that of another version until this one is known. */
  const workflow = computed(() => {
    const other = workflows.value.find((one) => one.name === choice.workflow);
    return ofVersion.value ?? (other && there.value ? { ...other, inputs: [] } : other);
  });
  /** Whether the form is known to be that of the chosen version. */
  const isKnown = computed(() => ofVersion.value !== undefined);
  const inputs = computed(() => workflow.value?.inputs ?? []);

  const values = computed({
    get: () => formValues(inputs.value, choice.typed[choice.workflow], detail.value?.last_inputs[choice.workflow]),
    set: (next) => {
      const typed = { ...choice.typed[choice.workflow] };
      for (const input of inputs.value) typed[slot(input)] = next[input.name] ?? "";
      choice.typed[choice.workflow] = typed;
    },
  });

  // What was chosen stays chosen when the project is read again, as long as it is still there.
  watch(
    detail,
    (data) => {
      if (!data) return;
      if (!workflow.value) choice.workflow = data.workflows[0]?.name ?? "";
      if (!version.value) choice.version = data.versions[0]?.id ?? "";
    },
    { immediate: true },
  );

  function learn(request: RunRequest, preview: RunPreview): void {
    known.set(request.version, preview.workflow === null ? preview.others : [preview.workflow, ...preview.others]);
  }

  return { choice, workflows, workflow, version, values, isKnown, learn };
}
