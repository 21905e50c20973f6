import { onScopeDispose, ref, watchEffect, type Ref } from "vue";

/** The time in milliseconds, moving while `ticking` says so. */
export function useNow(ticking: () => boolean, every = 1000): Ref<number> {
  const now = ref(Date.now());
  let timer: number | undefined;
  const stop = () => {
    window.clearInterval(timer);
    timer = undefined;
  };
  watchEffect(() => {
    stop();
    now.value = Date.now();
    if (ticking()) timer = window.setInterval(() => (now.value = Date.now()), every);
  });
  onScopeDispose(stop);
  return now;
}
