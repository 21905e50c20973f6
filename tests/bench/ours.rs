//! The same work through Letterpress: repository, compiler, store, engine, backend, masker, log file.

use crate::floor;
use lp_api::dto::{Notice, RunDetail, RunRequest, RunStateWord};
use lp_api::{App, AppOptions};
use lp_tests::images::busybox_image;
use lp_tests::press::commit;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a run took: until its last step was done (what the floor counts), and until everything was removed.
pub struct Took {
    /// From the press to the end of the last step.
    pub steps: Duration,
    /// From the press to the end of the run.
    pub whole: Duration,
}

/// Runs `steps` steps that do nothing, one after the other.
pub async fn run_steps(steps: u32) -> Took {
    let step = |number: u32| format!("- {{name: s{number}, image: alpine, commands: ['true']}}\n");
    let pipeline: String = (1..=steps).map(step).collect();
    run(&format!("kind: pipeline\nname: default\nsteps:\n{pipeline}")).await.0
}

/// Runs one step that prints the floor's lines; returns how many are in the log and how long it took.
pub async fn run_lines() -> (u64, Duration) {
    let script = floor::lines_script();
    let pipeline = format!(
        "kind: pipeline\nname: default\nsteps:\n- name: print\n  image: alpine\n  commands:\n  - |\n    {}\n",
        script.replace('\n', "\n    ")
    );
    let (_, detail, step) = run(&pipeline).await;
    (detail.stages[0].steps[0].log_lines, step)
}

async fn run(pipeline: &str) -> (Took, RunDetail, Duration) {
    busybox_image().await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let project = folder.path().join("bench");
    std::fs::create_dir(&project).expect("our own folder");
    git2::Repository::init(&project).expect("git works");
    commit(&project, &[(".drone.yml", pipeline)]);
    let app = open(folder.path()).await;
    let project = app.open_project(&project.display().to_string()).await.expect("a project").id;
    let workflow = app.choose_workflow(&project, "", None, Some("push")).await.expect("a workflow");
    let request = RunRequest { project, workflow, version: String::new(), inputs: BTreeMap::new(), allow_host: false };

    let mut notices = app.notices();
    let begun = Instant::now();
    let run = app.start_run(&request).await.expect("it starts");
    let mut steps_done = None;
    let detail = loop {
        // Only what every front end is told; the log is not read meanwhile, as the floor's reader throws it away too.
        if !matches!(notices.next().await, Some(Notice::Run { .. })) {
            continue;
        }
        let detail = app.run(&run).await.expect("it is stored");
        let all_done = detail.stages.iter().flat_map(|stage| &stage.steps).all(|step| step.ended.is_some());
        steps_done = steps_done.or(all_done.then(|| begun.elapsed()));
        if detail.run.state.is_final() {
            break detail;
        }
    };
    let whole = begun.elapsed();
    assert_eq!(detail.run.state, RunStateWord::Passed, "{detail:?}");
    let last = &detail.stages[0].steps[detail.stages[0].steps.len() - 1];
    let step = Duration::from_millis(last.duration_ms().unwrap_or(0).unsigned_abs());
    app.shutdown().await;
    (Took { steps: steps_done.unwrap_or(whole), whole }, detail, step)
}

async fn open(folder: &Path) -> Arc<App> {
    let options =
        AppOptions { data_folder: folder.join("data"), use_os_key_store: false, ..AppOptions::from_environment().expect("a home folder") };
    App::open(options).await.expect("a fresh data folder")
}
