/** Names of the secrets; a value only passes through on its way to the vault. */
import { defineStore } from "pinia";
import { ref, shallowRef } from "vue";
import { asApiError, useApi, type ApiError, type SecretEntry, type SecretScope } from "@/api";

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

  async function set(scope: SecretScope, name: string, value: string): Promise<void> {
    await useApi().secretSet(scope, name, value);
    await refresh();
  }

  async function remove(scope: SecretScope, name: string): Promise<void> {
    await useApi().secretRemove(scope, name);
    await refresh();
  }

  return { list, loaded, error, refresh, set, remove };
});
