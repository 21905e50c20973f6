//! Recovery: the process that drives a run is killed in the middle of a step; how long until another one has the step in its hands again.

use crate::ours;
use lp_tests::images::busybox_image;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// First arguments with which this program starts itself: to begin a run, and to own the data folder after that.
pub const BEGIN: &str = "--begin-a-run";
/// See [`BEGIN`].
pub const OWN: &str = "--own-the-folder";

/// A line every 20 ms, for longer than anyone waits.
const TICKS: &str = "for i in $(seq 3000); do echo tick $i; usleep 20000; done";

/// How many lines are there before the first process is killed.
const TICKS_BEFORE: u64 = 20;

/// After this the run is not taken up again.
const PATIENCE: Duration = Duration::from_secs(30);

/// From the start of the second process until the log of the step grows again beyond where the first one had left it; `None` when it
/// does not. Blocks.
pub fn measure() -> Option<Duration> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut first = start(BEGIN, folder.path());
    let mut run = String::new();
    BufReader::new(first.stdout.take().expect("it was asked for a pipe")).read_line(&mut run).expect("it says which run");
    let log = folder.path().join("data/logs").join(run.trim()).join("1-1-1.log");
    assert!(grows_beyond(&log, TICKS_BEFORE * 8).is_some(), "the step prints into {}", log.display());
    first.kill().expect("a child can be killed");
    first.wait().expect("a child can be waited for");
    let before = length(&log);

    let begun = Instant::now();
    let mut second = start(OWN, folder.path());
    let grown = grows_beyond(&log, before);
    let took = grown.map(|()| begun.elapsed());
    // The end of its input is its sign to cancel the run and to end.
    drop(second.stdin.take());
    second.wait().expect("a child can be waited for");
    took
}

fn start(how: &str, folder: &Path) -> Child {
    let program = std::env::current_exe().expect("this program has a path");
    Command::new(program)
        .arg(how)
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program can be started again")
}

fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |found| found.len())
}

fn grows_beyond(path: &Path, bytes: u64) -> Option<()> {
    let begun = Instant::now();
    while length(path) <= bytes {
        if begun.elapsed() > PATIENCE {
            return None;
        }
        // Fine enough to measure with.
        sleep(Duration::from_millis(1));
    }
    Some(())
}

/// What the first process does: begins a run, says which, and waits to be killed.
pub async fn begin(folder: &Path) {
    busybox_image().await;
    let app = ours::open_app(folder).await;
    let request = ours::add_project(&app, folder, &ours::serial(1, TICKS)).await;
    let run = app.start_run(&request).await.expect("it starts");
    println!("{run}");
    app.wait_idle().await;
}

/// What the second process does: owns the folder, which takes the run up again, until its input ends.
pub async fn own(folder: &Path) {
    let app = ours::open_app(folder).await;
    let input_ends = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    input_ends.await.expect("it does not panic").expect("it is a pipe");
    for run in app.runs(&lp_api::dto::RunFilter { limit: 1, ..Default::default() }).await.expect("the history can be read").runs {
        app.kill_run(&run.id).await.expect("it is ours");
    }
    app.wait_idle().await;
    app.shutdown().await;
}
