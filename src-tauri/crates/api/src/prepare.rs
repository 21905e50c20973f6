//! From a request to a plan: the version is found, the files are read *at that commit*, the form is checked, the pipeline
//! is compiled, the backend is chosen. Nothing is written here: a preview and a run take the same way.

use crate::app::App;
use crate::dto::{ApiError, ErrorCode, Finding, FindingSeverity, RunRequest};
use crate::pipelines::{PLACES, Pipeline, TextFile};
use crate::projects::blocking;
use crate::time;
use lp_git::{Repository, Version};
use lp_model::{BackendKind, CommitFacts, EventFacts, EventKind, Plan, RepoFacts, StepKind};
use lp_store::{CleanupPolicy, Project, ProjectKind};
use lp_workflow::Workflow;
use std::path::PathBuf;

/// Where the buttons are described.
const WORKFLOW_FILE: &str = ".letterpress.yml";
/// What to do about a file that lies in a commit.
const CORRECT: &str = "correct the file, commit it and pick the new version";

/// What a version of a project holds that matters here.
pub(crate) struct Sources {
    version: Version,
    repo: RepoFacts,
    commit: CommitFacts,
    workflow_file: Option<TextFile>,
    /// The one that is taken where nothing names another.
    first: Option<Pipeline>,
    /// Those that workflows name.
    named: Vec<Pipeline>,
}

/// The version of a request: the commit that is checked out when the text is empty. A commit that has a tag gets its name, but what was
/// named (or is checked out) decides the branch: a tag only labels it. Blocks.
pub(crate) fn find_version(repository: &Repository, text: &str) -> Result<Version, ApiError> {
    let found = repository.resolve(if text.is_empty() { "HEAD" } else { text })?;
    if found.tag.is_some() {
        return Ok(found);
    }
    let tag = repository.tagged(&found.sha)?.and_then(|tagged| tagged.tag);
    Ok(Version { tag, ..found })
}

impl Sources {
    /// Reads the files of a version. Blocks.
    pub fn read(repository: &Repository, version: Version) -> Result<Self, ApiError> {
        let sha = &version.sha;
        let workflow_file = TextFile::read(repository, sha, WORKFLOW_FILE)?;
        let workflows = workflow_file.as_ref().and_then(|file| lp_workflow::parse(&file.path, &file.bytes).ok());
        let names: Option<Vec<Option<String>>> = workflows.map(|(list, _)| list.into_iter().map(|workflow| workflow.pipeline).collect());
        // One that nothing asks for is not read: it may be broken for all that anyone cares.
        let first = if names.as_ref().is_none_or(|names| names.contains(&None)) { Pipeline::first(repository, sha)? } else { None };
        let mut named: Vec<Pipeline> = Vec::new();
        for path in names.into_iter().flatten().flatten() {
            if !named.iter().any(|pipeline| pipeline.path == path) {
                named.extend(Pipeline::at(repository, sha, &path)?);
            }
        }
        let commit = repository.commit_facts(&version)?;
        Ok(Self { repo: repo_facts(repository)?, commit, version, workflow_file, first, named })
    }

    /// The pipeline of a workflow: the one that it names, else the first there is.
    fn pipeline(&self, workflow: Option<&Workflow>) -> Result<&Pipeline, ApiError> {
        let named = workflow.and_then(|workflow| workflow.pipeline.as_deref());
        let found = match named {
            Some(path) => self.named.iter().chain(&self.first).find(|pipeline| pipeline.path == path),
            None => self.first.as_ref(),
        };
        let found = found.ok_or_else(|| {
            let what = named.map_or_else(|| "no pipeline file".to_owned(), |path| format!("no file or folder `{path}`"));
            ApiError::new(ErrorCode::PipelineMissing, format!("this version has {what}"))
                .hint(format!("add one of {} to the repository and commit it, or pick another version", PLACES.join(", ")))
        })?;
        found.filled()
    }
}

impl Sources {
    /// The pipelines that its workflows use, each once; the first there is when the buttons cannot be read.
    pub fn pipelines_in_use(&self) -> Result<Vec<&Pipeline>, ApiError> {
        let described = self.workflow_file.as_ref().and_then(|file| lp_workflow::parse(&file.path, &file.bytes).ok());
        let mut found: Vec<&Pipeline> = Vec::new();
        for workflow in described.into_iter().flat_map(|(workflows, _)| workflows) {
            let pipeline = self.pipeline(Some(&workflow))?;
            if !found.iter().any(|other| other.path == pipeline.path) {
                found.push(pipeline);
            }
        }
        if found.is_empty() {
            found.push(self.pipeline(None)?);
        }
        Ok(found)
    }
}

/// Owner and name of the repository: from the address that it was cloned from, else from the folder.
pub(crate) fn repo_facts(repository: &Repository) -> Result<RepoFacts, ApiError> {
    let remote = repository.origin().unwrap_or_default();
    let folder = repository.root().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let (owner, name, link) = parse_remote(&remote).unwrap_or_else(|| ("local".into(), folder, String::new()));
    Ok(RepoFacts { owner, name, link, remote, default_branch: repository.default_branch()?, private: false, trusted: false })
}

/// `https://HOST/OWNER/NAME.git` or `git@HOST:OWNER/NAME.git` as owner, name and web address. User names and passwords are dropped.
fn parse_remote(remote: &str) -> Option<(String, String, String)> {
    let (host, path) = match remote.split_once("://") {
        Some(("http" | "https" | "ssh" | "git", rest)) => rest.split_once('/')?,
        Some(_) => return None,
        None => remote.split_once(':').filter(|(host, _)| host.contains('@') || host.contains('.'))?,
    };
    let host = host.rsplit('@').next()?;
    let path = path.trim_matches('/').trim_end_matches(".git");
    let (owner, name) = path.rsplit_once('/')?;
    let web_host = if remote.starts_with("http") { host } else { host.split(':').next()? };
    let scheme = if remote.starts_with("http://") { "http" } else { "https" };
    Some((owner.to_owned(), name.to_owned(), format!("{scheme}://{web_host}/{path}")))
}

/// The buttons of a version, with warnings about the file that describes them; derived ones when there is none.
pub(crate) fn workflows(sources: &Sources) -> Result<(Vec<Workflow>, Vec<Finding>), ApiError> {
    let Some(file) = &sources.workflow_file else {
        let pipeline = sources.pipeline(None)?;
        let outline = pipeline.outline().map_err(|error| error.hint(CORRECT))?;
        return Ok((lp_workflow::derive(&pipeline.path, &outline.events, &outline.targets), pipeline.lint()));
    };
    let (workflows, warnings) = lp_workflow::parse(&file.path, &file.bytes).map_err(|diagnostics| {
        ApiError {
            findings: file.findings(&diagnostics),
            ..ApiError::new(ErrorCode::WorkflowInvalid, format!("`{}` has errors", file.path))
        }
        .hint(CORRECT)
    })?;
    let mut findings = file.findings(&warnings);
    let mut linted: Vec<&str> = Vec::new();
    for workflow in &workflows {
        let pipeline = sources.pipeline(Some(workflow))?;
        if !linted.contains(&pipeline.path.as_str()) {
            findings.extend(pipeline.lint());
            linted.push(&pipeline.path);
        }
    }
    Ok((workflows, findings))
}

/// A request made ready to run.
pub(crate) struct Prepared {
    pub project: Project,
    pub workflow: Workflow,
    pub version: Version,
    pub plan: Plan,
    pub findings: Vec<Finding>,
    /// Whether the user must agree first that steps run on this computer.
    pub needs_consent: bool,
}

impl Prepared {
    /// Where it would run.
    pub fn backend(&self) -> BackendKind {
        if self.plan.stages.iter().any(|stage| stage.backend == BackendKind::Docker) { BackendKind::Docker } else { BackendKind::Host }
    }
}

impl App {
    /// Makes a request ready. `numbers` are the run's number and the one of the run that it repeats.
    pub(crate) async fn prepare(&self, request: &RunRequest, numbers: (u64, Option<u64>)) -> Result<Prepared, ApiError> {
        let project = self.project_row(&request.project).await?;
        let folder = PathBuf::from(&project.path);
        let wanted = request.version.clone();
        let sources = blocking(move || {
            let repository = Repository::open(&folder)?;
            let version = find_version(&repository, &wanted)?;
            Sources::read(&repository, version)
        })
        .await?;
        let (workflows, mut findings) = workflows(&sources)?;
        let workflow = find_workflow(workflows, &request.workflow)?;
        let inputs = lp_workflow::check_inputs(&workflow, &request.inputs).map_err(|errors| {
            let first = errors.into_iter().next();
            ApiError::new(
                ErrorCode::InputInvalid,
                first.map_or_else(|| "a value is not allowed".to_owned(), |error| error.message.to_string()),
            )
        })?;
        let mut facts = facts(&sources, &workflow, numbers)?;
        facts.inputs = inputs;
        facts.previous = self.previous_run(&project.id, &facts.commit.branch).await?;
        facts.repo.trusted = project.trusted;
        let pipeline = sources.pipeline(Some(&workflow))?;
        let (mut plan, warnings) = pipeline.compile(&facts).map_err(|error| refusal(error, &project))?;
        match project.cleanup {
            CleanupPolicy::Dialect => {}
            CleanupPolicy::Always => plan.cleanup_on_cancel = true,
            CleanupPolicy::Never => plan.cleanup_on_cancel = false,
        }
        if let Some(seconds) = project.cleanup_s {
            plan.cleanup_timeout_s = seconds.into();
        }
        for finding in pipeline.findings(&warnings) {
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
        if plan.stages.iter().all(|stage| stage.steps.is_empty()) {
            let why = warnings.iter().find(|warning| warning.code == "nothing-would-run").map(|warning| warning.message.to_string());
            return Err(ApiError::new(
                ErrorCode::NothingWouldRun,
                why.unwrap_or_else(|| format!("nothing in `{}` runs for the event `{}`", pipeline.path, facts.kind.as_str())),
            )
            .hint("pick another workflow or version, or change the conditions in the file"));
        }
        let needs_consent = self.choose_backend(&mut plan, &project, request.on_host).await?;
        Ok(Prepared { project, workflow, version: sources.version, plan, findings, needs_consent })
    }

    /// Container stages go to this computer when that is wanted, or when no engine answers and all their steps can. Returns whether the user
    /// must agree first.
    async fn choose_backend(&self, plan: &mut Plan, project: &Project, on_host: bool) -> Result<bool, ApiError> {
        let bare = plan.stages.iter().any(|stage| stage.backend == BackendKind::Host);
        let wants_engine = plan.stages.iter().any(|stage| stage.backend == BackendKind::Docker);
        let mut goes_bare = false;
        if wants_engine && (on_host || self.engines.answering().await.is_none()) {
            let other = plan.stages.iter().flat_map(|stage| &stage.steps).find(|step| step.kind != StepKind::Commands);
            if let Some(step) = other.filter(|_| on_host) {
                return Err(ApiError::new(
                    ErrorCode::InputInvalid,
                    format!("`{}` is an image, which cannot run directly on this computer", step.name),
                )
                .hint("only steps with commands can; run it in containers"));
            }
            if other.is_none() {
                plan.stages.iter_mut().for_each(|stage| stage.backend = BackendKind::Host);
                goes_bare = true;
            }
        }
        Ok((bare || goes_bare) && project.kind != ProjectKind::Sample && !on_host)
    }

    /// The name of the workflow to run for the terminal: the named one, else the first with that event, else the first.
    ///
    /// # Errors
    /// `WorkflowNotFound`, and what reading the version gives.
    pub async fn choose_workflow(&self, project: &str, version: &str, name: Option<&str>, event: Option<&str>) -> Result<String, ApiError> {
        let row = self.project_row(project).await?;
        let (folder, wanted) = (PathBuf::from(row.path), version.to_owned());
        let (workflows, _) = blocking(move || {
            let repository = Repository::open(&folder)?;
            let version = find_version(&repository, &wanted)?;
            workflows(&Sources::read(&repository, version)?)
        })
        .await?;
        let event = match event {
            None => None,
            Some(word) => Some(EventKind::parse(word).ok_or_else(|| no_event(word))?),
        };
        if let Some(name) = name {
            return Ok(find_workflow(workflows, name)?.name);
        }
        let known: Vec<String> = workflows.iter().map(|workflow| format!("`{}` ({})", workflow.name, workflow.event.as_str())).collect();
        let fits = |workflow: &Workflow| event.is_none_or(|event| workflow.event == event);
        workflows.into_iter().find(fits).map(|workflow| workflow.name).ok_or_else(|| {
            let message = match event {
                Some(event) => format!("no workflow makes the event `{}`", event.as_str()),
                None => "this version has no workflow".to_owned(),
            };
            ApiError::new(ErrorCode::WorkflowNotFound, message).hint(format!("its workflows are: {}", known.join(", ")))
        })
    }
}

/// A pipeline that does not compile. One that would, were its project trusted, says so.
fn refusal(error: ApiError, project: &Project) -> ApiError {
    let mut errors = error.findings.iter().filter(|finding| finding.severity == FindingSeverity::Error).peekable();
    let Some(first) = errors.peek().map(|finding| finding.message.en.clone()) else { return error.hint(CORRECT) };
    if errors.any(|finding| finding.code != "not-trusted") {
        return error.hint(CORRECT);
    }
    ApiError {
        code: ErrorCode::NotTrusted,
        message: format!("`{}` is not trusted: {first}", project.name),
        hint: format!(
            "if you trust everyone who may change its pipeline with this computer: `letterpress trust {}`, or the switch on its page in the window",
            crate::words::shell_word(&project.path)
        ),
        findings: error.findings,
    }
}

/// The error for a word that is no event.
pub(crate) fn no_event(word: &str) -> ApiError {
    let words: Vec<&str> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
    ApiError::new(ErrorCode::BadRequest, format!("`{word}` is no event")).hint(format!("events are: {}", words.join(", ")))
}

pub(crate) fn find_workflow(workflows: Vec<Workflow>, name: &str) -> Result<Workflow, ApiError> {
    let known: Vec<String> = workflows.iter().map(|workflow| format!("`{}`", workflow.name)).collect();
    workflows.into_iter().find(|workflow| workflow.name == name).ok_or_else(|| {
        ApiError::new(ErrorCode::WorkflowNotFound, format!("this version has no workflow `{name}`"))
            .hint(format!("its workflows are: {}", known.join(", ")))
    })
}

/// The event that pressing the button makes.
fn facts(sources: &Sources, workflow: &Workflow, (number, parent): (u64, Option<u64>)) -> Result<EventFacts, ApiError> {
    let version = &sources.version;
    let mut facts = EventFacts::new(workflow.event);
    facts.repo = sources.repo.clone();
    facts.run_number = number;
    facts.parent_number = parent;
    facts.created_ms = time::now_ms();
    facts.target = workflow.target.clone();
    let branch = version.branches.first().unwrap_or(&sources.repo.default_branch).clone();
    let tag_reference = version.tag.as_ref().map(|tag| format!("refs/tags/{tag}"));
    let branch_reference = format!("refs/heads/{branch}");
    facts.commit = sources.commit.clone();
    facts.commit.reference = match (workflow.event, tag_reference) {
        (EventKind::Tag, None) => {
            return Err(ApiError::new(
                ErrorCode::InputInvalid,
                format!("the workflow `{}` is for tags, and this version has none", workflow.name),
            )
            .hint("pick a version with a tag"));
        }
        (EventKind::Tag | EventKind::Promote | EventKind::Rollback, Some(reference)) => reference,
        _ => branch_reference,
    };
    facts.commit.branch = branch;
    Ok(facts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_clones_give_owner_and_name() {
        let parse = |remote: &str| parse_remote(remote).map(|(owner, name, link)| format!("{owner} {name} {link}"));
        for (remote, expected) in [
            ("https://git.example.com/shop/cart.git", "shop cart https://git.example.com/shop/cart"),
            ("http://user:pw@git.example.com:3000/shop/cart", "shop cart http://git.example.com:3000/shop/cart"),
            ("git@git.example.com:shop/cart.git", "shop cart https://git.example.com/shop/cart"),
            ("ssh://git@git.example.com:22/group/sub/cart.git", "group/sub cart https://git.example.com/group/sub/cart"),
        ] {
            assert_eq!(parse(remote).as_deref(), Some(expected), "{remote}");
        }
        for local in ["", "/srv/git/cart.git", "../cart", "file:///srv/cart.git"] {
            assert_eq!(parse(local), None, "{local}");
        }
    }
}

#[cfg(test)]
mod version_tests {
    use super::*;
    use lp_git::{CommitSpec, FileSpec, TagSpec};

    #[test]
    fn a_branch_that_was_named_stays_the_branch_when_its_commit_has_a_tag() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("shop");
        let commit = |branch: &str, tag: Option<&str>, time_ms| CommitSpec {
            message: "change".into(),
            author_name: "Lin Yue".into(),
            author_email: "lin@example.com".into(),
            time_ms,
            offset_min: 0,
            branch: branch.into(),
            files: vec![FileSpec { path: "a".into(), bytes: branch.into(), executable: false }],
            deletes: vec![],
            tag: tag.map(|name| TagSpec { name: name.into(), message: None }),
        };
        lp_git::create(&root, &[commit("main", None, 1_000_000), commit("feature/x", Some("v9"), 2_000_000)]).unwrap();
        let repository = Repository::open(&root).unwrap();
        let version = find_version(&repository, "feature/x").unwrap();
        assert_eq!((version.tag.as_deref(), version.reference.as_str()), (Some("v9"), "refs/heads/feature/x"));
        assert_eq!(repository.commit_facts(&version).unwrap().branch, "feature/x");
    }
}
