import { describe, expect, it } from "vitest";
import { openWindow, type Opened } from "../support";

const pick = (app: Opened, field: string, value: string) => app.window.find(`[data-testid=${field}] [data-value="${value}"] input`).setValue(true);

describe("the settings", () => {
  it("change the language at once and keep it", async () => {
    const app = await openWindow("/settings");
    await pick(app, "language-select", "zh-CN");
    await app.pass();
    expect(app.window.find("h1").text()).toBe("设置");
    expect(document.documentElement.lang).toBe("zh-CN");
    expect((await app.fake.settingsGet()).language).toBe("zh-CN");
  });

  it("change the colours at once", async () => {
    const app = await openWindow("/settings");
    await pick(app, "theme-select", "dark");
    await app.pass();
    expect(document.documentElement.dataset["theme"]).toBe("dark");
  });

  it("take a change back that could not be stored", async () => {
    const app = await openWindow("/settings", { before: (fake) => fake.failWith("settingsSet", { code: "disk_full", message: "", hint: "", findings: [] }) });
    await pick(app, "language-select", "zh-CN");
    await app.pass();
    expect(document.documentElement.lang).toBe("en");
    expect(app.one("toast").text()).toContain("The disk is full");
  });

  it.each([
    ["25", 25, "25"],
    ["9999", 600, "600"],
    ["0", 1, "1"],
    ["soon", 10, "10"],
    ["", 10, "10"],
  ])("keep the grace time in its limits: %s", async (typed, stored, shown) => {
    const app = await openWindow("/settings");
    const field = app.one("grace-field").find("input");
    await field.setValue(typed);
    await field.trigger("blur");
    await app.pass();
    expect((await app.fake.settingsGet()).grace_s).toBe(stored);
    expect((field.element as HTMLInputElement).value).toBe(shown);
  });

  it("set a secret, clear its value from the page, and remove it", async () => {
    const app = await openWindow("/settings");
    await app.one("secret-name").setValue(" webhook_url ");
    await app.one("secret-value").setValue("s3cret-value");
    expect(app.one("secret-value").attributes("type")).toBe("password");
    await app.one("secret-save").trigger("click");
    await app.pass();
    expect((app.one("secret-value").element as HTMLInputElement).value).toBe("");
    expect(app.all("secret-row").map((row) => row.attributes("data-name"))).toContain("webhook_url");
    expect(document.documentElement.outerHTML).not.toContain("s3cret-value");
    await app.window.find("[data-name=webhook_url] button").trigger("click");
    await app.pass();
    [...document.querySelectorAll<HTMLElement>(".confirm button")].at(-1)!.click();
    await app.pass();
    expect(app.all("secret-row").map((row) => row.attributes("data-name"))).not.toContain("webhook_url");
  });

  it("save a secret with Enter, but not with the Enter that ends a Chinese word", async () => {
    const app = await openWindow("/settings");
    await app.one("secret-name").setValue("token");
    await app.one("secret-value").setValue("值");
    await app.one("secret-value").trigger("keydown", { key: "Enter", keyCode: 229 });
    await app.pass();
    expect(app.fake.calls).not.toContain("secretSet");
    await app.one("secret-value").trigger("keydown", { key: "Enter" });
    await app.pass();
    expect(app.fake.calls).toContain("secretSet");
  });

  it("say why a secret is refused, and never its value", async () => {
    const app = await openWindow("/settings");
    await app.one("secret-name").setValue("not a name");
    await app.one("secret-value").setValue("s3cret-value");
    await app.one("secret-save").trigger("click");
    await app.pass();
    expect(app.one("toast").text()).toContain("The secret cannot be saved");
    expect(document.documentElement.outerHTML).not.toContain("s3cret-value");
  });

  it("say where the key lies and which engines were tried", async () => {
    const app = await openWindow("/settings");
    expect(app.text()).toContain("/home/lin/.local/share/letterpress/vault.key");
    expect(app.all("engine-row").map((row) => row.attributes("data-answers"))).toEqual(["true", "false"]);
    expect(app.all("engine-row")[1]!.text()).toContain("no such file");
    expect(app.one("app-version").text()).toBe("0.1.0");
  });

  it("show no secret, waiting and trouble in their own words", async () => {
    const empty = await openWindow("/settings", { scenario: "empty" });
    expect(empty.text()).toContain("No secret yet.");
    expect(empty.text()).toContain("A key is made with the first secret.");
    empty.window.unmount();
    const waiting = await openWindow("/settings", { before: (fake) => (fake.secretList = () => new Promise(() => undefined)) });
    expect(waiting.one("loading").exists()).toBe(true);
    waiting.window.unmount();
    const broken = await openWindow("/settings", { scenario: "error" });
    expect(broken.all("error-card").length).toBeGreaterThan(0);
    expect(broken.one("language-select").exists()).toBe(true);
  });
});
