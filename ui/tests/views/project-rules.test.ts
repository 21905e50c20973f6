import { describe, expect, it } from "vitest";
import { openWindow, type Opened } from "../support";

describe("trust and rules of a project", () => {
  const trusted = (app: Opened) => app.one("trust-switch").attributes("aria-checked") === "true";

  it("gives trust only after saying what that allows, the harmless answer first", async () => {
    const app = await openWindow("/project/p-store");
    expect(trusted(app)).toBe(false);
    expect(app.one("trust").text()).toContain("Its steps stay in their containers.");
    await app.one("trust-switch").trigger("click");
    await app.pass();
    expect(trusted(app)).toBe(false);
    for (const word of ["folders of this computer", "all rights", "devices", "network", "Whoever may change the pipeline file"]) {
      expect(app.one("trust-question").text()).toContain(word);
    }
    expect(document.activeElement).toBe(app.one("trust-leave").element);
    await app.one("trust-question").trigger("keydown", { key: "Escape" });
    await app.pass();
    expect(app.one("trust-question").exists()).toBe(false);
    expect(document.activeElement).toBe(app.one("trust-switch").element);
    expect(app.fake.calls).not.toContain("projectSetTrusted");

    await app.one("trust-switch").trigger("click");
    await app.pass();
    await app.one("trust-confirm").trigger("click");
    await app.pass();
    expect(trusted(app)).toBe(true);
    expect(app.one("trust-question").exists()).toBe(false);
    expect((await app.fake.projectList()).find((one) => one.id === "p-store")?.trusted).toBe(true);
    await app.one("trust-switch").trigger("click");
    await app.pass();
    expect(trusted(app), "taken back without a question").toBe(false);
  });

  it("stays untrusted when that cannot be stored", async () => {
    const app = await openWindow("/project/p-store", { before: (fake) => fake.failWith("projectSetTrusted", { code: "not_owner", message: "", hint: "", findings: [] }) });
    await app.one("trust-switch").trigger("click");
    await app.pass();
    await app.one("trust-confirm").trigger("click");
    await app.pass();
    expect(trusted(app)).toBe(false);
    expect(app.one("toast").text()).toContain("Another Letterpress");
  });

  it.each(["docket-trust", "findings-trust"])("leads from what is refused to the switch by %s, and runs once it is trusted", async (button) => {
    const app = await openWindow("/project/p-store", { scenario: "untrusted" });
    expect(app.one("error-card").attributes("data-code")).toBe("not_trusted");
    expect(app.one("distrust").text()).toContain("1 place reaches beyond its container");
    expect(app.one("finding").find("mark").text()).toBe("/var/run/docker.sock");
    expect(app.one("run-button").attributes("disabled")).toBeDefined();
    await app.one(button).trigger("click");
    expect(document.activeElement).toBe(app.one("trust-switch").element);
    await app.one("trust-switch").trigger("click");
    await app.pass();
    await app.one("trust-confirm").trigger("click");
    await app.pass(1000);
    expect(app.one("error-card").exists()).toBe(false);
    expect(app.one("distrust").exists()).toBe(false);
    expect(app.one("run-button").attributes("disabled")).toBeUndefined();
  });

  it("takes over what was set elsewhere", async () => {
    const app = await openWindow("/project/p-store");
    await app.fake.projectSetTrusted("p-store", true);
    await app.pass(3000);
    expect(trusted(app)).toBe(true);
  });

  it("says who builds images, and changes it by one press", async () => {
    const app = await openWindow("/project/p-store");
    const on = () => app.one("plugins-switch").attributes("aria-checked") === "true";
    expect(on()).toBe(false);
    expect(app.one("plugins").text()).toContain("built by the container engine itself");
    for (const expected of [true, false]) {
      await app.one("plugins-switch").trigger("click");
      await app.pass(3000);
      expect(on()).toBe(expected);
      expect((await app.fake.projectList()).find((one) => one.id === "p-store")?.real_plugins).toBe(expected);
    }
  });

  it("keeps what a cancel still lets run, and for how long", async () => {
    const app = await openWindow("/project/p-store");
    const policy = (value: string) => app.window.find(`[data-testid=cleanup-policy] [data-value=${value}] input`);
    const stored = async () => (await app.fake.projectList()).find((one) => one.id === "p-store")?.cleanup;
    expect((policy("dialect").element as HTMLInputElement).checked).toBe(true);
    expect((app.one("cleanup-seconds").find("input").element as HTMLInputElement).value).toBe("300");
    await policy("always").setValue(true);
    await app.pass();
    expect(await stored()).toEqual({ policy: "always", seconds: null });
    const field = app.one("cleanup-seconds").find("input");
    await field.setValue("60");
    await field.trigger("keydown", { key: "Enter" });
    await app.pass();
    expect(await stored()).toEqual({ policy: "always", seconds: 60 });
    await policy("never").setValue(true);
    await app.pass();
    expect(await stored()).toEqual({ policy: "never", seconds: 60 });
    expect(app.one("cleanup-seconds").exists()).toBe(false);
  });

  it("takes a project off the list after a question", async () => {
    const app = await openWindow("/project/p-store");
    await app.window.find("button[aria-label='Remove from the list']").trigger("click");
    await app.pass();
    expect(app.text()).toContain("Its secrets are removed; its folder and its history stay.");
    const confirm = [...document.querySelectorAll<HTMLElement>(".confirm button")].at(-1);
    confirm!.click();
    await app.pass();
    expect(app.router.currentRoute.value.path).toBe("/");
    expect(app.all("project-link").map((link) => link.attributes("data-project"))).not.toContain("p-store");
  });
});
