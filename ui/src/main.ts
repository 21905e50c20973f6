import { createPinia } from "pinia";
import { createApp } from "vue";
import App from "./App.vue";
import { provideApi, type Api } from "./api";
import { i18n } from "./i18n";
import { makeRouter } from "./router";
import { useFaults } from "./stores/faults";
import { useNotices } from "./stores/notices";
import { useProjects } from "./stores/projects";
import { useSettings } from "./stores/settings";
import { useStatus } from "./stores/status";
import { useView } from "./stores/view";
import "./styles/base.css";

async function chooseApi(): Promise<Api> {
  // In a browser while developing there is no core: a fake one with the scenario of the address (`?fake=running`).
  if (import.meta.env.DEV || import.meta.env.MODE === "fake") {
    if (!("__TAURI_INTERNALS__" in window)) {
      const { startFake } = await import("./api/fakeWindow");
      return startFake(new URLSearchParams(location.search).get("fake") ?? "sample");
    }
  }
  const { tauriApi } = await import("./api/tauri");
  return tauriApi;
}

async function start(): Promise<void> {
  provideApi(await chooseApi());
  const app = createApp(App).use(createPinia()).use(i18n).use(makeRouter());
  useFaults().listen(app);
  // Language, colours and size first: nothing is drawn in the wrong ones.
  await useSettings().start();
  useView().start();
  app.mount("#app");
  // Without notices the window still answers to presses; the store goes on trying.
  await Promise.all([useNotices().start(), useStatus().refresh(), useProjects().refresh()]);
}

void start();
