//! How a step is ended from outside.

use crate::support::*;
use lp_backend::{Backend, CancelStage, StepExit};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

#[tokio::test]
async fn a_step_may_clean_up_when_it_is_asked_to_end() {
    let bench = Bench::new().await;
    let running = bench.start(step(1, "trap 'echo bye; exit 0' TERM; echo ready $$; while :; do sleep 10000 & wait $!; done"), LONG);
    let pid = running.number("ready").await;
    running.cancel.advance(CancelStage::Ask);
    let (exit, text) = running.end().await;
    assert_eq!(exit.unwrap(), StepExit::Killed);
    assert!(text.ends_with("bye\n"), "{text}");
    assert!(has_ended(pid));
}

#[tokio::test]
async fn a_signal_that_is_lost_on_the_way_to_a_program_is_sent_again() {
    let bench = Bench::new().await;
    // What a shell does for a moment whenever it starts a program, held still: a trap takes the signal, then the program starts.
    let script = "mkfifo never; trap 'exec sleep 10000' TERM; echo ready $$; read line 3<> never <&3";
    let running = bench.start(step(1, script), LONG);
    let pid = running.number("ready").await;
    running.cancel.advance(CancelStage::Ask);
    let (exit, _) = running.end().await;
    assert_eq!(exit.unwrap(), StepExit::Killed);
    assert!(has_ended(pid));
}

#[tokio::test]
async fn a_stubborn_step_is_killed_after_its_grace_time() {
    let bench = Bench::new().await;
    let running = bench.start(step(1, "trap '' TERM; echo ready $$; while :; do sleep 10000; done"), Duration::from_millis(20));
    let pid = running.number("ready").await;
    running.cancel.advance(CancelStage::Ask);
    let (exit, _) = running.end().await;
    assert_eq!(exit.unwrap(), StepExit::Killed);
    assert!(has_ended(pid));
}

#[tokio::test]
async fn the_second_cancel_does_not_wait_for_the_grace_time() {
    let bench = Bench::new().await;
    let running = bench.start(step(1, "trap 'echo heard 1' TERM; echo ready $$; while :; do sleep 10000; done"), LONG);
    let pid = running.number("ready").await;
    running.cancel.advance(CancelStage::Ask);
    running.number("heard").await;
    running.cancel.advance(CancelStage::Kill);
    let (exit, _) = running.end().await;
    assert_eq!(exit.unwrap(), StepExit::Killed);
    assert!(has_ended(pid));
}

#[tokio::test]
async fn the_whole_tree_is_killed() {
    let bench = Bench::new().await;
    let script = "echo main $$
        sh -c 'sleep 10000 & echo child $!; wait' &
        setsid sh -c 'trap \"\" TERM; echo grandchild $$; setsid sleep 10000 & echo deep $!; wait' &
        env -i setsid sh -c 'echo bare $$; sleep 10000' &
        wait";
    for stage in [CancelStage::Kill, CancelStage::Ask] {
        let running = bench.start(step(1, script), Duration::from_millis(20));
        let mut pids = Vec::new();
        for word in ["main", "child", "grandchild", "deep", "bare"] {
            pids.push(running.number(word).await);
        }
        running.cancel.advance(stage);
        let (exit, _) = running.end().await;
        assert_eq!(exit.unwrap(), StepExit::Killed);
        assert!(pids.iter().all(|pid| has_ended(*pid)), "{pids:?}");
    }
}

#[tokio::test]
async fn a_log_that_stands_still_does_not_hold_up_a_cancel() {
    let bench = Bench::new().await;
    let sink = Arc::new(Collected { permits: Some(Semaphore::new(0)), ..Collected::default() });
    let running = bench.start_with(step(1, "echo ready $$; head -c 3000000 /dev/zero; exec sleep 10000"), LONG, sink);
    let pid = running.number("ready").await;
    running.cancel.advance(CancelStage::Kill);
    ended(pid).await;
    assert!(!running.task.is_finished(), "the output that is there still has to be accepted");
    running.sink.permits.as_ref().unwrap().add_permits(1_000_000);
    assert_eq!(running.end().await.0.unwrap(), StepExit::Killed);
}

#[tokio::test]
async fn a_step_that_is_cancelled_before_its_start_never_starts() {
    let bench = Bench::new().await;
    let (handle, cancel) = never();
    handle.advance(CancelStage::Ask);
    let sink = Collected::default();
    let exit = bench.backend.run_step(&bench.stage, &step(1, "touch started"), &sink, &cancel).await;
    assert_eq!(exit.unwrap(), StepExit::Killed);
    assert!(*sink.starts.lock().unwrap() == 0 && !bench.work("started").exists());
}

#[tokio::test]
async fn steps_beside_a_cancelled_one_go_on() {
    let bench = Bench::new().await;
    let one = bench.start(step(1, "echo ready $$; exec sleep 10000"), LONG);
    let other = bench.start(step(2, "mkfifo go; echo ready $$; read line < go; echo done"), LONG);
    one.number("ready").await;
    other.number("ready").await;
    one.cancel.advance(CancelStage::Ask);
    assert_eq!(one.end().await.0.unwrap(), StepExit::Killed);
    bench.open("go").await;
    let (exit, text) = other.end().await;
    assert!(exit.unwrap() == StepExit::Code(0) && text.ends_with("done\n"), "{text}");
}
