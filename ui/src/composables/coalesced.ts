/**
 * A refresh that may be asked for at any rate: at most one goes on, calls meanwhile lead to exactly one more, and between two starts lie at
 * least `ms` milliseconds. The first starts at once.
 */
export function coalesced(refresh: () => Promise<void>, ms: number | (() => number)): () => void {
  let going = false;
  let again = false;
  const run = async () => {
    going = true;
    do {
      again = false;
      const begun = Date.now();
      await refresh();
      const pause = (typeof ms === "number" ? ms : ms()) - (Date.now() - begun);
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, pause)));
    } while (again);
    going = false;
  };
  return () => {
    if (going) again = true;
    else void run();
  };
}
