/** The projects that the app knows, with the state of their newest run. */
import { defineStore } from "pinia";
import { computed } from "vue";
import { useApi, type ProjectSummary } from "@/api";
import { useResource } from "@/composables/useResource";
import { TAGS } from "@/logic/tags";

export const useProjects = defineStore("projects", () => {
  const all = useResource(() => useApi().projectList(), { tags: TAGS.projectList, every: 300, lazy: true });
  const list = computed<readonly ProjectSummary[]>(() => all.data.value ?? []);
  const loaded = computed(() => all.data.value !== undefined);

  /** Lets the user choose a folder; `null` when none was chosen. */
  async function openFolder(): Promise<ProjectSummary | null> {
    const path = await useApi().folderPick();
    return path === null ? null : open(path);
  }

  async function open(path: string): Promise<ProjectSummary> {
    const project = await useApi().projectOpen(path);
    await all.reload();
    return project;
  }

  async function trySample(): Promise<ProjectSummary> {
    const project = await useApi().sampleCreate();
    await all.reload();
    return project;
  }

  async function remove(project: string): Promise<void> {
    await useApi().projectRemove(project);
    await all.reload();
  }

  return { list, loaded, error: all.error, at: all.at, refresh: all.reload, openFolder, open, trySample, remove };
});
