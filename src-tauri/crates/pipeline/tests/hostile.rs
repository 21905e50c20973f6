//! Whatever bytes a file has, the compiler answers, and soon.

use lp_model::{EventFacts, EventKind};
use lp_pipeline::{PipelineFile, compile, lint, outline};
use proptest::prelude::*;
use std::time::{Duration, Instant};

fn run(bytes: &[u8]) {
    for kind in [EventKind::Push, EventKind::Promote] {
        let mut facts = EventFacts::new(kind);
        facts.commit.message = "two\nlines \" and 中文".into();
        for path in [".drone.yml", ".woodpecker.yml"] {
            let file = PipelineFile { path, bytes };
            // Every answer is fine; a panic or an endless loop is not.
            let _ = compile(&[file], &facts);
            let _ = lint(&[file]);
            let _ = outline(&[file]);
        }
    }
}

/// Texts that get past the parser: made of the words of the language.
fn likely() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "kind: pipeline\n",
        "pipeline:\n",
        "steps:\n",
        "services:\n",
        "  a:\n",
        "- name: a\n",
        "  image: x\n",
        "    image: x\n",
        "  commands: [a, {b: c}]\n",
        "    commands:\n    - echo\n",
        "  when: {branch: [a, '*'], status: failure}\n",
        "  depends_on: [a, b]\n",
        "---\n",
        "...\n",
        "matrix:\n  A: [1, 2]\n",
        "  settings: {k: [1, {a: b}], s: {from_secret: x}}\n",
        "volumes:\n- {name: v, temp: {}}\n",
        "${A}",
        "${DRONE_COMMIT_MESSAGE}",
        "$$",
        "${A/",
        "&x ",
        "*x\n",
        "<<: *x\n",
        "? ",
        ": ",
        "- ",
        "[",
        "]",
        "{",
        "}",
        "\t",
        "\"",
        "'",
        "|\n",
        "#",
        "\u{feff}",
        "\r\n",
        "中",
        "trigger: {event: [push]}\n",
        "  environment: {A: 1}\n",
        "  group: g\n",
        "  detach: true\n",
        "  volumes: ['/a:/b', {name: v, path: /x}]\n",
        "workspace: {base: /a, path: b}\n",
        "branches: a\n",
        "type: exec\n",
        "when:\n- {event: push, path: {include: ['*'], on_empty: false}}\n- {evaluate: 'CI == \"x\" and not (\"A\" in $env)'}\n",
        "- <<: *x\n",
        "  directory: a\n",
        "  depends_on: [{name: a, optional: true}]\n",
        "  entrypoint: [a]\n",
    ]);
    prop::collection::vec(word, 0..40).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        run(&bytes);
    }

    #[test]
    fn likely_texts_never_panic(text in likely()) {
        run(text.as_bytes());
    }
}

#[test]
fn large_and_hostile_files_are_answered_soon() {
    let before = |i: usize| if i == 0 { "clone".to_owned() } else { format!("s{}", i - 1) };
    let steps = |n: usize| (0..n).map(|i| format!("- {{name: s{i}, image: x, depends_on: [{}]}}\n", before(i))).collect::<String>();
    let files = [
        "[".repeat(1 << 20),
        "a: b\n".repeat(200_000),
        "kind: pipeline\n".repeat(70_000),
        format!("pipeline:\n  a: {{image: {}}}\n", "${DRONE_COMMIT_MESSAGE}".repeat(40_000)),
        format!("kind: pipeline\nsteps:\n{}", steps(20_000)),
        format!("kind: pipeline\nsteps:\n{}", steps(1_900)),
        format!("pipeline:\n{}", (0..60_000).map(|i| format!("  s{i}: {{image: x}}\n")).collect::<String>()),
        format!(
            "pipeline:\n{}matrix:\n  A: [1,2,3]\n  B: [1,2,3]\n  C: [1,2,3]\n",
            (0..70).map(|i| format!("  s{i}: {{image: x}}\n")).collect::<String>()
        ),
        format!(
            "{}pipeline:\n  a: {{image: x}}\nmatrix:\n  A: [1,2,3]\n  B: [1,2,3]\n  C: [1,2,3]\n",
            (0..20_000).map(|i| format!("pipelin{i}: x\n")).collect::<String>()
        ),
        format!("steps:\n{}", steps(1_900).replace("clone", "")),
        format!("steps:\n- name: a\n  image: x\n  when:\n{}", "  - {evaluate: 'A matches \"(a{50}){50}\"'}\n".repeat(10_000)),
        format!(
            "variables:\n  a: &a\n{}  n: &n [{}]\nsteps:\n{}",
            (0..40).map(|i| format!("  - {{evaluate: 'A matches \"(\\w{{{i}}}){{9}}\"'}}\n")).collect::<String>(),
            (0..100).map(|i| format!("unknown{i}, ")).collect::<String>(),
            (0..1_500).map(|i| format!("- {{name: s{i}, image: x, when: *a, depends_on: *n}}\n")).collect::<String>()
        ),
        format!(
            "variables:\n  n: &n [{}]\nsteps:\n{}",
            (0..150).map(|i| format!("s{i}, ")).collect::<String>(),
            (0..1_500)
                .map(|i| format!("- {{name: s{i}, image: x, {}}}\n", if i < 150 { "" } else { "depends_on: *n" }))
                .collect::<String>()
        ),
        format!("variables:\n  a: &a [{}]\nsteps:\n{}", "{image: x}, ".repeat(900), "- <<: *a\n".repeat(20_000)),
        "--- \nkind: pipeline\nsteps: [{name: a, image: b}]\n".repeat(15_000),
        format!("kind: pipeline\nsteps:\n- {{name: a, image: i, {}}}\n", (0..50_000).map(|i| format!("k{i}: 1, ")).collect::<String>()),
    ];
    for text in files {
        let file = PipelineFile { path: ".drone.yml", bytes: text.as_bytes() };
        let start = Instant::now();
        let _ = compile(&[file], &EventFacts::new(EventKind::Push));
        // Up to a megabyte is read twice; the bound is loose because test machines are busy.
        assert!(start.elapsed() < Duration::from_secs(10), "{:?} for {}…", start.elapsed(), &text[..30]);
    }
}
