/** The one subscription of the window: hands each notice to whoever asked for its kind. */
import { defineStore } from "pinia";
import { useApi, type Notice } from "@/api";

type Kind = Notice["kind"];
type Of<K extends Kind> = Extract<Notice, { kind: K }>;
type Listener = (notice: Notice) => void;

export const useNotices = defineStore("notices", () => {
  const listeners = new Map<Kind, Set<Listener>>();

  async function start(): Promise<void> {
    await useApi().subscribe((notice) => {
      for (const listener of [...(listeners.get(notice.kind) ?? [])]) listener(notice);
    });
  }

  /** Returns what ends it. */
  function on<K extends Kind>(kind: K, listener: (notice: Of<K>) => void): () => void {
    const all = listeners.get(kind) ?? new Set<Listener>();
    listeners.set(kind, all);
    const wrapped: Listener = (notice) => listener(notice as Of<K>);
    all.add(wrapped);
    return () => all.delete(wrapped);
  }

  return { start, on };
});
