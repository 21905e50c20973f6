import { afterEach, beforeEach, vi } from "vitest";
import { closeWindow } from "./opened";

/** Height that the log's window has in tests: there is no layout here. */
export const VIEW_HEIGHT = 800;

Object.defineProperty(HTMLElement.prototype, "clientHeight", {
  configurable: true,
  get(this: HTMLElement) {
    return this.dataset["testid"] === "log-view" ? VIEW_HEIGHT : 0;
  },
});
Element.prototype.scrollIntoView = () => undefined;

beforeEach(() => {
  vi.useFakeTimers({ now: new Date(2026, 10, 23, 14, 20, 0) });
});

afterEach(() => {
  closeWindow();
  vi.useRealTimers();
  document.body.innerHTML = "";
});
