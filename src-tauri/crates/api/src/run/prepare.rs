//! From a request to a plan: the version is found, the files are read *at that commit*, the form is checked, the pipeline
//! is compiled, the backend is chosen. Nothing is written here: a preview and a run take the same way.

use crate::app::App;
use crate::dto::{ApiError, AskedEvent, ErrorCode, Finding, FindingSeverity, RunRequest};
use crate::pipeline::event;
use crate::pipeline::shortfalls::shortfalls;
use crate::project::sources::{Sources, correct, find_version, find_workflow, inputs_of, note_on_name, workflows};
use crate::project::{blocking, folder_of};
use crate::time;
use lp_git::{Repository, Version};
use lp_model::{BackendKind, Code, EngineId, EventFacts, EventKind, Message, Plan, StepKind, message};
use lp_store::{CleanupPolicy, Project, ProjectKind};
use lp_workflow::Workflow;

/// Most changed files that are kept with a run: so many get into an environment as well.
const MOST_KEPT_FILES: usize = 500;

/// A version of a project, read for a request: its files, and the buttons in them.
pub(crate) struct Chosen {
    pub project: Project,
    pub sources: Sources,
    /// As they are at that version.
    pub workflows: Vec<Workflow>,
    /// About the files, whatever is run.
    pub findings: Vec<Finding>,
}

/// A request made ready to run.
pub(crate) struct Prepared {
    pub project: Project,
    pub workflow: Workflow,
    pub version: Version,
    pub plan: Plan,
    /// What the plan was compiled for, with everything that it does not keep.
    pub facts: EventFacts,
    pub findings: Vec<Finding>,
    /// Whether the user must agree first that steps run on this computer.
    pub needs_consent: bool,
    /// The engine that answers, where steps need one: by it, one engine is told from another.
    pub engine: Option<EngineId>,
}

impl Prepared {
    /// Where it would run.
    pub fn backend(&self) -> BackendKind {
        if self.plan.stages.iter().any(|stage| stage.backend == BackendKind::Docker) { BackendKind::Docker } else { BackendKind::Host }
    }
}

impl App {
    /// Reads the version of a request.
    ///
    /// # Errors
    /// `ProjectNotFound`, `VersionNotFound`, `PipelineMissing`, `WorkflowInvalid`, and what reading a repository gives.
    pub(crate) async fn read_version(&self, request: &RunRequest) -> Result<Chosen, ApiError> {
        let project = self.project_row(&request.project).await?;
        let folder = folder_of(&project)?;
        let wanted = request.version.clone();
        blocking(move || {
            let repository = Repository::open(&folder)?;
            let version = find_version(&repository, &wanted)?;
            let note = note_on_name(&repository, wanted.trim());
            let sources = Sources::read(&repository, version)?;
            let (workflows, mut findings) = workflows(&sources)?;
            findings.extend(note.map(|note| remark(Code::TagAndBranch, FindingSeverity::Note, "", &note, None)));
            Ok(Chosen { project, sources, workflows, findings })
        })
        .await
    }

    /// Makes a request ready. `numbers` are the run's number and the one of the run that it repeats.
    ///
    /// # Errors
    /// As [`App::read_version`], and everything that keeps it from running.
    #[cfg(test)]
    pub(crate) async fn prepare(&self, request: &RunRequest, numbers: (u64, Option<u64>)) -> Result<Prepared, ApiError> {
        self.prepare_chosen(&self.read_version(request).await?, request, numbers).await
    }

    /// Makes a request ready of which the version was read before.
    ///
    /// # Errors
    /// Everything that keeps it from running: no such workflow, a value that is not allowed, files with errors, nothing to run.
    pub(crate) async fn prepare_chosen(
        &self,
        chosen: &Chosen,
        request: &RunRequest,
        numbers: (u64, Option<u64>),
    ) -> Result<Prepared, ApiError> {
        let Chosen { project, sources, workflows, findings } = chosen;
        let mut findings = findings.clone();
        let workflow = find_workflow(workflows, &request.workflow)?;
        let inputs = lp_workflow::check_inputs(&workflow, &request.inputs).map_err(|errors| {
            let first = errors.into_iter().next();
            ApiError::new(ErrorCode::InputInvalid, first.map_or_else(|| message!("a value is not allowed"), |error| error.message))
        })?;
        let pipeline = sources.pipeline(Some(&workflow))?;
        // A file with mistakes tells them when it is compiled.
        let outline = pipeline.outline(&inputs_of(std::slice::from_ref(&workflow))).ok();
        let (kind, asked) = ask(request, &workflow, &sources.version, outline.as_ref().is_some_and(|outline| outline.reacts_to_tags))?;
        let (mut facts, notes) = event::facts(&sources.ground, kind, &asked)?;
        findings.extend(notes.iter().map(|note| remark(Code::EventFacts, FindingSeverity::Note, &pipeline.path, note, None)));
        (facts.run_number, facts.parent_number) = numbers;
        facts.created_ms = time::now_ms();
        facts.inputs = inputs;
        facts.previous = self.previous_run(&project.id, &facts.commit.branch).await?;
        facts.repo.trusted = project.trusted;
        facts.repo.real_plugins = project.real_plugins;
        facts.known_secrets = self.secret_names(&project.id).await?;
        if let Some(outline) = outline.filter(|outline| outline.asks_for_files) {
            let folder = folder_of(project)?;
            let (changed, unknown) = blocking(move || {
                let unknown = event::add_changed_files(&Repository::open(&folder)?, outline.dialect, &mut facts)?;
                Ok((facts, unknown))
            })
            .await?;
            facts = changed;
            if let Some(why) = unknown {
                let message = message!("which files changed is not known, so conditions on a path hold as their `on_empty` says");
                findings.push(remark(Code::ChangedFilesUnknown, FindingSeverity::Warning, &pipeline.path, &message, Some(&why)));
            }
        }
        let (mut plan, warnings) = pipeline.compile(&facts).map_err(|error| refusal(error, project))?;
        settle(&mut plan, project);
        for finding in pipeline.findings(&warnings) {
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
        if plan.stages.iter().all(|stage| stage.steps.is_empty()) {
            let why = warnings.iter().find(|warning| warning.code == "nothing-would-run").map(|warning| match &warning.help {
                Some(conditions) => message!("{}: {}", warning.message, conditions),
                None => warning.message.clone(),
            });
            return Err(ApiError::new(
                ErrorCode::NothingWouldRun,
                why.unwrap_or_else(|| message!("nothing in `{}` runs for the event `{}`", pipeline.path, facts.kind.as_str())),
            )
            .hint(message!("pick another workflow or version, or change the conditions in the file")));
        }
        findings.extend(shortfalls(folder_of(project)?, &plan).await?);
        let (needs_consent, engine) = self.choose_backend(&mut plan, project, request.on_host).await?;
        let (project, version) = (project.clone(), sources.version.clone());
        Ok(Prepared { project, workflow, version, plan, facts, findings, needs_consent, engine })
    }

    /// Container stages go to this computer when that is wanted, or when no engine answers and all their steps can. Returns whether the user
    /// must agree first, and the engine where one is needed and answers.
    async fn choose_backend(&self, plan: &mut Plan, project: &Project, on_host: bool) -> Result<(bool, Option<EngineId>), ApiError> {
        let bare = plan.stages.iter().any(|stage| stage.backend == BackendKind::Host);
        let wants_engine = plan.stages.iter().any(|stage| stage.backend == BackendKind::Docker);
        let mut goes_bare = false;
        let engine = if wants_engine && !on_host { self.engines.answering().await.map(|engine| engine.id) } else { None };
        if wants_engine && engine.is_none() {
            let other = plan.stages.iter().flat_map(|stage| &stage.steps).find(|step| step.kind != StepKind::Commands);
            if let Some(step) = other.filter(|_| on_host) {
                return Err(ApiError::new(
                    ErrorCode::NeedsContainer,
                    message!("`{}` is an image, which cannot run directly on this computer", step.name),
                )
                .hint(message!("only steps with commands can; run it in containers")));
            }
            if other.is_none() {
                plan.stages.iter_mut().for_each(|stage| stage.backend = BackendKind::Host);
                goes_bare = true;
            }
        }
        Ok(((bare || goes_bare) && project.kind != ProjectKind::Sample && !on_host, engine))
    }
}

/// What the project says about its runs, in a plan.
pub(crate) fn settle(plan: &mut Plan, project: &Project) {
    // Conditions are decided; a list of every file of a first commit is nothing to keep with the run.
    plan.event.changed_files = plan.event.changed_files.take().filter(|files| files.len() <= MOST_KEPT_FILES);
    match project.cleanup {
        CleanupPolicy::Dialect => {}
        CleanupPolicy::Always => plan.cleanup_on_cancel = true,
        CleanupPolicy::Never => plan.cleanup_on_cancel = false,
    }
    if let Some(seconds) = project.cleanup_s {
        plan.cleanup_timeout_s = seconds.into();
    }
}

/// A pipeline that does not compile. One that would, were its project trusted, says so.
fn refusal(error: ApiError, project: &Project) -> ApiError {
    let mut errors = error.findings.iter().filter(|finding| finding.severity == FindingSeverity::Error).peekable();
    let Some(first) = errors.peek().map(|finding| finding.message.clone()) else { return error.hint(correct()) };
    if errors.any(|finding| finding.code != "not-trusted") {
        return error.hint(correct());
    }
    ApiError {
        code: ErrorCode::NotTrusted,
        message: message!("`{}` is not trusted: {}", project.name, first),
        hint: message!(
            "if you trust everyone who may change its pipeline with this computer: `letterpress trust {}`, or the switch on its page in the window",
            crate::words::shell_word(project.path.as_deref().unwrap_or_default())
        ),
        findings: error.findings,
    }
}

/// What is asked for, with what the workflow says where nothing is said; and the kind of event that it makes.
///
/// # Errors
/// `BadRequest` for an event that there is not, or facts that belong to another one.
fn ask(request: &RunRequest, workflow: &Workflow, version: &Version, reacts_to_tags: bool) -> Result<(EventKind, AskedEvent), ApiError> {
    let mut asked = request.event.clone().unwrap_or_default();
    let by_tag = version.reference.starts_with("refs/tags/");
    let kind = match event::kind(&asked, "")? {
        Some(kind) => kind,
        None if workflow.by_version && by_tag && reacts_to_tags => EventKind::Tag,
        None => workflow.event,
    };
    if kind == workflow.event {
        let of_workflow = |asked: &mut String, own: &Option<String>| {
            if asked.is_empty() {
                asked.clone_from(own.as_ref().unwrap_or(&String::new()));
            }
        };
        of_workflow(&mut asked.target, &workflow.target);
        of_workflow(&mut asked.cron, &workflow.cron);
    }
    Ok((kind, asked))
}

/// A remark about the event of a run.
fn remark(code: Code, severity: FindingSeverity, file: &str, message: &Message, help: Option<&Message>) -> Finding {
    Finding {
        code: code.as_str().into(),
        severity,
        message: message.into(),
        help: help.map(Message::from),
        file: file.to_owned(),
        excerpt: None,
    }
}
