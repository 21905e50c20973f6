//! Small files that could become huge work, and what is said to each.

use lp_model::{EventFacts, EventKind};
use std::fmt::Write as _;

/// A file that somebody wrote to hurt.
pub struct Bomb {
    /// For the test and the rows of the results.
    pub name: &'static str,
    pub path: &'static str,
    pub bytes: Vec<u8>,
    pub facts: EventFacts,
    /// Code of the finding that answers it; it compiles when that is no error.
    pub code: &'static str,
}

fn many(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::new(), |mut text, n| {
        let _ = write!(text, "{}", line(n));
        text
    })
}

fn list(items: &str) -> String {
    format!("[{items}]")
}

/// All of them.
pub fn bombs() -> Vec<Bomb> {
    let push = EventFacts::new(EventKind::Push);
    let mut talkative = push.clone();
    talkative.commit.message = "a".repeat(60_000);
    let drone = |name, text: String, code| Bomb { name, path: ".drone.yml", bytes: text.into_bytes(), facts: push.clone(), code };
    let woodpecker = |name, text: String, code| Bomb { name, path: ".woodpecker.yml", bytes: text.into_bytes(), facts: push.clone(), code };
    let told = |mut bomb: Bomb| {
        bomb.facts = talkative.clone();
        bomb
    };
    let raw = |name, bytes: Vec<u8>, code| Bomb { name, path: ".drone.yml", bytes, facts: push.clone(), code };
    let one = "kind: pipeline\nsteps:\n- {name: a, image: i}\n";
    let laughs = format!("a0: &a0 {}\n", list(&"x, ".repeat(9)))
        + &many(60, |n| format!("a{}: &a{0} {}\n", n + 1, list(&format!("*a{n}, ").repeat(9))));
    let axis = |count| list(&many(count, |n| format!("{n}, ")));
    let evaluate = |expression: &str| format!("steps:\n- {{name: a, image: i, when: [{{evaluate: '{expression}'}}]}}\n");
    vec![
        // Aliases, merges, nesting.
        drone("a billion laughs", laughs, "too-large"),
        drone(
            "merges",
            format!("x: &x\n{}{}", many(2000, |n| format!("  k{n}: v\n")), many(2000, |n| format!("m{n}: {{<<: *x}}\n"))),
            "too-large",
        ),
        drone("open lists", "[".repeat(1 << 20), "too-deep"),
        drone("indentation", many(1400, |n| format!("{}a:\n", " ".repeat(n))), "too-deep"),
        drone(
            "nesting by aliases",
            format!("a0: &a0 [[[[[[[[[[x]]]]]]]]]]\n{}", many(30, |n| format!("a{}: &a{0} [[[[[[[[[[*a{n}]]]]]]]]]]\n", n + 1))),
            "too-deep",
        ),
        drone(
            "aliases of a step",
            format!("x: &x {{image: i}}\nkind: pipeline\nsteps: {}\n", list(&"*x, ".repeat(20_000))),
            "too-many-steps",
        ),
        woodpecker(
            "lists merged into lists",
            format!("variables:\n  a: &a {}\nsteps:\n{}", list(&"{image: x}, ".repeat(900)), "- <<: *a\n".repeat(20_000)),
            "too-large",
        ),
        drone(
            "documents with aliases of steps",
            many(25, |n| format!("---\nkind: pipeline\nname: p{n}\nx: &x {{name: a, image: i}}\nsteps: {}\n", list(&"*x, ".repeat(9000)))),
            "too-many-steps",
        ),
        // Matrices.
        drone("100 000 cells", format!("pipeline: {{a: {{image: i}}}}\nmatrix:\n  A: {0}\n  B: {0}\n", axis(317)), "matrix-cut"),
        drone(
            "a matrix of 60 axes",
            format!("pipeline: {{a: {{image: i}}}}\nmatrix:\n{}", many(60, |n| format!("  A{n}: [1, 2, 3]\n"))),
            "matrix-cut",
        ),
        drone(
            "a matrix of a large file",
            format!("pipeline:\n{}matrix: {{A: [1,2,3], B: [1,2,3], C: [1,2,3]}}\n", many(400, |n| format!("  s{n}: {{image: i}}\n"))),
            "too-many-steps",
        ),
        drone(
            "a matrix of aliases",
            format!(
                "x: &x {}\npipeline:\n{}matrix: {{A: [1,2,3], B: [1,2,3], C: [1,2,3]}}\n",
                list(&"v, ".repeat(4000)),
                many(80, |n| format!("  s{n}: {{image: i, k: *x}}\n"))
            ),
            "too-large",
        ),
        // Text.
        raw("10 MB", vec![b'a'; 10 << 20], "file-too-large"),
        drone(
            "a command of 900 KB",
            format!("kind: pipeline\nsteps:\n- {{name: a, image: i, commands: ['{}']}}\n", "x".repeat(900_000)),
            "script-too-long",
        ),
        raw("no UTF-8 at the end", [one.as_bytes(), "# 注释\n".repeat(90_000).as_bytes(), b"\xff"].concat(), "not-utf8"),
        raw("UTF-16", "\u{feff}a: b\n".encode_utf16().flat_map(u16::to_le_bytes).collect(), "not-utf8"),
        raw("NUL", [one.as_bytes(), b"#\0"].concat(), "nul-byte"),
        drone("nothing but NUL in quotes", "kind: pipeline\nsteps:\n- {name: a, image: \"\\0\"}\n".into(), "nul-byte"),
        drone("byte order mark and CRLF", format!("\u{feff}{}", one.replace('\n', "\r\n")), ""),
        drone("tabs", format!("kind: pipeline\nsteps:\n{}", "\t- a\n".repeat(100_000)), "yaml-syntax"),
        // Much of one thing.
        drone("empty documents", "---\n".repeat(250_000), "no-pipeline"),
        drone("documents", "--- \nkind: pipeline\nsteps: [{name: a, image: b}]\n".repeat(20_000), "too-many-stages"),
        drone("kinds", "kind: pipeline\n".repeat(69_000), "no-steps"),
        drone(
            "keys of a step",
            format!("kind: pipeline\nsteps:\n- {{name: a, image: i, {}}}\n", many(80_000, |n| format!("k{n}: 1, "))),
            "unknown-key",
        ),
        drone("keys of the file", format!("{one}{}", many(80_000, |n| format!("k{n}: 1\n"))), "unknown-key"),
        drone("steps", format!("pipeline:\n{}", many(49_000, |n| format!("  s{n}: {{image: x}}\n"))), "too-many-steps"),
        drone("steps of one name", format!("kind: pipeline\nsteps:\n{}", "- {name: a, image: i}\n".repeat(9900)), "duplicate-step"),
        drone(
            "mistakes on one line",
            format!("kind: pipeline\nsteps: {}\n", list(&"{名: 步骤, image: [中], comands: 1}, ".repeat(9900))),
            "missing-name",
        ),
        drone(
            "a name of half a megabyte",
            format!("kind: pipeline\nsteps:\n- name: {}\n  image: i\n{}", "n".repeat(500_000), many(30_000, |n| format!("  k{n}: 1\n"))),
            "unknown-key",
        ),
        woodpecker(
            "unknown dependencies",
            format!("steps:\n{}", many(9000, |n| format!("- {{name: step-{n}, image: i, depends_on: [setp-{n}x, stpe{n}, s{n}]}}\n"))),
            "unknown-step",
        ),
        drone(
            "unknown dependencies of 1.x",
            format!(
                "kind: pipeline\nsteps:\n{}",
                many(9000, |n| format!("- {{name: step-{n}, image: i, depends_on: [setp-{n}x, stpe{n}, s{n}]}}\n"))
            ),
            "unknown-dependency",
        ),
        drone(
            "events",
            format!(
                "kind: pipeline\ntrigger: {{event: {}}}\nsteps: [{{name: a, image: i}}]\n",
                list(&many(100_000, |n| format!("pus{n}, ")))
            ),
            "unknown-event",
        ),
        drone(
            "volumes",
            format!("pipeline:\n  a:\n    image: i\n    volumes: {}\n", list(&many(60_000, |n| format!("'/a{n}:/b', ")))),
            "too-many-volumes",
        ),
        drone(
            "volumes of 1.x",
            format!(
                "kind: pipeline\nsteps:\n- {{name: a, image: i, volumes: {}}}\nvolumes:\n{}",
                list(&many(20_000, |n| format!("{{name: v{n}, path: /a}}, "))),
                many(15_000, |n| format!("- {{name: v{n}, temp: {{}}}}\n"))
            ),
            "too-many-volumes",
        ),
        // Edges.
        drone(
            "groups",
            format!("pipeline:\n{}", many(9000, |n| format!("  s{n}: {{image: i, group: g{}}}\n", n / 4500))),
            "too-many-needs",
        ),
        woodpecker(
            "levels",
            format!(
                "steps:\n{}",
                many(9000, |n| format!("- {{name: s{n}, image: i, depends_on: [{}]}}\n", if n < 4500 { "" } else { "s0" }))
            ),
            "too-many-needs",
        ),
        drone(
            "needs of steps that are left out",
            format!(
                "kind: pipeline\nsteps:\n{}- {{name: all, image: i, when: {{event: tag}}, depends_on: {}}}\n{}",
                many(3000, |n| format!("- {{name: s{n}, image: i}}\n")),
                list(&many(3000, |n| format!("s{n}, "))),
                many(3000, |n| format!("- {{name: t{n}, image: i, depends_on: [all]}}\n"))
            ),
            "too-many-needs",
        ),
        drone(
            "a circle",
            format!(
                "kind: pipeline\nsteps:\n{}",
                many(9000, |n| format!("- {{name: s{n}, image: i, depends_on: [s{}]}}\n", (n + 1) % 9000))
            ),
            "dependency-cycle",
        ),
        // Substitution.
        drone("open expressions", format!("pipeline: {{a: {{image: i}}}}\n#{}", "${".repeat(500_000)), "bad-substitution"),
        drone("open expressions in comments", format!("pipeline: {{a: {{image: i}}}}\n#{}", "${A:-".repeat(180_000)), "bad-substitution"),
        drone("open substrings", format!("pipeline: {{a: {{image: i}}}}\n#{}", "${A:1".repeat(180_000)), "bad-substitution"),
        drone(
            "unknown variables",
            format!("pipeline: {{a: {{image: i}}}}\n#{}\nlabels: '{}'", "", "${X}".repeat(200_000)),
            "unknown-variable",
        ),
        told(drone(
            "a growing text",
            format!("pipeline: {{a: {{image: i}}}}\nlabels: {}\n", "${DRONE_COMMIT_MESSAGE}".repeat(40_000)),
            "bad-substitution",
        )),
        told(drone(
            "pieces of a long value",
            format!("pipeline: {{a: {{image: i}}}}\nlabels: {}\n", "${DRONE_COMMIT_MESSAGE:0:1}".repeat(35_000)),
            "bad-substitution",
        )),
        drone(
            "patterns removed from a long value",
            format!("pipeline: {{a: {{image: i}}}}\nmatrix: {{A: [{}]}}\nlabels: {}\n", "ab".repeat(8000), "${A##*a*a*a*c}".repeat(60_000)),
            "bad-substitution",
        ),
        told(drone(
            "the environment of all steps",
            format!("kind: pipeline\nsteps:\n{}", many(8000, |n| format!("- {{name: s{n}, image: i}}\n"))),
            "too-many-steps",
        )),
        // Conditions.
        woodpecker(
            "patterns",
            format!(
                "steps:\n{}",
                many(300, |n| format!("- {{name: s{n}, image: i, when: [{{evaluate: 'CI matches \"(\\w{{{n}}}){{9}}\"'}}]}}\n"))
            ),
            "bad-expression",
        ),
        woodpecker("a pattern of nested repeats", evaluate("CI matches \"((a{100}){100}){100}\""), "bad-expression"),
        woodpecker("brackets", evaluate(&"(".repeat(4000)), "bad-expression"),
        woodpecker("negations", evaluate(&"not ".repeat(1000)), "bad-expression"),
        woodpecker("a long expression", evaluate(&format!("true{}", " and true".repeat(50_000))), "bad-expression"),
        woodpecker(
            "alternatives of conditions",
            format!("steps:\n- name: a\n  image: i\n  when:\n{}", "  - {event: push}\n".repeat(50_000)),
            "too-many-conditions",
        ),
        drone(
            "globs with stars",
            format!(
                "kind: pipeline\nsteps:\n{}",
                many(1000, |n| format!("- {{name: s{n}, image: i, when: {{repo: ['{}']}}}}\n", "*a".repeat(450)))
            ),
            "nothing-would-run",
        ),
        drone(
            "globs with alternatives",
            format!(
                "kind: pipeline\nsteps:\n{}",
                many(900, |n| format!("- {{name: s{n}, image: i, when: {{repo: ['{}*{}']}}}}\n", "{a,b}".repeat(8), "*a".repeat(450)))
            ),
            "nothing-would-run",
        ),
        drone(
            "globs by alias",
            format!(
                "x: &x ['{}*{}']\nkind: pipeline\nsteps:\n{}",
                "{a,b}".repeat(8),
                "*a".repeat(450),
                many(5000, |n| format!("- {{name: s{n}, image: i, when: {{repo: *x}}}}\n"))
            ),
            "nothing-would-run",
        ),
    ]
}
