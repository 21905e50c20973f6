//! Who gets which secret.
//!
//! A project's own secret goes to its steps without a question: somebody gave it to this project. A secret of all projects goes to a project
//! only after a yes for that project, because whoever may change a project's pipeline file may ask for any name in it. The yes is stored by
//! project and name, can be taken back, and goes with the secret and with the project. A no is stored as well: the run then goes on as if the
//! secret were not set. Without either the run is not started, and a run that was started earlier (before there were such questions) stops at
//! the first step that needs the value: nothing is handed out, and nothing left out, without a word.

use crate::app::App;
use crate::dto::{ApiError, ErrorCode, HandedSecret, SecretReceiver, SecretState, Tag};
use crate::time;
use lp_model::{BackendKind, Message, Plan, ProjectId, message};
use lp_store::Project;

/// Where the value for a name comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The project's own, under this name.
    Own(String),
    /// One of all projects, under this name, with what was decided for the project.
    Shared(String, Option<bool>),
    /// There is none.
    Nowhere,
}

impl App {
    /// Where the value for a name comes from: the project's own, else the one for all projects. The case of the name does not matter, as in
    /// Drone (0.8: server/model/secret.go); one that is written exactly so is preferred.
    pub(crate) async fn origin(&self, project: &ProjectId, name: &str) -> Result<Origin, ApiError> {
        if let Some(own) = best(self.store.secrets(Some(project)).await?, name) {
            return Ok(Origin::Own(own));
        }
        let Some(shared) = best(self.store.secrets(None).await?, name) else { return Ok(Origin::Nowhere) };
        let grants = self.store.secret_grants(Some(project)).await?;
        let decided = grants.into_iter().find(|grant| grant.name == shared).map(|grant| grant.allowed);
        Ok(Origin::Shared(shared, decided))
    }

    /// The names of the secrets that a project could have: its own, and those of all projects.
    pub(crate) async fn secret_names(&self, project: &ProjectId) -> Result<Vec<String>, ApiError> {
        let mut names: Vec<String> = self.store.secrets(Some(project)).await?.into_iter().map(|row| row.name).collect();
        names.extend(self.store.secrets(None).await?.into_iter().map(|row| row.name));
        Ok(names)
    }

    /// Which secrets a plan hands to which step and image, in the order of their names.
    pub(crate) async fn handed_secrets(&self, project: &ProjectId, plan: &Plan) -> Result<Vec<HandedSecret>, ApiError> {
        let mut handed = Vec::new();
        for name in plan.secret_names() {
            let state = match self.origin(project, &name).await? {
                Origin::Own(_) => SecretState::Own,
                Origin::Shared(_, Some(true)) => SecretState::Allowed,
                Origin::Shared(_, Some(false)) => SecretState::Refused,
                Origin::Shared(_, None) => SecretState::Undecided,
                Origin::Nowhere => SecretState::Missing,
            };
            handed.push(HandedSecret { receivers: receivers(plan, &name), name, state });
        }
        Ok(handed)
    }

    /// Fails when a plan asks for a secret of all projects that nobody has decided about for this project.
    pub(crate) async fn must_be_decided(&self, project: &Project, plan: &Plan) -> Result<(), ApiError> {
        let handed = self.handed_secrets(&project.id, plan).await?;
        let open: Vec<&HandedSecret> = handed.iter().filter(|secret| secret.state == SecretState::Undecided).collect();
        if open.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = open.iter().map(|secret| secret.name.as_str()).collect();
        let wanted: Vec<Message> = open.iter().map(|secret| asked(secret)).collect();
        Err(undecided(&project.name, project.path.as_deref().unwrap_or_default(), &names, Message::joined(wanted, "; ")))
    }

    /// Decides for a project about a secret of all projects; `None` takes the decision back. Returns the name as it is stored.
    ///
    /// # Errors
    /// `ProjectNotFound`; `SecretInvalid` when there is no secret of that name for all projects.
    pub async fn decide_secret(&self, project: &str, name: &str, allowed: Option<bool>) -> Result<String, ApiError> {
        let row = self.project_row(project).await?;
        let stored = match best(self.store.secrets(None).await?, name) {
            Some(stored) => stored,
            // What was decided about a secret that is gone is gone with it.
            None if allowed.is_none() => name.to_owned(),
            None => {
                return Err(ApiError::new(ErrorCode::SecretInvalid, message!("there is no secret `{}` of all projects", name))
                    .hint(message!("a secret of one project needs no yes; `letterpress secret list` shows what there is")));
            }
        };
        self.store.decide_secret(&row.id, &stored, allowed, time::now_ms()).await?;
        self.hub.tell([Tag::Secrets, Tag::Plan(row.id.to_string())]);
        Ok(stored)
    }
}

/// The error of a run that asks for secrets of all projects without a yes. `path` is the project's folder.
pub(crate) fn undecided(project: &str, path: &str, names: &[&str], wanted: Message) -> ApiError {
    let list: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let folder = crate::words::shell_word(path);
    let commands = |verb: &str| {
        let command = |name: &&str| {
            Message::verbatim(format_args!("`letterpress secret {verb} {} --project {folder}`", crate::words::shell_word(name)))
        };
        let all = names.iter().map(command).reduce(|all, one| message!("{} and {}", all, one));
        all.unwrap_or_default()
    };
    let (allow, deny) = (commands("allow"), commands("deny"));
    let list = list.join(", ");
    let (said, help) = match names.len() {
        1 => (
            message!("nobody has said yet whether `{}` may have {}, a secret of all projects: {}", project, list, wanted),
            message!(
                "to hand it to the runs of this project: {}; to run without it: {}; in the window: the question beside the Run button",
                allow,
                deny
            ),
        ),
        _ => (
            message!("nobody has said yet whether `{}` may have {}, secrets of all projects: {}", project, list, wanted),
            message!(
                "to hand them to the runs of this project: {}; to run without them: {}; in the window: the question beside the Run button",
                allow,
                deny
            ),
        ),
    };
    ApiError::new(ErrorCode::SecretNotAllowed, said).hint(help)
}

fn asked(secret: &HandedSecret) -> Message {
    let to = secret.receivers.iter().map(|receiver| match receiver.image.as_str() {
        "" => message!("`{}` (this computer)", receiver.step),
        image => message!("`{}` (image `{}`)", receiver.step, image),
    });
    message!("asked for by {}", Message::joined(to, ", "))
}

/// The steps that ask for a secret.
pub(crate) fn receivers(plan: &Plan, name: &str) -> Vec<SecretReceiver> {
    let several = plan.stages.len() > 1;
    let mut receivers = Vec::new();
    for stage in &plan.stages {
        for step in &stage.steps {
            if step.environment.values().flat_map(lp_model::EnvValue::secret_names).any(|asked| asked == name) {
                let label = if several { format!("{}/{}", stage.name, step.name) } else { step.name.clone() };
                let image = if stage.backend == BackendKind::Host { String::new() } else { step.image.clone() };
                receivers.push(SecretReceiver { step: label, image, engine: step.build_image.is_some() });
            }
        }
    }
    receivers
}

/// The stored name that is meant.
fn best(rows: Vec<lp_store::SecretEntry>, name: &str) -> Option<String> {
    let mut names: Vec<String> = rows.into_iter().map(|row| row.name).filter(|known| known.eq_ignore_ascii_case(name)).collect();
    names.sort_by_key(|known| known != name);
    names.into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dto::{RunStateWord, SecretScope};
    use crate::testing::{open, project, request, wait_until_over};

    const PIPELINE: &str = "kind: pipeline\nname: default\nsteps:\n- name: use\n  image: alpine\n  environment: {TOKEN: {from_secret: deploy_token}}\n  commands: ['echo \"<$${TOKEN:-none}>\" > \"$HOME/got\"; cat \"$HOME/got\"; test \"$TOKEN\" = shared-value']\n";

    #[tokio::test]
    async fn a_secret_of_all_projects_reaches_a_project_only_after_a_yes() {
        let folder = tempfile::tempdir().unwrap();
        let app = open(folder.path()).await;
        let project = project(&app, folder.path(), PIPELINE).await;
        app.set_secret(&SecretScope::Everywhere, "DEPLOY_TOKEN", "shared-value".into()).await.unwrap();
        let request = request(&app, &project).await;
        let preview = app.preview(&request).await.unwrap().possible().unwrap();
        let receivers = vec![SecretReceiver { step: "use".into(), image: String::new(), engine: false }];
        let handed = |state| vec![HandedSecret { name: "deploy_token".into(), state, receivers: receivers.clone() }];
        assert_eq!(preview.secrets, handed(SecretState::Undecided));
        let refused = app.start_run(&request).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::SecretNotAllowed);
        assert!(
            refused.message.to_string().contains("`deploy_token`")
                && refused.hint.to_string().contains("letterpress secret allow deploy_token"),
            "{refused:?}"
        );
        assert!(app.runs(&Default::default()).await.unwrap().runs.is_empty(), "nothing was started");

        assert_eq!(app.decide_secret(&project, "deploy_token", Some(false)).await.unwrap(), "DEPLOY_TOKEN");
        assert_eq!(app.preview(&request).await.unwrap().possible().unwrap().secrets, handed(SecretState::Refused));
        let without = app.start_run(&request).await.unwrap();
        assert_eq!(wait_until_over(&app, &without).await.run.state, RunStateWord::Failed, "it ran without the value");

        app.decide_secret(&project, "deploy_token", Some(true)).await.unwrap();
        assert_eq!(app.preview(&request).await.unwrap().possible().unwrap().secrets, handed(SecretState::Allowed));
        let with = app.start_run(&request).await.unwrap();
        assert_eq!(wait_until_over(&app, &with).await.run.state, RunStateWord::Passed);

        app.decide_secret(&project, "deploy_token", None).await.unwrap();
        assert_eq!(app.start_run(&request).await.unwrap_err().code, ErrorCode::SecretNotAllowed);
        assert_eq!(app.retry_run(&without).await.unwrap_err().code, ErrorCode::SecretNotAllowed);

        // A yes is for this secret: another one of that name is asked about anew.
        app.decide_secret(&project, "deploy_token", Some(true)).await.unwrap();
        app.remove_secret(&SecretScope::Everywhere, "DEPLOY_TOKEN").await.unwrap();
        app.set_secret(&SecretScope::Everywhere, "DEPLOY_TOKEN", "another-value".into()).await.unwrap();
        assert_eq!(app.preview(&request).await.unwrap().possible().unwrap().secrets, handed(SecretState::Undecided));
        // The project's own needs no question.
        app.set_secret(&SecretScope::Project { project: project.clone() }, "deploy_token", "own-value".into()).await.unwrap();
        assert_eq!(app.preview(&request).await.unwrap().possible().unwrap().secrets, handed(SecretState::Own));
        assert_eq!(app.decide_secret(&project, "no_such", Some(true)).await.unwrap_err().code, ErrorCode::SecretInvalid);
        app.shutdown().await;
    }

    #[tokio::test]
    async fn a_removed_project_takes_its_secrets_and_its_yes_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let app = open(folder.path()).await;
        let id = project(&app, folder.path(), PIPELINE).await;
        let path = folder.path().join("shop").display().to_string();
        app.set_secret(&SecretScope::Everywhere, "deploy_token", "shared-value".into()).await.unwrap();
        app.set_secret(&SecretScope::Project { project: id.clone() }, "own", "own-value".into()).await.unwrap();
        app.decide_secret(&id, "deploy_token", Some(true)).await.unwrap();
        app.remove_project(&id).await.unwrap();
        assert_eq!(app.secrets().await.unwrap().len(), 1, "only the one of all projects is left");
        let again = app.open_project(&path).await.unwrap();
        assert_eq!(again.id, id, "its history is there");
        let entries = app.secrets().await.unwrap();
        assert_eq!(entries.len(), 1);
        assert!(entries[0].grants.is_empty());
        let states = app.preview(&request(&app, &id).await).await.unwrap().possible().unwrap().secrets;
        assert_eq!(states[0].state, SecretState::Undecided);
        app.shutdown().await;
    }
}
