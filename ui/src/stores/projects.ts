/** The projects that the app knows, with the state of their newest run. */
import { defineStore } from "pinia";
import { ref, shallowRef } from "vue";
import { asApiError, useApi, type ApiError, type ProjectSummary } from "@/api";
import { coalesced } from "@/composables/coalesced";
import { useNotices } from "./notices";

export const useProjects = defineStore("projects", () => {
  const list = shallowRef<ProjectSummary[]>([]);
  const loaded = ref(false);
  const error = shallowRef<ApiError>();

  async function refresh(): Promise<void> {
    try {
      list.value = await useApi().projectList();
      error.value = undefined;
      loaded.value = true;
    } catch (caught) {
      error.value = asApiError(caught);
    }
  }

  async function start(): Promise<void> {
    const again = coalesced(refresh, 200);
    useNotices().on("projects", again);
    useNotices().on("run", again);
    await refresh();
  }

  /** Lets the user choose a folder; `null` when none was chosen. */
  async function openFolder(): Promise<ProjectSummary | null> {
    const path = await useApi().folderPick();
    if (path === null) return null;
    const project = await useApi().projectOpen(path);
    await refresh();
    return project;
  }

  async function trySample(): Promise<ProjectSummary> {
    const project = await useApi().sampleCreate();
    await refresh();
    return project;
  }

  async function remove(project: string): Promise<void> {
    await useApi().projectRemove(project);
    await refresh();
  }

  return { list, loaded, error, refresh, start, openFolder, trySample, remove };
});
