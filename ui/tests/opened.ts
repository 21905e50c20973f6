import type { VueWrapper } from "@vue/test-utils";

/** There is one window at a time: it hears the keys. */
let current: VueWrapper | undefined;

export function opened(window: VueWrapper): void {
  const unmount = window.unmount.bind(window);
  window.unmount = () => {
    if (current === window) current = undefined;
    unmount();
  };
  current = window;
}

export function closeWindow(): void {
  current?.unmount();
}
