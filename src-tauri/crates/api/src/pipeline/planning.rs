//! `letterpress plan`: what would run for an event, of files on the disk, without a commit and without the store.

use crate::dto::{ApiError, AskedEvent, ErrorCode, Finding, FindingSeverity, SecretReceiver};
use crate::image::builds;
use crate::pipeline::event::{self, Ground};
use crate::pipeline::files;
use crate::project::sources::{find_version, repo_facts};
use lp_git::Repository;
use lp_model::{Code, Dialect, EventFacts, EventKind, Language, Message, Plan, message};
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

/// The event that a plan is compiled for. What is empty comes from the repository around the file, or is made up.
#[derive(Debug, Clone, Default)]
pub struct PlannedEvent {
    /// The word of the event; empty: the one that the other facts belong to (a tag makes a `tag`), else `push`.
    pub event: String,
    /// The branch (of a pull request the one it goes to); empty: that of the repository around the file, else `main`.
    pub branch: String,
    /// The tag.
    pub tag: String,
    /// The target environment.
    pub target: String,
    /// The message of the commit.
    pub message: String,
    /// Name of the schedule.
    pub cron: String,
    /// Number of the pull request.
    pub pull_request: Option<u32>,
    /// The branch that a pull request comes from.
    pub source: String,
    /// What happened to the pull request; empty: `opened`.
    pub action: String,
    /// Files that changed; `None`: not known.
    pub changed_files: Option<Vec<String>>,
    /// Values of the form.
    pub inputs: BTreeMap<String, String>,
    /// Whether the project counts as trusted.
    pub trusted: bool,
}

/// What would run for an event, printed, with warnings about the files.
///
/// # Errors
/// `PipelineMissing`, `PipelineInvalid` with every finding, `BadRequest` for facts that make no event.
pub fn plan_file(path: &Path, event: &PlannedEvent, format: PlanFormat, language: Language) -> Result<(String, Vec<Finding>), ApiError> {
    // What makes no event is wrong whatever the files say.
    event::kind(&AskedEvent { kind: event.event.clone(), ..AskedEvent::default() }, "")?;
    let files = files::pipeline(path)?;
    let all: Vec<PipelineFile<'_>> = files.iter().map(|file| PipelineFile { path: &file.path, bytes: &file.bytes }).collect();
    let dialect = lp_pipeline::detect(&all).map_or(Dialect::Drone1, |detected| detected.dialect);
    let (facts, notes) = facts(path, event, dialect)?;
    let findings = |diagnostics: &[lp_model::Diagnostic]| -> Vec<Finding> {
        let finding = |diagnostic: &lp_model::Diagnostic| {
            let file = files.iter().find(|file| file.path == diagnostic.file);
            let text = file.map(|file| String::from_utf8_lossy(&file.bytes)).unwrap_or_default();
            let shown = file.map_or_else(|| diagnostic.file.clone(), |file| file.shown.clone());
            Finding { file: shown, ..Finding::new(diagnostic, &text) }
        };
        diagnostics.iter().map(finding).collect()
    };
    let (plan, warnings) = lp_pipeline::compile(&all, &facts).map_err(|diagnostics| ApiError {
        findings: findings(&diagnostics),
        ..ApiError::new(ErrorCode::PipelineInvalid, message!("`{}` has errors", path.display()))
    })?;
    let remark = |note: &Message| Finding {
        code: Code::EventFacts.as_str().into(),
        severity: FindingSeverity::Note,
        message: note.into(),
        help: None,
        file: path.display().to_string(),
        excerpt: None,
    };
    Ok((print(&plan, format, language), notes.iter().map(remark).chain(findings(&warnings)).collect()))
}

fn print(plan: &Plan, format: PlanFormat, language: Language) -> String {
    match format {
        PlanFormat::Json => serde_json::to_string_pretty(plan).expect("plain data") + "\n",
        PlanFormat::Yaml => handed(plan) + &built(plan, language) + &serde_yaml::to_string(plan).expect("plain data"),
    }
}

/// A text that stays in its line: a comment ends with it.
fn plain(text: &str) -> String {
    text.replace(|c: char| c.is_control() || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}'), "\u{fffd}")
}

/// Which images would be built by which step, as comments.
fn built(plan: &Plan, language: Language) -> String {
    let steps = plan.stages.iter().flat_map(|stage| &stage.steps);
    let lines = steps.flat_map(builds::sentences);
    lines.map(|line| format!("# {}\n", plain(&line.text(language)))).collect()
}

/// Which secret would be handed to which step and image, as comments.
fn handed(plan: &Plan) -> String {
    let mut text = String::new();
    for name in plan.secret_names() {
        for SecretReceiver { step, image, engine } in crate::secret::grants::receivers(plan, &name) {
            let to = match (engine, image.as_str()) {
                (true, _) => "the container engine, which builds its image".to_owned(),
                (false, "") => "directly on this computer".to_owned(),
                (false, image) => format!("image {}", plain(image)),
            };
            text += &format!("# the secret `{}` goes to `{}` ({to})\n", plain(&name), plain(&step));
        }
    }
    text
}

/// Facts of the repository around the file, where there is one, and what was said; with what there is to say about them.
fn facts(path: &Path, event: &PlannedEvent, dialect: Dialect) -> Result<(EventFacts, Vec<Message>), ApiError> {
    let asked = AskedEvent {
        kind: event.event.clone(),
        branch: event.branch.clone(),
        target: event.target.clone(),
        cron: event.cron.clone(),
        pull_request: event.pull_request,
        source: event.source.clone(),
        action: event.action.clone(),
    };
    let kind = event::kind(&asked, &event.tag)?.unwrap_or(EventKind::Push);
    let place = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let folder: PathBuf = if place.is_dir() { place } else { place.parent().map(Path::to_owned).unwrap_or_default() };
    let repository = Repository::open(&folder).ok();
    let mut ground = Ground::default();
    if let Some(repository) = &repository {
        ground.repo = repo_facts(repository)?;
        if let Ok(version) = find_version(repository, "") {
            ground.commit = repository.commit_facts(&version)?;
            ground.tag = version.tag;
        }
    }
    let made_up = ground.commit.sha.is_empty();
    if made_up {
        // Outside of a repository: any commit will do, and an empty one would make texts that no real run sees.
        ground.commit.sha = "0".repeat(40);
        ground.commit.message = "a commit".to_owned();
        ground.commit.branch = "main".to_owned();
        ground.repo.owner = "owner".to_owned();
        ground.repo.name = "name".to_owned();
        ground.repo.default_branch = "main".to_owned();
    }
    ground.repo.trusted = event.trusted;
    if !event.message.is_empty() {
        ground.commit.message.clone_from(&event.message);
    }
    if !event.tag.is_empty() {
        ground.tag = Some(event.tag.clone());
    }
    let (mut facts, mut notes) = event::facts(&ground, kind, &asked).map_err(|error| match kind {
        EventKind::Tag => error.hint(message!("say which: `--tag v1.0.0`")),
        _ => error,
    })?;
    facts.run_number = 1;
    facts.inputs = event.inputs.clone();
    match (&event.changed_files, &repository) {
        (Some(files), _) => facts.changed_files = Some(files.clone()),
        (None, Some(repository)) if !made_up => notes.extend(event::add_changed_files(repository, dialect, &mut facts)?),
        _ => {}
    }
    Ok((facts, notes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(change: impl FnOnce(&mut PlannedEvent)) -> PlannedEvent {
        let mut event = PlannedEvent::default();
        change(&mut event);
        event
    }

    #[test]
    fn a_plan_is_printed_in_both_formats_and_says_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(".drone.yml");
        std::fs::write(&file, "kind: pipeline\nname: default\nsteps:\n- name: 构建\n  image: alpine\n  commands: [echo $TOKEN]\n  environment:\n    TOKEN: {from_secret: token}\n").unwrap();
        let event = event(|event| event.tag = "1.0.0".into());
        let (json, warnings) = plan_file(folder.path(), &event, PlanFormat::Json, Language::En).unwrap();
        assert_eq!(warnings, []);
        let plan: Plan = serde_json::from_str(&json).unwrap();
        assert_eq!((plan.event.kind, plan.event.tag()), (EventKind::Tag, Some("1.0.0")));
        assert_eq!(plan.secret_names(), ["token"]);
        let (yaml, _) = plan_file(&file, &event, PlanFormat::Yaml, Language::En).unwrap();
        assert!(yaml.contains("name: 构建"), "{yaml}");
        assert!(yaml.starts_with("# the secret `token` goes to `构建` (image alpine)\nversion: 1\n"), "{yaml}");
    }

    #[test]
    fn a_build_is_told_before_the_plan() {
        let folder = tempfile::tempdir().unwrap();
        let settings = "{repo: harbor.example.com/t/app, registry: harbor.example.com, auto_tag: true, username: u, password: {from_secret: pw}, build_args: [A=1]}";
        let text = format!("kind: pipeline\nname: default\nsteps:\n- name: publish\n  image: plugins/docker\n  settings: {settings}\n");
        std::fs::write(folder.path().join(".drone.yml"), text).unwrap();
        let event = event(|event| event.tag = "v1.2.3".into());
        let print = |format| plan_file(folder.path(), &event, format, Language::En).unwrap().0;
        let yaml = print(PlanFormat::Yaml);
        let comments: Vec<&str> = yaml.lines().filter(|line| line.starts_with('#')).skip(1).collect();
        assert_eq!(
            comments,
            [
                "# step `publish` builds an image",
                "#   repository: harbor.example.com/t/app",
                "#   tags that are pushed: 1, 1.2, 1.2.3",
                "#   Dockerfile: Dockerfile",
                "#   context: .",
                "#   build argument `A`: 1",
                "#   login at harbor.example.com: u, with the secret `pw`",
            ]
        );
        let plan: serde_json::Value = serde_json::from_str(&print(PlanFormat::Json)).unwrap();
        let builds = &plan["stages"][0]["steps"][0]["build_image"];
        assert_eq!(builds["tags"], serde_json::json!(["1", "1.2", "1.2.3"]));
    }

    #[test]
    fn the_event_is_the_one_that_its_facts_belong_to() {
        let outside = tempfile::tempdir().unwrap();
        let told = |change: &dyn Fn(&mut PlannedEvent)| match facts(outside.path(), &event(change), Dialect::Woodpecker) {
            Ok((facts, _)) => {
                let pull_request =
                    facts.pull_request.map(|it| format!("{} {} {} {}", it.number, it.source_branch, it.target_branch, it.action));
                let rest = [facts.target, facts.cron, pull_request].into_iter().flatten().collect::<Vec<_>>().join(" ");
                format!("{} {} {rest}", facts.kind.as_str(), facts.commit.reference)
            }
            Err(error) => error.message.to_string(),
        };
        type Change = fn(&mut PlannedEvent);
        let cases: [(Change, &str); 12] = [
            (|_| {}, "push refs/heads/main "),
            (|event| event.branch = "feature/a".into(), "push refs/heads/feature/a "),
            (|event| event.tag = "v1".into(), "tag refs/tags/v1 "),
            (|event| event.event = "tag".into(), "the event `tag` is for tags, and this version has none"),
            (|event| event.target = "production".into(), "promote refs/heads/main production"),
            (|event| (event.target, event.event) = ("a".into(), "rollback".into()), "rollback refs/heads/main a"),
            (|event| (event.target, event.tag) = ("a".into(), "v1".into()), "promote refs/tags/v1 a"),
            (|event| event.cron = "nightly".into(), "cron refs/heads/main nightly"),
            (|event| (event.pull_request, event.source) = (Some(7), "b".into()), "pull_request refs/pull/7/head 7 b main opened"),
            (
                |event| (event.event, event.branch) = ("pull_request".into(), "dev".into()),
                "pull_request refs/pull/1/head 1 main dev opened",
            ),
            (|event| (event.event, event.cron) = ("push".into(), "nightly".into()), "`--cron` says nothing about the event `push`"),
            (|event| event.event = "pusch".into(), "`pusch` is no event"),
        ];
        for (change, expected) in cases {
            assert_eq!(told(&change), expected);
        }
    }

    #[test]
    fn facts_decide_what_runs() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(".woodpecker")).unwrap();
        let docs = "when: {event: push, path: 'docs/**'}\nsteps:\n- {name: docs, image: x}\n";
        let build = "when: {event: push}\nsteps:\n- {name: build, image: x, volumes: ['/a:/a']}\n";
        std::fs::write(folder.path().join(".woodpecker/docs.yml"), docs).unwrap();
        std::fs::write(folder.path().join(".woodpecker/build.yml"), build).unwrap();
        let stages = |event: &PlannedEvent| {
            let (json, _) = plan_file(folder.path(), event, PlanFormat::Json, Language::En)?;
            let plan: Plan = serde_json::from_str(&json).unwrap();
            Ok(plan.stages.into_iter().map(|stage| stage.name).collect::<Vec<_>>())
        };
        let changed = |path: &str| event(|event| (event.changed_files, event.trusted) = (Some(vec![path.to_owned()]), true));
        assert_eq!(stages(&changed("docs/a.md")), Ok(vec!["build".to_owned(), "docs".to_owned()]));
        assert_eq!(stages(&changed("src/a.rs")), Ok(vec!["build".to_owned()]));
        let error: ApiError = stages(&PlannedEvent::default()).unwrap_err();
        assert_eq!((error.code, error.findings[0].code.as_str()), (ErrorCode::PipelineInvalid, "not-trusted"));
        assert!(error.findings[0].file.ends_with("build.yml") && error.findings[0].excerpt.is_some());
    }
}
