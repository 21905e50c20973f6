import { onScopeDispose } from "vue";
import type { Notice } from "@/api";
import type { Tag } from "@/logic/tags";
import { useNotices } from "@/stores/notices";

/** Listens for one kind of notice for as long as the component lives. */
export function useNotice<K extends Notice["kind"]>(kind: K, listener: (notice: Extract<Notice, { kind: K }>) => void): void {
  onScopeDispose(useNotices().on(kind, listener));
}

/** Listens for whatever makes these tags stale, for as long as the component lives. */
export function useStale(parts: () => readonly Tag[], listener: () => void): void {
  onScopeDispose(useNotices().onStale(parts, listener));
}
