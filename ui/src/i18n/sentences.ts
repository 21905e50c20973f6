/** The catalogues of the core's sentences: one file per language, written from the core's own (`UPDATE_TYPES=1`, see `api/tests/types.rs`). */
import type { Catalogue } from "@/logic/say";
import type { Locale } from "./index";
import zhCN from "./zh-CN/sentences.json";

const CATALOGUES: Record<Locale, Catalogue> = { en: {}, "zh-CN": zhCN };

/** Templates in the language of a locale; none for English, whose templates are the keys. */
export function sentencesIn(locale: string): Catalogue {
  return CATALOGUES[locale as Locale] ?? {};
}
