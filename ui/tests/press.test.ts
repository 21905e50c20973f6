import { mount } from "@vue/test-utils";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import AppSwitch from "@/components/base/AppSwitch.vue";
import PressButton from "@/components/base/PressButton.vue";
import { SETTLE_MS } from "@/composables/usePress";

function button(props: Record<string, unknown> = {}) {
  const wrapper = mount(PressButton, { props, slots: { default: "Go" }, attachTo: document.body });
  const el = wrapper.find("button");
  return { wrapper, el, presses: () => wrapper.emitted("press")?.length ?? 0 };
}
const settled = (ms = SETTLE_MS) => vi.advanceTimersByTimeAsync(ms);

it("takes no press while it has only just appeared", async () => {
  const { el, presses } = button();
  expect(el.attributes("data-armed")).toBe("false");
  await el.trigger("click");
  await settled(SETTLE_MS - 1);
  await el.trigger("click");
  expect(presses()).toBe(0);
  await settled(1);
  expect(el.attributes("data-armed")).toBe("true");
  await el.trigger("click");
  expect(presses()).toBe(1);
});

it("takes no press that began before it was ready", async () => {
  const { el, presses } = button();
  await el.trigger("pointerdown");
  await settled();
  await el.trigger("click", { detail: 1 });
  expect(presses()).toBe(0);
  await el.trigger("pointerdown");
  await el.trigger("click", { detail: 1 });
  expect(presses()).toBe(1);
});

it("counts as new when a press would mean something else, or becomes possible", async () => {
  const { wrapper, el, presses } = button({ means: "1.4" });
  await settled();
  await wrapper.setProps({ means: "2.0" });
  await el.trigger("click");
  expect(presses()).toBe(0);
  await settled();
  await wrapper.setProps({ disabled: true });
  await settled();
  await wrapper.setProps({ disabled: false });
  await el.trigger("click");
  expect(presses()).toBe(0);
  await settled();
  await el.trigger("click");
  expect(presses()).toBe(1);
});

it("takes a double click for one press", async () => {
  const { el, presses } = button();
  await settled();
  await el.trigger("click", { detail: 1 });
  await el.trigger("click", { detail: 2 });
  await el.trigger("click", { detail: 3 });
  expect(presses()).toBe(1);
});

it.each<[string, KeyboardEventInit, boolean]>([
  ["an Enter", { key: "Enter" }, false],
  ["an Enter that is held", { key: "Enter", repeat: true }, true],
  ["a space bar that is held", { key: " ", repeat: true }, true],
  ["the Enter of an input method", { key: "Enter", isComposing: true }, true],
  ["another key", { key: "a", repeat: true }, false],
])("lets the browser make a press of %s or not", async (_, init, stopped) => {
  const { el } = button();
  await settled();
  const event = new KeyboardEvent("keydown", { ...init, bubbles: true, cancelable: true });
  el.element.dispatchEvent(event);
  expect(event.defaultPrevented).toBe(stopped);
});

it("does not deploy by Enter, and says so", async () => {
  const { wrapper, el } = button({ noEnter: true });
  await settled();
  const enter = new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true });
  el.element.dispatchEvent(enter);
  expect(enter.defaultPrevented).toBe(true);
  expect(wrapper.emitted("enter")).toHaveLength(1);
  const space = new KeyboardEvent("keydown", { key: " ", bubbles: true, cancelable: true });
  el.element.dispatchEvent(space);
  expect(space.defaultPrevented).toBe(false);
});

it("does nothing while it is busy", async () => {
  const { el, presses } = button({ busy: true });
  await settled();
  await el.trigger("click");
  expect(presses()).toBe(0);
});

it("is as careful as a switch", async () => {
  const wrapper = mount(AppSwitch, { props: { label: "Trust", on: false } });
  await wrapper.trigger("click");
  await settled();
  await wrapper.trigger("click", { detail: 1 });
  await wrapper.trigger("click", { detail: 2 });
  expect(wrapper.emitted("press")).toHaveLength(1);
});

/** Every call that starts, ends, trusts or removes something. */
const CONSEQUENCES = /@click="[^"]*\b(start|cancel|kill|retry\.run|runAgain|again|trust\.run|remove|forget|decide)\b/;
it("is what every consequence is pressed with", () => {
  const files = (readdirSync(join(import.meta.dirname, "../src"), { recursive: true }) as string[]).filter((name) => name.endsWith(".vue"));
  const found = files.flatMap((name) => {
    const text = readFileSync(join(import.meta.dirname, "../src", name), "utf8");
    return [...text.matchAll(new RegExp(CONSEQUENCES, "g"))].map((match) => `${name}: ${match[0]}`);
  });
  expect(found).toEqual([]);
});

it("lets no field but the common one hear Enter, which knows input methods", () => {
  const files = (readdirSync(join(import.meta.dirname, "../src"), { recursive: true }) as string[]).filter((name) => name.endsWith(".vue"));
  const own = files.filter((name) => /@keydown\.enter|@keyup\.enter|key === "Enter"/.test(readFileSync(join(import.meta.dirname, "../src", name), "utf8")));
  expect(own.sort()).toEqual(["components/base/TextField.vue", "components/shell/CommandList.vue"]);
});
