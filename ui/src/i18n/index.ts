import { createI18n } from "vue-i18n";
import { en } from "./en";
import { zhCN } from "./zh-CN";
import type { Language } from "@/api";

/** Languages that the window speaks. */
export type Locale = "zh-CN" | "en";

export const i18n = createI18n({
  legacy: false,
  locale: "en" as Locale,
  fallbackLocale: "en",
  flatJson: true,
  // Copies: the library turns flat keys into a tree in place.
  messages: { en: { ...en }, "zh-CN": { ...zhCN } },
});

/** Which language to speak, by the setting and the system's own. */
export function localeFor(language: Language, system: string): Locale {
  if (language !== "system") return language;
  return system.toLowerCase().startsWith("zh") ? "zh-CN" : "en";
}

export function speak(locale: Locale): void {
  i18n.global.locale.value = locale;
  document.documentElement.lang = locale;
}
