//! Runs: started and repeated. A press names what was seen and itself: what is not what was seen is refused, and the same press twice is
//! one run, also after a restart of the app.

use crate::app::App;
use crate::dto::{ApiError, ErrorCode, RunRequest};
use crate::owner::guests;
use crate::owner::{not_started, queue_place};
use crate::pipeline::event;
use crate::project::{blocking, folder_of};
use crate::run::convert;
use crate::run::prepare::Prepared;
use crate::run::seen;
use crate::run::{backend_word, is_isolated, parse_run};
use crate::time;
use lp_model::{BackendKind, Message, RunEvent, RunId, RunState, message};
use lp_store::{Cause, NewRun, Run, StoreError};
use std::sync::Arc;

/// Longest name of a press.
const LONGEST_KEY: usize = 100;

impl App {
    /// A new name for a press.
    pub fn new_key() -> String {
        uuid::Uuid::now_v7().to_string()
    }

    /// Starts a run and returns its id. A process that does not own the data folder lets the owner do it. A request with the key of an
    /// earlier one gives the run of that one.
    ///
    /// # Errors
    /// As [`App::preview`] and what keeps it from running; `ChangedSincePreview` when that is not what was seen; `NoEngine` when steps would
    /// run on this computer without consent, or cannot; `BadRequest` for a key that is none, or that named a run of another workflow.
    pub async fn start_run(&self, request: &RunRequest) -> Result<String, ApiError> {
        if !self.ownership.is_ours() {
            return guests::start(self, request).await;
        }
        self.start_with(request, None).await
    }

    /// Starts a run with the same workflow, version and values as another one.
    ///
    /// # Errors
    /// `RunNotFound`, and as [`App::start_run`].
    pub async fn run_again(&self, run: &str) -> Result<String, ApiError> {
        self.run_again_once(run, None).await
    }

    /// The same for a press with a key: the same press twice is one run.
    ///
    /// # Errors
    /// As [`App::run_again`].
    pub async fn run_again_once(&self, run: &str, key: Option<String>) -> Result<String, ApiError> {
        if !self.ownership.is_ours() {
            return guests::again(self, run, key).await;
        }
        let before = self.store.run(&parse_run(run)?).await?;
        let plan = self.store.plan(&before.id).await.ok();
        let tag = plan.as_ref().and_then(|plan| plan.event.tag());
        let version = self.version_again(&before, tag).await?;
        let request = RunRequest {
            project: before.project.to_string(),
            workflow: before.workflow_name.clone(),
            version,
            event: plan.as_ref().map(|plan| event::again(&plan.event)),
            inputs: self.store.run_inputs(&before.id).await?,
            // Whoever agreed to that run on this computer agrees to the same again.
            allow_host: !plan.as_ref().map_or(before.backend != backend_word(BackendKind::Host), is_isolated),
            on_host: false,
            seen: None,
            key,
        };
        self.start_with(&request, Some(&before)).await
    }

    /// The version of a run, by its tag as long as that leads to the same commit: a commit may have several.
    async fn version_again(&self, run: &Run, tag: Option<&str>) -> Result<String, ApiError> {
        let Some(reference) = tag.map(|tag| format!("refs/tags/{tag}")) else { return Ok(run.version_sha.clone()) };
        let (folder, sha) = (folder_of(&self.store.project(&run.project).await?)?, run.version_sha.clone());
        blocking(move || {
            let found = lp_git::Repository::open(&folder)?.resolve(&reference);
            Ok(if found.is_ok_and(|version| version.sha == sha) { reference } else { sha })
        })
        .await
    }

    async fn start_with(&self, request: &RunRequest, parent: Option<&Run>) -> Result<String, ApiError> {
        let engine = self.must_own()?;
        if let Some(first) = self.run_of_press(request).await? {
            return Ok(first);
        }
        let chosen = self.read_version(request).await?;
        // A first pass without a number, so that a request that cannot run uses none up.
        let first = self.prepare_chosen(&chosen, request, (0, None)).await?;
        if let Some(seen) = &request.seen {
            seen::must_be_same(seen, &seen::mark(&chosen, &first)?, &request.version)?;
        }
        self.check(&first, request)?;
        let project = first.project;
        self.must_be_decided(&project, &first.plan).await?;
        // One after the other from here on: the same press that comes twice at once uses one number.
        let _alone = self.ownership.numbering.lock().await;
        if let Some(first) = self.run_of_press(request).await? {
            return Ok(first);
        }
        let number = self.store.take_run_number(&project.id).await?;
        let prepared = self.prepare_chosen(&chosen, request, (number, parent.map(|run| run.number))).await?;
        self.check(&prepared, request)?;

        let id = RunId::parse(&uuid::Uuid::now_v7().simple().to_string()).expect("a UUID is a legal id");
        let title = convert::localised(&prepared.workflow.title);
        let new = NewRun {
            id: id.clone(),
            project: project.id.clone(),
            workflow_name: prepared.workflow.name.clone(),
            workflow_title: serde_json::to_string(&title).expect("plain data"),
            version_name: prepared.version.tag.clone().unwrap_or_default(),
            version_title: prepared.version.title.clone(),
            backend: backend_word(prepared.backend()).to_owned(),
            cause: Cause::of_press(prepared.plan.event.kind, parent.is_some()),
            actor: self.options.actor.clone(),
            parent: parent.map(|run| run.id.clone()),
            press: request.key.clone(),
            created_ms: prepared.plan.event.created_ms,
            plan: prepared.plan.clone(),
        };
        let _no_sweep_meanwhile = self.ownership.may_begin().await;
        match self.store.create_run(&new).await {
            // The same press came twice at once, and the other one was quicker.
            Err(StoreError::Conflict { what: "press", message }) => {
                let first = self.run_of_press(request).await?;
                return first.ok_or_else(|| StoreError::Conflict { what: "press", message }.into());
            }
            other => other?,
        }
        let place = queue_place(&project.id, &prepared.plan);
        if let Err(refused) = engine.start(id.clone(), Arc::new(prepared.plan), place) {
            self.store.append_events(&id, &[(time::now_ms(), RunEvent::RunEnded { state: RunState::Errored })]).await?;
            return Err(not_started(&refused));
        }
        self.tell_of_run(&id, project.id.as_str(), true);
        Ok(id.to_string())
    }

    /// The run that an earlier request with the same key has started.
    async fn run_of_press(&self, request: &RunRequest) -> Result<Option<String>, ApiError> {
        let Some(key) = &request.key else { return Ok(None) };
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
        let refused = |said: Message, help: Message| Err(ApiError::new(ErrorCode::BadRequest, said).hint(help));
        if key.is_empty() || key.len() > LONGEST_KEY || !key.chars().all(is_plain) {
            let help = message!("a key has 1 to {} letters, digits, `-`, `_`, `.` and `:`; a UUID is one", LONGEST_KEY);
            return refused(message!("`{}` is no key of a press", key), help);
        }
        let Some(run) = self.store.run_of_press(key).await? else { return Ok(None) };
        if run.project.as_str() != request.project || run.workflow_name != request.workflow {
            let said = message!(
                "the key `{}` belongs to run {} of `{}`, which is another workflow",
                key,
                run.number.to_string(),
                run.project_name
            );
            return refused(said, message!("give each press a key of its own"));
        }
        Ok(Some(run.id.to_string()))
    }

    fn check(&self, prepared: &Prepared, request: &RunRequest) -> Result<(), ApiError> {
        if prepared.needs_consent && !request.allow_host {
            return Err(self.no_engine(message!("or agree that the steps run directly on this computer, not isolated")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dto::{InputKind, MissingKind, RunFilter, RunStateWord, StepStateWord};
    use crate::testing::{open, project, request, wait_for, wait_until_over};
    use lp_git::{CommitSpec, FileSpec, TagSpec};
    use std::collections::BTreeMap;
    use std::path::Path;

    const PIPELINE: &str = "kind: pipeline\ntype: exec\nname: default\nsteps:\n- {name: say, commands: ['echo said']}\n";

    /// A commit of the project with that text of `.letterpress.yml`, and the pipeline above.
    fn commit(workflows: &str, tag: &str, time_ms: i64) -> CommitSpec {
        let file = |path: &str, text: &str| FileSpec { path: path.into(), bytes: text.into(), executable: false };
        CommitSpec {
            message: format!("version {tag}"),
            author_name: "Lin Yue".into(),
            author_email: "lin@example.com".into(),
            time_ms,
            offset_min: 0,
            branch: "main".into(),
            files: vec![file(".drone.yml", PIPELINE), file(".letterpress.yml", workflows)],
            deletes: vec![],
            tag: Some(TagSpec { name: tag.into(), message: None }),
        }
    }

    /// A project whose workflow `deploy` has another form in each of its versions.
    async fn with_versions(app: &App, folder: &Path) -> String {
        let versions = [
            commit("workflows:\n- {name: release, inputs: []}\n", "v0", 1_000_000),
            commit("workflows:\n- {name: deploy, inputs: [{name: NOTE}]}\n- {name: check}\n", "v1", 2_000_000),
            commit(
                "workflows:\n- {name: deploy, inputs: [{name: NOTE}, {name: REGION, options: [north, south], required: true}]}\n",
                "v2",
                3_000_000,
            ),
            commit(
                "workflows:\n- {name: deploy, inputs: [{name: NOTE}, {name: REGION, options: [east, west], default: east}]}\n",
                "v3",
                4_000_000,
            ),
        ];
        lp_git::create(&folder.join("shop"), &versions).unwrap();
        app.open_project(&folder.join("shop").display().to_string()).await.unwrap().id
    }

    fn of_version(project: &str, version: &str, values: &[(&str, &str)]) -> RunRequest {
        let inputs = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        RunRequest {
            project: project.into(),
            workflow: "deploy".into(),
            version: version.into(),
            inputs,
            allow_host: true,
            on_host: false,
            event: None,
            seen: None,
            key: None,
        }
    }

    #[tokio::test]
    async fn a_form_is_that_of_its_version() {
        let folder = tempfile::tempdir().unwrap();
        let app = open(folder.path()).await;
        let project = with_versions(&app, folder.path()).await;
        let preview = async |version: &str, values: &[(&str, &str)]| app.preview(&of_version(&project, version, values)).await.unwrap();

        // From before the input was there: it is run as it was then.
        let old = preview("v1", &[("NOTE", "back")]).await;
        let names = |preview: &crate::dto::RunPreview| {
            preview.workflow.as_ref().unwrap().inputs.iter().map(|input| input.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(names(&old), ["NOTE"]);
        assert_eq!(old.others.iter().map(|other| other.name.as_str()).collect::<Vec<_>>(), ["check"]);
        let planned = old.planned.unwrap();
        assert_eq!(
            planned.sentences.iter().map(|said| said.message.to_string()).collect::<Vec<_>>(),
            ["runs its commands directly on this computer"]
        );
        assert_eq!((planned.sentences[0].stage, planned.sentences[0].step), (1, Some(1)));

        // With the values of another version's form, the form is there all the same and says which are wrong.
        let middle = preview("v2", &[("NOTE", "x"), ("REGION", "east")]).await;
        assert_eq!(names(&middle), ["NOTE", "REGION"]);
        assert_eq!(middle.workflow.as_ref().unwrap().inputs[1].options, ["north", "south"]);
        assert_eq!(middle.workflow.unwrap().inputs[1].kind, InputKind::Choice);
        assert_eq!((middle.problems.len(), middle.problems[0].input.as_str(), middle.planned.is_none()), (1, "REGION", true));
        let lacking = preview("v2", &[]).await.missing;
        assert_eq!(
            lacking.iter().map(|missing| (missing.kind, missing.name.as_str())).collect::<Vec<_>>(),
            [(MissingKind::Input, "REGION")]
        );

        // From before the workflow was there.
        let before = preview("v0", &[]).await;
        let refused = before.refused.unwrap();
        assert_eq!((refused.code, before.workflow.is_none()), (ErrorCode::WorkflowNotFound, true));
        assert_eq!(refused.findings[0].message.in_chinese(), "此版本没有工作流 `deploy`");
        assert!(refused.hint.to_string().contains("`release`") && before.others[0].name == "release", "{refused:?}");

        let run = app.start_run(&of_version(&project, "v1", &[("NOTE", "back")])).await.unwrap();
        let over = wait_until_over(&app, &run).await;
        assert_eq!((over.run.state, over.run.version_name.as_str()), (RunStateWord::Passed, "v1"));
        assert_eq!(over.inputs, BTreeMap::from([("NOTE".into(), "back".into())]));
        app.shutdown().await;
    }

    #[tokio::test]
    async fn what_was_not_seen_is_not_started() {
        let folder = tempfile::tempdir().unwrap();
        let app = open(folder.path()).await;
        let project = with_versions(&app, folder.path()).await;
        let mut request = of_version(&project, "main", &[("NOTE", "x")]);
        let seen = async |request: &RunRequest| app.preview(request).await.unwrap().possible().unwrap().seen;
        request.seen = Some(seen(&request).await);
        assert_eq!(request.seen, Some(seen(&request).await), "time alone changes nothing");

        let refused = async |request: &RunRequest| {
            let error = app.start_run(request).await.unwrap_err();
            assert_eq!(error.code, ErrorCode::ChangedSincePreview, "{error:?}");
            error.findings.into_iter().map(|finding| finding.message.to_string()).collect::<Vec<_>>()
        };
        let other = RunRequest { inputs: BTreeMap::from([("NOTE".into(), "y".into())]), ..request.clone() };
        assert_eq!(refused(&other).await, ["the values of the form are not those that were shown"]);
        let other = RunRequest { version: "v2".into(), inputs: BTreeMap::from([("REGION".into(), "north".into())]), ..request.clone() };
        assert_eq!(refused(&other).await[0], "the version `v2` is another commit now");
        // A run of the branch meanwhile is no change.
        let first = app.start_run(&request).await.unwrap();
        wait_until_over(&app, &first).await;
        assert_eq!(request.seen, Some(seen(&request).await));
        app.set_project_trusted(&project, true).await.unwrap();
        assert_eq!(refused(&request).await.len(), 1, "trust was given meanwhile");
        app.set_project_trusted(&project, false).await.unwrap();

        // The branch moves between the look and the press.
        let repository = folder.path().join("shop");
        let git = |arguments: &[&str]| {
            let done = std::process::Command::new("git").arg("-C").arg(&repository).args(arguments).output().unwrap();
            assert!(done.status.success(), "{done:?}");
        };
        git(&["-c", "user.name=L", "-c", "user.email=l@example.com", "commit", "--allow-empty", "-m", "more"]);
        assert_eq!(refused(&request).await, ["the version `main` is another commit now"]);
        request.seen = Some(seen(&request).await);
        let second = app.start_run(&request).await.unwrap();
        wait_until_over(&app, &second).await;
        assert_eq!(app.runs(&Default::default()).await.unwrap().runs[0].number, 2, "a refusal uses no number up");
        app.shutdown().await;
    }

    #[tokio::test]
    async fn the_same_press_twice_is_one_run_also_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let app = open(folder.path()).await;
        let project = project(&app, folder.path(), PIPELINE).await;
        let mut request = request(&app, &project).await;
        request.key = Some("press-1".into());
        let (one, two) = tokio::join!(app.start_run(&request), app.start_run(&request));
        let first = one.unwrap();
        assert_eq!(two.unwrap(), first, "at once");
        wait_until_over(&app, &first).await;
        assert_eq!(app.start_run(&request).await.unwrap(), first, "later");
        app.shutdown().await;

        let app = open(folder.path()).await;
        assert_eq!(app.start_run(&request).await.unwrap(), first, "after a restart");
        let again = app.run_again_once(&first, Some("press-2".into())).await.unwrap();
        assert_eq!(app.run_again_once(&first, Some("press-2".into())).await.unwrap(), again);
        assert_ne!(again, first);
        wait_until_over(&app, &again).await;
        let all = RunFilter { limit: 9, ..RunFilter::default() };
        assert_eq!(app.runs(&all).await.unwrap().runs.len(), 2);

        for key in ["", "a b", &"x".repeat(LONGEST_KEY + 1)] {
            let error = app.start_run(&RunRequest { key: Some(key.into()), ..request.clone() }).await.unwrap_err();
            assert_eq!((error.code, error.hint.is_empty()), (ErrorCode::BadRequest, false));
        }
        let other = RunRequest { workflow: "another".into(), ..request.clone() };
        assert!(app.start_run(&other).await.unwrap_err().message.to_string().contains("belongs to run 1 of `shop`"));
        app.shutdown().await;
    }

    #[tokio::test]
    async fn a_cancel_asks_once_and_a_retry_is_one_attempt() {
        let folder = tempfile::tempdir().unwrap();
        let app = open(folder.path()).await;
        let gate = folder.path().join("gate");
        // It does not listen when it is asked to end, and ends when the gate is opened.
        let step = format!("trap : TERM; echo ready; until test -e {}; do sleep 0.05; done; exit 1", gate.display());
        let pipeline = format!("kind: pipeline\ntype: exec\nname: default\nsteps:\n- {{name: wait, commands: ['{step}']}}\n");
        let project = project(&app, folder.path(), &pipeline).await;
        let run = app.start_run(&request(&app, &project).await).await.unwrap();
        wait_for(&app, &run, |detail| detail.stages[0].steps[0].log_lines >= 2).await;
        for _ in 0..3 {
            app.cancel_run(&run).await.unwrap();
        }
        let cancelling = wait_for(&app, &run, |detail| detail.run.cancelling).await;
        assert!(!cancelling.run.state.is_final());
        std::fs::write(&gate, "").unwrap();
        let over = wait_until_over(&app, &run).await;
        assert_eq!((over.run.state, over.stages[0].steps[0].state), (RunStateWord::Cancelled, StepStateWord::Cancelled));
        let id = parse_run(&run).unwrap();
        let events = app.store.events(&id, 0).await.unwrap();
        let asked = |event: &&lp_store::StoredEvent| matches!(event.event, RunEvent::CancelRequested { .. });
        assert_eq!(events.iter().filter(asked).count(), 1, "three presses ask once, and none kills");

        let (one, two) = tokio::join!(app.retry_attempt(&run, 1), app.retry_attempt(&run, 1));
        one.unwrap();
        two.unwrap();
        let again = wait_until_over(&app, &run).await;
        assert_eq!((again.run.state, again.run.attempt), (RunStateWord::Failed, 2));
        app.retry_attempt(&run, 1).await.unwrap();
        assert_eq!(app.run(&run).await.unwrap().run.attempt, 2, "that attempt was retried already");
        app.shutdown().await;
    }
}
