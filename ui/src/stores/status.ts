/** What there is on this computer: engines, disk, data folder. */
import { defineStore } from "pinia";
import { computed, ref, shallowRef } from "vue";
import { asApiError, useApi, type ApiError, type AppStatus } from "@/api";
import { useNotices } from "./notices";

export const useStatus = defineStore("status", () => {
  const status = shallowRef<AppStatus>();
  const error = shallowRef<ApiError>();
  const probing = ref(false);

  const engine = computed(() => status.value?.engines.find((one) => one.used && one.answers));

  async function ask(call: () => Promise<AppStatus>): Promise<void> {
    try {
      status.value = await call();
      error.value = undefined;
    } catch (caught) {
      error.value = asApiError(caught);
    }
  }

  const refresh = () => ask(() => useApi().appStatus());

  async function probe(): Promise<void> {
    probing.value = true;
    await ask(() => useApi().engineProbe());
    probing.value = false;
  }

  async function start(): Promise<void> {
    useNotices().on("status", () => void refresh());
    await refresh();
  }

  return { status, error, probing, engine, refresh, probe, start };
});
