import { describe, expect, it } from "vitest";
import type { Input } from "@/api";
import { formValues, inputProblem, slot } from "@/logic/form";

const input = (part: Partial<Input>): Input => ({ name: "X", label: {}, help: {}, kind: "text", default: "", required: false, options: [], pattern: "", ...part });

describe("values of a form", () => {
  it.each<[string, Partial<Input>, string, string | null]>([
    ["an empty one that is needed", { required: true }, "", "required"],
    ["an empty one that is not", { pattern: "[0-9]+" }, "", null],
    ["a pattern is left to the core", { pattern: "[0-9]+" }, "a12", null],
    ["a pattern that would stop a browser", { pattern: "(\\w+\\.?)+" }, `${"a".repeat(60)}!`, null],
    ["no number", { kind: "number" }, "ten", "number"],
    ["a number", { kind: "number" }, "-1.5", null],
    ["not one of the options", { kind: "choice", options: ["a"] }, "b", "choice"],
  ])("%s", (_, part, value, expected) => {
    expect(inputProblem(input(part), value)).toBe(expected);
  });

  it("start with what was used last where it is still allowed", () => {
    const inputs = [
      input({ name: "A", default: "1" }),
      input({ name: "B", kind: "choice", options: ["x", "y"], default: "x" }),
      input({ name: "C", kind: "boolean" }),
    ];
    expect(formValues(inputs, undefined, { A: "2", B: "gone" })).toEqual({ A: "2", B: "x", C: "false" });
    expect(formValues(inputs, undefined, undefined)).toEqual({ A: "1", B: "x", C: "false" });
  });

  it("are kept by name and kind, and only those that the form has are sent", () => {
    const choice = (options: string[]) => input({ name: "REGION", kind: "choice", options, default: options[0] ?? "" });
    const typed = { [slot({ name: "REGION", kind: "choice" })]: "west", [slot({ name: "N", kind: "number" })]: "7", [slot({ name: "T", kind: "text" })]: "" };
    expect(formValues([choice(["east", "west"])], typed, undefined)).toEqual({ REGION: "west" });
    expect(formValues([choice(["north", "south"])], typed, undefined), "another version has other choices").toEqual({ REGION: "north" });
    expect(formValues([input({ name: "N", default: "x" })], typed, undefined), "a text is not the number of that name").toEqual({ N: "x" });
    expect(formValues([input({ name: "T", default: "x" })], typed, { T: "y" }), "what was emptied stays empty").toEqual({ T: "" });
  });
});
