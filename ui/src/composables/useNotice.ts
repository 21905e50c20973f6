import { onScopeDispose } from "vue";
import type { Notice } from "@/api";
import { useNotices } from "@/stores/notices";

/** Listens for one kind of notice for as long as the component lives. */
export function useNotice<K extends Notice["kind"]>(kind: K, listener: (notice: Extract<Notice, { kind: K }>) => void): void {
  onScopeDispose(useNotices().on(kind, listener));
}
