//! The compatibility report, ready to be shown.

use crate::app::App;
use crate::dto::{ApiError, Excerpt, ReportCounts, ReportDto, ReportEffect, ReportEntry, ReportStep};
use crate::pipeline::files::{self, Group};
use crate::pipeline::shortfalls::of_checkouts;
use crate::project::sources::{Sources, find_version};
use crate::project::{blocking, folder_of};
use lp_git::Repository;
use lp_model::{Code, Dialect, Message, message};
use lp_pipeline::{Effect, Inputs, PipelineFile, Report};
use std::path::{Path, PathBuf};

impl App {
    /// What becomes of the pipelines of a project at a version (empty: the one that is checked out).
    ///
    /// # Errors
    /// `ProjectNotFound`, `VersionNotFound`, `PipelineMissing`, and what reading a repository gives. Mistakes in the files are no error
    /// here: the report tells them.
    pub async fn compatibility(&self, project: &str, version: &str) -> Result<ReportDto, ApiError> {
        let (folder, wanted) = (folder_of(&self.project_row(project).await?)?, version.to_owned());
        blocking(move || {
            let repository = Repository::open(&folder)?;
            let version = find_version(&repository, &wanted)?;
            let sha = version.sha.clone();
            let sources = Sources::read(&repository, version)?;
            let inputs = sources.inputs();
            let mut all: Option<ReportDto> = None;
            for pipeline in sources.pipelines_in_use()? {
                let mut found = lp_pipeline::report(&pipeline.files(), &inputs);
                add_shortfalls(&repository, &sha, &pipeline.path, &mut found)?;
                let next = shown(found, &pipeline.files());
                all = Some(match all {
                    Some(all) => joined(all, next),
                    None => next,
                });
            }
            Ok(all.expect("there is at least one pipeline"))
        })
        .await
    }
}

/// The report about pipelines on the disk: files, or folders that have some.
///
/// # Errors
/// `PipelineMissing` when there is none, or one that cannot be read.
pub fn report_files(paths: &[PathBuf]) -> Result<ReportDto, ApiError> {
    let (groups, unreadable) = files::groups(paths);
    if let Some(error) = unreadable.into_iter().next() {
        return Err(error);
    }
    let reports = groups.iter().filter_map(|group| match group {
        Group::Pipeline(files) => {
            let inputs = files.first().map(|file| files::inputs_around(Path::new(&file.shown))).unwrap_or_default();
            let files: Vec<PipelineFile<'_>> = files.iter().map(|file| PipelineFile { path: &file.path, bytes: &file.bytes }).collect();
            Some(of_files(&files, &inputs))
        }
        Group::Workflows(_) => None,
    });
    reports.reduce(joined).ok_or_else(|| files::no_pipeline(paths.first().map_or(Path::new("."), PathBuf::as_path)))
}

/// The report about one pipeline whose repository is not at hand.
fn of_files(files: &[PipelineFile<'_>], inputs: &Inputs) -> ReportDto {
    let report = lp_pipeline::report(files, inputs);
    let clones = !report.checkouts.is_empty();
    let not_looked_at = clones.then(|| {
        Message::from(&message!(
            "what the repository itself lacks was not looked at (submodules, large files, history): `letterpress run` says it before the first step"
        ))
    });
    ReportDto { not_looked_at, ..shown(report, files) }
}

/// Adds what working copies of the commit will lack.
fn add_shortfalls(repository: &Repository, sha: &str, file: &str, report: &mut Report) -> Result<(), ApiError> {
    for found in of_checkouts(repository, sha, &report.checkouts, file)? {
        let Some(effect) = Code::parse(&found.code).and_then(Code::effect) else { continue };
        report.entries.push(lp_pipeline::ReportEntry {
            effect,
            code: found.code,
            file: found.file,
            span: None,
            title: found.message,
            help: found.help,
            secret: None,
        });
    }
    report.entries.sort_by_key(|entry| entry.effect);
    Ok(())
}

/// A report as it is shown.
fn shown(report: Report, files: &[PipelineFile<'_>]) -> ReportDto {
    let texts: Vec<_> = files.iter().map(|file| (file.path, String::from_utf8_lossy(file.bytes))).collect();
    let mut counts = ReportCounts { runs: report.steps.iter().filter(|step| step.runs_as_is).count() as u32, ..ReportCounts::default() };
    let mut entries = Vec::new();
    for entry in &report.entries {
        let effect = match entry.effect {
            Effect::Needs => ReportEffect::Needs,
            Effect::Unsupported => ReportEffect::Unsupported,
            Effect::Different => ReportEffect::Different,
            Effect::Runs => ReportEffect::Runs,
        };
        match effect {
            ReportEffect::Needs => counts.needs += 1,
            ReportEffect::Unsupported => counts.unsupported += 1,
            ReportEffect::Different => counts.different += 1,
            // A stage is one entry, whatever the number of its steps.
            ReportEffect::Runs => {}
        }
        let text = texts.iter().find(|(path, _)| *path == entry.file).map(|(_, text)| text);
        let excerpt = entry.span.zip(text).filter(|_| effect != ReportEffect::Runs).map(|(span, text)| Excerpt::new(span, text));
        entries.push(ReportEntry {
            effect,
            code: entry.code.clone(),
            file: entry.file.clone(),
            line: entry.span.map(|span| span.line),
            column: entry.span.map(|span| span.column),
            title: Message::from(&entry.title),
            help: entry.help.as_ref().map(Message::from),
            excerpt,
            secret: entry.secret.clone(),
        });
    }
    let (dialect, dialect_name) = dialect(&report);
    ReportDto {
        dialect: dialect.to_owned(),
        dialect_name: dialect_name.to_owned(),
        reason: Message::from(&report.reason),
        files: report.files.clone(),
        counts,
        entries,
        steps: report.steps.into_iter().map(step).collect(),
        not_looked_at: None,
    }
}

fn step(step: lp_pipeline::ReportStep) -> ReportStep {
    ReportStep { stage: step.stage, name: step.name, file: step.file, line: step.line, runs_as_is: step.runs_as_is }
}

fn dialect(report: &Report) -> (&'static str, &'static str) {
    match report.dialect {
        Some(Dialect::Drone08) => ("drone08", "Drone 0.5–0.8"),
        Some(Dialect::Drone1) => ("drone1", "Drone 1.x/2.x"),
        Some(Dialect::Woodpecker) => ("woodpecker", "Woodpecker"),
        None => ("unknown", ""),
    }
}

/// The reports about two pipelines of one project; the language is that of the first.
fn joined(mut all: ReportDto, next: ReportDto) -> ReportDto {
    all.files.extend(next.files);
    all.entries.extend(next.entries);
    all.entries.sort_by_key(|entry| entry.effect);
    all.steps.extend(next.steps);
    all.not_looked_at = all.not_looked_at.or(next.not_looked_at);
    all.counts.runs += next.counts.runs;
    all.counts.needs += next.counts.needs;
    all.counts.unsupported += next.counts.unsupported;
    all.counts.different += next.counts.different;
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_counts_steps_that_run_and_things_that_are_in_the_way() {
        let text = "kind: pipeline\nname: 构建\nsteps:\n- {name: a, image: alpine, commands: [ls]}\n- name: b\n  image: alpine\n  environment: {T: {from_secret: token}}\n";
        let first = of_files(&[PipelineFile { path: ".drone.yml", bytes: text.as_bytes() }], &Inputs::new());
        assert_eq!(
            (first.dialect.as_str(), first.dialect_name.as_str(), first.reason.in_chinese().as_str()),
            ("drone1", "Drone 1.x/2.x", "第 1 行有 `kind:`")
        );
        assert_eq!(first.counts, ReportCounts { runs: 1, needs: 1, unsupported: 0, different: 0 });
        let need = &first.entries[0];
        assert_eq!((need.effect, need.code.as_str(), need.line), (ReportEffect::Needs, "needs-secret", Some(7)));
        assert_eq!(need.title, "the secret `token` must be set");
        assert!(first.not_looked_at.is_some());
        assert!(need.excerpt.is_some() && need.help.is_some());
        assert_eq!(first.entries[1].title, "stage `构建`: 1 of its 2 steps run as they are");
        let broken = of_files(&[PipelineFile { path: "ci/other.yml", bytes: b"build: {image: x}\n" }], &Inputs::new());
        assert_eq!((broken.dialect.as_str(), broken.counts.unsupported), ("unknown", 1));
        let both = joined(first, broken);
        assert_eq!(both.files, [".drone.yml", "ci/other.yml"]);
        assert_eq!(
            both.entries.iter().map(|entry| entry.effect).collect::<Vec<_>>(),
            [ReportEffect::Needs, ReportEffect::Unsupported, ReportEffect::Runs]
        );
    }
}
