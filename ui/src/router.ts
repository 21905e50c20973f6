import { createRouter, createWebHashHistory, type Router, type RouterHistory } from "vue-router";
import CompatibilityView from "./views/CompatibilityView.vue";
import HistoryView from "./views/HistoryView.vue";
import HomeView from "./views/HomeView.vue";
import ProjectView from "./views/ProjectView.vue";
import RunView from "./views/RunView.vue";
import SettingsView from "./views/SettingsView.vue";

export function makeRouter(history: RouterHistory = createWebHashHistory()): Router {
  return createRouter({
    history,
    routes: [
      { path: "/", name: "home", component: HomeView },
      { path: "/project/:project", name: "project", component: ProjectView, props: true },
      {
        path: "/project/:project/compatibility",
        name: "compatibility",
        component: CompatibilityView,
        props: (route) => ({ project: String(route.params["project"]), version: typeof route.query["version"] === "string" ? route.query["version"] : null }),
      },
      { path: "/run/:run", name: "run", component: RunView, props: true },
      {
        // The address of a line: `/run/RUN/STAGE/STEP/ATTEMPT#L120`.
        path: "/run/:run/:stage(\\d+)/:step(\\d+)/:attempt(\\d+)",
        redirect: ({ params, hash }) => ({
          name: "run",
          params: { run: params["run"] },
          query: { step: `${String(params["stage"])}/${String(params["step"])}`, log: String(params["attempt"]) },
          hash,
        }),
      },
      { path: "/history", name: "history", component: HistoryView },
      { path: "/settings", name: "settings", component: SettingsView },
      { path: "/:rest(.*)*", redirect: "/" },
    ],
  });
}
