/** Names of the secrets; a value only passes through on its way to the vault. */
import { defineStore } from "pinia";
import { computed } from "vue";
import { useApi, type SecretEntry, type SecretScope, type Uncovered } from "@/api";
import { useResource } from "@/composables/useResource";

export const useSecrets = defineStore("secrets", () => {
  // A secret that is set, removed or decided about elsewhere is told as a change of the projects.
  const all = useResource(() => useApi().secretList(), { tags: () => ["projects"], lazy: true });
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
