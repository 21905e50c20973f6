/** Log lines made from their number, so that a log of any length costs nothing. */
import type { LogMark } from "../types";

export type LogKind = "install" | "lint" | "test" | "build" | "deploy" | "soak" | "failing" | "service" | "notify";

const G = "\u001b[32m";
const R = "\u001b[31m";
const Y = "\u001b[33m";
const B = "\u001b[34m";
const M = "\u001b[35m";
const C = "\u001b[36m";
const D = "\u001b[2m";
const BOLD = "\u001b[1m";
const X = "\u001b[0m";

const PACKAGES = ["vue", "pinia", "vite", "rollup", "esbuild", "postcss", "@vue/compiler-sfc", "magic-string", "picomatch", "nanoid"];
const SUITES = ["cart", "checkout", "inventory", "price", "coupon", "购物车", "库存", "address", "payment", "receipt"];

function pick<T>(list: readonly T[], n: number): T {
  return list[n % list.length] as T;
}

function random(n: number): number {
  // A fixed scramble: the same line always has the same numbers.
  let x = (n + 1) * 2654435761;
  x = ((x >>> 16) ^ x) >>> 0;
  return (x % 10_000) / 10_000;
}

const COMMAND: Record<LogKind, string> = {
  install: "npm ci",
  lint: "npm run lint",
  test: "npm test -- --run",
  failing: "npm test -- --run",
  build: "npm run build",
  deploy: "./deploy.sh --target production --wait",
  soak: "./soak.sh --requests 1000000",
  service: "",
  notify: "./notify.sh",
};

export function fakeLine(kind: LogKind, n: number, total: number): string {
  if (n === 0 && COMMAND[kind] !== "") return `+ ${COMMAND[kind]}`;
  const r = random(n);
  switch (kind) {
    case "install":
      if (n === total - 2) return `added ${total} packages in ${(r * 9 + 2).toFixed(1)}s`;
      if (n === total - 1) return `${D}found 0 vulnerabilities${X}`;
      if (n % 37 === 0) return `${Y}npm warn${X} deprecated ${pick(PACKAGES, n)}@${n % 7}.${n % 10}.0: this version is no longer supported`;
      return `${D}npm http fetch${X} GET 200 ${pick(PACKAGES, n)} ${Math.floor(r * 90 + 4)}ms ${D}(cache miss)${X}`;
    case "lint":
      return n === total - 1 ? `${G}✔${X} no problems in ${total * 3} files` : `${D}checked${X} src/components/${pick(SUITES, n)}/Panel${n}.vue`;
    case "test":
    case "failing": {
      const failAt = Math.floor(total * 0.82);
      if (kind === "failing") {
        if (n === failAt) return `${R}${BOLD} FAIL ${X} src/cart/total.test.ts ${D}>${X} cart ${D}>${X} 满减与优惠券同时使用时的合计`;
        if (n === failAt + 1) return `${R}AssertionError: expected 188.5 to be 186.5 // Object.is equality${X}`;
        if (n === failAt + 2) return `${R}- Expected${X}   ${G}186.5${X}`;
        if (n === failAt + 3) return `${R}+ Received${X}   ${R}188.5${X}`;
        if (n === failAt + 4) return ` ${C}❯${X} src/cart/total.test.ts:${B}42${X}:${B}31${X}`;
        if (n === total - 3) return ` ${BOLD}Test Files${X}  ${R}1 failed${X} ${D}|${X} ${G}${total % 40} passed${X}`;
        if (n === total - 2) return ` ${BOLD}     Tests${X}  ${R}1 failed${X} ${D}|${X} ${G}${total - 40} passed${X}`;
        if (n === total - 1) return ` ${BOLD}  Duration${X}  6.42s`;
      }
      if (n % 61 === 60) return `${Y}⚠ slow test${X} ${pick(SUITES, n)}.test.ts took ${Math.floor(r * 900 + 300)}ms`;
      return ` ${G}✓${X} src/${pick(SUITES, n)}/${pick(SUITES, n * 3)}.test.ts ${D}(${Math.floor(r * 20 + 1)} tests)${X} ${Math.floor(r * 80 + 3)}${D}ms${X}`;
    }
    case "build":
      if (n === total - 1) return `${G}✓ built in ${(r * 4 + 1).toFixed(2)}s${X}`;
      return `${D}dist/${X}${C}assets/${pick(SUITES, n)}-${Math.floor(r * 1e6).toString(36)}.js${X}  ${BOLD}${(r * 300).toFixed(2)} kB${X} ${D}│ gzip: ${(r * 90).toFixed(2)} kB${X}`;
    case "deploy":
      return n === total - 1 ? `${G}production now runs this version${X}` : `${B}==>${X} ${pick(["uploading", "verifying", "switching", "draining"], n)} node-${n % 6}: ok`;
    case "service":
      return `${M}db${X} ready to accept connections ${D}(${n})${X}`;
    case "notify":
      return n === total - 1 ? "sent" : "sending the message to the team channel";
    case "soak": {
      if (n % 99_991 === 77) return `${R}error${X} request ${n}: upstream closed the connection after ${Math.floor(r * 30)}s`;
      if (n % 9_973 === 5) return `${Y}warn${X} request ${n}: slow answer ${Math.floor(r * 4000)}ms`;
      return `${D}${String(n).padStart(7, "0")}${X} GET /api/orders/${Math.floor(r * 1e6)} ${G}200${X} ${Math.floor(r * 120)}ms 订单 #${n % 97}`;
    }
  }
}

export function fakeMarks(kind: LogKind, lines: number, total: number): LogMark[] {
  const marks: LogMark[] = COMMAND[kind] === "" || lines === 0 ? [] : [{ line: 0, kind: "command", end: lines }];
  if (kind === "failing") {
    const failAt = Math.floor(total * 0.82);
    if (failAt < lines) marks.push({ line: failAt, kind: "error", end: null });
    if (failAt + 1 < lines) marks.push({ line: failAt + 1, kind: "error", end: null });
  }
  if (kind === "soak") {
    for (let n = 77; n < lines; n += 99_991) marks.push({ line: n, kind: "error", end: null });
    for (let n = 5; n < lines; n += 9_973) marks.push({ line: n, kind: "warning", end: null });
    marks.sort((a, b) => a.line - b.line);
  }
  if (kind === "install") for (let n = 37; n < Math.min(lines, total - 2); n += 37) marks.push({ line: n, kind: "warning", end: null });
  return marks;
}
