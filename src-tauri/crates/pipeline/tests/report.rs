//! Compatibility reports in `tests/reports`: `NAME.yml` gives `NAME.en.txt` and `NAME.zh.txt`. To accept new results run the test
//! with `UPDATE_GOLDEN=1` and read the difference. The same holds for every case of `tests/pipelines`: there is something to say
//! about it, and in Chinese.

mod cases;

use lp_model::Language;
use lp_pipeline::{Effect, PipelineFile, Report, report};
use std::path::{Path, PathBuf};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests").join(name)
}

/// The names of the files without their ending, sorted.
fn names(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("readable").file_name());
    let mut names: Vec<String> =
        files.filter_map(|file| file.to_str().and_then(|file| file.strip_suffix(".yml")).map(str::to_owned)).collect();
    names.sort();
    names
}

fn print(report: &Report, language: Language) -> String {
    let mut text = format!("{:?}: {}\n", report.dialect, report.reason.text(language));
    for entry in &report.entries {
        let place = entry.span.map(|span| format!("{}:{}", span.line, span.column)).unwrap_or_default();
        text += &format!("{:?} {place} {}: {}\n", entry.effect, entry.code, entry.title.text(language));
        if let Some(help) = &entry.help {
            text += &format!("  {}\n", help.text(language));
        }
    }
    for step in &report.steps {
        text += &format!("{} {} {} {}\n", if step.runs_as_is { "✓" } else { "·" }, step.stage, step.name, step.line);
    }
    text
}

fn check(report: &Report, name: &str) {
    assert!(!report.entries.is_empty(), "{name}: an empty report");
    assert_eq!(report.reason.untranslated(), None, "{name}");
    for entry in &report.entries {
        for words in [Some(&entry.title), entry.help.as_ref()].into_iter().flatten() {
            assert_eq!(words.untranslated(), None, "{name}: {words}");
        }
    }
    let order: Vec<Effect> = report.entries.iter().map(|entry| entry.effect).collect();
    assert!(order.is_sorted(), "{name}: {order:?}");
    let runs = report.entries.iter().any(|entry| entry.effect == Effect::Runs);
    assert_eq!(runs, report.steps.iter().any(|step| step.runs_as_is), "{name}");
}

#[test]
fn reports_are_what_is_written_down() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let folder = folder("reports");
    let names = names(&folder);
    assert!(names.len() >= 5, "only {names:?}");
    let mut wrong = String::new();
    for name in &names {
        let bytes = std::fs::read(folder.join(format!("{name}.yml"))).expect("readable");
        let path = if name == "woodpecker" { ".woodpecker.yml" } else { ".drone.yml" };
        let report = report(&[PipelineFile { path, bytes: &bytes }], &Default::default());
        check(&report, name);
        for (ending, language) in [("en.txt", Language::En), ("zh.txt", Language::Zh)] {
            let file = folder.join(format!("{name}.{ending}"));
            let (expected, now) = (std::fs::read_to_string(&file).unwrap_or_default(), print(&report, language));
            if update && expected != now {
                std::fs::write(&file, &now).expect("writable");
            } else if expected != now {
                wrong += &format!("--- {name}.{ending}: written down\n{expected}\n+++ now\n{now}\n");
            }
        }
    }
    assert!(wrong.is_empty(), "UPDATE_GOLDEN=1 accepts:\n{wrong}");
}

#[test]
fn there_is_something_to_say_about_every_pipeline() {
    for case in cases::all() {
        check(&report(&[case.pipeline()], &Default::default()), &case.name);
    }
}

#[test]
fn a_file_that_needs_nothing_runs_and_nothing_else_is_said() {
    let text = "kind: pipeline\nname: default\nsteps:\n- name: a\n  image: alpine\n  commands: [ls]\n- name: b\n  image: alpine\n";
    let report = report(&[PipelineFile { path: ".drone.yml", bytes: text.as_bytes() }], &Default::default());
    let said: Vec<String> = report.entries.iter().map(|entry| entry.title.to_string()).collect();
    assert_eq!(said, ["stage `default`: its 2 steps run as they are"]);
    assert!(report.steps.iter().all(|step| step.runs_as_is));
}

#[test]
fn files_that_do_not_fit_together_are_told() {
    let files = [(".woodpecker/a.yml", "steps:\n- {name: a, image: x}\n"), (".woodpecker/b.yml", "kind: pipeline\nsteps: []\n")];
    let files: Vec<PipelineFile<'_>> = files.iter().map(|(path, text)| PipelineFile { path, bytes: text.as_bytes() }).collect();
    let report = report(&files, &Default::default());
    check(&report, "mixed");
    assert_eq!(report.entries[0].effect, Effect::Unsupported);
    assert_eq!(report.files.len(), 2);
}

/// The corpus is no part of this repository; where it lies is said in `tests/corpus/main.rs`.
#[test]
fn there_is_something_to_say_about_every_real_file() {
    let beside = || Some(Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(4)?.join("shared").join("corpus"));
    let Some(folder) = std::env::var_os("LETTERPRESS_CORPUS").map(PathBuf::from).or_else(beside).map(|folder| folder.join("realworld"))
    else {
        return;
    };
    if !folder.is_dir() {
        eprintln!("\n*** NO CORPUS at {}: no real file was read. Set LETTERPRESS_CORPUS to its folder. ***\n", folder.display());
        return;
    }
    let names = names(&folder);
    assert!(names.len() > 100, "only {} files", names.len());
    let mut as_they_are = 0;
    for name in names {
        let bytes = std::fs::read(folder.join(format!("{name}.yml"))).expect("readable");
        let path = if name.contains("__wp") { ".woodpecker.yml" } else { ".drone.yml" };
        let files = [PipelineFile { path, bytes: &bytes }];
        let report = report(&files, &Default::default());
        check(&report, &name);
        as_they_are += usize::from(report.entries.iter().all(|entry| entry.effect == Effect::Runs));
        for found in lp_pipeline::lint(&files, &Default::default()) {
            assert_eq!(found.message.untranslated(), None, "{name}: {found}");
        }
    }
    assert!(as_they_are > 0, "not one file runs as it is");
}
