//! The computer loses its power in the middle of a run, and is switched on again.

use crate::engine::{PIPELINE, assert_lost, assert_retry_passes, on_an_island};
use crate::left::{assert_engine_is_empty, assert_host_is_empty, processes_of_steps};
use lp_tests::press::Press;
use rustix::process::{Signal, kill_process};

#[tokio::test]
async fn with_an_engine() {
    let (mut island, press, repository) = on_an_island(PIPELINE, &[]).await;
    let mut run = press.start(&["run", &repository]);
    run.until_out("under way").await;
    assert!(run.kill().await);
    island.cut_power();
    // Without an engine the run waits, and says so.
    let mut attached = press.start(&["attach", "last"]);
    attached.until_err("waiting for it").await;
    island.give_power().await;
    assert_lost(&press, attached.end().await).await;
    assert_retry_passes(&press, "last").await;
    assert_engine_is_empty(&island.docker(), &press, "").await;
}

#[tokio::test]
async fn on_the_host() {
    let press = Press::without_engine();
    let pipeline =
        PIPELINE.replace("  image: alpine\n  pull: if-not-exists\n", "").replace("name: default\n", "name: default\ntype: exec\n");
    let repository = press.repository("shop", &[(".drone.yml", &pipeline)]);
    let mut run = press.start(&["run", &repository, "--backend", "host"]);
    run.until_out("under way").await;
    assert!(run.kill().await);
    // No process survives; what is on the disk does.
    let processes = processes_of_steps(&press);
    assert!(!processes.is_empty(), "the step was under way");
    for pid in processes {
        kill_process(pid, Signal::KILL).unwrap();
    }
    assert_lost(&press, press.start(&["attach", "last"]).end().await).await;
    assert_retry_passes(&press, "last").await;
    assert_host_is_empty(&press, "");
}
