//! Pipeline files on the disk, as a developer edits them: findings and plans without a commit and without the store.

use crate::dto::{ApiError, ErrorCode, Finding};
use crate::prepare::{find_version, repo_facts};
use lp_git::Repository;
use lp_model::{EventFacts, EventKind, Plan};
use lp_pipeline::PipelineFile;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How a plan is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanFormat {
    /// Indented JSON, as it is stored with a run.
    Json,
    /// The same as YAML.
    Yaml,
}

/// The event that a plan is compiled for.
#[derive(Debug, Clone, Default)]
pub struct PlannedEvent {
    /// The word of the event; empty: `push`.
    pub event: String,
    /// The branch; empty: that of the repository around the file, else `main`.
    pub branch: String,
    /// The tag, or empty.
    pub tag: String,
    /// The target environment, or empty.
    pub target: String,
    /// Values of the form.
    pub inputs: BTreeMap<String, String>,
}

/// All findings about a file that hold for any event; `.letterpress.yml` is recognised by its name.
///
/// # Errors
/// `PipelineMissing` when the file cannot be read.
pub fn lint_file(path: &Path) -> Result<Vec<Finding>, ApiError> {
    let (shown, bytes) = read(path)?;
    let diagnostics = if shown.ends_with(".letterpress.yml") {
        match lp_workflow::parse(&shown, &bytes) {
            Ok((_, warnings)) => warnings,
            Err(diagnostics) => diagnostics,
        }
    } else {
        lp_pipeline::lint(&[PipelineFile { path: &shown, bytes: &bytes }])
    };
    let text = String::from_utf8_lossy(&bytes);
    Ok(diagnostics.iter().map(|diagnostic| Finding::new(diagnostic, &text)).collect())
}

/// What would run for an event, printed, with warnings about the file.
///
/// # Errors
/// `PipelineMissing`, `PipelineInvalid` with every finding, `BadRequest` for a word that is no event.
pub fn plan_file(path: &Path, event: &PlannedEvent, format: PlanFormat) -> Result<(String, Vec<Finding>), ApiError> {
    let (shown, bytes) = read(path)?;
    let facts = facts(path, event)?;
    let text = String::from_utf8_lossy(&bytes);
    let findings = |diagnostics: &[lp_model::Diagnostic]| diagnostics.iter().map(|one| Finding::new(one, &text)).collect::<Vec<_>>();
    let (plan, warnings) = lp_pipeline::compile(&[PipelineFile { path: &shown, bytes: &bytes }], &facts).map_err(|diagnostics| {
        ApiError { findings: findings(&diagnostics), ..ApiError::new(ErrorCode::PipelineInvalid, format!("`{shown}` has errors")) }
    })?;
    Ok((print(&plan, format), findings(&warnings)))
}

fn print(plan: &Plan, format: PlanFormat) -> String {
    match format {
        PlanFormat::Json => serde_json::to_string_pretty(plan).expect("plain data") + "\n",
        PlanFormat::Yaml => serde_yaml::to_string(plan).expect("plain data"),
    }
}

/// The file that is meant: itself, or the first pipeline file of a folder.
pub(crate) fn read(path: &Path) -> Result<(String, Vec<u8>), ApiError> {
    let missing =
        |message: String| ApiError::new(ErrorCode::PipelineMissing, message).hint("name a pipeline file, or a folder that has one");
    let file = if path.is_dir() {
        let found = crate::prepare::PIPELINE_FILES.iter().map(|name| path.join(name)).find(|file| file.is_file());
        found.ok_or_else(|| missing(format!("`{}` has no pipeline file", path.display())))?
    } else {
        path.to_owned()
    };
    let bytes = std::fs::read(&file).map_err(|problem| missing(format!("`{}` cannot be read: {problem}", file.display())))?;
    Ok((file.display().to_string(), bytes))
}

/// Facts of the repository around the file, where there is one.
fn facts(path: &Path, event: &PlannedEvent) -> Result<EventFacts, ApiError> {
    let word = if event.event.is_empty() { "push" } else { &event.event };
    let kind = EventKind::parse(word).ok_or_else(|| crate::prepare::no_event(word))?;
    let mut facts = EventFacts::new(kind);
    facts.run_number = 1;
    let place = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let folder: PathBuf = if place.is_dir() { place } else { place.parent().map(Path::to_owned).unwrap_or_default() };
    if let Ok(repository) = Repository::open(&folder) {
        facts.repo = repo_facts(&repository)?;
        if let Ok(version) = find_version(&repository, "") {
            facts.commit = repository.commit_facts(&version)?;
        }
    }
    if facts.commit.sha.is_empty() {
        // Outside of a repository: any commit will do, and an empty one would make texts that no real run sees.
        facts.commit.sha = "0".repeat(40);
        facts.commit.message = "a commit".to_owned();
        facts.repo.owner = "owner".to_owned();
        facts.repo.name = "name".to_owned();
        facts.repo.default_branch = "main".to_owned();
    }
    if !event.branch.is_empty() || facts.commit.branch.is_empty() {
        facts.commit.branch = if event.branch.is_empty() { "main".to_owned() } else { event.branch.clone() };
        facts.commit.reference = format!("refs/heads/{}", facts.commit.branch);
    }
    if !event.tag.is_empty() {
        facts.commit.reference = format!("refs/tags/{}", event.tag);
    }
    facts.target = Some(event.target.clone()).filter(|target| !target.is_empty());
    facts.inputs = event.inputs.clone();
    Ok(facts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_printed_in_both_formats_and_says_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(".drone.yml");
        std::fs::write(&file, "kind: pipeline\nname: default\nsteps:\n- name: 构建\n  image: alpine\n  commands: [echo $TOKEN]\n  environment:\n    TOKEN: {from_secret: token}\n").unwrap();
        let event = PlannedEvent { tag: "1.0.0".into(), event: "tag".into(), ..PlannedEvent::default() };
        let (json, warnings) = plan_file(folder.path(), &event, PlanFormat::Json).unwrap();
        assert_eq!(warnings, []);
        let plan: Plan = serde_json::from_str(&json).unwrap();
        assert_eq!(plan.event.tag(), Some("1.0.0"));
        assert_eq!(plan.secret_names(), ["token"]);
        let (yaml, _) = plan_file(&file, &event, PlanFormat::Yaml).unwrap();
        assert!(yaml.contains("name: 构建"), "{yaml}");
        assert!(yaml.starts_with("version: 1\n"), "{yaml}");
    }

    #[test]
    fn findings_and_words_that_are_no_events() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(".drone.yml");
        std::fs::write(&file, "kind: pipeline\nsteps: 7\n").unwrap();
        assert!(lint_file(&file).unwrap().iter().any(|finding| finding.excerpt.is_some()));
        let event = PlannedEvent { event: "pusch".into(), ..PlannedEvent::default() };
        assert_eq!(plan_file(&file, &event, PlanFormat::Json).unwrap_err().code, ErrorCode::BadRequest);
        assert_eq!(lint_file(&folder.path().join("none")).unwrap_err().code, ErrorCode::PipelineMissing);
    }
}
