/** Everything that turns values into words of the window's language. */
import { useI18n } from "vue-i18n";
import type { Message, RunSummary, Version, Workflow } from "@/api";
import { sentencesIn } from "@/i18n/sentences";
import { DERIVED_KEY, EVENT_KEY } from "@/logic/status";
import { listFormat, numberFormat } from "@/logic/formatters";
import { bytes, duration, fullMoment, momentParts } from "@/logic/time";
import { say } from "@/logic/say";
import { capitalised, foreign, localised } from "@/logic/words";
import { useToday } from "./useClock";

export function useWords() {
  const { t, locale } = useI18n();
  const today = useToday();

  const number = (value: number) => numberFormat(locale.value).format(value);
  const moment = (iso: string) => {
    const parts = momentParts(iso, today.value, locale.value);
    return parts ? t("time.moment", parts) : "";
  };
  const text = (value: { [key in string]: string }) => localised(value, locale.value);

  /** A title that an author gave, or one by event. */
  function title(given: { [key in string]: string }, event: string, target: string, name: string): string {
    const own = text(given);
    if (own !== "") return foreign(own);
    const key = DERIVED_KEY[event];
    if (key === undefined) return foreign(name);
    // What goes to a place that the file does not name.
    if (target === "" && event === "promote") return t("derived.promote_anywhere");
    if (target === "" && event === "rollback") return t("derived.rollback_anywhere");
    return t(key, { target: foreign(target) });
  }

  return {
    t,
    locale,
    number,
    moment,
    /** A text of the author of the workflow. */
    text: (value: { [key in string]: string }) => foreign(text(value)),
    foreign,
    /** A sentence of the core. */
    said: (message: Message) => foreign(say(message, sentencesIn(locale.value))),
    /** The same where it stands alone: it then begins as a sentence does. */
    sentence: (message: Message) => foreign(capitalised(say(message, sentencesIn(locale.value)))),
    /** Sentences as one text: Chinese puts no space between them. */
    sentences: (parts: readonly string[]) => parts.join(locale.value.startsWith("zh") ? "" : " "),
    /** Names in a row. */
    names: (all: readonly string[]) => listFormat(locale.value, { type: "conjunction" }).format(all),
    /** A count with its noun: the key has one form, or two parted by a bar. */
    count: (key: string, n: number) => t(key, { n: number(n) }, n),
    full: (iso: string) => fullMoment(iso, locale.value),
    /** A share of the usual size, in per cent. */
    percent: (value: number) => numberFormat(locale.value, { style: "percent" }).format(value / 100),
    duration: (ms: number) => duration(ms, locale.value),
    bytes: (count: number) => bytes(count, locale.value),
    workflowTitle: (workflow: Workflow) => {
      const named = workflow.event === "cron" && workflow.cron !== "" && text(workflow.title) === "";
      return named ? t("derived.cron_named", { name: workflow.cron }) : title(workflow.title, workflow.event, workflow.target, workflow.name);
    },
    runTitle: (run: RunSummary) => title(run.workflow_title, run.event, run.target, run.workflow),
    eventWords: (event: string, target: string) => {
      const key = EVENT_KEY[event];
      if (key === undefined) return event;
      if (target === "" && event === "promote") return t("event.promote_anywhere");
      if (target === "" && event === "rollback") return t("event.rollback_anywhere");
      return t(key, { target: foreign(target) });
    },
    /** Name of a version: its tag, else its time. */
    versionName: (version: Pick<Version, "name" | "time">) => (version.name === "" ? moment(version.time) : foreign(version.name)),
    runVersionName: (run: RunSummary) => (run.version_name === "" ? moment(run.version_time) : foreign(run.version_name)),
  };
}
