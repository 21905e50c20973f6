import { expect, it } from "vitest";
import type { Activity } from "@/api";
import { openWindow } from "../support";

const BACKUP: Activity = {
  id: "a-1",
  kind: "backup",
  state: "running",
  done: 3_000_000,
  total: 12_000_000,
  unit: "bytes",
  began: "2026-11-29T08:00:00Z",
  ended: null,
  result: null,
  error: null,
};

it("shows long work with its progress, and stops it", async () => {
  const app = await openWindow("/");
  expect(app.one("activity").exists()).toBe(false);
  app.fake.activities = [BACKUP];
  app.fake.notify(["activities"]);
  // A button takes no press right after it has appeared.
  await app.pass(400);
  expect(app.one("activity").text()).toContain("Making a backup");
  expect(app.one("activity").text()).toContain("3 MB of 12 MB");
  await app.one("activity-cancel").trigger("click");
  await app.pass();
  expect(app.fake.calls).toContain("activityCancel");
  expect(app.one("activity").text()).toContain("Stopping");
  expect(app.one("activity-cancel").attributes("disabled")).toBeDefined();
  app.fake.activities = [{ ...BACKUP, state: "cancelled", ended: BACKUP.began }];
  app.fake.notify(["activities"]);
  await app.pass();
  expect(app.one("activity").exists()).toBe(false);
});

it("says why work that was seen did not come to its end, in Chinese too", async () => {
  const app = await openWindow("/", { settings: { language: "zh-CN" } });
  app.fake.activities = [{ ...BACKUP, total: null, done: 0 }];
  app.fake.notify(["activities"]);
  await app.pass();
  expect(app.one("activity").text()).toContain("正在制作备份");
  const error = { code: "disk_full", message: "no room", hint: "", findings: [] } as const;
  app.fake.activities = [{ ...BACKUP, state: "failed", ended: BACKUP.began, error: { ...error, findings: [] } }];
  app.fake.notify(["activities"]);
  await app.pass();
  expect(app.text()).toContain("磁盘");
});
