/** Names of the secrets; a value only passes through on its way to the vault. */
import { defineStore } from "pinia";
import { ref, shallowRef } from "vue";
import { asApiError, useApi, type ApiError, type SecretEntry, type SecretScope, type Uncovered } from "@/api";

export const useSecrets = defineStore("secrets", () => {
  const list = shallowRef<SecretEntry[]>([]);
  const loaded = ref(false);
  const error = shallowRef<ApiError>();

  async function refresh(): Promise<void> {
    try {
      list.value = await useApi().secretList();
      error.value = undefined;
      loaded.value = true;
    } catch (caught) {
      error.value = asApiError(caught);
    }
  }

  async function set(scope: SecretScope, name: string, value: string): Promise<Uncovered | null> {
    const uncovered = await useApi().secretSet(scope, name, value);
    await refresh();
    return uncovered;
  }

  async function remove(scope: SecretScope, name: string): Promise<void> {
    await useApi().secretRemove(scope, name);
    await refresh();
  }

  async function decide(project: string, name: string, allowed: boolean | null): Promise<void> {
    await useApi().secretDecide(project, name, allowed);
    await refresh();
  }

  return { list, loaded, error, refresh, set, remove, decide };
});
