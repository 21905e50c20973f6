import { describe, expect, it } from "vitest";
import { openWindow, type Opened } from "../support";

const pick = (app: Opened, field: string, value: string) => app.window.find(`[data-testid=${field}] [data-value="${value}"] input`).setValue(true);

describe("the settings", () => {
  it("say that Letterpress itself has started an engine", async () => {
    const app = await openWindow("/settings", {
      before: (fake) => {
        const status = fake.appStatus;
        fake.appStatus = async () => {
          const now = await status();
          return { ...now, engines: now.engines.map((engine) => ({ ...engine, started_by_app: engine.used })) };
        };
      },
    });
    expect(app.all("engine-started").map((one) => one.text())).toEqual([expect.stringContaining("Letterpress has started this service")]);
  });

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

  it.each([
    ["per-project-field", "max_runs_per_project", "4", 4],
    ["per-project-field", "max_runs_per_project", "99", 16],
    ["per-environment-field", "max_runs_per_environment", "0", 0],
    ["steps-field", "max_steps", "5000", 1000],
    ["log-limit-field", "max_log_mb", "0", 1],
    ["keep-days", "keep_failed_days", "30", 30],
    ["keep-days", "keep_failed_days", "1000", 365],
    ["keep-size", "keep_failed_mb", "1000000", 1_000_000],
    ["patience-field", "engine_patience_s", "7200", 3600],
  ] as const)("take %s into %s: %s", async (field, setting, typed, stored) => {
    const app = await openWindow("/settings");
    const input = app.one(field).find("input");
    await input.setValue(typed);
    await input.trigger("keydown", { key: "Enter" });
    await app.pass();
    expect((await app.fake.settingsGet())[setting]).toBe(stored);
    expect((input.element as HTMLInputElement).value).toBe(String(stored));
  });

  it("say that nothing is lost when the window is closed", async () => {
    const app = await openWindow("/settings");
    expect(app.window.find("#runs").text()).toContain("Runs go on when the window is closed.");
  });

  const confirm = async (app: Opened) => {
    await app.pass();
    [...document.querySelectorAll<HTMLElement>(".confirm button")].at(-1)!.click();
    await app.pass();
  };
  const kept = (app: Opened) => app.all("kept-row").map((row) => row.attributes("data-run"));

  it("show what is kept for retries, and remove one or all after a question", async () => {
    const app = await openWindow("/settings", { scenario: "lost" });
    expect(kept(app)).toHaveLength(5);
    expect(kept(app)[0]).toBe("r-live");
    expect(app.one("kept-row").text()).toContain("storefront-sample no. 9");
    expect(app.one("kept-row").text()).toContain("size unknown");
    expect(app.one("kept-now").text()).toMatch(/runs, at least \d+/);
    expect(app.all("kept-row")[1]!.text()).toMatch(/\d+ MB/);
    await app.one("kept-more").trigger("click");
    const all = kept(app).length;
    expect(all).toBeGreaterThan(5);
    expect(app.one("kept-now").text()).toContain(`${all} runs`);

    await app.one("kept-row").find("button").trigger("click");
    await app.pass();
    expect(app.text()).toContain("Remove the kept files of storefront-sample no. 9?");
    await confirm(app);
    expect(kept(app)).toHaveLength(all - 1);
    expect(kept(app)).not.toContain("r-live");
    expect(app.one("kept-now").text()).toMatch(new RegExp(`^${all - 1} runs, \\d+`));

    await app.window.find("button[aria-label='Remove all now']").trigger("click");
    await confirm(app);
    expect(kept(app)).toEqual([]);
    expect(app.one("kept-now").text()).toBe("No files are kept now.");
    expect((await app.fake.keptList()).runs).toEqual([]);
  });

  it("follow what is kept elsewhere, and say what is wrong with it", async () => {
    const app = await openWindow("/settings", { scenario: "lost" });
    await app.fake.keptRemove("r-live");
    await app.pass(1000);
    expect(kept(app)).not.toContain("r-live");
    const broken = await openWindow("/settings", { before: (fake) => fake.failWith("keptList", { code: "no_engine", message: "", hint: "", findings: [] }) });
    expect(broken.window.find("#kept [data-testid=error-card]").attributes("data-code")).toBe("no_engine");
    expect(broken.one("keep-days").exists()).toBe(true);
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
    await app.one("secret-name").setValue("not\u202ea name");
    await app.one("secret-value").setValue("s3cret-value");
    await app.one("secret-save").trigger("click");
    await app.pass();
    expect(app.one("toast").text()).toContain("The secret cannot be saved");
    expect(document.documentElement.outerHTML).not.toContain("s3cret-value");
    expect((app.one("secret-value").element as HTMLInputElement).value, "what was typed is kept until it is stored").toBe("s3cret-value");
  });

  it("a new secret is one project's, a short value is warned about, and a yes can be taken back", async () => {
    for (const language of ["en", "zh-CN"] as const) {
      const app = await openWindow("/settings", { settings: { language } });
      await app.one("secret-name").setValue("密码");
      await app.one("secret-value").setValue("987");
      expect(app.one("secret-remark").text()).toContain(language === "en" ? "fewer than 4 characters" : "少于 4 个字符");
      await app.one("secret-save").trigger("click");
      await app.pass();
      const saved = (await app.fake.secretList()).find((one) => one.name === "密码");
      expect(saved?.scope.scope).toBe("project");
      await app.fake.secretDecide("p-store", "registry_password", true);
      await app.pass(1000);
      const grant = () => app.window.find("[data-name=registry_password] [data-testid=secret-grant]");
      expect(grant().text()).toContain(language === "en" ? "may have it" : "允许");
      await app.window.find("[data-name=registry_password] [data-testid=secret-forget]").trigger("click");
      await app.pass();
      expect(grant().exists()).toBe(false);
      app.window.unmount();
    }
  });

  it("say where the key lies and which engines were tried", async () => {
    const app = await openWindow("/settings");
    expect(app.text()).toContain("/home/lin/.local/share/letterpress/vault.key");
    expect(app.all("engine-row").map((row) => row.attributes("data-answers"))).toEqual(["true", "false", "false"]);
    // Usual places where nobody listens are folded up.
    const quiet = app.one("engines-quiet");
    expect(quiet.find("summary").text()).toBe("1 usual place where no engine answers");
    expect(quiet.attributes("open")).toBeUndefined();
    expect(quiet.findAll("[data-testid=engine-row]").map((row) => row.text())).toEqual([expect.stringContaining("no such file")]);
    app.fake.setEngine(false);
    await app.one("check-again").trigger("click");
    await app.pass();
    expect(app.one("engines-quiet").attributes("open")).toBeDefined();
    expect(app.one("app-version").text()).toBe("0.1.0");
  });

  const radio = (app: Opened, choice: string) => app.window.find(`[data-choice="${choice}"] input`);
  const used = (app: Opened) => app.all("engine-row").filter((row) => row.attributes("data-used") === "true").map((row) => row.attributes("data-choice"));

  it("take a docker context into use, ask it, and go back to the automatic choice", async () => {
    const app = await openWindow("/settings");
    expect(used(app)).toEqual(["unix:///var/run/docker.sock"]);
    expect(app.window.find('[data-choice="build"]').text()).toContain("Not asked yet");
    expect(app.fake.calls).not.toContain("engineProbe");
    await radio(app, "build").setValue(true);
    await app.pass();
    expect((await app.fake.settingsGet()).engine).toBe("build");
    expect(used(app)).toEqual(["build"]);
    for (const word of ["build", "Docker 28.2.2", "the big machine", "in use"]) expect(app.window.find('[data-choice="build"]').text()).toContain(word);
    await app.one("engine-automatic").find("input").setValue(true);
    await app.pass();
    expect((await app.fake.settingsGet()).engine).toBe("");
    expect(used(app)).toEqual(["unix:///var/run/docker.sock"]);
  });

  it("take an address that is typed, by keyboard alone", async () => {
    const app = await openWindow("/settings");
    const field = app.one("engine-other");
    await field.trigger("keydown", { key: "Enter" });
    await app.pass();
    expect(app.fake.calls).not.toContain("settingsSet");
    await field.setValue(" ssh://ann@away ");
    await field.trigger("keydown", { key: "Enter" });
    await app.pass();
    expect((await app.fake.settingsGet()).engine).toBe("ssh://ann@away");
    expect(used(app)).toEqual(["ssh://ann@away"]);
    expect((field.element as HTMLInputElement).value).toBe("");
    expect(app.text()).toContain("nobody listens there");
  });

  it("keep the engine that was in use when another one is refused", async () => {
    const refused = { code: "input_invalid" as const, message: "there is no docker context `away`", hint: "make one", findings: [] };
    const app = await openWindow("/settings", { before: (fake) => fake.failWith("settingsSet", refused) });
    await app.one("engine-other").setValue("away");
    await app.one("engine-other-use").trigger("click");
    await app.pass();
    expect(app.one("toast").text()).toContain("there is no docker context");
    expect((app.one("engine-other").element as HTMLInputElement).value).toBe("away");
    expect(used(app)).toEqual(["unix:///var/run/docker.sock"]);
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

  it("store every one of several quick changes, and the last of each", async () => {
    const app = await openWindow("/settings");
    const real = app.fake.settingsSet;
    app.fake.settingsSet = async (settings) => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      return real(settings);
    };
    await pick(app, "theme-select", "light");
    await pick(app, "theme-select", "dark");
    const field = app.one("grace-field").find("input");
    await field.setValue("25");
    await field.trigger("blur");
    await pick(app, "language-select", "zh-CN");
    await app.pass(3000);
    const stored = await app.fake.settingsGet();
    expect([stored.theme, stored.grace_s, stored.language]).toEqual(["dark", 25, "zh-CN"]);
  });

  it("show what counts when a choice is refused", async () => {
    const app = await openWindow("/settings", { before: (fake) => fake.failWith("settingsSet", { code: "disk_full", message: "", hint: "", findings: [] }) });
    await pick(app, "theme-select", "dark");
    await app.pass();
    const checked = app.one("theme-select").findAll("input").filter((input) => (input.element as HTMLInputElement).checked);
    expect(checked.map((input) => input.attributes("value"))).toEqual(["system"]);
  });

  it("never store what was only assumed because they could not be read", async () => {
    const app = await openWindow("/settings", {
      settings: { grace_s: 77, engine: "build", keep_failed_days: 30 },
      before: (fake) => fake.failWith("settingsGet", { code: "store_unavailable", message: "busy", hint: "", findings: [] }),
    });
    await pick(app, "theme-select", "dark");
    await app.pass();
    expect(app.fake.calls).not.toContain("settingsSet");
    expect(app.one("toast").text()).toContain("busy");
    app.fake.failWith("settingsGet", undefined);
    await pick(app, "theme-select", "dark");
    await app.pass();
    expect(await app.fake.settingsGet()).toMatchObject({ theme: "dark", grace_s: 77, engine: "build", keep_failed_days: 30 });
  });

  it("keep what was changed elsewhere meanwhile", async () => {
    const app = await openWindow("/settings");
    await app.fake.settingsSet({ ...(await app.fake.settingsGet()), max_runs: 7 });
    await pick(app, "theme-select", "dark");
    await app.pass();
    expect(await app.fake.settingsGet()).toMatchObject({ theme: "dark", max_runs: 7 });
  });

  it("do not take the Enter of an input method for one: neither an address nor a number", async () => {
    const app = await openWindow("/settings");
    for (const field of [app.one("engine-other"), app.one("grace-field").find("input")]) {
      await field.trigger("compositionstart");
      await field.setValue("25");
      await field.trigger("keydown", { key: "Enter", isComposing: true });
      await field.trigger("keydown", { key: "Enter", keyCode: 229 });
      await field.trigger("compositionend");
      // WebKit sends the key after the end of the word, without a sign.
      await field.trigger("keydown", { key: "Enter" });
      await app.pass(30);
    }
    expect(app.fake.calls).not.toContain("settingsSet");
  });
});
