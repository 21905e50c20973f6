//! What the tests of the use cases share: a data folder, projects in it, and no container engine.

use crate::dto::{RunDetail, RunRequest};
use crate::{App, AppOptions};
use lp_git::{CommitSpec, FileSpec};
use lp_model::{Plan, ProjectId, RunId};
use lp_store::{Cause, NewRun};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The app over `FOLDER/data`, as one of several processes would open it.
pub async fn open(folder: &Path) -> Arc<App> {
    App::open(AppOptions::without_engine(folder.join("data"))).await.unwrap()
}

/// The app of a process that only reads or sets something.
pub async fn open_to_read(folder: &Path) -> Arc<App> {
    App::open(AppOptions { drives: false, ..AppOptions::without_engine(folder.join("data")) }).await.unwrap()
}

/// A repository `FOLDER/shop` with that `.drone.yml`.
pub fn repository(folder: &Path, pipeline: &str) {
    let file = |path: &str, text: &str| FileSpec { path: path.into(), bytes: text.into(), executable: false };
    let commit = CommitSpec {
        message: "begin".into(),
        author_name: "Lin Yue".into(),
        author_email: "lin@example.com".into(),
        time_ms: 1_000_000,
        offset_min: 0,
        branch: "main".into(),
        files: vec![file(".drone.yml", pipeline)],
        deletes: vec![],
        tag: None,
    };
    lp_git::create(&folder.join("shop"), &[commit]).unwrap();
}

/// A project `FOLDER/shop` with that `.drone.yml`; returns its id.
pub async fn project(app: &App, folder: &Path, pipeline: &str) -> String {
    repository(folder, pipeline);
    app.open_project(&folder.join("shop").display().to_string()).await.unwrap().id
}

/// The first workflow of a project, on this computer.
pub async fn request(app: &App, project: &str) -> RunRequest {
    let workflow = app.choose_workflow(project, "", None, None).await.unwrap();
    RunRequest {
        project: project.to_owned(),
        workflow,
        version: String::new(),
        inputs: BTreeMap::new(),
        allow_host: true,
        on_host: false,
        event: None,
        seen: None,
        key: None,
    }
}

/// A run on this computer that is only to be written down, as by a process that then died.
pub fn new_run(id: &str, project: &str, plan: Plan) -> NewRun {
    NewRun {
        id: RunId::parse(id).unwrap(),
        project: ProjectId::parse(project).unwrap(),
        workflow_name: "push".into(),
        workflow_title: "{}".into(),
        version_name: String::new(),
        version_title: String::new(),
        backend: "host".into(),
        cause: Cause::Person,
        actor: String::new(),
        parent: None,
        press: None,
        created_ms: 0,
        plan,
    }
}

/// Waits until a run is as it is wanted; the notices of the app say when to look again.
pub async fn wait_for(app: &App, run: &str, wanted: impl Fn(&RunDetail) -> bool) -> RunDetail {
    let mut notices = app.notices();
    let waiting = async {
        loop {
            let detail = app.run(run).await.unwrap();
            if wanted(&detail) {
                return detail;
            }
            notices.next().await;
        }
    };
    match tokio::time::timeout(std::time::Duration::from_secs(60), waiting).await {
        Ok(detail) => detail,
        Err(_) => panic!("not as wanted after a minute: {:#?}", app.run(run).await),
    }
}

/// Waits until no long work goes on.
pub async fn wait_until_nothing_goes_on(app: &App) {
    let mut notices = app.notices();
    let waiting = async {
        while app.activities.list().iter().any(|one| !one.state.is_final()) {
            notices.next().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), waiting).await.unwrap_or_else(|_| panic!("{:#?}", app.activities.list()));
}

/// Waits until a run is over and everything of it is removed.
pub async fn wait_until_over(app: &App, run: &str) -> RunDetail {
    let detail = wait_for(app, run, |detail| detail.run.state.is_final()).await;
    app.wait_idle().await;
    detail
}
