import js from "@eslint/js";
import globals from "globals";
import tseslint from "typescript-eslint";
import vue from "eslint-plugin-vue";

export default tseslint.config(
  { ignores: ["dist/**", "node_modules/**", "src/api/types/**"] },
  js.configs.recommended,
  ...tseslint.configs.recommended,
  ...vue.configs["flat/recommended"],
  {
    languageOptions: { globals: { ...globals.browser, ...globals.node } },
    rules: {
      "@typescript-eslint/no-explicit-any": "error",
      "no-console": "error",
      eqeqeq: ["error", "always"],
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
    },
  },
  {
    files: ["**/*.vue"],
    languageOptions: { parserOptions: { parser: tseslint.parser } },
    rules: {
      // Log text and file text are text nodes, never markup.
      "vue/no-v-html": "error",
      "vue/no-v-text-v-html-on-component": "error",
      // Line layout is left to the author: a formatter's job, not a reader's.
      "vue/max-attributes-per-line": "off",
      "vue/singleline-html-element-content-newline": "off",
      "vue/html-self-closing": "off",
      "vue/html-indent": "off",
      "vue/html-closing-bracket-newline": "off",
      "vue/multiline-html-element-content-newline": "off",
      "vue/first-attribute-linebreak": "off",
      "vue/attributes-order": "off",
      "vue/require-default-prop": "off",
      // Every text goes through a key; punctuation that no language changes is allowed.
      "vue/no-bare-strings-in-template": ["error", { allowlist: ["·", "/", "×", "…", "(", ")", ",", ".", "-", "+", ":", "#", "%", "L", "Letterpress"] }],
    },
  },
  {
    // Only the bridge may know Tauri.
    files: ["src/**/*.{ts,vue}"],
    ignores: ["src/api/tauri.ts"],
    rules: { "no-restricted-imports": ["error", { patterns: [{ group: ["@tauri-apps/*"], message: "only src/api/tauri.ts talks to Tauri" }] }] },
  },
  {
    files: ["src/logic/**/*.ts"],
    rules: {
      "no-restricted-imports": ["error", { patterns: [{ group: ["vue", "pinia", "vue-*", "@/stores/*", "@/composables/*", "@/components/*", "@/views/*"], message: "logic is pure" }] }],
    },
  },
);
