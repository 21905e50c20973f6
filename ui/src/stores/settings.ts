/** What the user set, and its effect on the window: language and colours. */
import { defineStore } from "pinia";
import { computed, ref, watchEffect } from "vue";
import { useApi, type Settings } from "@/api";
import { systemLanguage } from "@/api/language";
import { localeFor, speak } from "@/i18n";
import { useNotices } from "./notices";

export const useSettings = defineStore("settings", () => {
  const settings = ref<Settings>({
    language: "system",
    theme: "system",
    grace_s: 10,
    max_runs: 2,
    max_runs_per_project: 0,
    max_runs_per_environment: 1,
    max_steps: 0,
    keep_failed_days: 7,
    keep_failed_mb: 5000,
    engine_patience_s: 300,
    engine: "",
  });
  const systemDark = ref(false);
  const locale = computed(() => localeFor(settings.value.language, systemLanguage()));
  const theme = computed(() => (settings.value.theme === "system" ? (systemDark.value ? "dark" : "light") : settings.value.theme));

  /** Never rejects: without settings the window still opens, with the system's language and colours. */
  async function start(): Promise<void> {
    const media = window.matchMedia("(prefers-color-scheme: dark)");
    systemDark.value = media.matches;
    media.addEventListener("change", (event) => (systemDark.value = event.matches));
    try {
      settings.value = await useApi().settingsGet();
    } catch {
      // The status call meets the same trouble and the first screen shows it.
    }
    // Another window or the command line may have changed them.
    useNotices().on("status", () => void reread());
    watchEffect(() => speak(locale.value));
    watchEffect(() => (document.documentElement.dataset["theme"] = theme.value));
  }

  async function reread(): Promise<void> {
    try {
      settings.value = await useApi().settingsGet();
    } catch {
      // What is set stays until the next notice.
    }
  }

  async function save(part: Partial<Settings>): Promise<void> {
    const before = settings.value;
    // The effect is seen at once; a refusal takes it back.
    settings.value = { ...before, ...part };
    try {
      settings.value = await useApi().settingsSet(settings.value);
    } catch (caught) {
      settings.value = before;
      throw caught;
    }
  }

  return { settings, locale, theme, start, save };
});
