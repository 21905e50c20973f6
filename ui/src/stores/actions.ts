/** What can be done now: the actions of the table whose place is on the screen, and the keys that lead to them. */
import { defineStore } from "pinia";
import { computed, shallowRef, triggerRef } from "vue";
import { ACTIONS, actionFor, actionOf, isBare, keyWords, type Action, type ActionId } from "@/logic/actions";
import { useView } from "./view";

interface Offer {
  run: () => unknown;
  enabled: () => boolean;
}

const MAC = /mac/i.test(navigator.platform);
/** Fields that a letter is typed into, and lists and dialogs that have keys of their own. */
const OWN_KEYS = "input, textarea, select, [contenteditable=true], [role=dialog], [role=menu], [role=listbox]";

export const useActions = defineStore("actions", () => {
  const offers = shallowRef(new Map<ActionId, Offer[]>());
  const view = useView();

  const offerOf = (id: ActionId) => offers.value.get(id)?.findLast((offer) => offer.enabled());
  /** In the order of the table. */
  const available = computed(() => (ACTIONS as readonly Action[]).filter((action) => offerOf(action.id) !== undefined));

  /** Offers an action for as long as its place is there; of several the newest counts. Returns what ends it. */
  function offer(id: ActionId, run: () => unknown, enabled: () => boolean = () => true): () => void {
    const mine = { run, enabled };
    offers.value.set(id, [...(offers.value.get(id) ?? []), mine]);
    triggerRef(offers);
    return () => {
      offers.value.set(id, (offers.value.get(id) ?? []).filter((one) => one !== mine));
      triggerRef(offers);
    };
  }

  function run(id: ActionId): void {
    offerOf(id)?.run();
  }

  function onKey(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.isComposing || event.keyCode === 229) return;
    const target = event.target instanceof Element ? event.target : null;
    const own = target?.closest(OWN_KEYS) ?? null;
    const modal = document.querySelector("[role=dialog][data-state=open]") !== null;
    const action = actionFor(event, (one) => (!modal || one.group === "window") && offerOf(one.id) !== undefined, view.bareKeys && own === null);
    if (!action) return;
    event.preventDefault();
    run(action.id);
  }

  /** The key of an action as it is written, or nothing; letters alone are left out while they are turned off. */
  function keyOf(id: ActionId): string {
    const key = actionOf(id).keys.find((one) => view.bareKeys || !isBare(one));
    return key === undefined ? "" : keyWords(key, MAC);
  }

  return { available, offer, run, onKey, keyOf };
});
