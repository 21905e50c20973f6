/** Everything that a key, the menu or the list of commands can do: the one table that those, tool tips and the help read. */

export type ActionGroup = "window" | "go" | "project" | "run" | "log";

export interface ActionSpec {
  readonly id: string;
  /** Key of its name. */
  readonly title: string;
  readonly group: ActionGroup;
  /** `mod` is Ctrl, on a Mac Command. A letter alone is typed as it stands: `n` and `N` are two keys. The first one is shown. */
  readonly keys: readonly string[];
  /** It stands in the menu of the window. */
  readonly menu?: boolean;
  /** It is for one who sees where the reader stands, and out of place in a list of commands. */
  readonly keyOnly?: boolean;
}

// What starts, stops or changes something has no key: it is pressed where its consequence can be read.
export const ACTIONS = [
  { id: "window.commands", title: "action.commands", group: "window", keys: ["mod+k", "mod+shift+p"], menu: true, keyOnly: true },
  { id: "window.keys", title: "action.keys", group: "window", keys: ["?", "F1"], menu: true },
  { id: "window.larger", title: "action.larger", group: "window", keys: ["mod++", "mod+="], menu: true },
  { id: "window.smaller", title: "action.smaller", group: "window", keys: ["mod+-"], menu: true },
  { id: "window.usual_size", title: "action.usual_size", group: "window", keys: ["mod+0"], menu: true },
  { id: "go.home", title: "action.home", group: "go", keys: ["alt+Home"], menu: true },
  { id: "go.history", title: "history.title", group: "go", keys: ["mod+h"], menu: true },
  { id: "go.settings", title: "settings.title", group: "go", keys: ["mod+,"], menu: true },
  { id: "go.back", title: "action.back", group: "go", keys: ["alt+ArrowLeft"] },
  { id: "go.forward", title: "action.forward", group: "go", keys: ["alt+ArrowRight"] },
  { id: "project.open", title: "action.open_folder", group: "project", keys: ["mod+o"], menu: true },
  { id: "project.version", title: "action.version", group: "project", keys: [] },
  { id: "project.docket", title: "action.docket", group: "project", keys: [] },
  { id: "run.follow", title: "run.follow", group: "run", keys: ["."] },
  { id: "run.previous_step", title: "action.previous_step", group: "run", keys: ["["] },
  { id: "run.next_step", title: "action.next_step", group: "run", keys: ["]"] },
  { id: "log.find", title: "log.find", group: "log", keys: ["/", "mod+f"] },
  { id: "log.next_hit", title: "log.next_hit", group: "log", keys: ["n"], keyOnly: true },
  { id: "log.previous_hit", title: "log.previous_hit", group: "log", keys: ["N"], keyOnly: true },
  { id: "log.next_error", title: "log.next_error", group: "log", keys: ["e"] },
  { id: "log.previous_error", title: "log.previous_error", group: "log", keys: ["E"] },
  { id: "log.top", title: "log.top", group: "log", keys: ["g"] },
  { id: "log.end", title: "log.end", group: "log", keys: ["G"] },
  { id: "log.follow", title: "log.follow", group: "log", keys: ["f"] },
  { id: "log.wrap", title: "log.wrap", group: "log", keys: ["w"] },
  { id: "log.copy", title: "log.copy", group: "log", keys: [] },
  { id: "log.copy_link", title: "log.copy_link", group: "log", keys: [], keyOnly: true },
  { id: "log.save", title: "log.save", group: "log", keys: ["mod+s"] },
] as const satisfies readonly ActionSpec[];

export type ActionId = (typeof ACTIONS)[number]["id"];
export type Action = ActionSpec & { readonly id: ActionId };

const BY_ID = new Map<string, Action>(ACTIONS.map((action) => [action.id, action]));

export function actionOf(id: ActionId): Action {
  return BY_ID.get(id) as Action;
}

export const GROUPS: readonly { readonly group: ActionGroup; readonly title: string }[] = [
  { group: "window", title: "settings.window" },
  { group: "go", title: "action.group_go" },
  { group: "project", title: "action.group_project" },
  { group: "run", title: "action.group_run" },
  { group: "log", title: "log.region" },
];

type KeyPress = Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey">;

/** A key that is one character: somebody who dictates or slips presses it without meaning to, so these can be turned off. */
export function isBare(key: string): boolean {
  return [...key].length === 1;
}

/** Whether a press is the key. */
export function isKey(key: string, press: KeyPress): boolean {
  if (isBare(key)) return press.key === key && !press.ctrlKey && !press.metaKey && !press.altKey;
  const parts = key.endsWith("++") ? [...key.slice(0, -2).split("+"), "+"] : key.split("+");
  const name = parts.at(-1) ?? "";
  const mod = press.ctrlKey || press.metaKey;
  if (mod !== parts.includes("mod") || press.altKey !== parts.includes("alt")) return false;
  // Which keys need Shift differs between keyboards; letters are the same everywhere.
  if (/^[a-z]$/.test(name) && press.shiftKey !== parts.includes("shift")) return false;
  return press.key.toLowerCase() === name.toLowerCase();
}

/** The action that a press means, of those that may be meant. */
export function actionFor(press: KeyPress, may: (action: Action) => boolean, bare: boolean): Action | undefined {
  return (ACTIONS as readonly Action[]).find((action) => may(action) && action.keys.some((key) => (bare || !isBare(key)) && isKey(key, press)));
}

const NAMES: Record<string, string> = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓" };

/** A key as it is written on a keyboard: `Ctrl+K`, on a Mac `⌘K`. */
export function keyWords(key: string, mac: boolean): string {
  if (isBare(key)) return key;
  const parts = key.endsWith("++") ? [...key.slice(0, -2).split("+"), "+"] : key.split("+");
  const words = parts.map((part) => {
    if (part === "mod") return mac ? "⌘" : "Ctrl";
    if (part === "alt") return mac ? "⌥" : "Alt";
    if (part === "shift") return mac ? "⇧" : "Shift";
    return NAMES[part] ?? (part.length === 1 ? part.toUpperCase() : part);
  });
  return words.join(mac ? "" : "+");
}
