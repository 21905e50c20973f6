/** Puts a whole log on the clipboard, or into a file. */
import { useApi, type StepAddress } from "@/api";
import { plainText } from "@/logic/ansi";
import { PART } from "@/logic/ranges";
import { useToasts } from "@/stores/toasts";
import { copyText } from "./copyText";
import { useTask } from "./useTask";
import { useWords } from "./useWords";

export function useLogCopy(address: () => StepAddress, total: () => number) {
  const { number } = useWords();
  const toasts = useToasts();

  const copy = useTask(async () => {
    const lines: string[] = [];
    let shortened = 0;
    while (lines.length < total()) {
      const part = await useApi().logRange(address(), lines.length, PART);
      if (part.lines.length === 0) break;
      shortened += part.cut.length;
      lines.push(...part.lines.map(plainText));
    }
    if (!(await copyText(lines.join("\n") + "\n"))) return toasts.warn("log.copy_failed");
    // Of a very long line only the beginning is sent: who pastes it should know.
    if (shortened > 0) toasts.warn("log.copied_partly", { n: number(lines.length), part: number(shortened) });
    else toasts.say("log.copied", { n: number(lines.length) });
  });

  const save = useTask(async () => {
    const path = await useApi().logSave(address());
    if (path !== null) toasts.say("log.saved", { path });
  });

  return { copy, save };
}
