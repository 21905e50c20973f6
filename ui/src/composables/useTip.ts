import { useI18n } from "vue-i18n";
import { actionOf, type ActionId } from "@/logic/actions";
import { useActions } from "@/stores/actions";

/** What a button of an action is called: attributes with its name and, in the tool tip, its key. */
export function useTip() {
  const { t } = useI18n();
  const actions = useActions();
  return (id: ActionId, name = t(actionOf(id).title)) => {
    const key = actions.keyOf(id);
    return { "aria-label": name, title: key === "" ? name : `${name}  ${key}`, "aria-keyshortcuts": key || undefined };
  };
}
