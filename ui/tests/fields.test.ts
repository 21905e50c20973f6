import { expect, it, vi } from "vitest";
import { ref } from "vue";
import { useFields } from "@/composables/useFields";

interface Some {
  a: number;
  b: number;
}

/** A store that takes `ms` for each change, and refuses what `refuses` says. */
function store(ms: number, refuses: (part: Partial<Some>) => boolean = () => false) {
  const stored = ref<Some>({ a: 0, b: 0 });
  const written: Partial<Some>[] = [];
  const failed = vi.fn();
  let atOnce = 0;
  let most = 0;
  const fields = useFields(
    () => stored.value,
    async (part) => {
      most = Math.max(most, ++atOnce);
      written.push(part);
      await new Promise((resolve) => setTimeout(resolve, ms));
      atOnce--;
      if (refuses(part)) throw new Error("refused");
      stored.value = { ...stored.value, ...part };
    },
    failed,
  );
  return { fields, stored, written, failed, most: () => most };
}

it("stores a second change that comes while the first is on its way", async () => {
  const { fields, stored, written, most } = store(100);
  void fields.change({ a: 1 });
  await vi.advanceTimersByTimeAsync(30);
  void fields.change({ b: 2 });
  expect(fields.values.value).toEqual({ a: 1, b: 2 });
  await vi.advanceTimersByTimeAsync(1000);
  expect(stored.value).toEqual({ a: 1, b: 2 });
  expect(written).toEqual([{ a: 1 }, { b: 2 }]);
  expect(most()).toBe(1);
});

it("stores only the last of many changes of one field", async () => {
  const { fields, written } = store(100);
  for (let a = 1; a <= 9; a++) {
    void fields.change({ a });
    await vi.advanceTimersByTimeAsync(10);
  }
  await vi.advanceTimersByTimeAsync(1000);
  expect(written).toEqual([{ a: 1 }, { a: 9 }]);
});

it("takes back what is refused, and nothing else", async () => {
  const { fields, stored, failed } = store(100, (part) => part.a === 1);
  void fields.change({ a: 1 });
  void fields.change({ b: 2 });
  await vi.advanceTimersByTimeAsync(1000);
  expect(failed).toHaveBeenCalledTimes(1);
  expect(fields.values.value).toEqual({ a: 0, b: 2 });
  expect(stored.value).toEqual({ a: 0, b: 2 });
});

it("shows what is changed elsewhere meanwhile", async () => {
  const { fields, stored } = store(100);
  void fields.change({ a: 1 });
  stored.value = { a: 7, b: 7 };
  expect(fields.values.value).toEqual({ a: 1, b: 7 });
  await vi.advanceTimersByTimeAsync(1000);
  expect(fields.values.value).toEqual({ a: 1, b: 7 });
});
