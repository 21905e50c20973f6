import { describe, expect, it } from "vitest";
import type { FakeApi } from "@/api/fake";
import { openWindow, type Opened } from "../support";

const chosen = (app: Opened) => app.all("version-row").find((row) => row.attributes("aria-selected") === "true");
const planned = (app: Opened) => app.all("planned-step").map((step) => step.find(".name").text());

async function choose(app: Opened, workflow: string): Promise<void> {
  await app.window.find(`[data-testid=workflow-card][data-name=${workflow}]`).trigger("click");
  await app.pass();
}

describe("the project screen", () => {
  it("shows buttons, versions in words and what will happen", async () => {
    const app = await openWindow("/project/p-store");
    expect(app.all("workflow-card").map((card) => card.find(".title").text())).toEqual(["Build and test", "Deploy to production", "Tag pipeline"]);
    const row = app.all("version-row")[1]!;
    expect(row.text()).toContain("1.1.0");
    expect(row.text()).toContain("yesterday 11:20");
    expect(row.text()).toContain("Fix the cart total");
    expect(row.text()).toContain("by Lin Yue");
    expect(planned(app)).toEqual(["install", "lint", "test", "build", "tell the team"]);
    expect(app.all("planned-step")[4]!.text()).toContain("only after a failure");
    expect(app.text()).toContain("Usually takes 16s");
  });

  it("says below each step what it does, without its name again", async () => {
    const app = await openWindow("/project/p-store");
    const said = app.all("planned-step").map((step) => [step.find(".name").text(), step.findAll("[data-testid=step-sentence]").map((one) => one.text())] as const);
    expect(said[0]![1]).toEqual(["Runs its commands in a container of docker.io/library/node:20"]);
    expect(said[4]![1]).toContain("Runs only after a failure");
    for (const [name, sentences] of said) expect(sentences.join("\n"), name).not.toContain(name);
  });

  it("names what a condition keeps out, and the event", async () => {
    const app = await openWindow("/project/p-store");
    expect(app.one("left-out").find("summary").text()).toBe("1 is left out");
    expect(app.one("left-out").text()).toContain("deploy `event` does not hold (line 21): it is `push`");
    expect(app.one("event").text()).toBe("As on a push");
    await choose(app, "tag");
    expect(app.all("left-out")).toHaveLength(0);
    expect(app.one("event").text()).toBe("As on a new tag");
  });

  it("says it in Chinese", async () => {
    const app = await openWindow("/project/p-store", { settings: { language: "zh-CN" } });
    expect(app.one("left-out").find("summary").text()).toBe("1 项不运行");
    expect(app.one("left-out").text()).toContain("条件不成立");
  });

  it("stays calm when a file waits for many things", async () => {
    const names = ["run", "manual", "deploy-a", "deploy-b", "rollback-a", "rollback-b", "cron-nightly", "pull-request"];
    const app = await openWindow("/project/p-store", {
      before: (fake: FakeApi) => {
        const real = fake.projectDetail;
        fake.projectDetail = async (id) => {
          const detail = await real(id);
          const event = (name: string) => ({ run: "push", deploy: "promote", "pull-request": "pull_request" })[name] ?? name.split("-")[0]!;
          const workflows = names.map((name) => {
            const kind = event(name.startsWith("deploy") ? "deploy" : name);
            const of = name.split("-")[1] ?? "";
            return { ...detail.workflows[2]!, name, event: kind, by_version: name === "run", target: kind === "cron" ? "" : of, cron: kind === "cron" ? of : "" };
          });
          return { ...detail, workflows };
        };
        const preview = fake.runPreview;
        fake.runPreview = async (request) => ({ ...(await preview(request)), others: [] });
      },
    });
    const titles = () => app.all("workflow-card").map((card) => card.find(".title").text());
    expect(titles()).toEqual(["Push pipeline", "Manual pipeline", "Deploy to a", "Deploy to b", "Roll back a", "Roll back b"]);
    expect(app.all("workflow-card")[0]!.text()).toContain("of a tag as on a new tag");
    expect(app.one("more-workflows").text()).toBe("2 more workflows");
    await app.one("more-workflows").trigger("click");
    await app.pass();
    expect(titles().slice(6)).toEqual(["Schedule nightly", "Pull request pipeline"]);
    expect(app.all("more-workflows")).toHaveLength(0);
  });

  it("shows no bare hash anywhere", async () => {
    const app = await openWindow("/project/p-store");
    expect(app.text()).not.toMatch(/\b[0-9a-f]{12,}\b/);
  });

  it("says on the button what pressing it does", async () => {
    const app = await openWindow("/project/p-store");
    await app.all("version-row")[1]!.trigger("click");
    await app.pass();
    expect(app.one("run-button").text()).toBe("Run Build and test · 1.1.0");
    await choose(app, "deploy");
    expect(app.one("run-button").text()).toBe("Deploy 1.1.0 to production");
  });

  it("starts the chosen workflow and version and shows the run", async () => {
    const app = await openWindow("/project/p-store");
    await app.all("version-row")[1]!.trigger("click");
    await app.pass();
    await app.one("run-button").trigger("click");
    await app.pass();
    expect(app.router.currentRoute.value.name).toBe("run");
    expect(app.one("run-state").attributes("data-state")).toBe("running");
    expect(app.text()).toContain("1.1.0");
  });

  it("starts once on a double press", async () => {
    const app = await openWindow("/project/p-store");
    const button = app.one("run-button");
    void button.trigger("click");
    await button.trigger("click");
    await app.pass();
    expect(app.fake.calls.filter((call) => call === "runStart")).toHaveLength(1);
  });

  it("keeps the choice when the project is read again", async () => {
    const app = await openWindow("/project/p-store");
    await app.all("version-row")[2]!.trigger("click");
    app.fake.notifyOfRun("r-1", "p-store");
    await app.pass(1000);
    expect(app.fake.calls.filter((call) => call === "projectDetail").length).toBeGreaterThan(1);
    expect(chosen(app)!.text()).toContain("满减");
  });

  it("searches versions while typing", async () => {
    const app = await openWindow("/project/p-store");
    await app.one("version-search").setValue("lin first");
    expect(app.all("version-row").map((row) => row.attributes("data-version"))).toEqual(["1.0.0"]);
    await app.one("version-search").setValue("nothing like it");
    expect(app.all("version-row")).toHaveLength(0);
    expect(app.text()).toContain("No version matches “nothing like it”");
  });

  it("picks a found version with Enter, but not with the Enter that ends a Chinese word", async () => {
    const app = await openWindow("/project/p-store");
    const search = app.one("version-search");
    await search.setValue("优惠券");
    const before = app.one("run-button").text();
    await search.trigger("compositionstart");
    await search.trigger("keydown", { key: "Enter", isComposing: true });
    await search.trigger("keydown", { key: "Enter", keyCode: 229 });
    await search.trigger("compositionend");
    await search.trigger("keydown", { key: "Enter" });
    expect(app.one("run-button").text()).toBe(before);
    await app.pass(200);
    await search.trigger("keydown", { key: "Enter" });
    await app.pass();
    expect(app.one("run-button").text()).toBe("Run Build and test · yesterday 09:20");
  });

  it("moves through the versions by keyboard", async () => {
    const app = await openWindow("/project/p-store");
    const list = app.window.find("[role=listbox]");
    await list.trigger("keydown", { key: "ArrowDown" });
    expect(chosen(app)!.attributes("data-version")).toBe("1.1.0");
    expect(document.activeElement).toBe(chosen(app)!.element);
    await list.trigger("keydown", { key: "ArrowUp" });
    await list.trigger("keydown", { key: "ArrowUp" });
    expect(chosen(app)!.text()).toContain("Show the delivery date");
  });

  it("asks for missing values before it runs, and sends what was entered", async () => {
    const app = await openWindow("/project/p-store");
    await choose(app, "deploy");
    expect(app.text()).toContain("Fill in the form");
    await app.one("run-button").trigger("click");
    expect(app.text()).toContain("This needs a value.");
    expect(app.fake.calls).not.toContain("runStart");
    await app.window.find("#input-NOTE").setValue("修复购物车");
    await app.pass();
    expect(planned(app)).toContain("publish image");
    await app.one("run-button").trigger("click");
    await app.pass();
    expect(app.router.currentRoute.value.name).toBe("run");
    expect(app.window.find(".inputs").text()).toContain("修复购物车");
    expect(app.window.find(".inputs").text()).toContain("BATCH2");
  });

  it("never starts anything by Enter in the form: it goes to the button", async () => {
    const app = await openWindow("/project/p-store");
    await choose(app, "deploy");
    const note = app.window.find("#input-NOTE");
    await note.setValue("fix");
    await app.pass();
    (note.element as HTMLElement).focus();
    await note.trigger("keydown", { key: "Enter", isComposing: true });
    expect(document.activeElement).toBe(note.element);
    await note.trigger("keydown", { key: "Enter" });
    expect(document.activeElement).toBe(app.one("run-button").element);
    expect(app.fake.calls).not.toContain("runStart");
  });

  it("names a missing secret and leads to where it is set", async () => {
    const app = await openWindow("/project/p-store");
    await choose(app, "deploy");
    await app.window.find("#input-NOTE").setValue("fix");
    await app.pass();
    const missing = app.one("missing-secret");
    expect(missing.text()).toContain("webhook_url");
    await missing.find("a").trigger("click");
    await app.pass();
    expect(app.router.currentRoute.value.name).toBe("settings");
    expect((app.one("secret-name").element as HTMLInputElement).value).toBe("webhook_url");
  });

  it("asks before a secret of all projects is handed out, and lists who gets it", async () => {
    for (const language of ["en", "zh-CN"] as const) {
      const app = await openWindow("/project/p-store", { settings: { language } });
      await app.fake.secretSet({ scope: "everywhere" }, "webhook_url", "s3cret-value");
      await choose(app, "deploy");
      await app.window.find("#input-NOTE").setValue("fix");
      await app.pass();
      const state = () => app.one("handed-secret").attributes("data-state");
      const blocked = () => app.one("run-button").attributes("disabled") !== undefined;
      expect(state()).toBe("undecided");
      expect(app.one("handed-secret").text()).toContain("plugins/webhook:1");
      expect(app.one("handed-secret").text()).toContain(language === "en" ? "May the runs of this project have webhook_url?" : "允许本项目的运行使用 webhook_url 吗");
      expect(blocked()).toBe(true);
      await app.one("secret-allow").trigger("click");
      await app.pass();
      expect([state(), blocked()]).toEqual(["allowed", false]);
      await app.one("secret-ask-again").trigger("click");
      await app.pass();
      expect([state(), blocked()]).toEqual(["undecided", true]);
      await app.one("secret-deny").trigger("click");
      await app.pass();
      expect([state(), blocked()]).toEqual(["refused", false]);
      expect(app.fake.calls.filter((call) => call === "secretDecide")).toHaveLength(3);
      app.window.unmount();
    }
  });

  it("lets the core check an author's pattern, and shows what it says beside the value", async () => {
    // In a browser's engine this pattern would take longer than the universe is old.
    const evil = "a".repeat(60) + "!";
    const host = { name: "HOST", label: {}, help: {}, kind: "text" as const, default: "", required: false, options: [], pattern: "(\\w+\\.?)+" };
    const said = { template: "`{}` must match `{}`", args: ["HOST", host.pattern] };
    const app = await openWindow("/project/p-store", {
      before: (fake) => {
        const detail = fake.projectDetail;
        fake.projectDetail = async (id) => {
          const found = await detail(id);
          const [first, ...others] = found.workflows;
          return { ...found, workflows: [{ ...first!, inputs: [host] }, ...others] };
        };
        const preview = fake.runPreview;
        fake.runPreview = async (request) => {
          const found = await preview({ ...request, inputs: {} });
          const there = { ...found, workflow: { ...found.workflow!, inputs: [host] } };
          return request.inputs["HOST"] === evil ? { ...there, planned: null, problems: [{ input: "HOST", message: said }] } : there;
        };
      },
    });
    await app.window.find("#input-HOST").setValue(evil);
    await app.pass();
    expect(app.window.find("#help-HOST").text()).toContain("must match");
    expect(app.one("run-button").attributes("disabled")).toBeDefined();
    await app.window.find("#input-HOST").setValue("shop.example.com");
    await app.pass();
    expect(app.window.find("#help-HOST").text()).toBe("");
    expect(app.one("run-button").attributes("disabled")).toBeUndefined();
  });

  it("shows what is hidden in names from the repository, and lets none of them turn another", async () => {
    const app = await openWindow("/project/p-store", {
      before: (fake) => {
        const detail = fake.projectDetail;
        fake.projectDetail = async (id) => {
          const found = await detail(id);
          const [first, ...others] = found.versions;
          return { ...found, versions: [{ ...first!, name: "1.0\u202e0.2", title: "שלום\u0007", author: "Li\u202en", branches: ["ma\u2066in"] }, ...others] };
        };
      },
    });
    const page = app.text() + app.one("run-button").attributes("title");
    // eslint-disable-next-line no-control-regex -- what is looked for
    expect(page).not.toMatch(/[\u0007\u202a-\u202e\u2066\u2067]/);
    expect(app.one("run-button").text()).toContain("1.0\\u{202e}0.2");
    expect(page).toContain("\u2068שלום\\u{7}\u2069");
  });

  it("runs on this computer only after consent", async () => {
    const app = await openWindow("/project/p-store", { scenario: "noengine" });
    expect(app.one("not-isolated").exists()).toBe(true);
    expect(app.one("run-button").text()).toBe("Run on this computer, not isolated");
    expect(app.one("run-button").attributes("disabled")).toBeDefined();
    await app.one("consent").setValue(true);
    await app.pass();
    expect(app.one("run-button").attributes("disabled")).toBeUndefined();
    await app.all("version-row")[1]!.trigger("click");
    await app.pass();
    expect((app.one("consent").element as HTMLInputElement).checked, "consent is for one version").toBe(false);
    await app.one("consent").setValue(true);
    await app.pass();
    await app.one("run-button").trigger("click");
    await app.pass();
    expect(app.one("run-state").exists()).toBe(true);
    expect(app.one("not-isolated").text()).toContain("not isolated");
  });

  it("runs the sample without consent", async () => {
    const app = await openWindow("/project/p-sample", { scenario: "noengine" });
    expect(app.one("not-isolated").exists()).toBe(true);
    expect(app.one("consent").exists()).toBe(false);
    expect(app.one("run-button").attributes("disabled")).toBeUndefined();
  });

  it("looks again when an engine begins to answer", async () => {
    const app = await openWindow("/project/p-store", { scenario: "noengine" });
    app.fake.setEngine(true);
    await app.pass();
    expect(app.one("not-isolated").exists()).toBe(false);
    expect(app.one("run-button").text()).toContain("Run Build and test");
  });

  it("underlines errors of the file and cannot run", async () => {
    const app = await openWindow("/project/p-store", { scenario: "broken" });
    const finding = app.one("finding");
    expect(finding.attributes("data-severity")).toBe("error");
    expect(finding.find("mark").text()).toBe("comands");
    expect(finding.text()).toContain("did you mean commands?");
    expect(app.all("finding")).toHaveLength(2);
    expect(app.one("remarks").text()).toContain("1 remark about the files");
    expect(app.one("error-card").attributes("data-code")).toBe("pipeline_invalid");
    expect(app.one("run-button").attributes("disabled")).toBeDefined();
  });

  it("speaks of them in the window's language", async () => {
    const app = await openWindow("/project/p-store", { scenario: "broken", settings: { language: "zh-CN" } });
    expect(app.one("finding").text()).toContain("步骤 test 没有字段 comands");
    expect(app.one("finding").text()).toContain("是不是想写 commands？");
  });

  it("shows an answer only for what is chosen now", async () => {
    const app = await openWindow("/project/p-store");
    const real = app.fake.runPreview;
    let release: () => void = () => undefined;
    app.fake.runPreview = async (request) => {
      if (request.workflow === "tag") await new Promise<void>((resolve) => (release = resolve));
      return real(request);
    };
    await choose(app, "tag");
    await choose(app, "build");
    release();
    await app.pass();
    expect(app.text()).toContain("Usually takes 16s");
  });

  it("is empty in words, on its way in stripes, broken with a hint", async () => {
    const empty = await openWindow("/project/p-notes");
    expect(empty.text()).toContain("Nothing to run here yet");
    expect(empty.one("run-button").exists()).toBe(false);
    empty.window.unmount();
    const waiting = await openWindow("/project/p-store", { before: (fake) => (fake.projectDetail = () => new Promise(() => undefined)) });
    expect(waiting.one("loading").exists()).toBe(true);
    waiting.window.unmount();
    const broken = await openWindow("/project/gone");
    expect(broken.one("error-card").attributes("data-code")).toBe("project_not_found");
    expect(broken.one("error-card").text()).toContain("Open its folder again");
  });
});
