/** Runs the fake core in a browser: its clock is the real one, and it speaks up four times a second. */
import { FakeApi, SCENARIOS, type Scenario } from "./fake";
import type { Api } from "./index";

export function startFake(wanted: string): Api {
  const scenario = SCENARIOS.find((one) => one === wanted) ?? "sample";
  const parameters = new URLSearchParams(location.search);
  const fake = new FakeApi({
    scenario: scenario as Scenario,
    settings: {
      language: parameters.get("lang") === "zh" ? "zh-CN" : parameters.get("lang") === "en" ? "en" : "system",
      theme: parameters.get("theme") === "dark" ? "dark" : parameters.get("theme") === "light" ? "light" : "system",
    },
  });
  window.setInterval(() => fake.tick(), 250);
  return fake;
}
