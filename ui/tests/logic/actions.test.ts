import { describe, expect, it } from "vitest";
import { ACTIONS, actionFor, isBare, isKey, keyWords } from "@/logic/actions";
import { en } from "@/i18n/en";

const press = (key: string, part: Partial<KeyboardEvent> = {}) => ({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...part });

describe("the table of actions", () => {
  it("has names for all, and no key twice", () => {
    for (const action of ACTIONS) expect(Object.keys(en)).toContain(action.title);
    const keys = ACTIONS.flatMap((action) => [...action.keys] as string[]);
    expect(new Set(keys).size).toBe(keys.length);
    expect(new Set(ACTIONS.map((action) => action.id)).size).toBe(ACTIONS.length);
  });

  it("leads by no key to anything that starts, ends or removes", () => {
    for (const action of ACTIONS) expect(action.id).not.toMatch(/start|cancel|kill|retry|remove|trust|deploy/);
  });
});

it.each<[string, Partial<KeyboardEvent> & { key: string }, boolean]>([
  ["n", press("n"), true],
  ["n", press("N", { shiftKey: true }), false],
  ["N", press("N", { shiftKey: true }), true],
  ["?", press("?", { shiftKey: true }), true],
  ["n", press("n", { ctrlKey: true }), false],
  ["n", press("n", { altKey: true }), false],
  ["mod+k", press("k", { ctrlKey: true }), true],
  ["mod+k", press("K", { metaKey: true }), true],
  ["mod+k", press("k", { ctrlKey: true, altKey: true }), false],
  ["mod+k", press("k", { ctrlKey: true, shiftKey: true }), false],
  ["mod+k", press("k"), false],
  ["mod+shift+p", press("P", { ctrlKey: true, shiftKey: true }), true],
  ["mod++", press("+", { ctrlKey: true }), true],
  ["mod++", press("+", { ctrlKey: true, shiftKey: true }), true],
  ["mod+=", press("=", { ctrlKey: true }), true],
  ["mod+-", press("-", { ctrlKey: true }), true],
  ["mod+0", press("0", { ctrlKey: true }), true],
  ["mod+,", press(",", { metaKey: true }), true],
  ["alt+ArrowLeft", press("ArrowLeft", { altKey: true }), true],
  ["alt+ArrowLeft", press("ArrowLeft"), false],
  ["F1", press("F1"), true],
])("the key %s and a press of %o: %s", (key, event, expected) => {
  expect(isKey(key, event as KeyboardEvent)).toBe(expected);
});

it("leaves letters alone where they are turned off, and finds another key of the same action", () => {
  const all = () => true;
  expect(actionFor(press("/"), all, true)?.id).toBe("log.find");
  expect(actionFor(press("/"), all, false)).toBeUndefined();
  expect(actionFor(press("f", { ctrlKey: true }), all, false)?.id).toBe("log.find");
  expect(actionFor(press("/"), (action) => action.id !== "log.find", true)).toBeUndefined();
  expect(isBare("/")).toBe(true);
  expect(isBare("F1")).toBe(false);
});

it.each([
  ["mod+k", "Ctrl+K", "⌘K"],
  ["mod++", "Ctrl++", "⌘+"],
  ["mod+shift+p", "Ctrl+Shift+P", "⌘⇧P"],
  ["alt+ArrowLeft", "Alt+←", "⌥←"],
  ["N", "N", "N"],
  ["F1", "F1", "F1"],
])("writes %s as %s, on a Mac %s", (key, other, mac) => {
  expect(keyWords(key, false)).toBe(other);
  expect(keyWords(key, true)).toBe(mac);
});
