/** What the user set, and its effect on the window: language and colours. */
import { usePreferredDark } from "@vueuse/core";
import { defineStore } from "pinia";
import { computed, watchEffect } from "vue";
import { useApi, type Settings } from "@/api";
import { systemLanguage } from "@/api/language";
import { useFields } from "@/composables/useFields";
import { useResource } from "@/composables/useResource";
import { localeFor, speak } from "@/i18n";
import { TAGS } from "@/logic/tags";
import { useToasts } from "./toasts";

/** What is shown until the settings are read. It is never stored. */
const UNREAD: Settings = {
  language: "system",
  theme: "system",
  grace_s: 10,
  max_runs: 2,
  max_runs_per_project: 0,
  max_runs_per_environment: 1,
  max_steps: 0,
  max_log_mb: 2000,
  keep_failed_days: 7,
  keep_failed_mb: 5000,
  engine_patience_s: 300,
  engine: "",
};

export const useSettings = defineStore("settings", () => {
  // Another window or the command line may change them.
  const stored = useResource(() => useApi().settingsGet(), { tags: TAGS.settingsGet, lazy: true });
  const toasts = useToasts();

  /** The core takes all settings at once: only the changed ones are ours, the others are as they are stored now. */
  async function write(part: Partial<Settings>): Promise<void> {
    const now = await useApi().settingsGet();
    stored.put(await useApi().settingsSet({ ...now, ...part }));
  }

  const fields = useFields(() => stored.data.value ?? UNREAD, write, toasts.fail);
  const settings = fields.values;
  const systemDark = usePreferredDark();
  const locale = computed(() => localeFor(settings.value.language, systemLanguage()));
  const theme = computed(() => (settings.value.theme === "system" ? (systemDark.value ? "dark" : "light") : settings.value.theme));

  /** Never rejects: without settings the window still opens, with the system's language and colours, and the first screen shows the trouble. */
  async function start(): Promise<void> {
    await stored.reload();
    watchEffect(() => speak(locale.value));
    watchEffect(() => (document.documentElement.dataset["theme"] = theme.value));
  }

  return { settings, error: stored.error, locale, theme, start, reload: stored.reload, change: fields.change };
});
