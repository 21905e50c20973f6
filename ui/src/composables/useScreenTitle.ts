import { useTitle } from "@vueuse/core";
import { computed } from "vue";

/** Names the window after what it shows, the most telling part first: a list of windows cuts the end. Empty parts are left out. */
export function useScreenTitle(parts: () => readonly (string | undefined)[]): void {
  useTitle(computed(() => [...parts().filter((part) => part), "Letterpress"].join(" – ")));
}
