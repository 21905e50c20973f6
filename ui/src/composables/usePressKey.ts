/**
 * A name for each press, so that the core makes one run of it however often it arrives. A press of which nobody knows how it ended (the owner of the
 * data did not answer in time) keeps its name: pressing once more asks for the same run, not for another one.
 */
export function usePressKey() {
  let pending: { readonly mark: string; readonly key: string } | undefined;

  return {
    /** The name of a press for what `mark` stands for. */
    of(mark: string): string {
      if (pending?.mark !== mark) pending = { mark, key: crypto.randomUUID() };
      return pending.key;
    },
    /** The run is there: the next press is another one. */
    done(): void {
      pending = undefined;
    },
  };
}
