import { expect, it } from "vitest";
import { faultReport, redacted } from "@/logic/fault";

it.each([
  ["/home/lin/src/shop/.drone.yml", "/home/…/src/shop/.drone.yml"],
  ["/Users/Lin Yue/x", "/Users/… Yue/x"],
  ["C:\\Users\\lin\\AppData", "C:\\Users\\…\\AppData"],
  ["fetch https://lin:s3cret@git.example.com/shop failed", "fetch https://…@git.example.com/shop failed"],
  ["mail to lin.yue@example.com", "mail to …@…"],
  ["no secret `deploy_token`", "no secret `…`"],
  ['value "BATCH 7" is wrong', 'value "…" is wrong'],
  ["Cannot read properties of undefined (reading 'hunter2')", "Cannot read properties of undefined (reading '…')"],
  ["没有项目“店铺”", "没有项目“…”"],
  ["token ghp_0123456789abcdefghijKLMN end", "token … end"],
  ["run 0192f0c1-7d1e-7c3a-9d0a-3c1e5b7a9f10", "run …"],
  ["#/history?text=salary&state=failed", "#/history?text=…&state=…"],
  ["at drawRows (index-B3x.js:12:5)", "at drawRows (index-B3x.js:12:5)"],
])("takes out what is somebody's: %s", (text, expected) => {
  expect(redacted(text)).toBe(expected);
});

it("says what is needed to find the defect and nothing of the person", () => {
  const error = new TypeError("cannot draw `deploy_token` of /home/lin/x");
  error.stack = "TypeError: cannot draw `deploy_token` of /home/lin/x\n    at draw (tauri://localhost/assets/index-abc.js:1:2)\n    at file:///home/lin/app.js:3:4";
  Object.assign(error, { value: "s3cret" });
  const report = faultReport(error, { version: "0.1.0", locale: "zh-CN", agent: "WebKit", screen: "run", time: "2026-11-23T06:20:00Z", place: "render function" });
  expect(report.split("\n")).toEqual([
    "Letterpress 0.1.0 (zh-CN), 2026-11-23T06:20:00Z",
    "WebKit",
    "screen run, caught in render function",
    "TypeError: cannot draw `…` of /home/…/x",
    "    at draw (tauri://localhost/assets/index-abc.js:1:2)",
    "    at file:///home/…/app.js:3:4",
  ]);
});

it("reads no other part of what was thrown, and stays short", () => {
  const facts = { version: "", locale: "en", agent: "", screen: "", time: "", place: "" };
  expect(faultReport({ password: "s3cret" }, facts)).not.toContain("s3cret");
  expect(faultReport("plain words", facts)).toContain("plain words");
  const deep = new Error("x");
  deep.stack = "    at f (a.js:1:1)\n".repeat(5000);
  expect(faultReport(deep, facts).length).toBeLessThanOrEqual(6000);
});
