/** What was chosen and typed on the screen of each project: who comes back finds it again. */
import { defineStore } from "pinia";
import { reactive } from "vue";
import type { TypedValues } from "@/logic/form";

export interface Choice {
  /** Name of the workflow, and id of the version; empty before anything is chosen. */
  workflow: string;
  version: string;
  /** What was typed, by workflow. */
  typed: Record<string, TypedValues>;
  /** Pixels that the screen is scrolled by. */
  scroll: number;
}

export const useChoices = defineStore("choices", () => {
  const all = reactive(new Map<string, Choice>());

  function of(project: string): Choice {
    if (!all.has(project)) all.set(project, { workflow: "", version: "", typed: {}, scroll: 0 });
    return all.get(project) as Choice;
  }

  return { of };
});
