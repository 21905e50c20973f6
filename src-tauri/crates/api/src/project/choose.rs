//! Which workflow and event the words of a terminal mean. The window asks for both by name.

use crate::app::App;
use crate::dto::{ApiError, AskedEvent, ErrorCode};
use crate::pipeline::event;
use crate::project::sources::{Sources, find_version, find_workflow, workflows};
use crate::project::{blocking, folder_of};
use lp_git::Repository;
use lp_model::{EventKind, message};
use lp_workflow::Workflow;

impl App {
    /// The name of the workflow to run for the terminal: the named one, else the first with that event, else the first that fits the version.
    ///
    /// # Errors
    /// As [`App::choose_event`].
    pub async fn choose_workflow(&self, project: &str, version: &str, name: Option<&str>, event: Option<&str>) -> Result<String, ApiError> {
        let asked = AskedEvent { kind: event.unwrap_or_default().to_owned(), ..AskedEvent::default() };
        Ok(self.choose_event(project, version, name, &asked).await?.0)
    }

    /// The workflow and the event for what was said in the terminal. Without a name the first workflow with that event is meant; where none has
    /// it, the event happens to the first one all the same: a pipeline can react to what no button is for. A tag that is named makes the
    /// event `tag` where there is a workflow for it.
    ///
    /// # Errors
    /// `WorkflowNotFound`; `BadRequest` for what makes no event, or could mean several targets or schedules; what reading the version gives.
    pub async fn choose_event(
        &self,
        project: &str,
        version: &str,
        name: Option<&str>,
        asked: &AskedEvent,
    ) -> Result<(String, Option<AskedEvent>), ApiError> {
        let row = self.project_row(project).await?;
        let (folder, wanted) = (folder_of(&row)?, version.to_owned());
        let (workflows, by_tag) = blocking(move || {
            let repository = Repository::open(&folder)?;
            let version = find_version(&repository, &wanted)?;
            let by_tag = version.reference.starts_with("refs/tags/");
            Ok((workflows(&Sources::read(&repository, version)?)?.0, by_tag))
        })
        .await?;
        let kind = event::kind(asked, "")?;
        let event = kind.map(|kind| AskedEvent { kind: kind.as_str().to_owned(), ..asked.clone() });
        if let Some(name) = name {
            let workflow = find_workflow(&workflows, name)?;
            if let Some(kind) = kind.filter(|kind| *kind != workflow.event && !workflow.by_version) {
                let message = message!("the workflow `{}` makes the event `{}`, not `{}`", name, workflow.event.as_str(), kind.as_str());
                return Err(ApiError::new(ErrorCode::BadRequest, message).hint(message!("leave `--workflow` or `--event` out")));
            }
            return Ok((workflow.name, event));
        }
        let Some(kind) = kind else {
            let fits = |workflow: &&Workflow| by_tag && (workflow.event == EventKind::Tag || workflow.by_version);
            let tagged = workflows.iter().find(|workflow| by_tag && workflow.event == EventKind::Tag);
            let chosen = tagged.or_else(|| workflows.iter().find(fits)).or(workflows.first());
            let chosen = chosen.ok_or_else(|| ApiError::new(ErrorCode::WorkflowNotFound, message!("this version has no workflow")))?;
            return Ok((chosen.name.clone(), None));
        };
        let same = |given: &str, own: &Option<String>| given.is_empty() || own.as_deref() == Some(given);
        let fits =
            |workflow: &&Workflow| workflow.event == kind && same(&asked.target, &workflow.target) && same(&asked.cron, &workflow.cron);
        let found: Vec<&Workflow> = workflows.iter().filter(fits).collect();
        let purpose = |workflow: &Workflow| workflow.target.clone().or_else(|| workflow.cron.clone());
        let names: Vec<String> = found.iter().filter_map(|workflow| purpose(workflow)).map(|name| format!("`{name}`")).collect();
        let flag = if kind == EventKind::Cron { "--cron" } else { "--target" };
        // Where to deploy is never guessed.
        if names.len() > 1 && asked.target.is_empty() && asked.cron.is_empty() {
            let message = message!("the event `{}` could be for any of {}", kind.as_str(), names.join(", "));
            return Err(ApiError::new(ErrorCode::BadRequest, message).hint(message!("say which: `{} NAME`", flag)));
        }
        let deploys = matches!(kind, EventKind::Promote | EventKind::Rollback);
        if deploys && asked.target.is_empty() && found.iter().all(|workflow| workflow.target.is_none()) {
            let message = message!("the event `{}` needs a target", kind.as_str());
            return Err(ApiError::new(ErrorCode::BadRequest, message).hint(message!("say where it goes: `--target production`")));
        }
        // One that makes its event by the version stands for any event sooner than one that was written for another.
        let stand_in = || workflows.iter().find(|workflow| workflow.by_version).or(workflows.first());
        let chosen = found.first().copied().or_else(stand_in);
        let chosen = chosen.ok_or_else(|| ApiError::new(ErrorCode::WorkflowNotFound, message!("this version has no workflow")))?;
        Ok((chosen.name.clone(), event))
    }
}
