/**
 * Puts text on the clipboard, where the page may not (an old web view, a lost press) by a hidden field; answers whether it is there. By hand: the
 * library's own way does not tell when it failed, and then "copied" would be said of nothing.
 */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    field.style.position = "fixed";
    field.style.opacity = "0";
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}
