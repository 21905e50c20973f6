import { errors } from "./errors";
import { project } from "./project";
import { run } from "./run";
import { settings } from "./settings";
import { window } from "./window";

/** English. Keys are flat; `a | b` is one form for 1 and one for all other counts. */
export const en = { ...window, ...project, ...run, ...settings, ...errors };

/** Every language has these keys. */
export type Messages = { [key in keyof typeof en]: string };
