import { createPinia, setActivePinia } from "pinia";
import { beforeEach, expect, it, vi } from "vitest";
import { effectScope, isReactive, type EffectScope } from "vue";
import { provideApi, type ApiError } from "@/api";
import { FakeApi } from "@/api/fake";
import { useResource, type Resource, type ResourceOptions } from "@/composables/useResource";
import { isStale } from "@/logic/tags";
import { useNotices } from "@/stores/notices";

const TROUBLE: ApiError = { code: "store_unavailable", message: "m", hint: "", findings: [] };
const later = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
let fake: FakeApi;

beforeEach(() => {
  fake = new FakeApi();
  provideApi(fake);
  setActivePinia(createPinia());
});

function inScope<T>(call: () => Promise<T>, options?: ResourceOptions): { resource: Resource<T>; scope: EffectScope } {
  const scope = effectScope();
  return { resource: scope.run(() => useResource(call, options))!, scope };
}

it("drops an answer that a newer question has overtaken", async () => {
  const waits = [300, 100];
  let n = 0;
  const { resource } = inScope(async () => {
    const mine = n++;
    await later(waits[mine] ?? 0);
    return mine;
  });
  void resource.reload();
  await vi.advanceTimersByTimeAsync(1000);
  expect(resource.data.value).toBe(1);
  expect(resource.busy.value).toBe(false);
});

it("keeps what it has beside the reason why it is old, and says how old", async () => {
  let broken = false;
  const { resource } = inScope(async () => {
    if (broken) throw TROUBLE;
    return "content";
  });
  await vi.advanceTimersByTimeAsync(0);
  const at = resource.at.value;
  broken = true;
  await vi.advanceTimersByTimeAsync(5000);
  await resource.reload();
  expect(resource.data.value).toBe("content");
  expect(resource.error.value).toEqual(TROUBLE);
  expect(resource.outdated.value).toBe(true);
  expect(resource.at.value).toBe(at);
  broken = false;
  await resource.reload();
  expect(resource.error.value).toBeUndefined();
  expect(resource.at.value).toBe(at! + 5000);
});

it("has an error alone as long as it never had an answer", async () => {
  const { resource } = inScope(() => Promise.reject(new Error("boom")));
  await vi.advanceTimersByTimeAsync(0);
  expect(resource.error.value?.code).toBe("internal");
  expect(resource.outdated.value).toBe(false);
});

it("changes nothing when the answer is the one before", async () => {
  const { resource } = inScope(() => Promise.resolve({ list: [1, 2] }));
  await vi.advanceTimersByTimeAsync(0);
  const before = resource.data.value;
  await resource.reload();
  expect(resource.data.value).toBe(before);
  expect(isReactive(before)).toBe(false);
});

it("asks again for what is stale, once for a flood, and not for what others show", async () => {
  let calls = 0;
  const { scope } = inScope(async () => ++calls, { tags: () => ["run/r-1", "queue"], every: 200 });
  await useNotices().start();
  await vi.advanceTimersByTimeAsync(0);
  expect(calls).toBe(1);
  for (let n = 0; n < 10; n++) fake.notifyOfRun("r-1", "p");
  await vi.advanceTimersByTimeAsync(1000);
  expect(calls).toBe(3);
  fake.notify(["run/r-2", "runs"]);
  fake.notify(["kept"]);
  await vi.advanceTimersByTimeAsync(1000);
  expect(calls).toBe(3);
  fake.notify(["queue"]);
  await vi.advanceTimersByTimeAsync(1000);
  expect(calls).toBe(4);
  fake.notify(["everything"]);
  await vi.advanceTimersByTimeAsync(1000);
  expect(calls, "notices were lost").toBe(5);
  scope.stop();
  fake.notify(["queue"]);
  await vi.advanceTimersByTimeAsync(1000);
  expect(calls).toBe(5);
});

it("waits longer for what takes long", async () => {
  let calls = 0;
  inScope(
    async () => {
      calls++;
      await later(500);
    },
    { tags: () => ["queue"], every: (took) => 4 * took, lazy: true },
  );
  await useNotices().start();
  for (let n = 0; n < 39; n++) {
    fake.notify(["queue"]);
    await vi.advanceTimersByTimeAsync(100);
  }
  expect(calls).toBe(2);
});

it("finds a lost notice by the number of the next one, and asks for it", async () => {
  let calls = 0;
  inScope(async () => ++calls, { tags: () => ["kept"], every: 10, lazy: true });
  await useNotices().start();
  fake.notify(["queue"]);
  fake.notify(["kept"], null, true);
  await vi.advanceTimersByTimeAsync(1000);
  expect(calls, "nobody knows yet").toBe(0);
  fake.notify(["queue"]);
  await vi.advanceTimersByTimeAsync(1000);
  expect(calls).toBe(1);
  expect(fake.calls.filter((call) => call === "noticesSubscribe")).toHaveLength(2);
  fake.notify(["kept"]);
  await vi.advanceTimersByTimeAsync(1000);
  expect(calls, "and hears on").toBe(2);
});

it("goes on with the newest where the core keeps no more, without asking again and again", async () => {
  let calls = 0;
  inScope(async () => ++calls, { tags: () => ["kept"], every: 10, lazy: true });
  await useNotices().start();
  fake.notify(["queue"]);
  for (let n = 0; n < 5; n++) fake.notify(["kept"], null, true);
  fake.notify(["everything"]);
  await vi.advanceTimersByTimeAsync(1000);
  fake.notify(["queue"]);
  await vi.advanceTimersByTimeAsync(1000);
  expect(calls).toBe(1);
  expect(fake.calls.filter((call) => call === "noticesSubscribe")).toHaveLength(1);
});

it("takes everything for stale when notices were lost, also what has no tag", () => {
  expect(isStale([], ["everything"])).toBe(true);
  expect(isStale(["runs"], ["kept"])).toBe(false);
});

it("goes on trying to hear of changes, and asks for everything once it does", async () => {
  let calls = 0;
  inScope(async () => ++calls, { tags: () => ["runs"], every: 10 });
  const notices = useNotices();
  fake.failWith("noticesSubscribe", TROUBLE);
  await notices.start();
  expect(notices.deaf).toBe(true);
  await vi.advanceTimersByTimeAsync(10_000);
  const tries = fake.calls.filter((call) => call === "noticesSubscribe").length;
  expect(tries).toBeGreaterThan(2);
  expect(tries).toBeLessThan(7);
  expect(calls).toBe(1);
  fake.failWith("noticesSubscribe", undefined);
  await vi.advanceTimersByTimeAsync(40_000);
  expect(notices.deaf).toBe(false);
  expect(calls).toBe(2);
});
