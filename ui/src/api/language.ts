/**
 * The language that the system speaks, as a BCP 47 tag. The shell sets it before the page's first script: the web view's own answer is English
 * wherever the files of the system's locale are not installed. A browser while developing has only its own.
 */
export function systemLanguage(): string {
  return window.__LETTERPRESS_LANGUAGE__ ?? navigator.language;
}
