/** Names of the secrets; a value only passes through on its way to the vault. */
import { defineStore } from "pinia";
import { computed } from "vue";
import { useApi, type SecretEntry, type SecretScope, type Uncovered } from "@/api";
import { useResource } from "@/composables/useResource";
import { TAGS } from "@/logic/tags";

export const useSecrets = defineStore("secrets", () => {
  const all = useResource(() => useApi().secretList(), { tags: TAGS.secretList, lazy: true });
  const list = computed<readonly SecretEntry[]>(() => all.data.value ?? []);
  const loaded = computed(() => all.data.value !== undefined);

  async function set(scope: SecretScope, name: string, value: string): Promise<Uncovered | null> {
    const uncovered = await useApi().secretSet(scope, name, value);
    await all.reload();
    return uncovered;
  }

  async function remove(scope: SecretScope, name: string): Promise<void> {
    await useApi().secretRemove(scope, name);
    await all.reload();
  }

  async function decide(project: string, name: string, allowed: boolean | null): Promise<void> {
    await useApi().secretDecide(project, name, allowed);
    await all.reload();
  }

  return { list, loaded, error: all.error, at: all.at, refresh: all.reload, set, remove, decide };
});
