/** Workflow, version and values that are chosen on the screen of a project. */
import { computed, watch, type Ref } from "vue";
import type { ProjectDetail } from "@/api";
import { firstValues } from "@/logic/words";
import { useChoices } from "@/stores/choices";

export function useProjectChoice(project: string, detail: Readonly<Ref<ProjectDetail | undefined>>) {
  const choice = useChoices().of(project);
  const workflow = computed(() => detail.value?.workflows.find((one) => one.name === choice.workflow));
  const version = computed(() => detail.value?.versions.find((one) => one.id === choice.version));
  const values = computed({
    get: () => choice.forms[choice.workflow] ?? {},
    set: (next) => (choice.forms[choice.workflow] = next),
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
  watch(
    workflow,
    (one) => {
      if (one && !choice.forms[one.name]) choice.forms[one.name] = firstValues(one.inputs, detail.value?.last_inputs[one.name]);
    },
    { immediate: true },
  );

  return { choice, workflow, version, values };
}
