//! A step goes on when nobody listens, and another process takes it over.

use crate::support::*;
use async_trait::async_trait;
use lp_backend::{
    Backend, BackendError, Before, CancelStage, Claims, Files, Keep, NoNotes, Notes, Position, SinkError, StageContext, StepContext,
    StepExit, StepSink,
};
use lp_backend_host::HostBackend;
use lp_model::Message;
use rustix::process::{Pid, Signal, kill_process};
use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};

/// Takes a step over from a position. Gives how it ended and the output from there.
async fn take_over(bench: &Bench, step: &StepContext, from: usize) -> (Result<StepExit, BackendError>, Arc<Collected>) {
    let sink = Arc::new(Collected { from: from as u64, ..Collected::default() });
    let exit = HostBackend::new(bench.root.clone()).run_step(&bench.stage, &taken_over(step), &*sink, &never().1).await;
    (exit, sink)
}

#[tokio::test]
async fn a_step_is_taken_over_while_it_runs() {
    let bench = Bench::new().await;
    let step = step(1, "mkfifo go; echo one $$; read line < go; echo two; exit 7");
    let first = bench.start(step.clone(), LONG);
    first.number("one").await;
    let mut log = first.abandon().await;
    let second = Arc::new(Collected { from: log.len() as u64, ..Collected::default() });
    let second = bench.start_with(taken_over(&step), LONG, second);
    bench.open("go").await;
    let sink = second.sink.clone();
    assert_eq!(second.end().await.0.unwrap(), StepExit::Code(7));
    log.extend(sink.bytes());
    let log = String::from_utf8(log).unwrap();
    assert!(log.starts_with("one ") && log.ends_with("\ntwo\n") && log.lines().count() == 2, "{log}");
    assert_eq!((*sink.creations.lock().unwrap(), *sink.starts.lock().unwrap()), (0, 1));
}

#[tokio::test]
async fn a_step_that_has_ended_meanwhile_tells_how() {
    for (script, expected) in [("exit 0", StepExit::Code(0)), ("exit 78", StepExit::Code(78)), ("kill -KILL $$", StepExit::Signal(9))] {
        let bench = Bench::new().await;
        let step = step(1, &format!("mkfifo go; echo supervisor $PPID; read line < go; echo last words; {script}"));
        let running = bench.start(step.clone(), LONG);
        let supervisor = running.number("supervisor").await;
        let taken = running.abandon().await.len();
        bench.open("go").await;
        ended(supervisor).await;
        // As often as it is asked, until the stage is destroyed.
        for _twice in 0..2 {
            let (exit, sink) = take_over(&bench, &step, taken).await;
            assert_eq!((exit.unwrap(), sink.text().as_str()), (expected, "last words\n"));
        }
        // A computer that was restarted since does not change what has been.
        fs::write(bench.record("boot"), "another\n").unwrap();
        let (exit, sink) = take_over(&bench, &step, taken).await;
        assert_eq!((exit.unwrap(), sink.text().as_str()), (expected, "last words\n"));
    }
}

#[tokio::test]
async fn what_is_left_in_the_background_ends_with_a_step_that_was_taken_over() {
    let bench = Bench::new().await;
    let script = "mkfifo ready; env -i sh -c 'echo bare $$; echo > ready; exec sleep 10000' & read line < ready
        mkfifo go; echo supervisor $PPID; read line < go; exit 3";
    let step = step(1, script);
    let running = bench.start(step.clone(), LONG);
    let (supervisor, bare) = (running.number("supervisor").await, running.number("bare").await);
    let taken = running.abandon().await.len();
    bench.open("go").await;
    ended(supervisor).await;
    assert!(!has_ended(bare), "nobody was there to end it");
    assert_eq!(take_over(&bench, &step, taken).await.0.unwrap(), StepExit::Code(3));
    assert!(has_ended(bare));
}

/// After a loss of power nothing may be written down of a step that ran.
#[tokio::test]
async fn a_step_that_ran_is_taken_over_whatever_was_written_down() {
    let bench = Bench::new().await;
    let step = step(1, "mkfifo go; echo ran >> runs; echo supervisor $PPID; read line < go; echo end; exit 3");
    let running = bench.start(step.clone(), LONG);
    let supervisor = running.number("supervisor").await;
    running.abandon().await;
    bench.open("go").await;
    ended(supervisor).await;
    let (exit, text) = bench.run_attempt(&step).await;
    assert_eq!(exit.unwrap(), StepExit::Code(3));
    assert!(text.ends_with("end\n"), "{text}");
    assert_eq!(fs::read_to_string(bench.work("runs")).unwrap(), "ran\n");
    // Its end did not reach the disk either.
    fs::write(bench.record("boot"), "another\n").unwrap();
    fs::write(bench.record("exit"), "").unwrap();
    assert!(matches!(bench.run_attempt(&step).await.0, Err(BackendError::Lost { .. })));
    // Nor its start.
    fs::remove_file(bench.record("start")).unwrap();
    assert!(matches!(bench.run_attempt(&step).await.0, Err(BackendError::Lost { .. })));
    assert_eq!(fs::read_to_string(bench.work("runs")).unwrap(), "ran\n");
}

/// What a process leaves that dies right after it has written down that the step is created.
async fn die_before_the_start(bench: &Bench, step: &StepContext) {
    let dead = bench.start_with(step.clone(), LONG, Arc::new(Collected { is_dead: true, ..Collected::default() }));
    let sink = dead.sink.clone();
    loop {
        let changed = sink.changed.notified();
        if *sink.creations.lock().unwrap() == 1 {
            break;
        }
        changed.await;
    }
    dead.abandon().await;
}

#[tokio::test]
async fn a_step_that_was_never_started_is_started_once() {
    let bench = Bench::new().await;
    let step = step(1, "echo ran >> runs; echo out");
    die_before_the_start(&bench, &step).await;
    let records = bench.record("supervisor.sh");
    let (exit, sink) = take_over(&bench, &step, 0).await;
    assert_eq!((exit.unwrap(), sink.text().as_str()), (StepExit::Code(0), "out\n"));
    assert_eq!((*sink.creations.lock().unwrap(), *sink.starts.lock().unwrap()), (0, 1));

    // What the first one was about to start comes late.
    let mut late = tokio::process::Command::new("/bin/sh");
    late.arg(&records).arg(records.parent().unwrap()).args(["/bin/touch", "late"]).current_dir(bench.work("")).stderr(Stdio::null());
    let late = late.status().await.unwrap();
    assert_eq!(late.code(), Some(125));
    assert!(!bench.work("late").exists());
    assert_eq!(fs::read_to_string(bench.work("runs")).unwrap(), "ran\n");
    // And whoever asks again hears of the one that ran.
    let (exit, sink) = take_over(&bench, &step, 1).await;
    assert_eq!((exit.unwrap(), sink.text().as_str()), (StepExit::Code(0), "ut\n"));
    assert_eq!(fs::read_to_string(bench.work("runs")).unwrap(), "ran\n");
}

#[tokio::test]
async fn a_step_that_was_almost_started_is_started_or_cancelled() {
    let step = step(1, "echo ran >> runs");
    // The supervisor was killed while it wrote its line.
    let bench = Bench::new().await;
    die_before_the_start(&bench, &step).await;
    fs::write(bench.record("start"), "123 (sh) S").unwrap();
    assert_eq!(take_over(&bench, &step, 0).await.0.unwrap(), StepExit::Code(0));
    assert_eq!(fs::read_to_string(bench.work("runs")).unwrap(), "ran\n");

    let bench = Bench::new().await;
    die_before_the_start(&bench, &step).await;
    let (handle, cancel) = never();
    handle.advance(CancelStage::Ask);
    let exit = bench.backend.run_step(&bench.stage, &taken_over(&step), &Collected::default(), &cancel).await;
    assert_eq!(exit.unwrap(), StepExit::Killed);
    // Who lives through a restart of the computer cannot know what had reached the disk.
    die_before_the_start(&bench, &step).await;
    fs::write(bench.record("boot"), "another\n").unwrap();
    assert!(matches!(take_over(&bench, &step, 0).await.0, Err(BackendError::Lost { .. })));
    assert!(!bench.work("runs").exists());
}

#[tokio::test]
async fn a_step_that_is_just_being_started_is_waited_for() {
    let bench = Bench::new().await;
    let step = step(1, "never started from here");
    die_before_the_start(&bench, &step).await;
    // Does what a supervisor and a pump do, but stands still between the two lines.
    let script = "mkfifo gate; read -r line < /proc/self/stat; echo \"$line\" > \"$0/pump\"; echo \"$line\" > \"$0/start\"; echo claimed
        read go < gate; echo \"$line\" >> \"$0/start\"; echo output >> \"$0/output\"; echo '5 1.00 0.00' 1<> \"$0/exit\"";
    let mut supervisor = tokio::process::Command::new("/bin/sh")
        .args(["-c", script])
        .arg(bench.record(""))
        .current_dir(bench.work(""))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(supervisor.stdout.take().unwrap()).lines();
    assert_eq!(said.next_line().await.unwrap().unwrap(), "claimed");
    let taken = bench.start(taken_over(&step), LONG);
    bench.open("gate").await;
    assert!(supervisor.wait().await.unwrap().success());
    let sink = taken.sink.clone();
    let (exit, text) = taken.end().await;
    assert_eq!((exit.unwrap(), text.as_str(), *sink.starts.lock().unwrap()), (StepExit::Code(5), "output\n", 1));
}

#[tokio::test]
async fn what_cannot_be_known_is_lost_and_never_started_again() {
    let script = "echo ran >> runs; echo supervisor $PPID; echo program $$; exec sleep 10000";
    let start = async |bench: &Bench| {
        let running = bench.start(step(1, script), LONG);
        let pids = [running.number("supervisor").await, running.number("program").await];
        (running.abandon().await.len(), pids)
    };
    let lost = async |bench: &Bench, taken: usize| {
        let (exit, _) = take_over(bench, &step(1, script), taken).await;
        let error = exit.unwrap_err();
        assert!(matches!(error, BackendError::Lost { .. }), "{error}");
        error.to_string()
    };

    // Everything was killed.
    let bench = Bench::new().await;
    let (taken, pids) = start(&bench).await;
    for pid in pids {
        kill_process(pid, Signal::KILL).unwrap();
        ended(pid).await;
    }
    assert_eq!(lost(&bench, taken).await, "lost: what watched over step `build` was ended from outside");
    // Once more: it stays so.
    lost(&bench, taken).await;
    let (handle, cancel) = never();
    handle.advance(CancelStage::Ask);
    let exit = bench.backend.run_step(&bench.stage, &taken_over(&step(1, script)), &Collected::default(), &cancel).await;
    assert_eq!(exit.unwrap(), StepExit::Killed);

    // The computer was restarted: the numbers belong to others now, who are left alone.
    let bench = Bench::new().await;
    let (taken, [supervisor, program]) = start(&bench).await;
    fs::write(bench.record("boot"), "another\n").unwrap();
    kill_process(supervisor, Signal::KILL).unwrap();
    assert_eq!(lost(&bench, taken).await, "lost: this computer was restarted while step `build` was under way");
    // It still has the marks of the step, which no process has after a restart.
    assert!(has_ended(program));

    // The folder is gone.
    let bench = Bench::new().await;
    let (taken, _) = start(&bench).await;
    fs::remove_dir_all(bench.root.join(bench.stage.name()).join("steps")).unwrap();
    assert_eq!(lost(&bench, taken).await, "lost: nothing is left of step `build` on this computer");
    assert_eq!(fs::read_to_string(bench.work("runs")).unwrap(), "ran\n");
}

#[tokio::test]
async fn a_program_without_its_supervisor_is_followed_to_its_end() {
    let bench = Bench::new().await;
    let script = "mkfifo go; echo supervisor $PPID; echo program $$; read line < go; echo end";
    for is_taken_over in [false, true] {
        let mut step = step(1, script);
        step.key.attempt += u32::from(is_taken_over);
        let first = bench.start(step.clone(), LONG);
        let supervisor = first.number("supervisor").await;
        kill_process(supervisor, Signal::KILL).unwrap();
        ended(supervisor).await;
        let running = if is_taken_over {
            first.abandon().await;
            bench.start(taken_over(&step), LONG)
        } else {
            first
        };
        let program = running.number("program").await;
        assert!(!has_ended(program));
        bench.open("go").await;
        let (exit, text) = running.end().await;
        assert!(matches!(exit, Err(BackendError::Lost { .. })), "{exit:?}");
        assert!(text.ends_with("\nend\n"), "{text}");
        fs::remove_file(bench.work("go")).unwrap();
    }
}

#[tokio::test]
async fn a_step_that_was_taken_over_can_be_cancelled() {
    let bench = Bench::new().await;
    let script = "trap 'echo bye; exit 0' TERM; setsid sh -c 'trap \"\" TERM; echo stubborn $$; exec sleep 10000' &
        echo ready $$; while :; do sleep 10000 & wait $!; done";
    for stage in [CancelStage::Ask, CancelStage::Kill] {
        let mut step = step(1, script);
        step.key.attempt += u32::from(stage == CancelStage::Kill);
        let first = bench.start(step.clone(), LONG);
        let pids = [first.number("ready").await, first.number("stubborn").await];
        let taken = first.abandon().await.len() as u64;
        let sink = Arc::new(Collected { from: taken, ..Collected::default() });
        let second = bench.start_with(taken_over(&step), Duration::from_millis(200), sink);
        second.cancel.advance(stage);
        let (exit, text) = second.end().await;
        assert_eq!(exit.unwrap(), StepExit::Killed);
        // The shell may say too that what it waited for was ended.
        assert_eq!(text.ends_with("bye\n"), stage == CancelStage::Ask, "{text}");
        assert!(pids.iter().all(|pid| has_ended(*pid)));
        // The one who asked has died before it could say so.
        assert_eq!(take_over(&bench, &step, 0).await.0.unwrap(), StepExit::Killed);
    }
}

#[tokio::test]
async fn every_byte_is_as_it_was_written_wherever_the_log_goes_on() {
    let bench = Bench::new().await;
    let script = "printf 'a\\000b\\377\\376\\r'; head -c 16000000 /dev/zero | tr '\\000' x; printf '\\n\\344\\270'; mkfifo go; read line < go; printf '\\255no end'";
    let step = step(1, script);
    let mut expected = b"a\0b\xff\xfe\r".to_vec();
    expected.resize(expected.len() + 16_000_000, b'x');
    expected.extend(b"\n\xe4\xb8\xadno end");

    let running = bench.start(step.clone(), LONG);
    let sink = running.sink.clone();
    loop {
        let changed = sink.changed.notified();
        if sink.bytes().ends_with(b"\xe4\xb8") {
            break;
        }
        changed.await;
    }
    assert!(expected.starts_with(&running.abandon().await));
    bench.open("go").await;
    for from in [0, 3, 7_654_321, expected.len() - 7, expected.len()] {
        let (exit, sink) = take_over(&bench, &step, from).await;
        assert_eq!(exit.unwrap(), StepExit::Code(0));
        assert!(sink.bytes() == expected[from..], "from byte {from}: {} bytes", sink.bytes().len());
    }
}

/// What an owner of the data folder leaves behind: a log, and how far the run has come.
struct Owner {
    log: Mutex<File>,
    news: Mutex<std::io::Stdout>,
    folder: PathBuf,
    from: u64,
}

impl Owner {
    fn open(folder: &Path) -> Self {
        let log = OpenOptions::new().create(true).append(true).open(folder.join("log")).unwrap();
        let from = log.metadata().unwrap().len();
        Self { log: Mutex::new(log), news: Mutex::new(std::io::stdout()), folder: folder.to_owned(), from }
    }

    fn before(&self) -> Before {
        if self.folder.join("created").exists() { Before::Created } else { Before::Nothing }
    }
}

#[async_trait]
impl StepSink for Owner {
    async fn created(&self) -> Result<(), SinkError> {
        fs::write(self.folder.join("created"), "").unwrap();
        Ok(())
    }

    async fn started(&self) {}

    fn position(&self) -> Position {
        Position { stdout: self.from, stderr: 0 }
    }

    async fn write(&self, bytes: &[u8], upto: Position) -> Result<(), SinkError> {
        self.log.lock().unwrap().write_all(bytes).unwrap();
        // On a line of its own, whatever the test's own report prints.
        self.news.lock().unwrap().write_all(format!("\nTAKEN {}\n", upto.stdout).as_bytes()).unwrap();
        Ok(())
    }

    async fn gap(&self, _upto: Option<Position>) -> Result<(), SinkError> {
        Ok(())
    }
}

#[async_trait]
impl Notes for Owner {
    async fn note(&self, _: Message) {}

    fn progress(&self, _sentence: Message) {}
}

const PHASES: usize = 6;
const LINES: usize = 2000;

/// The step of the test below, driven by whoever owns the folder.
async fn own(folder: &Path) -> StepExit {
    let script = format!(
        "for phase in $(seq {PHASES}); do
            mkfifo go-$phase; i=0; while [ $i -lt {LINES} ]; do echo \"phase $phase line $i\"; i=$((i+1)); done; read line < go-$phase
        done; exit 7"
    );
    let backend = HostBackend::new(folder.join("host"));
    let owner = Owner::open(folder);
    let files = if owner.before() == Before::Created { Files::Kept } else { Files::Fresh };
    let stage = StageContext { files, ..stage("run-1", None) };
    backend.prepare(&stage, &NoNotes, &never().1).await.unwrap();
    let step = StepContext { before: owner.before(), ..step(1, &script) };
    backend.run_step(&stage, &step, &owner, &never().1).await.unwrap()
}

#[tokio::test]
async fn killed_owners_leave_no_trace_in_the_log() {
    const FOLDER: &str = "LP_TEST_OWNED_FOLDER";
    if let Some(folder) = env::var_os(FOLDER) {
        // This is one of the owners that the test starts.
        own(Path::new(&folder)).await;
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let folder = fs::canonicalize(temp.path()).unwrap();
    let text = |phase: usize| (0..LINES).map(|i| format!("phase {phase} line {i}\n")).collect::<String>();
    let mut before = 0;
    for phase in 1..=PHASES {
        let mut owner = tokio::process::Command::new(env::current_exe().unwrap())
            .args(["--exact", "survival::killed_owners_leave_no_trace_in_the_log", "--nocapture"])
            .env(FOLDER, &folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(owner.stdout.take().unwrap()).lines();
        // In the middle of what this phase writes, or, in every other phase, when it waits for us.
        let until = before + if phase % 2 == 0 { text(phase).len() } else { 1 };
        loop {
            let line = lines.next_line().await.unwrap().expect("the owner lives until we kill it");
            if line.strip_prefix("TAKEN ").is_some_and(|taken| taken.parse::<usize>().unwrap() >= until) {
                break;
            }
        }
        kill_process(Pid::from_raw(owner.id().unwrap().cast_signed()).unwrap(), Signal::KILL).unwrap();
        assert!(!owner.wait().await.unwrap().success());
        // Nobody owns it now, and the step goes on.
        let gate = folder.join(format!("host/lp-run-1-1/work/go-{phase}"));
        tokio::task::spawn_blocking(move || fs::write(gate, "\n")).await.unwrap().unwrap();
        before += text(phase).len();
    }
    assert_eq!(own(&folder).await, StepExit::Code(7));
    let expected: String = (1..=PHASES).map(text).collect();
    let log = fs::read_to_string(folder.join("log")).unwrap();
    assert!(log == expected, "{} bytes instead of {}", log.len(), expected.len());

    let backend = HostBackend::new(folder.join("host"));
    assert_eq!(backend.sweep(&Claims::default()).await.unwrap().removed, ["lp-run-1-1"]);
    assert_eq!(fs::read_dir(folder.join("host")).unwrap().count(), 0);
    assert_eq!(backend.destroy(&stage("run-1", None), Keep::Nothing).await.unwrap(), Vec::<lp_model::Message>::new());
}
