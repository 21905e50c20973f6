/** Long work of the core: what goes on, and how it is stopped. */
import { defineStore } from "pinia";
import { computed, watch } from "vue";
import { useApi, type Activity } from "@/api";
import { useResource } from "@/composables/useResource";
import { TAGS } from "@/logic/tags";
import { useToasts } from "./toasts";

/** Least time between two questions while work goes on, in milliseconds. */
const EVERY_MS = 250;

export const useActivities = defineStore("activities", () => {
  const all = useResource(() => useApi().activityList(), { tags: TAGS.activityList, every: EVERY_MS });
  const live = computed<readonly Activity[]>(() => (all.data.value ?? []).filter((one) => one.ended === null));

  // Whoever saw it go on hears why it did not come to its end.
  watch(all.data, (now, before) => {
    const wentOn = new Set((before ?? []).filter((one) => one.ended === null).map((one) => one.id));
    for (const one of now ?? []) if (one.state === "failed" && one.error && wentOn.has(one.id)) useToasts().fail(one.error);
  });

  async function cancel(activity: string): Promise<void> {
    try {
      await useApi().activityCancel(activity);
    } catch (caught) {
      useToasts().fail(caught);
    }
  }

  return { live, cancel };
});
