/**
 * A refresh that may be asked for at any rate: at most one goes on, calls meanwhile lead to exactly one more, and between two starts lie at
 * least `ms` milliseconds. The first starts at once.
 */
export function coalesced(refresh: () => Promise<void>, ms: number): () => void {
  let going = false;
  let again = false;
  const run = async () => {
    going = true;
    do {
      again = false;
      const pause = new Promise((resolve) => setTimeout(resolve, ms));
      await refresh();
      await pause;
    } while (again);
    going = false;
  };
  return () => {
    if (going) again = true;
    else void run();
  };
}
