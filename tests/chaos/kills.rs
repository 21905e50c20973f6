//! `kill -9` at random moments, again and again: every run ends as if nothing had happened.

use crate::chance::{self, Dice};
use crate::left;
use crate::picture::{Picture, set_secret};
use bollard::Docker;
use lp_tests::docker::require_engine;
use lp_tests::images::busybox_image;
use lp_tests::press::{Press, Said};
use std::time::{Duration, Instant};

const SECRET: &str = "correct-horse-battery";

/// Six steps over one working copy. Each program writes its name into a file, which the last one prints: a program that ran twice, or not at
/// all, stands there. `END` is what the fifth step ends with.
const STEPS: &str = r#"
- name: out
  commands:
  - echo out >> ran
  - for i in $(seq 1 30); do echo "out $i"; sleep 0.02; done
  - seq 1 20000
  - printf 'no line feed here'
- name: two
  commands:
  - echo two >> ran
  - PONG
  - for i in $(seq 1 30); do echo "err $i" >&2; sleep 0.02; done
- name: secret
  environment: {TOKEN: {from_secret: token}}
  commands:
  - echo secret >> ran
  - for i in $(seq 1 15); do printf %s "$TOKEN" | cut -c 1-7 | tr -d '\n'; sleep 0.01; printf %s "$TOKEN" | cut -c 8-; sleep 0.01; done
- name: ignored
  failure: ignore
  commands:
  - echo ignored >> ran
  - sleep 0.2
  - exit 3
- name: both
  commands:
  - echo both >> ran
  - for i in $(seq 1 20); do echo "out $i"; echo "err $i" >&2; sleep 0.02; done
  - END
- name: last
  when: {status: [WHEN]}
  commands:
  - echo last >> ran
  - cat ran
  - sleep 0.2
"#;

/// What must be in the file when all of the steps have run.
const RAN: &str = "out\ntwo\nsecret\nignored\nboth\nlast\n";

/// Where the six steps run.
struct Ground {
    press: Press,
    /// Passes.
    passing: String,
    /// The fifth step fails the first time, and the last one runs only on failure.
    failing: String,
    place: &'static str,
    docker: Option<Docker>,
}

impl Ground {
    async fn docker() -> Self {
        busybox_image().await;
        let docker = require_engine().await;
        // A service that answers says by its log how often it was started.
        let head = "kind: pipeline\nname: default\nservices:\n- name: cache\n  image: alpine\n  pull: if-not-exists\n  commands:\n  - echo ready\n  - nc -ll -p 6379 -e /bin/echo pong\nsteps:";
        let steps = STEPS.replace("  commands:", "  image: alpine\n  pull: if-not-exists\n  commands:");
        let steps = steps.replace("- PONG", "- until nc cache 6379 </dev/null >pong 2>/dev/null; do sleep 0.05; done\n  - cat pong");
        Self::new(Press::new(), &format!("{head}{steps}"), "docker", Some(docker))
    }

    fn host() -> Self {
        let head = "kind: pipeline\ntype: exec\nname: default\nsteps:";
        let steps = STEPS.replace("  - PONG\n", "");
        Self::new(Press::without_engine(), &format!("{head}{steps}"), "host", None)
    }

    fn new(press: Press, pipeline: &str, place: &'static str, docker: Option<Docker>) -> Self {
        let passing = pipeline.replace("END", "true").replace("WHEN", "success");
        let failing = pipeline.replace("END", "test $(grep -c both ran) -gt 1").replace("WHEN", "failure");
        let passing = press.repository("passing", &[(".drone.yml", &passing)]);
        let failing = press.repository("failing", &[(".drone.yml", &failing)]);
        set_secret(&press, &passing, "token", SECRET);
        set_secret(&press, &failing, "token", SECRET);
        Self { press, passing, failing, place, docker }
    }

    /// What a run and the retry of a failed one look like when nobody disturbs them.
    async fn undisturbed(&self) -> Undisturbed {
        let begin = Instant::now();
        self.press.say(&["run", &self.passing, "--backend", self.place]).expect(0);
        let length = begin.elapsed();
        let passed = Picture::of(&self.press, "passing#1").await;
        assert_eq!(passed.state, "passed");
        assert!(passed.step("last").log.contains(RAN), "{}", passed.step("last").log);
        assert_eq!(passed.step("secret").log.matches("********").count(), 15, "{}", passed.step("secret").log);
        assert_eq!(passed.step("ignored").exit_code, Some(3));
        assert!(passed.step("out").log.ends_with("\n20000\n+ printf 'no line feed here'\nno line feed here"));
        assert!(passed.step("both").log.ends_with("err 19\nerr 20\n"));

        self.press.say(&["run", &self.failing, "--backend", self.place]).expect(1);
        let failed = Picture::of(&self.press, "failing#1").await;
        assert_eq!(failed.state, "failed");
        assert!(failed.step("last").log.contains(RAN), "{}", failed.step("last").log);
        self.press.say(&["retry", "failing#1"]).expect(0);
        let retried = Picture::of(&self.press, "failing#1").await;
        assert_eq!(retried.state, "passed");
        Undisturbed { length, passed, failed, retried }
    }

    /// Nothing of ours is left: no containers, networks, volumes, processes, folders, and no secret in any file.
    async fn assert_nothing_left(&self, whose: &str) {
        if let Some(docker) = &self.docker {
            left::assert_engine_is_empty(docker, &self.press, whose).await;
        }
        left::assert_host_is_empty(&self.press, whose);
        left::assert_no_file_holds(self.press.data(), SECRET.as_bytes());
    }
}

struct Undisturbed {
    length: Duration,
    passed: Picture,
    failed: Picture,
    retried: Picture,
}

/// How often commands were killed, and what was lost by it.
#[derive(Default)]
struct Tally {
    kills: u64,
    runs: u64,
    /// Commands that were killed before they had written a run down: there is nothing to go on with.
    too_early: u64,
}

/// The id of the newest run. Its number cannot be foretold: who is killed just before he writes a run down has used one up.
fn newest(press: &Press) -> String {
    let history = press.say(&["history", "--format", "json"]).expect(0).json();
    history["runs"][0]["id"].as_str().unwrap().to_owned()
}

/// Starts a run and disturbs it. Returns its id with what the last command said, and `None` when the first was killed before there was a run.
async fn disturb_new(ground: &Ground, repository: &str, length: Duration, dice: &mut Dice, tally: &mut Tally) -> Option<(String, Said)> {
    let before = newest(&ground.press);
    let first = ground.press.start(&["run", repository, "--backend", ground.place]);
    // The moment of the kill is what is random here; nothing is waited for.
    tokio::time::sleep(dice.span(length)).await;
    let killed = first.kill().await;
    tally.kills += u64::from(killed);
    let run = newest(&ground.press);
    if run == before {
        assert!(killed, "a command that came to its end has written a run down");
        tally.too_early += 1;
        return None;
    }
    let said = if killed { go_on(ground, &run, length, dice, tally).await } else { ground.press.say(&["attach", &run]) };
    Some((run, said))
}

/// Retries a run and disturbs that. Returns what the last command said.
async fn disturb_retry(ground: &Ground, run: &str, length: Duration, dice: &mut Dice, tally: &mut Tally) -> Said {
    let first = ground.press.start(&["retry", run]);
    // The moment of the kill is what is random here; nothing is waited for.
    tokio::time::sleep(dice.span(length)).await;
    if !first.kill().await {
        // It was over before. Attaching to it again must tell the same.
        return ground.press.say(&["attach", run]);
    }
    tally.kills += 1;
    go_on(ground, run, length, dice, tally).await
}

/// Lets others go on with the run, which may be killed as well. Returns what the last one said.
async fn go_on(ground: &Ground, run: &str, length: Duration, dice: &mut Dice, tally: &mut Tally) -> Said {
    for _ in 0..4 {
        if dice.throw(3) > 0 {
            break;
        }
        let next = ground.press.start(&["attach", run]);
        tokio::time::sleep(dice.span(length)).await;
        tally.kills += u64::from(next.kill().await);
        if ground.docker.is_some() {
            left::assert_no_file_holds(ground.press.data(), SECRET.as_bytes());
        }
    }
    ground.press.start(&["attach", run]).end().await
}

async fn kills_at_random_moments(ground: Ground, least: u64) {
    let begin = Instant::now();
    let undisturbed = ground.undisturbed().await;
    ground.assert_nothing_left("undisturbed").await;
    let first_seed = chance::first_seed();
    let mut tally = Tally::default();
    for seed in first_seed.. {
        if tally.kills >= least {
            break;
        }
        let mut dice = Dice::new(seed);
        let again = format!("LETTERPRESS_SEED={} LETTERPRESS_KILLS=1 tries this again", dice.seed());
        let fails = dice.throw(2) == 0;
        let repository = if fails { &ground.failing } else { &ground.passing };
        let Some((run, said)) = disturb_new(&ground, repository, undisturbed.length, &mut dice, &mut tally).await else {
            ground.assert_nothing_left(&again).await;
            continue;
        };
        tally.runs += 1;
        let expected = if fails { &undisturbed.failed } else { &undisturbed.passed };
        assert_eq!(said.code, i32::from(fails), "{again}: {run}\n{}\n{}", said.out, said.err);
        let differences = Picture::of(&ground.press, &run).await.differences(expected);
        assert!(differences.is_empty(), "{again}: {run}: {differences:#?}\n{}", said.err);
        if fails {
            let mut said = disturb_retry(&ground, &run, undisturbed.length / 2, &mut dice, &mut tally).await;
            let picture = Picture::of(&ground.press, &run).await;
            if picture.step("both").attempt == 1 {
                // Killed before the retry was written down: the run is as it was.
                assert_eq!(said.code, 1, "{again}: {run}\n{}\n{}", said.out, said.err);
                assert_eq!(picture.differences(expected), Vec::<String>::new(), "{again}: {run}");
                said = ground.press.start(&["retry", &run]).end().await;
            }
            assert_eq!(said.code, 0, "{again}: retry of {run}\n{}\n{}", said.out, said.err);
            let differences = Picture::of(&ground.press, &run).await.differences(&undisturbed.retried);
            assert!(differences.is_empty(), "{again}: retry of {run}: {differences:#?}\n{}", said.err);
        }
        ground.assert_nothing_left(&again).await;
    }
    println!(
        "{}: {} kills in {} runs ({} before there was a run) in {:.0?}; an undisturbed run took {:.1?}; seeds from {first_seed}",
        ground.place,
        tally.kills,
        tally.runs,
        tally.too_early,
        begin.elapsed(),
        undisturbed.length
    );
}

#[tokio::test]
async fn in_containers() {
    kills_at_random_moments(Ground::docker().await, chance::kills(12)).await;
}

#[tokio::test]
async fn on_the_host() {
    kills_at_random_moments(Ground::host(), chance::kills(40)).await;
}
