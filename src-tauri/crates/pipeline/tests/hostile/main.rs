//! Whatever bytes a file has, the compiler answers, and soon.

#[path = "../cases/mod.rs"]
mod cases;
mod check;
mod mutate;

use check::{WAYS, check};
use lp_model::{EventFacts, EventKind};
use lp_pipeline::{PipelineFile, compile};
use mutate::{Random, WORDS, mutate};
use proptest::prelude::*;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Texts that get past the parser: made of the words of the language.
fn likely() -> impl Strategy<Value = String> {
    let word = prop::sample::select(WORDS.to_vec());
    prop::collection::vec(word, 0..40).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_get_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..300), way in 0..WAYS) {
        check(&bytes, way);
    }

    #[test]
    fn likely_texts_get_an_answer(text in likely(), way in 0..WAYS) {
        check(text.as_bytes(), way);
    }
}

/// Pipeline files below a folder, in the order of their names.
fn files(folder: &Path) -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "yml" || ending == "yaml"));
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).expect("readable")).collect()
}

/// Every file as it is, in some of the ways, and mutants of it.
fn answer_all(files: &[Vec<u8>], ways: u8, mutants: usize) {
    let mut random = Random(20_261_123);
    for file in files {
        for _ in 0..ways {
            check(file, random.below(usize::from(WAYS)) as u8);
        }
        for _ in 0..mutants {
            let mutant = mutate(file, files, &mut random);
            let way = random.below(usize::from(WAYS)) as u8;
            let answered = std::panic::catch_unwind(|| check(&mutant, way));
            assert!(answered.is_ok(), "way {way} of this file:\n{}", String::from_utf8_lossy(&mutant));
        }
    }
}

#[test]
fn mutants_of_our_own_cases_get_an_answer() {
    let files: Vec<Vec<u8>> = cases::all().iter().map(|case| case.pipeline().bytes.to_vec()).collect();
    answer_all(&files, 7, 40);
}

/// The corpus is no part of this repository; see `tests/corpus`.
#[test]
fn mutants_of_real_files_get_an_answer() {
    let folder = match std::env::var_os("LETTERPRESS_CORPUS") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(4).expect("a folder around").join("shared/corpus"),
    };
    let folder = folder.join("realworld");
    if folder.is_dir() {
        answer_all(&files(&folder), 1, 3);
    } else {
        eprintln!("\n*** NO CORPUS at {}: no mutants of real files. Set LETTERPRESS_CORPUS to its folder. ***\n", folder.display());
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
