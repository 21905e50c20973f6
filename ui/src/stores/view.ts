/** How this window is used on this screen: its size and its keys. That is no matter of the data folder, so the web view keeps it. */
import { useLocalStorage } from "@vueuse/core";
import { defineStore } from "pinia";
import { computed, watch } from "vue";
import { useApi } from "@/api";
import { useToasts } from "./toasts";

/** Sizes in per cent of the usual one. */
export const ZOOMS = [80, 90, 100, 110, 125, 150, 175, 200] as const;
const USUAL = 100;

export const useView = defineStore("view", () => {
  const kept = useLocalStorage("letterpress.zoom", USUAL);
  /** Letters without Ctrl or Alt are keys. */
  const bareKeys = useLocalStorage("letterpress.bare-keys", true);
  const zoom = computed(() => ZOOMS.find((one) => one === kept.value) ?? USUAL);

  function start(): void {
    watch(
      zoom,
      async (percent, before) => {
        if (percent === USUAL && before === undefined) return;
        try {
          await useApi().windowZoom(percent / 100);
        } catch (caught) {
          useToasts().fail(caught);
        }
      },
      { immediate: true },
    );
  }

  function resize(by: 1 | -1): void {
    const index = ZOOMS.indexOf(zoom.value as (typeof ZOOMS)[number]);
    kept.value = ZOOMS[Math.min(ZOOMS.length - 1, Math.max(0, index + by))] ?? USUAL;
  }

  function usualSize(): void {
    kept.value = USUAL;
  }

  return { zoom, bareKeys, start, resize, usualSize };
});
