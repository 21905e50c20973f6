import { mount, type VueWrapper } from "@vue/test-utils";
import { createPinia, setActivePinia } from "pinia";
import { vi } from "vitest";
import { createMemoryHistory, type Router } from "vue-router";
import { closeWindow, opened } from "./opened";
import App from "@/App.vue";
import { provideApi } from "@/api";
import { FakeApi, type FakeOptions } from "@/api/fake";
import { i18n } from "@/i18n";
import { makeRouter } from "@/router";
import { useNotices } from "@/stores/notices";
import { useProjects } from "@/stores/projects";
import { useSettings } from "@/stores/settings";
import { useStatus } from "@/stores/status";
import { useView } from "@/stores/view";

export interface Opened {
  window: VueWrapper;
  fake: FakeApi;
  router: Router;
  /** Lets time pass: timers run, answers arrive, the page is drawn. */
  pass: (ms?: number) => Promise<void>;
  all: (testid: string) => ReturnType<VueWrapper["findAll"]>;
  one: (testid: string) => ReturnType<VueWrapper["find"]>;
  /** Text of the whole page, with what was moved to its end. */
  text: () => string;
}

/** Lets timers and answers up to `ms` from now happen. The fake core speaks up as the real one does. */
export async function pass(ms = 500, fake?: FakeApi): Promise<void> {
  const step = 250;
  for (let left = ms; left > 0; left -= step) {
    await vi.advanceTimersByTimeAsync(Math.min(step, left));
    fake?.tick();
  }
  await vi.advanceTimersByTimeAsync(0);
}

/** The whole window over the fake core, at a route. */
export async function openWindow(path: string, options: FakeOptions & { before?: (fake: FakeApi) => void } = {}): Promise<Opened> {
  closeWindow();
  const { before, ...fakeOptions } = options;
  const fake = new FakeApi({ ...fakeOptions, settings: { language: "en", ...fakeOptions.settings } });
  before?.(fake);
  provideApi(fake);
  const pinia = createPinia();
  setActivePinia(pinia);
  const router = makeRouter(createMemoryHistory());
  await router.push(path);
  localStorage.clear();
  await useSettings().start();
  useView().start();
  const window = mount(App, { attachTo: document.body, global: { plugins: [pinia, i18n, router] } });
  opened(window);
  void useNotices().start();
  void useStatus().refresh();
  void useProjects().refresh();
  await pass(500, fake);
  return {
    window,
    fake,
    router,
    pass: (ms = 500) => pass(ms, fake),
    all: (testid) => window.findAll(`[data-testid="${testid}"]`),
    one: (testid) => window.find(`[data-testid="${testid}"]`),
    text: () => document.body.textContent ?? "",
  };
}
