//! What people and other engines do to a run: two engines on one machine, a program that runs on behind an outage and then a retry, and
//! somebody who tidies up containers, volumes and networks at random moments, while the app lives and while it does not.

use crate::chance::{self, Dice};
use crate::engine::{PIPELINE, on_an_island};
use crate::left::assert_engine_is_empty;
use crate::picture::Picture;
use bollard::Docker;
use bollard::query_parameters::{RemoveContainerOptions, RemoveContainerOptionsBuilder, RemoveVolumeOptions};
use lp_api::dto::{Settings, StepStateWord};
use lp_tests::docker::{labelled, require_engine};
use lp_tests::images::{busybox_image, busybox_image_in};
use lp_tests::island::Island;
use lp_tests::press::Press;
use std::time::Duration;

/// A run that rests on one engine is not gone on with on another one; it waits for its own, or says so.
#[tokio::test]
async fn two_engines_on_one_machine() {
    let pipeline = PIPELINE.replace("- test $(grep -c during ran) -gt 1 || sleep 600\n", "- sleep 5\n");
    let (mut island, press, repository) = on_an_island(&pipeline, &["--live-restore"]).await;
    let other = Island::rise(&[]).await;
    busybox_image_in(&other.docker()).await;
    let app = press.app(false).await;
    let settings = app.settings().await.unwrap();
    app.set_settings(Settings { engine_patience_s: 2, ..settings }).await.unwrap();
    app.shutdown().await;

    let mut run = press.start(&["run", &repository]);
    run.until_out("under way").await;
    run.kill().await;
    island.kill_engine().await;
    // Only the other one answers: it has nothing of this run, and gets nothing of it.
    let elsewhere = Press::with_engine_at(&other.url()).with_data(press.data());
    let said = elsewhere.say(&["attach", "last"]);
    assert_eq!(said.code, 1, "{}\n{}", said.out, said.err);
    let picture = Picture::of(&press, "last").await;
    assert_ne!(picture.step("after").state, StepStateWord::Passed, "it did not go on in an empty working copy");
    assert_engine_is_empty(&other.docker(), &press, "the other engine").await;
    island.start_engine().await;
    let said = press.start(&["retry", "last"]).end().await.expect(0);
    assert!(said.out.ends_with("before\nduring\nduring\n") || said.out.ends_with("before\nduring\n"), "{}", said.out);
    assert_eq!(Picture::of(&press, "last").await.state, "passed");
    assert_engine_is_empty(&island.docker(), &press, "its own engine").await;
}

/// The engine is away for so long that the step is given up and nothing can be removed; the program runs on. Nothing begins beside it.
#[tokio::test]
async fn a_program_that_runs_on_and_then_a_retry() {
    let pipeline = PIPELINE.replace(
        "- test $(grep -c during ran) -gt 1 || sleep 600\n",
        "- if test $(grep -c during ran) = 1; then for i in $(seq 1 6000); do echo still >> beat; sleep 0.1; done; fi\n  - wc -l < beat > first\n  - sleep 2\n  - wc -l < beat > second\n  - cmp first second\n",
    );
    let (island, press, repository) = on_an_island(&pipeline, &[]).await;
    let app = press.app(false).await;
    let settings = app.settings().await.unwrap();
    app.set_settings(Settings { engine_patience_s: 2, ..settings }).await.unwrap();
    app.shutdown().await;
    let mut run = press.start(&["run", &repository]);
    run.until_out("under way").await;
    island.freeze_engine();
    run.end().await.expect(1).explains(&["the container engine does not answer; waiting for it", "run 1 errored"]);
    island.thaw_engine();
    // The second attempt compares twice how much the first one has written: it has ended by then.
    press.start(&["retry", "last"]).end().await.expect(0);
    let picture = Picture::of(&press, "last").await;
    assert_eq!((picture.state.as_str(), picture.step("during").attempt), ("passed", 2));
    assert_engine_is_empty(&island.docker(), &press, "").await;
}

/// Four steps that write their names.
const WRITERS: &str = r#"kind: pipeline
name: default
services:
- name: cache
  image: alpine
  pull: if-not-exists
  commands:
  - nc -ll -p 6379 -e /bin/echo pong
steps:
"#;

const NAMES: [&str; 4] = ["one", "two", "three", "four"];

fn writers() -> String {
    let step = |name| {
        let commands = format!("\n  - echo {name} >> ran\n  - sleep 0.4\n  - cat ran");
        format!("- name: {name}\n  image: alpine\n  pull: if-not-exists\n  commands:{commands}\n")
    };
    format!("{WRITERS}{}", NAMES.map(step).concat())
}

/// What a person, or a job of theirs, throws away: of ours alone, since others test on the same engine.
async fn tidy_up(docker: &Docker, owner: &str, dice: &mut Dice) -> String {
    let mut things = labelled(docker, "letterpress.owner", owner).await;
    let what = dice.throw(4);
    things.retain(|thing| match what {
        // `docker container prune`, `docker rm -f`, `docker volume prune`, `docker network prune`.
        0 | 1 => thing.starts_with("container "),
        2 => thing.starts_with("volume "),
        _ => thing.starts_with("network "),
    });
    if what == 1 && !things.is_empty() {
        things = vec![things.swap_remove(usize::try_from(dice.throw(things.len() as u64)).unwrap())];
    }
    for thing in &things {
        let (kind, name) = thing.split_once(' ').unwrap();
        // What is in use, or has gone in this moment, stays or is gone: as it is with the real commands.
        let _refused = match kind {
            "container" if what == 1 => {
                docker.remove_container(name, Some(RemoveContainerOptionsBuilder::new().force(true).build())).await.is_err()
            }
            "container" => docker.remove_container(name, None::<RemoveContainerOptions>).await.is_err(),
            "volume" => docker.remove_volume(name, None::<RemoveVolumeOptions>).await.is_err(),
            _ => docker.remove_network(name).await.is_err(),
        };
    }
    let command = ["container prune", "rm -f", "volume prune", "network prune"][usize::try_from(what).unwrap()];
    format!("docker {command}: {}", things.join(", "))
}

#[tokio::test]
async fn somebody_tidies_up_at_random_moments() {
    busybox_image().await;
    let docker = require_engine().await;
    let press = Press::new();
    let repository = press.repository("shop", &[(".drone.yml", &writers())]);
    press.say(&["run", &repository]).expect(0);
    let owner = std::fs::read_to_string(press.data().join("folder-id")).unwrap().trim().to_owned();
    let length = Duration::from_secs(4);
    let first_seed = chance::first_seed();
    for seed in first_seed..first_seed + chance::kills(8) {
        let mut dice = Dice::new(seed);
        let mut story = vec![format!("LETTERPRESS_SEED={seed} LETTERPRESS_KILLS=1 tries this again")];
        let run = press.start(&["run", &repository]);
        tokio::time::sleep(dice.span(length)).await;
        let is_killed = dice.throw(2) == 0;
        let mut said = None;
        if is_killed {
            story.push(format!("killed: {}", run.kill().await));
            story.push(tidy_up(&docker, &owner, &mut dice).await);
        } else {
            story.push(tidy_up(&docker, &owner, &mut dice).await);
            said = Some(run.end().await);
        }
        let said = match said {
            Some(said) => said,
            None => press.start(&["attach", "last"]).end().await,
        };
        story.push(format!("{}\n{}", said.out, said.err));
        let mut picture = Picture::of(&press, "last").await;
        for _ in 0..3 {
            if picture.state == "passed" {
                break;
            }
            assert_eq!(said.code, 1, "{story:#?}");
            let said = press.start(&["retry", "last"]).end().await;
            story.push(format!("retried: {}\n{}", said.out, said.err));
            picture = Picture::of(&press, "last").await;
        }
        assert_eq!(picture.state, "passed", "{story:#?}");
        // In what the last step saw, each step stands at most as often as it was tried, and none is missing.
        let log = &picture.step("four").log;
        let ran = log.rsplit("+ cat ran\n").next().unwrap();
        for name in NAMES {
            let times = ran.lines().filter(|line| *line == name).count();
            let attempts = usize::try_from(picture.step(name).attempt).unwrap();
            assert!((1..=attempts).contains(&times), "{name} ran {times} times in {attempts} attempts: {ran}\n{story:#?}");
        }
        assert_engine_is_empty(&docker, &press, &format!("{story:#?}")).await;
    }
}
