/**
 * Which attempt and which step of a run are shown. What the reader chose stands in the address, so that Back and a link bring it back; without a choice
 * the screen follows what happens.
 */
import { computed, ref, shallowRef, watch, type Ref } from "vue";
import { useRoute, useRouter, type LocationQuery } from "vue-router";
import type { Attempt, RunDetail, StageDetail, LogKey } from "@/api";
import { REASON_KEY, isOver } from "@/logic/status";
import { interestingStep } from "@/logic/steps";

export interface StepChoice {
  stage: number;
  step: number;
}

export function useRunSteps(run: string, detail: Readonly<Ref<RunDetail | undefined>>) {
  const route = useRoute();
  const router = useRouter();
  /** What the address says; a choice counts at once, the address follows. */
  const query = shallowRef<LocationQuery>(route.query);
  watch(
    () => (route.params["run"] === run ? route.query : undefined),
    (now) => {
      if (now) query.value = now;
    },
  );

  const attempts = computed(() => detail.value?.attempts ?? []);
  /** Of a step in the address: the attempt of it that is meant. */
  const hasLog = (all: readonly StageDetail[]) => {
    const [stage, step] = String(query.value["step"] ?? "").split("/").map(Number);
    return all.find((one) => one.number === stage)?.steps.some((one) => one.number === step && String(one.attempt) === query.value["log"]) === true;
  };
  /** Number of the attempt that is looked at; `null`: the newest. */
  const attempt = computed(() => {
    if (query.value["log"] !== undefined && detail.value && hasLog(detail.value.stages)) return null;
    const isMeant = (one: Attempt) => (query.value["log"] === undefined ? String(one.number) === query.value["attempt"] : hasLog(one.stages));
    return attempts.value.find(isMeant)?.number ?? null;
  });
  const shown = computed(() => attempts.value.find((one) => one.number === attempt.value) ?? detail.value);
  const stages = computed(() => shown.value?.stages ?? []);
  /** The attempt before the one that is shown. */
  const before = computed(() => attempts.value.filter((one) => one.number < (attempt.value ?? detail.value?.run.attempt ?? 0)).at(-1)?.stages ?? []);

  /** The step that the reader chose, if it is there. */
  const picked = computed<StepChoice | null>(() => {
    const [stage, step] = String(query.value["step"] ?? "").split("/").map(Number);
    const known = stages.value.find((one) => one.number === stage)?.steps.some((one) => one.number === step);
    return known && stage !== undefined && step !== undefined ? { stage, step } : null;
  });
  /** The step whose growing log is being read: it stays, also when it ends and the next one begins. */
  const held = ref<StepChoice | null>(null);
  const chosen = computed(() => picked.value ?? held.value ?? interestingStep(stages.value));
  const stage = computed(() => stages.value.find((one) => one.number === chosen.value?.stage));
  const step = computed(() => stage.value?.steps.find((one) => one.number === chosen.value?.step));
  const address = computed<LogKey | null>(() => (chosen.value && step.value ? { run, ...chosen.value, attempt: step.value.attempt } : null));
  /** The run goes on elsewhere than what is shown. */
  const strayed = computed(() => {
    if (attempt.value !== null || !detail.value || isOver(detail.value.run.state) || (!picked.value && !held.value)) return false;
    const now = interestingStep(stages.value);
    return now?.stage !== chosen.value?.stage || now?.step !== chosen.value?.step;
  });

  function go(next: { attempt?: number | null; step?: StepChoice | null }): void {
    const number = next.attempt === undefined ? attempt.value : next.attempt;
    const place = next.step === undefined ? picked.value : next.step;
    held.value = null;
    const asked = { ...(number === null ? {} : { attempt: String(number) }), ...(place === null ? {} : { step: `${place.stage}/${place.step}` }) };
    query.value = asked;
    void router.replace({ query: asked });
  }
  watch(attempt, () => (held.value = null));

  return {
    attempt,
    stages,
    before,
    picked,
    chosen,
    stage,
    step,
    address,
    strayed,
    /** Another attempt went wrong elsewhere: its own step is looked for. */
    showAttempt: (number: number | null) => go({ attempt: number, step: null }),
    pick: (choice: StepChoice) => go({ step: choice }),
    /** Back to what happens. */
    follow: () => go({ attempt: null, step: null }),
    hold: (on: boolean) => (held.value = on ? chosen.value : null),
    neighbour(by: number): void {
      const all = stages.value.flatMap((one) => one.steps.map((each) => ({ stage: one.number, step: each.number })));
      const index = all.findIndex((one) => one.stage === chosen.value?.stage && one.step === chosen.value.step);
      const next = all[index + by];
      if (next) go({ step: next });
    },
    /** Why there is no log and never will be: key and reason; `null` when there is or may be one. */
    never: computed(() => {
      if (!step.value || step.value.log_lines > 0) return null;
      if (step.value.state === "pending") return { key: "step.waits" };
      if (step.value.state !== "skipped") return null;
      const reason = REASON_KEY[step.value.reason];
      return reason ? { key: "step.never", reason } : { key: "step.skipped" };
    }),
  };
}
