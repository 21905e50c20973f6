/** What the user set, and its effect on the window: language and colours. */
import { usePreferredDark } from "@vueuse/core";
import { defineStore } from "pinia";
import { computed, watchEffect } from "vue";
import { useApi, type Settings } from "@/api";
import { systemLanguage } from "@/api/language";
import { useFields } from "@/composables/useFields";
import { useResource } from "@/composables/useResource";
import { localeFor, speak } from "@/i18n";
import { DEFAULTS } from "@/logic/settings";
import { TAGS } from "@/logic/tags";
import { useToasts } from "./toasts";

export const useSettings = defineStore("settings", () => {
  // Another window or the command line may change them.
  const stored = useResource(() => useApi().settingsGet(), { tags: TAGS.settingsGet, lazy: true });
  const toasts = useToasts();

  /** The core takes all settings at once: only the changed ones are ours, the others are as they are stored now. */
  async function write(part: Partial<Settings>): Promise<void> {
    const now = await useApi().settingsGet();
    stored.put(await useApi().settingsSet({ ...now, ...part }));
  }

  // Until they are read the defaults are shown, which are never stored.
  const fields = useFields(() => stored.data.value ?? DEFAULTS, write, toasts.fail);
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
