//! What would happen, and what the form of it is, before anything happens.

use crate::app::App;
use crate::dto::{ApiError, HandedSecret, InputProblem, Missing, MissingKind, PlannedRun, RunPreview, RunRequest, SecretState};
use crate::project::sources::find_workflow;
use crate::run::convert;
use crate::run::prepare::{Chosen, Prepared};
use crate::run::seen;
use crate::run::sentences::sentences;
use crate::run::{backend_word, is_isolated};
use lp_model::{BackendKind, Message, ProjectId, message};
use lp_workflow::InputError;

/// From how many passed runs the usual time comes, and how many there must be.
const USUAL_FROM: u32 = 20;
const USUAL_LEAST: usize = 3;

impl App {
    /// The workflow of a request as it is at its version, and what would happen if the request were carried out.
    ///
    /// # Errors
    /// What keeps the version from being read: `ProjectNotFound`, `VersionNotFound`, `PipelineMissing`, `WorkflowInvalid` and the like.
    /// Everything else that keeps it from running stands in the answer.
    pub async fn preview(&self, request: &RunRequest) -> Result<RunPreview, ApiError> {
        let chosen = self.read_version(request).await?;
        let mut preview = RunPreview {
            workflow: None,
            others: chosen.workflows.iter().filter(|other| other.name != request.workflow).map(convert::workflow).collect(),
            problems: Vec::new(),
            refused: None,
            planned: None,
            findings: chosen.findings.clone(),
            missing: Vec::new(),
        };
        let workflow = match find_workflow(&chosen.workflows, &request.workflow) {
            Ok(workflow) => workflow,
            Err(error) => return Ok(RunPreview { refused: Some(error), ..preview }),
        };
        preview.workflow = Some(convert::workflow(&workflow));
        if let Err(errors) = lp_workflow::check_inputs(&workflow, &request.inputs) {
            preview.missing = errors.iter().filter(|error| error.code == "missing").map(missing_input).collect();
            preview.problems =
                errors.iter().map(|error| InputProblem { input: error.name.clone(), message: (&error.message).into() }).collect();
            return Ok(preview);
        }
        match self.prepare_chosen(&chosen, request, (0, None)).await {
            Ok(prepared) => {
                let planned = self.planned(&chosen, &prepared).await?;
                preview.missing = missing(&planned, &prepared);
                preview.findings = prepared.findings;
                preview.planned = Some(planned);
            }
            Err(error) => preview.refused = Some(error),
        }
        Ok(preview)
    }

    async fn planned(&self, chosen: &Chosen, prepared: &Prepared) -> Result<PlannedRun, ApiError> {
        Ok(PlannedRun {
            stages: convert::planned(&prepared.plan),
            sentences: sentences(&prepared.plan),
            left_out: convert::left_out(&prepared.plan),
            event: prepared.plan.event.kind.as_str().to_owned(),
            backend: backend_word(prepared.backend()).to_owned(),
            isolated: is_isolated(&prepared.plan),
            needs_consent: prepared.needs_consent,
            secrets: self.handed_secrets(&prepared.project.id, &prepared.plan).await?,
            usual_ms: self.usual_ms(&prepared.project.id, &prepared.workflow.name).await?,
            seen: seen::mark(chosen, prepared)?,
        })
    }

    /// Median time of the last passed runs of a workflow.
    async fn usual_ms(&self, project: &ProjectId, workflow: &str) -> Result<Option<u64>, ApiError> {
        let mut times = self.store.run_times(project, workflow, USUAL_FROM).await?;
        times.sort_unstable();
        Ok((times.len() >= USUAL_LEAST).then(|| times[times.len() / 2]))
    }
}

fn missing_input(error: &InputError) -> Missing {
    Missing { kind: MissingKind::Input, name: error.name.clone(), message: Message::from(&error.message) }
}

/// What a run that is possible still lacks.
fn missing(planned: &PlannedRun, prepared: &Prepared) -> Vec<Missing> {
    let about = |kind, name: &str, message: &Message| Missing { kind, name: name.to_owned(), message: message.into() };
    let of_secret = |secret: &HandedSecret| match secret.state {
        SecretState::Missing => Some(about(MissingKind::Secret, &secret.name, &message!("the secret `{}` is not set", secret.name))),
        SecretState::Undecided => {
            let message = message!("nobody has said whether this project may have the secret `{}` of all projects", secret.name);
            Some(about(MissingKind::Decision, &secret.name, &message))
        }
        SecretState::Own | SecretState::Allowed | SecretState::Refused => None,
    };
    let mut all: Vec<Missing> = planned.secrets.iter().filter_map(of_secret).collect();
    if planned.needs_consent {
        let message = message!("somebody has to agree that the steps run directly on this computer, not isolated");
        all.push(about(MissingKind::Consent, "", &message));
    }
    if prepared.backend() == BackendKind::Docker && prepared.engine.is_none() {
        all.push(about(MissingKind::Engine, "", &message!("no container engine answers, and some steps run only in containers")));
    }
    all
}
