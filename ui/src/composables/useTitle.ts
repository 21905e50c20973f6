import { watchEffect } from "vue";

/** Names the window after what it shows, the most telling part first: a list of windows cuts the end. Empty parts are left out. */
export function useTitle(parts: () => readonly (string | undefined)[]): void {
  watchEffect(() => (document.title = [...parts().filter((part) => part), "Letterpress"].join(" – ")));
}
