import { useTask } from "./useTask";
import { useStatus } from "@/stores/status";
import type { ApiError, ErrorCode } from "@/api";

/** Codes of a data folder that may not even have been opened: asking alone would give the same answer for ever. */
const UNOPENED: readonly ErrorCode[] = ["store_unavailable", "disk_full", "newer_data"];

/** What "try again" does about an error: where the data folder may be closed, it is tried first. */
export function useRetry(error: () => ApiError, retry: () => (() => unknown) | undefined) {
  return useTask(async () => {
    if (UNOPENED.includes(error().code)) await useStatus().openAgain();
    await retry()?.();
  });
}
