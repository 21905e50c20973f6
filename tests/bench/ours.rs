//! The same work through Letterpress as both front ends use it: repository, compiler, store, engine, backend, masker, log file.

use crate::measure::computing;
use jiff::Timestamp;
use lp_api::dto::{RunDetail, RunRequest, RunStateWord, SecretScope, StepDetail, Tag};
use lp_api::{App, AppOptions};
use lp_tests::images::busybox_image;
use lp_tests::press::commit;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// An app with one project, and a front end that listens.
pub struct Shop {
    app: Arc<App>,
    request: RunRequest,
    /// Lines that were announced, of all runs.
    announced: Arc<AtomicU64>,
    front_end: JoinHandle<()>,
    _folder: TempDir,
}

/// What one run took, from the press on.
pub struct Took {
    /// Until the last step had ended: what the floor counts.
    pub steps: Duration,
    /// Until everything was removed.
    pub whole: Duration,
    /// Computing of this process until then.
    pub computing: Duration,
    /// What is stored about it.
    pub detail: RunDetail,
}

impl Shop {
    /// Opens an app in a new folder, with a project that has this pipeline and the secret that [`crate::floor::LINE`] begins with.
    pub async fn open(pipeline: &str) -> Self {
        busybox_image().await;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let app = open_app(folder.path()).await;
        let request = add_project(&app, folder.path(), pipeline).await;
        app.set_secret(&SecretScope::Project { project: request.project.clone() }, "token", "s3cr3t-token-of-the-press".to_owned())
            .await
            .expect("it can be kept");

        let announced = Arc::new(AtomicU64::new(0));
        let (mut notices, sum) = (app.notices(), Arc::clone(&announced));
        let front_end = tokio::spawn(async move {
            let mut known: BTreeMap<(String, u32, u32), u64> = BTreeMap::new();
            while let Some(notice) = notices.next().await {
                if let (Some(size), Some(Tag::Log { run, stage, step, .. })) = (notice.log, notice.tags.into_iter().next()) {
                    let lines = size.lines;
                    let before = known.insert((run, stage, step), lines).unwrap_or(0);
                    sum.fetch_add(lines - before, Ordering::Relaxed);
                }
            }
        });
        let shop = Self { app, request, announced, front_end, _folder: folder };
        // The first run finds cold caches and an app that has just begun to tidy up.
        shop.run().await;
        shop
    }

    /// Presses Run and waits until nothing is left of it.
    pub async fn run(&self) -> Took {
        let (begun, computed) = (SystemTime::now(), computing());
        let run = self.app.start_run(&self.request).await.expect("it starts");
        self.app.wait_idle().await;
        let (whole, computed) = (begun.elapsed().unwrap_or_default(), computing() - computed);
        let detail = self.app.run(&run).await.expect("it is stored");
        assert_eq!(detail.run.state, RunStateWord::Passed, "{detail:?}");
        let last = steps(&detail).filter_map(|step| since_1970(step.ended.as_deref())).max().expect("its steps have ended");
        let begun = begun.duration_since(UNIX_EPOCH).unwrap_or_default();
        Took { steps: last.saturating_sub(begun), whole, computing: computed, detail }
    }

    /// Presses Run so many times without waiting in between, then waits until nothing is left of them. Returns how long it took and how many passed.
    pub async fn run_many(&self, count: usize) -> (Duration, usize) {
        let begun = SystemTime::now();
        let mut runs = Vec::new();
        for _ in 0..count {
            runs.push(self.app.start_run(&self.request).await.expect("it is queued"));
        }
        self.app.wait_idle().await;
        let took = begun.elapsed().unwrap_or_default();
        let mut passed = 0;
        for run in runs {
            let state = self.app.run(&run).await.expect("it is stored").run.state;
            passed += usize::from(state == RunStateWord::Passed);
        }
        (took, passed)
    }

    /// The app.
    pub fn app(&self) -> Arc<App> {
        Arc::clone(&self.app)
    }

    /// Lines that the front end was told of so far.
    pub fn announced(&self) -> u64 {
        self.announced.load(Ordering::Relaxed)
    }

    /// Waits until it was told of so many.
    ///
    /// # Panics
    /// When that does not happen.
    pub async fn all_announced(&self, lines: u64) {
        let told = async {
            while self.announced() < lines {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let told = tokio::time::timeout(Duration::from_secs(10), told).await;
        assert!(told.is_ok(), "{} lines of {lines} were announced", self.announced());
    }

    /// Ends the app.
    pub async fn close(self) {
        self.app.shutdown().await;
        self.front_end.abort();
    }
}

impl Took {
    /// Bytes of output a second through its steps: from when the first program ran until the last step had ended, its log written out.
    pub fn rate(&self, bytes: u64) -> f64 {
        let begin = steps(&self.detail).filter_map(|step| since_1970(step.started.as_deref())).min().expect("its steps began");
        let end = steps(&self.detail).filter_map(|step| since_1970(step.ended.as_deref())).max().expect("its steps have ended");
        bytes as f64 / (end - begin).as_secs_f64()
    }

    /// Lines in the logs of all steps.
    pub fn log_lines(&self) -> u64 {
        steps(&self.detail).map(|step| step.log_lines).sum()
    }
}

/// `count` steps of a Drone 1.x pipeline, one after the other. No registry is asked, as the floor asks none.
pub fn serial(count: u32, command: &str) -> String {
    let step = |number| {
        format!(
            "- {{name: s{number}, image: alpine, pull: if-not-exists, commands: [\"{command}\"], environment: {{TOKEN: {{from_secret: token}}}}}}\n"
        )
    };
    format!("kind: pipeline\nname: default\nsteps:\n{}", (1..=count).map(step).collect::<String>())
}

/// `count` steps of a Drone 0.8 pipeline, all at the same time.
pub fn parallel(count: u32, command: &str) -> String {
    let step = |number| format!("  s{number}: {{image: alpine, group: all, commands: [\"{command}\"], secrets: [token]}}\n");
    format!("pipeline:\n{}", (1..=count).map(step).collect::<String>())
}

/// Opens the app in a folder.
pub async fn open_app(folder: &Path) -> Arc<App> {
    let options =
        AppOptions { data_folder: folder.join("data"), use_os_key_store: false, ..AppOptions::from_environment().expect("a home folder") };
    App::open(options).await.expect("a data folder")
}

/// Adds a project with this pipeline file; returns the request that runs it.
pub async fn add_project(app: &App, folder: &Path, pipeline: &str) -> RunRequest {
    let project = folder.join("bench");
    std::fs::create_dir(&project).expect("our own folder");
    git2::Repository::init(&project).expect("git works");
    commit(&project, &[(".drone.yml", pipeline)]);
    let project = app.open_project(&project.display().to_string()).await.expect("a project").id;
    let workflow = app.choose_workflow(&project, "", None, Some("push")).await.expect("a workflow");
    RunRequest {
        project,
        workflow,
        version: String::new(),
        inputs: BTreeMap::new(),
        allow_host: false,
        on_host: false,
        event: None,
        seen: None,
        key: None,
    }
}

fn steps(detail: &RunDetail) -> impl Iterator<Item = &StepDetail> {
    detail.stages.iter().flat_map(|stage| &stage.steps)
}

fn since_1970(time: Option<&str>) -> Option<Duration> {
    let time: Timestamp = time?.parse().ok()?;
    u64::try_from(time.as_millisecond()).ok().map(Duration::from_millis)
}
