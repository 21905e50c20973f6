import type { Messages } from "../en";
import { errors } from "./errors";
import { project } from "./project";
import { run } from "./run";
import { settings } from "./settings";
import { window } from "./window";

/** 简体中文。 */
export const zhCN: Messages = { ...window, ...project, ...run, ...settings, ...errors };
