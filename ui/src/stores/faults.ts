/** Defects of the window itself that nobody caught: kept for a report, and told, so that nothing ends in an empty window without a word. */
import { defineStore } from "pinia";
import { ref, type App } from "vue";
import { onDefect } from "@/api";
import { i18n } from "@/i18n";
import { faultReport } from "@/logic/fault";
import { useStatus } from "./status";

export interface Fault {
  readonly id: number;
  readonly report: string;
}

export const useFaults = defineStore("faults", () => {
  /** The newest one; those that follow from it say less. */
  const newest = ref<Fault>();
  const screen = ref("");
  let count = 0;

  function tell(caught: unknown, place: string): void {
    // Said by the observer of sizes itself, about itself; nothing is wrong.
    if (caught instanceof Error && caught.message.startsWith("ResizeObserver loop")) return;
    const report = faultReport(caught, {
      version: useStatus().status?.version ?? "",
      locale: i18n.global.locale.value,
      agent: navigator.userAgent,
      screen: screen.value,
      time: new Date().toISOString(),
      place,
    });
    newest.value = { id: ++count, report };
  }

  function close(): void {
    newest.value = undefined;
  }

  /** From now on whatever is thrown and not caught in this window comes here. */
  function listen(app: App): void {
    onDefect((caught) => tell(caught, "call"));
    app.config.errorHandler = (caught, _instance, place) => tell(caught, place);
    window.addEventListener("error", (event) => tell(event.error ?? event.message, "script"));
    window.addEventListener("unhandledrejection", (event) => tell(event.reason, "promise"));
  }

  return { newest, screen, tell, close, listen };
});
