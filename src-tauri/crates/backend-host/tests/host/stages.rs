//! Preparing, destroying, sweeping; what a crash leaves.

use crate::support::*;
use lp_backend::{Backend, BackendError, CancelStage, Claims, Keep, NoNotes, Source, StageContext, StepExit, SweepReport};
use lp_backend_host::HostBackend;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use tokio::io::AsyncRead;

fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        builder.append_data(&mut header, path, content.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap()
}

#[tokio::test]
async fn it_says_that_steps_are_not_isolated() {
    let bench = Bench::new().await;
    let engine = bench.backend.probe(None).await.unwrap();
    assert_eq!((engine.name.as_str(), engine.isolated), ("this computer", false));
    assert!(engine.platform.starts_with("linux/"), "{}", engine.platform);
}

#[tokio::test]
async fn the_commit_is_unpacked_once() {
    let mut bench = Bench::new().await;
    bench.stage = stage("run-2", Some(archive(&[("run.sh", "#!/bin/sh\necho hello"), ("文件夹/a", "b")])));
    bench.backend.prepare(&bench.stage, &NoNotes, &never().1).await.unwrap();
    assert_eq!(bench.run("./run.sh; cat 文件夹/a; echo changed > run.sh").await.1, "hello\nb");
    // The engine asks again after a crash of the app: the work of the steps before stays.
    bench.prepare_kept().await;
    assert_eq!(fs::read_to_string(bench.work("run.sh")).unwrap(), "changed\n");
    assert_eq!(fs::metadata(bench.root.join(bench.stage.name())).unwrap().permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn the_working_copy_lies_where_the_workspace_says() {
    let mut bench = Bench::new().await;
    let mut context = stage("run-2", Some(archive(&[("a", "b")])));
    let inner = Arc::make_mut(&mut context.stage);
    inner.workspace = lp_model::Workspace { base: "/go".into(), path: "src/app".into() };
    bench.stage = context;
    bench.backend.prepare(&bench.stage, &NoNotes, &never().1).await.unwrap();
    assert_eq!(bench.run("pwd; cat a").await.1, format!("{}\nb", bench.work("src/app").display()));
}

/// A source that never gives a byte, or fails at once.
struct Bad {
    fails: bool,
}

#[async_trait::async_trait]
impl Source for Bad {
    async fn open(&self) -> io::Result<Box<dyn AsyncRead + Send + Unpin>> {
        if self.fails {
            return Err(io::Error::other("no such commit"));
        }
        let (mine, theirs) = tokio::io::duplex(1);
        // Leaked, so that the stream never ends.
        std::mem::forget(theirs);
        Ok(Box::new(mine))
    }
}

fn with_source(source: impl Source + 'static) -> StageContext {
    StageContext { source: Some(Arc::new(source)), ..stage("run-2", None) }
}

#[tokio::test]
async fn a_commit_that_cannot_be_read_is_an_error_with_its_reason() {
    let bench = Bench::new().await;
    let error = bench.backend.prepare(&with_source(Bad { fails: true }), &NoNotes, &never().1).await.unwrap_err();
    assert!(matches!(error, BackendError::Source { .. }) && error.to_string().ends_with("no such commit"), "{error}");
    let broken = stage("run-3", Some(archive(&[("a", "content")])[..515].to_vec()));
    let error = bench.backend.prepare(&broken, &NoNotes, &never().1).await.unwrap_err();
    assert!(matches!(error, BackendError::Source { .. }), "{error}");
    // Half a working copy is not taken for a whole one.
    let whole = stage("run-3", Some(archive(&[("b", "content")])));
    bench.backend.prepare(&whole, &NoNotes, &never().1).await.unwrap();
    let names: Vec<_> = fs::read_dir(bench.root.join(whole.name()).join("work")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["b"]);
}

#[tokio::test]
async fn preparing_can_be_cancelled() {
    let bench = Bench::new().await;
    let context = with_source(Bad { fails: false });
    let (handle, cancel) = never();
    let (backend, prepared) = (bench.backend.clone(), context.clone());
    let task = tokio::spawn(async move { backend.prepare(&prepared, &NoNotes, &cancel).await });
    handle.advance(CancelStage::Ask);
    assert!(matches!(task.await.unwrap(), Err(BackendError::Cancelled)));
    assert!(bench.backend.destroy(&context, Keep::Nothing).await.unwrap().is_empty());
    assert!(!bench.root.join(context.name()).exists());
}

#[tokio::test]
async fn nothing_is_left_after_destroy() {
    let bench = Bench::new().await;
    bench
        .run("mkdir -p closed/inner; echo > closed/inner/x; chmod -R a-w closed; ln -s / root; mkfifo pipe; echo > \"$HOME/h\"")
        .await
        .0
        .unwrap();
    // The engine gave up on the step: its future is dropped, its processes still run.
    let running = bench.start(step(2, "setsid sh -c 'echo deep $$; exec sleep 10000' & echo main $$; exec sleep 10000"), LONG);
    let pids = [running.number("main").await, running.number("deep").await];
    running.task.abort();
    assert!(running.task.await.unwrap_err().is_cancelled());

    assert_eq!(bench.backend.destroy(&bench.stage, Keep::Nothing).await.unwrap(), Vec::<lp_model::Message>::new());
    assert!(pids.iter().all(|pid| has_ended(*pid)));
    assert_eq!(fs::read_dir(&bench.root).unwrap().count(), 0);
    // Gone already counts as removed.
    assert_eq!(bench.backend.destroy(&bench.stage, Keep::Nothing).await.unwrap(), Vec::<lp_model::Message>::new());
}

/// What was written down of its start may have been taken back by a loss of power: it is the same start all the same.
#[tokio::test]
async fn a_step_whose_first_start_was_lost_is_not_started_again() {
    let bench = Bench::new().await;
    let lost = bench.start(step(1, "echo ready $$; exec sleep 10000"), LONG);
    let pid = lost.number("ready").await;
    lost.abandon().await;
    assert!(!has_ended(pid));
    let again = bench.start(step(1, "exit 0"), LONG);
    assert_eq!(again.number("ready").await, pid);
    again.cancel.advance(CancelStage::Kill);
    assert_eq!(again.end().await.0.unwrap(), StepExit::Killed);
    assert!(has_ended(pid));
}

#[tokio::test]
async fn a_sweep_removes_dead_runs_only() {
    let dead = Bench::new().await;
    let other_root = Bench::new().await;
    let script = "echo ready $$; exec sleep 10000";
    let live = stage("run-live", None);
    dead.backend.prepare(&live, &NoNotes, &never().1).await.unwrap();
    let live_step = start_on(&dead.backend, &live, step(1, script), LONG, Arc::new(Collected::default()));
    let running = [dead.start(step(1, script), LONG), other_root.start(step(1, script), LONG), live_step];
    let mut pids = Vec::new();
    for step in &running {
        pids.push(step.number("ready").await);
    }
    // A crash of the app: nobody listens any more, the processes go on.
    for step in &running {
        step.task.abort();
    }
    fs::create_dir(dead.root.join("not-ours")).unwrap();
    fs::write(dead.root.join("lp-file-1"), "").unwrap();

    let fresh = HostBackend::new(dead.root.clone());
    let report = fresh.sweep(&Claims { live: vec![run_id("run-live")], kept: vec![] }).await.unwrap();
    assert_eq!(report, SweepReport { removed: vec!["lp-run-1-1".into()], failed: vec![] });
    assert_eq!(pids.iter().map(|pid| has_ended(*pid)).collect::<Vec<_>>(), [true, false, false]);
    let mut names: Vec<_> = fs::read_dir(&dead.root).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["lp-file-1", "lp-run-live-1", "not-ours"]);

    assert!(fresh.destroy(&live, Keep::Nothing).await.unwrap().is_empty());
    assert!(has_ended(pids[2]) && !has_ended(pids[1]));
    other_root.backend.destroy(&other_root.stage, Keep::Nothing).await.unwrap();
    assert!(has_ended(pids[1]));
}

#[tokio::test]
async fn files_that_are_kept_are_found_by_a_retry() {
    let bench = Bench::new().await;
    assert_eq!(bench.backend.kept().await.unwrap().stages, []);
    let running = bench.start(step(1, "echo built > file; echo > $HOME/cache; sleep 10000 & echo child $!; exit 1"), LONG);
    let child = running.number("child").await;
    assert_eq!(running.end().await.0.unwrap(), StepExit::Code(1));
    for _twice in 0..2 {
        assert_eq!(bench.backend.destroy(&bench.stage, Keep::Files).await.unwrap(), Vec::<lp_model::Message>::new());
    }
    assert!(has_ended(child));
    let kept = bench.backend.kept().await.unwrap().stages;
    assert_eq!(kept.iter().map(|kept| (kept.run.as_str(), kept.stage.0)).collect::<Vec<_>>(), [("run-1", 1)]);
    assert!(kept[0].bytes.is_some_and(|bytes| (1..1_000_000).contains(&bytes)), "{kept:?}");
    assert!(!bench.root.join(bench.stage.name()).join("steps").exists(), "the output with its secrets goes");

    bench.prepare_kept().await;
    assert_eq!(bench.backend.kept().await.unwrap().stages, []);
    let mut second = step(1, "cat file; find $HOME $TMPDIR -type f");
    second.key.attempt += 1;
    assert_eq!(bench.run_step(&second).await.1, "built\n");
    assert_eq!(bench.backend.destroy(&bench.stage, Keep::Nothing).await.unwrap(), Vec::<lp_model::Message>::new());
    assert_eq!(fs::read_dir(&bench.root).unwrap().count(), 0);
}

#[tokio::test]
async fn a_sweep_leaves_the_files_of_kept_runs_only() {
    let bench = Bench::new().await;
    let mut stages = Vec::new();
    for run in ["run-kept", "run-crashed", "run-dead"] {
        let stage = stage(run, None);
        bench.backend.prepare(&stage, &NoNotes, &never().1).await.unwrap();
        stages.push(stage);
    }
    for index in [0, 2] {
        bench.backend.destroy(&stages[index], Keep::Files).await.unwrap();
    }
    // Half a working copy.
    let half = bench.root.join("lp-run-kept-2/work");
    fs::create_dir_all(&half).unwrap();
    let running = start_on(&bench.backend, &stages[1], step(1, "echo > file; echo ready $$; exec sleep 10000"), LONG, Arc::default());
    let pid = running.number("ready").await;
    running.abandon().await;

    let claims = Claims { live: vec![run_id("run-1")], kept: vec![run_id("run-kept"), run_id("run-crashed")] };
    let report = bench.backend.sweep(&claims).await.unwrap();
    assert_eq!(report, SweepReport { removed: vec!["lp-run-dead-1".into(), "lp-run-kept-2".into()], failed: vec![] });
    assert!(has_ended(pid));
    let kept: Vec<String> = bench.backend.kept().await.unwrap().stages.into_iter().map(|kept| kept.run.to_string()).collect();
    assert_eq!(kept, ["run-crashed", "run-kept"]);
    let crashed = bench.root.join("lp-run-crashed-1");
    let mut names: Vec<_> = fs::read_dir(&crashed).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["kept", "ready", "work"]);
    assert!(crashed.join("work/file").exists());

    let report = bench.backend.sweep(&Claims::default()).await.unwrap();
    assert_eq!(report.removed, ["lp-run-1-1", "lp-run-crashed-1", "lp-run-kept-1"]);
    assert_eq!(fs::read_dir(&bench.root).unwrap().count(), 0);
}
