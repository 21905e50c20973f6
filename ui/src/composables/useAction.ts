import { onScopeDispose } from "vue";
import type { ActionId } from "@/logic/actions";
import { useActions } from "@/stores/actions";

/** Offers actions of the table for as long as the component lives; those that `enabled` denies are left out. */
export function useOffers(runs: Partial<Record<ActionId, () => unknown>>, enabled: (id: ActionId) => boolean = () => true): void {
  const actions = useActions();
  for (const [id, run] of Object.entries(runs) as [ActionId, () => unknown][]) {
    onScopeDispose(actions.offer(id, run, () => enabled(id)));
  }
}
