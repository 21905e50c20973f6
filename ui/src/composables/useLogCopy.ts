/** Puts a whole log, or a line of it, on the clipboard, or into a file. */
import { useApi, type LogCursor, type LogKey } from "@/api";
import { plainText } from "@/logic/ansi";
import { useToasts } from "@/stores/toasts";
import { copyText } from "./copyText";
import { useTask } from "./useTask";
import { useWords } from "./useWords";

export function useLogCopy(address: () => LogKey) {
  const { number } = useWords();
  const toasts = useToasts();

  /** The text from a line on, up to its end or that of the log, piece by piece: a line may be longer than an answer. */
  async function text(from: number, all: boolean): Promise<string> {
    const pieces: string[] = [];
    for (let at: LogCursor | null = { line: from, byte: 0 }; at !== null && (all || at.line === from); ) {
      const part = await useApi().logPart(address(), at);
      pieces.push(part.text);
      at = part.next;
    }
    const whole = pieces.join("");
    return all ? whole : (whole.split("\n", 1)[0] ?? "");
  }

  const copy = useTask(async () => {
    const lines = (await text(0, true)).split("\n");
    // A log ends with a line feed, behind which no line begins.
    const count = lines.at(-1) === "" ? lines.length - 1 : lines.length;
    if (!(await copyText(lines.map(plainText).join("\n")))) return toasts.warn("log.copy_failed");
    toasts.say("log.copied", { n: number(count) });
  });

  const copyLine = useTask(async (row: number) => {
    if (!(await copyText(plainText(await text(row, false))))) return toasts.warn("log.copy_failed");
    toasts.say("log.line_copied", { n: number(row + 1) });
  });

  const copyLink = useTask(async (row: number) => {
    const { run, stage, step, attempt } = address();
    if (!(await copyText(`letterpress://run/${run}/${stage}/${step}/${attempt}#L${row + 1}`))) return toasts.warn("log.copy_failed");
    toasts.say("log.link_copied", { n: number(row + 1) });
  });

  const save = useTask(async () => {
    const path = await useApi().logSave(address());
    if (path !== null) toasts.say("log.saved", { path });
  });

  return { copy, copyLine, copyLink, save };
}
