//! The compatibility report: what of a pipeline runs here as it is, what needs something from the user, what is not supported, and
//! what means something different. It is made of the compiler's own findings about an untrusted project; nothing is read twice.
//!
//! Each diagnostic code has its effect on the report in one table. What a file needs from a person (`needs-secret`, `needs-login`) is noted
//! only when a report is asked for.

mod effects;
mod empty;
mod remote;

use crate::PipelineFile;
use crate::lint::{Inputs, sample_facts};
use crate::shared::draft::StageDraft;
use crate::source::{AllFindings, Sources};
pub use effects::Effect;
use effects::effect;
use lp_model::{Checkout, Code, Diagnostic, Dialect, Message, Severity, Span, message};
use lp_yaml::Findings;
use std::collections::HashSet;

/// The compatibility of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its language, when it could be told.
    pub dialect: Option<Dialect>,
    /// Why it was taken for that.
    pub reason: Message,
    /// Paths of its files.
    pub files: Vec<String>,
    /// What there is to say, never nothing: what needs something first, then what is not supported, what is different, and what runs.
    pub entries: Vec<ReportEntry>,
    /// All steps and services in the order of the files; those of a matrix once.
    pub steps: Vec<ReportStep>,
    /// The working copies that its stages ask for, each once: what the repository lacks for them is not looked at here.
    pub checkouts: Vec<Checkout>,
}

/// One thing that a [`Report`] says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportEntry {
    /// What it means for the user.
    pub effect: Effect,
    /// Code of the finding, `runs-as-is` for what runs.
    pub code: String,
    /// Path of the file.
    pub file: String,
    /// Where; `None` when it is about the whole file.
    pub span: Option<Span>,
    /// What.
    pub title: Message,
    /// What to do.
    pub help: Option<Message>,
    /// The name of the secret, where it is about one that must be set.
    pub secret: Option<String>,
}

/// A step or service of a [`Report`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportStep {
    /// The stage that it belongs to.
    pub stage: String,
    /// Its name.
    pub name: String,
    /// Path of the file.
    pub file: String,
    /// Its first line.
    pub line: u32,
    /// Whether nothing else is said about it.
    pub runs_as_is: bool,
}

/// The code of the entry about a file of which nothing runs.
pub const NOTHING_RUNS: Code = Code::NothingRuns;
/// The code of the entry about a file with more findings than are shown.
pub const UNKNOWN: Code = Code::Unknown;
/// The code of entries about what runs.
pub const RUNS_AS_IS: Code = Code::RunsAsIs;

/// Reads the files of a pipeline and tells what becomes of them here. `inputs` are the fields of its forms, as for [`lint`](crate::lint()).
pub fn report(files: &[PipelineFile<'_>], inputs: &Inputs) -> Report {
    let paths = files.iter().map(|file| file.path.to_owned()).collect();
    let sources = match Sources::read(files) {
        Ok(sources) => sources,
        Err(errors) => {
            let mut entries: Vec<ReportEntry> = errors.into_iter().filter_map(entry).collect();
            sort(&mut entries);
            let reason = message!("the language of the file cannot be told");
            return Report { dialect: None, reason, files: paths, entries, steps: Vec::new(), checkouts: Vec::new() };
        }
    };
    let mut facts = sample_facts(inputs);
    facts.repo.trusted = false;
    let mut findings = AllFindings::with_needs(&sources);
    let stages = sources.front_end().read(&sources, &facts, &mut findings);
    for (source, findings) in sources.all().iter().zip(&mut findings.files) {
        empty::note(source, findings);
        remote::note(source, findings);
    }
    // What was not looked at for want of room may be about any step.
    let cut = findings.files.iter().chain([&findings.whole]).any(Findings::is_cut);
    let again: Vec<(String, Span)> =
        findings.files.iter().flat_map(|findings| findings.needed_again().iter().map(|span| (findings.file().to_owned(), *span))).collect();
    let without_secret = sources.front_end().without_secret(&sources);
    let found = findings.into_sorted();
    let refused = found.iter().any(refuses);
    let mut entries: Vec<ReportEntry> = found.into_iter().filter_map(entry).collect();
    for entry in entries.iter_mut().filter(|entry| entry.code == Code::NeedsSecret.as_str()) {
        entry.help = entry.help.take().map(|help| message!("{}; {}", help, without_secret.clone()));
    }
    one_word_about_a_place(&mut entries);
    let mut steps = add_what_runs(&stages, &again, cut, &mut entries);
    entries = together(entries);
    let nothing_runs = if !stages.is_empty() && stages.iter().all(|(_, stage)| !stage.runs) {
        Some(message!("nothing in this file runs here"))
    } else if refused && !steps.is_empty() {
        Some(until_corrected(&mut entries, &mut steps))
    } else {
        None
    };
    if let Some(title) = nothing_runs {
        let (file, code) = (sources.path().to_owned(), NOTHING_RUNS.as_str().to_owned());
        entries.insert(0, ReportEntry { effect: Effect::Unsupported, code, file, span: None, title, help: None, secret: None });
    }
    sort(&mut entries);
    let mut checkouts: Vec<Checkout> = Vec::new();
    for checkout in stages.into_iter().filter(|(_, stage)| stage.runs).filter_map(|(_, stage)| stage.checkout) {
        if !checkouts.contains(&checkout) {
            checkouts.push(checkout);
        }
    }
    let detected = sources.detected();
    Report { dialect: Some(detected.dialect), reason: detected.reason.clone(), files: paths, entries, steps, checkouts }
}

/// Whether a finding keeps the whole pipeline from running, whatever the user gives.
fn refuses(found: &Diagnostic) -> bool {
    found.severity == Severity::Error && effect(&found.code, found.severity) != Some(Effect::Needs)
}

/// An error anywhere refuses the whole pipeline, so no step of it runs as it is; says how many will.
fn until_corrected(entries: &mut Vec<ReportEntry>, steps: &mut [ReportStep]) -> Message {
    let (clean, all) = (steps.iter().filter(|step| step.runs_as_is).count(), steps.len());
    entries.retain(|entry| entry.effect != Effect::Runs);
    steps.iter_mut().for_each(|step| step.runs_as_is = false);
    message!("nothing in this file runs before its errors are corrected; {} of its {} steps run as they are then", clean, all)
}

fn entry(found: Diagnostic) -> Option<ReportEntry> {
    let effect = effect(&found.code, found.severity)?;
    let secret = (found.code == Code::NeedsSecret.as_str()).then(|| found.message.first_text().unwrap_or_default().to_owned());
    Some(ReportEntry { effect, code: found.code, file: found.file, span: found.span, title: found.message, help: found.help, secret })
}

/// A login says more than that the key is not read here; and a key that has no effect is no reason to trust anybody.
fn one_word_about_a_place(entries: &mut Vec<ReportEntry>) {
    let places = |code: Code| -> HashSet<(String, Option<Span>)> {
        entries.iter().filter(|entry| entry.code == code.as_str()).map(|entry| (entry.file.clone(), entry.span)).collect()
    };
    let (logins, idle) = (places(Code::NeedsLogin), places(Code::KeyWithoutEffect));
    entries.retain(|entry| {
        let place = (entry.file.clone(), entry.span);
        match Code::parse(&entry.code) {
            Some(Code::KeyWithoutEffect) => !logins.contains(&place),
            Some(Code::NotTrusted) => !idle.contains(&place),
            _ => true,
        }
    });
}

fn sort(entries: &mut [ReportEntry]) {
    // Stable: within one effect they stand in the order of the files.
    entries.sort_by_key(|entry| entry.effect);
}

/// Most lines that are named of what is said of several places.
const MAX_LINES: usize = 8;
/// Words that only name the place.
const PLACES: [&str; 5] = ["step `{}`", "service `{}`", "pipeline `{}`", "{} `{}`", "the {} in line {}"];

/// What a person has to know or do is said once, with all its places.
fn together(entries: Vec<ReportEntry>) -> Vec<ReportEntry> {
    let mut kept: Vec<(ReportEntry, Vec<u32>)> = Vec::new();
    for entry in entries {
        let same = |(other, _): &&mut (ReportEntry, Vec<u32>)| {
            entry.effect != Effect::Runs
                && other.code == entry.code
                && other.effect == entry.effect
                && other.file == entry.file
                && other.help == entry.help
                && other.title.same_but_for(&entry.title, &PLACES)
        };
        match (kept.iter_mut().find(same), entry.span) {
            (Some((_, lines)), Some(span)) => lines.push(span.line),
            (Some(_), None) => {}
            (None, _) => kept.push((entry, Vec::new())),
        }
    }
    let one = |(mut entry, mut lines): (ReportEntry, Vec<u32>)| {
        lines.dedup();
        let named: Vec<String> = lines.iter().take(MAX_LINES).map(u32::to_string).collect();
        entry.title = match lines.len() {
            0 => entry.title,
            1..=MAX_LINES => message!("{}; the same in line {}", entry.title, named.join(", ")),
            _ => message!("{}; the same in line {} and {} more", entry.title, named.join(", "), lines.len() - MAX_LINES),
        };
        entry
    };
    kept.into_iter().map(one).collect()
}

/// Adds an entry for each stage of which some steps run as they are; those that a matrix makes of one stage count once.
///
/// `again` are places of what is said elsewhere. When the findings were cut nobody knows of any step that it runs as it is, and that is said.
fn add_what_runs(stages: &[(&str, StageDraft)], again: &[(String, Span)], cut: bool, entries: &mut Vec<ReportEntry>) -> Vec<ReportStep> {
    let mut steps = Vec::new();
    let mut runs = Vec::new();
    for (n, (file, stage)) in stages.iter().enumerate().filter(|(_, (_, stage))| stage.runs) {
        let same = |other: &(&str, StageDraft)| other.0 == *file && other.1.span == stage.span;
        if stages[..n].iter().any(same) {
            continue;
        }
        let combinations = stages.iter().filter(|other| same(other)).count();
        let (mut all, mut clean) = (0_usize, 0_usize);
        for step in stage.services.iter().chain(&stage.steps) {
            let inside = |span: Span| span == step.span || (step.extent.start_byte..step.extent.end_byte).contains(&span.start_byte);
            let about = |entry: &ReportEntry| entry.file == *file && entry.span.is_some_and(inside);
            let about_again = |(other, span): &(String, Span)| other == file && inside(*span);
            let runs_as_is = !cut && !entries.iter().any(about) && !again.iter().any(about_again);
            all += 1;
            clean += usize::from(runs_as_is);
            let (stage, name) = (stage.name.clone(), step.step.name.clone());
            steps.push(ReportStep { stage, name, file: (*file).to_owned(), line: step.step.line, runs_as_is });
        }
        if clean == 0 {
            continue;
        }
        let title = match combinations {
            1 if all == 1 => message!("stage `{}`: its step runs as it is", stage.name),
            1 if clean == all => message!("stage `{}`: its {} steps run as they are", stage.name, all),
            1 => message!("stage `{}`: {} of its {} steps run as they are", stage.name, clean, all),
            _ => message!("each of the {} combinations of the matrix: {} of {} steps run as they are", combinations, clean, all),
        };
        let (code, file) = (RUNS_AS_IS.as_str().to_owned(), (*file).to_owned());
        runs.push(ReportEntry { effect: Effect::Runs, code, file, span: Some(stage.span), title, help: None, secret: None });
    }
    if cut {
        let title = message!("there is more to say than is shown: what else of this file runs as it is here is unknown");
        let file = stages.first().map_or_else(String::new, |(file, _)| (*file).to_owned());
        entries.push(ReportEntry {
            effect: Effect::Different,
            code: UNKNOWN.as_str().into(),
            file,
            span: None,
            title,
            help: None,
            secret: None,
        });
    }
    entries.extend(runs);
    steps
}
