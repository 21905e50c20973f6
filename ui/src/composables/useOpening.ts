/**
 * Opens a folder as a project and shows it. A project that is new here is checked first: its report is opened by itself only when something
 * needs the user or does not run; otherwise a short word says that everything does.
 */
import { createSharedComposable } from "@vueuse/core";
import { useRouter } from "vue-router";
import { useApi, type ProjectSummary, type ReportDto } from "@/api";
import { sortReport, verdict } from "@/logic/report";
import { useProjects } from "@/stores/projects";
import { useSecrets } from "@/stores/secrets";
import { useToasts } from "@/stores/toasts";
import { useTask } from "./useTask";
import { useWords } from "./useWords";

/** One for the whole window: two dialogs of the system must not be open at once. */
export const useOpening = createSharedComposable(() => {
  const router = useRouter();
  const projects = useProjects();
  const secrets = useSecrets();
  const { names } = useWords();

  async function check(project: ProjectSummary): Promise<"compatibility" | "project"> {
    let report: ReportDto;
    try {
      [report] = await Promise.all([useApi().projectCompatibility(project.id, null), secrets.refresh()]);
    } catch {
      // The project's own screen says what is wrong with its folder or its files, with more room for it.
      return "project";
    }
    const sorted = sortReport(report, secrets.list, project.id);
    if (verdict(sorted) !== "runs") return "compatibility";
    if (sorted.runs.length > 0) {
      useToasts().say(sorted.different.length > 0 ? "report.opened_different" : "report.opened_all", { files: names(report.files) });
    }
    return "project";
  }

  return useTask(async () => {
    const before = new Set(projects.list.map((project) => project.id));
    const project = await projects.openFolder();
    if (!project) return;
    const name = before.has(project.id) ? "project" : await check(project);
    await router.push({ name, params: { project: project.id } });
  });
});
