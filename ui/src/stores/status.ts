/** What there is on this computer: engines, disk, data folder. */
import { defineStore } from "pinia";
import { computed, ref } from "vue";
import { asApiError, useApi } from "@/api";
import { useResource } from "@/composables/useResource";
import { TAGS } from "@/logic/tags";
import { useNotices } from "./notices";

export const useStatus = defineStore("status", () => {
  const all = useResource(() => useApi().appStatus(), { tags: TAGS.appStatus, lazy: true });
  const probing = ref(false);
  const engine = computed(() => all.data.value?.engines.find((one) => one.used && one.answers));

  /** Asks the engines themselves, which takes as long as they need. */
  async function probe(): Promise<void> {
    probing.value = true;
    try {
      all.put(await useApi().engineProbe());
    } catch (caught) {
      all.error.value = asApiError(caught);
    }
    probing.value = false;
  }

  /** Tries once more to open what could not be opened at the start; everything on the screen is then asked for again. */
  async function openAgain(): Promise<void> {
    try {
      await useApi().appOpen();
    } catch {
      // The questions below meet the same trouble and say so where it matters.
    }
    await useNotices().start();
    useNotices().tell(["everything"]);
  }

  return { status: all.data, error: all.error, at: all.at, probing, engine, refresh: all.reload, probe, openAgain };
});
