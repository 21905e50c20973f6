import { onScopeDispose } from "vue";
import type { Tag } from "@/logic/tags";
import { useNotices, type Told } from "@/stores/notices";

/** Listens for whatever makes answers under these tags stale, for as long as the component lives. */
export function useStale(tags: () => readonly Tag[], listener: (told: Told) => void): void {
  onScopeDispose(useNotices().onStale(tags, listener));
}
