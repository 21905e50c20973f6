//! What must hold for the answers to any bytes: the tests and the fuzz target share it.

use lp_model::{Diagnostic, EventFacts, EventKind, Plan, PullRequestFacts, Severity, Span};
use lp_pipeline::{PipelineFile, compile, detect, lint, outline};
use std::collections::BTreeSet;

/// How many ways to look at a file [`check`] knows: events, paths and trust.
pub const WAYS: u8 = 28;

/// How many questions [`ask`] knows.
pub const QUESTIONS: u8 = 4;

/// Asks everything that the compiler can be asked about a file, in one of [`WAYS`] ways.
///
/// # Panics
/// When an answer is wrong in itself.
#[allow(dead_code, reason = "the fuzz target asks one question at a time")]
pub fn check(bytes: &[u8], way: u8) {
    (0..QUESTIONS).for_each(|question| ask(bytes, way, question));
}

/// Asks one of the [`QUESTIONS`].
///
/// # Panics
/// When the answer is wrong in itself.
pub fn ask(bytes: &[u8], way: u8, question: u8) {
    let path = if way / 7 % 2 == 1 { ".woodpecker.yml" } else { ".drone.yml" };
    let file = PipelineFile { path, bytes };
    match question {
        0 => {
            if let Err(found) = detect(&[file]) {
                refused(&found, &file);
            }
            findings(&lint(&[file], &Default::default()), &file);
        }
        1 => match outline(&[file], &Default::default()) {
            Ok(outline) => assert_eq!(Some(outline.dialect), detect(&[file]).ok().map(|detected| detected.dialect)),
            Err(found) => refused(&found, &file),
        },
        2 => {
            let facts = facts(way);
            match compile(&[file], &facts) {
                Ok((plan, found)) => {
                    assert!(!found.iter().any(|d| d.severity == Severity::Error), "a plan with an error: {found:?}");
                    findings(&found, &file);
                    self::plan(&plan, &facts);
                }
                Err(found) => refused(&found, &file),
            }
        }
        _ => {
            let facts = facts(way);
            assert_eq!(compile(&[file], &facts), compile(&[file], &facts), "the same file and event, two answers");
        }
    }
}

fn facts(way: u8) -> EventFacts {
    let mut facts = EventFacts::new(EventKind::ALL[usize::from(way % 7)]);
    facts.repo.owner = "octocat".into();
    facts.repo.name = "hello".into();
    facts.repo.link = "https://git.example.com/octocat/hello".into();
    facts.repo.trusted = way / 14 % 2 == 1;
    facts.commit.sha = "7fd1a60b01f91b314f59955a4e4d4e80d8edf11d".into();
    facts.commit.branch = "main".into();
    facts.commit.reference = "refs/heads/main".into();
    facts.commit.message = "two\nlines \" and 中文".into();
    facts.inputs.insert("TARGET".into(), "x: [".into());
    facts.run_number = 7;
    match facts.kind {
        EventKind::Push => facts.changed_files = Some(vec!["src/main.rs".into(), "README.md".into()]),
        EventKind::Tag => facts.commit.reference = "refs/tags/v1.2.3".into(),
        EventKind::Promote | EventKind::Rollback => facts.target = Some("production".into()),
        EventKind::Cron => facts.cron = Some("nightly".into()),
        EventKind::PullRequest => {
            facts.commit.reference = "refs/pull/7/head".into();
            facts.pull_request = Some(PullRequestFacts { number: 7, source_branch: "feature/x".into(), ..PullRequestFacts::default() });
        }
        EventKind::Manual => {}
    }
    facts
}

fn refused(found: &[Diagnostic], file: &PipelineFile<'_>) {
    assert!(found.iter().any(|d| d.severity == Severity::Error), "refused without an error: {found:?}");
    findings(found, file);
}

/// They are about this file, stand inside it at characters, and in its order.
fn findings(found: &[Diagnostic], file: &PipelineFile<'_>) {
    let text = std::str::from_utf8(file.bytes).ok();
    for one in found {
        assert_eq!(one.file, file.path, "{one:?}");
        if let Some(span) = one.span {
            place(span, file.bytes, text, one);
        }
    }
    let starts = |d: &Diagnostic| d.span.map_or((0, 0), |span| (span.start_byte, span.end_byte));
    assert!(found.is_sorted_by_key(starts), "not in the order of the file: {found:?}");
}

fn place(span: Span, bytes: &[u8], text: Option<&str>, one: &Diagnostic) {
    let (start, end) = (span.start_byte as usize, span.end_byte as usize);
    assert!(start <= end && end <= bytes.len(), "outside of the file: {one:?}");
    assert!((span.line, span.column) <= (span.end_line, span.end_column), "ends before it begins: {one:?}");
    let Some(text) = text else { return };
    assert!(text.is_char_boundary(start) && text.is_char_boundary(end), "inside a character: {one:?}");
    assert_eq!((span.line, span.column), line_and_column(text, start), "start of {one:?}");
    assert_eq!((span.end_line, span.end_column), line_and_column(text, end), "end of {one:?}");
}

fn line_and_column(text: &str, offset: usize) -> (u32, u32) {
    let head = &text[..offset];
    let line = head.bytes().filter(|&byte| byte == b'\n').count();
    let start = head.rfind('\n').map_or(0, |at| at + 1);
    let mark = usize::from(line == 0 && head.starts_with('\u{feff}'));
    (line as u32 + 1, (head[start..].chars().count() - mark) as u32 + 1)
}

/// Numbers, edges and names fit together, and the plan survives being stored.
fn plan(plan: &Plan, facts: &EventFacts) {
    assert_eq!(&plan.event, facts);
    let mut names = BTreeSet::new();
    for (n, stage) in plan.stages.iter().enumerate() {
        assert_eq!(stage.number.0 as usize, n + 1, "stages are numbered in their order");
        assert!(names.insert(&stage.name), "two stages are called {:?}", stage.name);
        assert!(stage.steps.iter().any(|step| step.run_on.success || step.run_on.failure), "a stage in which nothing runs");
        for (m, step) in stage.steps.iter().enumerate() {
            assert_eq!(step.number.0 as usize, m + 1, "steps are numbered in their order");
            for mount in &step.mounts {
                assert!(stage.volumes.iter().any(|volume| volume.name == mount.volume), "{mount:?} of no volume");
            }
            assert!(!step.environment.keys().any(|name| name.contains('\0')));
        }
        acyclic(&stage.steps.iter().map(|step| step.needs.iter().map(|need| need.0 as usize).collect()).collect::<Vec<_>>());
    }
    acyclic(&plan.stages.iter().map(|stage| stage.needs.iter().map(|need| need.0 as usize).collect()).collect::<Vec<_>>());
    let stored = serde_json::to_string(plan).expect("plain data");
    assert_eq!(&serde_json::from_str::<Plan>(&stored).expect("reads back"), plan);
}

/// Everything that is needed exists, once, and can come before.
fn acyclic(needs: &[Vec<usize>]) {
    let mut done = vec![false; needs.len()];
    for list in needs {
        let unique: BTreeSet<usize> = list.iter().copied().collect();
        assert_eq!(unique.len(), list.len(), "the same need twice");
        assert!(list.iter().all(|&need| (1..=needs.len()).contains(&need)), "needs what is not there");
    }
    loop {
        let ready: Vec<usize> = (0..needs.len()).filter(|&n| !done[n] && needs[n].iter().all(|&need| done[need - 1])).collect();
        if ready.is_empty() {
            return assert!(done.iter().all(|&done| done), "needs in a circle");
        }
        ready.into_iter().for_each(|n| done[n] = true);
    }
}
