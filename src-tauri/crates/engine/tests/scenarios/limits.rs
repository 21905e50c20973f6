//! Time limits and the number of runs.

use crate::plan_text::plan;
use crate::world::{Setup, World, after, key, place, run, run_id, run_plan, run_with};
use lp_backend::fake::FakePlaces;
use lp_engine::{EngineSettings, Notice, QueuePlace, RunHandle, StartError};
use lp_model::message;
use lp_model::{CancelReason, RunEvent, RunState};
use std::sync::Arc;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn a_run_out_of_time() {
    let mut plan = plan(
        "a SLEEP=1s
         b SLEEP=1m IGNORE_TERM=true
         c
         mail on=failure",
    );
    plan.timeout_s = 5;
    run_plan(Setup::default(), plan, |_| {}).await.1.expect(
        "run timed_out
         default cancelled: a passed, b failed TimedOut, c skipped Cancelled, mail skipped Cancelled
         0s start a, 1s end a, 1s start b, 5s ask b, 15s kill b, 15s end b",
    );
}

#[tokio::test(start_paused = true)]
async fn a_step_out_of_time_has_failed() {
    run("a SLEEP=1m timeout=5 STEP_START_DELAY=2s
         b
         mail on=failure")
    .await
    .expect(
        "run failed
         default failed: a failed TimedOut, b skipped, mail passed
         0s start a, 7s ask a, 7s end a, 7s start mail, 7s end mail",
    );
    run("a SLEEP=1m timeout=5 failure=ignore
         b")
    .await
    .expect("run passed\n default passed: a failed TimedOut, b passed");
    run("a SLEEP=4s timeout=5
         b SLEEP=9s")
    .await
    .expect("run passed\n default passed: a passed, b passed");
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_zero_or_beyond_all_time_is_none() {
    for timeout_s in [0, u64::MAX] {
        let mut plan = plan("a SLEEP=200m");
        plan.timeout_s = timeout_s;
        run_plan(Setup::default(), plan, |_| {}).await.1.expect("run passed\n default passed: a passed");
    }
}

#[tokio::test(start_paused = true)]
async fn runs_wait_for_their_turn_in_order() {
    let settings = EngineSettings { max_runs: 1, ..EngineSettings::default() };
    let world = World::new(Setup { settings, ..Setup::default() });
    let runs: Vec<_> = (1..=4).map(|n| world.start(&format!("r{n}"), &plan(&format!("step{n} SLEEP=1s")))).collect();
    runs[2].cancel(CancelReason::User);
    assert_eq!(runs[2].wait().await.state, RunState::Cancelled);
    assert!(!world.memory.events(&run_id("r3")).contains(&RunEvent::RunStarted));
    for n in [0, 1, 3] {
        assert_eq!(runs[n].wait().await.state, RunState::Passed);
    }
    let started = |n: u64| world.backend.when(&format!("start step{n}"));
    assert_eq!(started(1), Some(Duration::ZERO));
    assert_eq!(started(2), Some(Duration::from_secs(1)));
    assert_eq!(started(3), None);
    assert_eq!(started(4), Some(Duration::from_secs(2)));
}

/// A world with room for one run, and three runs of 10 s in it.
fn three_in_line() -> (World, Vec<RunHandle>) {
    let world = World::new(Setup { settings: EngineSettings { max_runs: 1, ..EngineSettings::default() }, ..Setup::default() });
    let runs = (1..=3).map(|n| world.start(&format!("r{n}"), &plan(&format!("step{n} SLEEP=10s")))).collect();
    (world, runs)
}

#[tokio::test(start_paused = true)]
async fn more_places_let_waiting_runs_go_at_once() {
    let (world, runs) = three_in_line();
    tokio::time::sleep(Duration::from_secs(2)).await;
    world.engine.set_settings(EngineSettings { max_runs: 2, ..EngineSettings::default() });
    for run in &runs {
        assert_eq!(run.wait().await.state, RunState::Passed);
    }
    let started = |n: u64| world.backend.when(&format!("start step{n}")).map(|at| at.as_secs());
    assert_eq!([started(1), started(2), started(3)], [Some(0), Some(2), Some(10)]);
}

#[tokio::test(start_paused = true)]
async fn fewer_places_delay_later_runs_only() {
    let (world, mut runs) = three_in_line();
    world.engine.set_settings(EngineSettings { max_runs: 3, ..EngineSettings::default() });
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.engine.set_settings(EngineSettings { max_runs: 0, ..EngineSettings::default() });
    runs.extend((4..=5).map(|n| world.start(&format!("r{n}"), &plan(&format!("step{n} SLEEP=10s")))));
    for run in &runs {
        assert_eq!(run.wait().await.state, RunState::Passed);
    }
    let started = |n: u64| world.backend.when(&format!("start step{n}")).map(|at| at.as_secs());
    assert_eq!([1, 2, 3, 4, 5].map(started), [Some(0), Some(0), Some(0), Some(10), Some(20)]);
}

#[tokio::test(start_paused = true)]
async fn a_run_goes_by_what_was_set_when_it_began() {
    let settings = EngineSettings { max_runs: 1, ..EngineSettings::default() };
    let world = World::new(Setup { settings: settings.clone(), ..Setup::default() });
    let runs: Vec<_> = (1..=2).map(|n| world.start(&format!("r{n}"), &plan(&format!("step{n} SLEEP=10m IGNORE_TERM=true")))).collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.engine.set_settings(EngineSettings { grace: Duration::from_secs(3), ..settings });
    for run in &runs {
        // Each when it has begun: one second later.
        after(Duration::from_secs(1), run, |run| run.cancel(CancelReason::User));
        assert_eq!(run.wait().await.state, RunState::Cancelled);
    }
    let at = |what: &str| world.backend.when(what).unwrap().as_secs();
    assert_eq!((at("ask step1"), at("kill step1")), (2, 12), "the grace time of 10 s");
    assert_eq!((at("start step2"), at("ask step2"), at("kill step2")), (12, 13, 16), "the grace time of 3 s");
}

#[tokio::test(start_paused = true)]
async fn new_deadlines_hold_for_later_runs() {
    let places = FakePlaces { prepare_takes: Duration::from_secs(100), destroy_takes: Duration::from_secs(100), ..FakePlaces::default() };
    let world = World::new(Setup { places, ..Setup::default() });
    let short = Duration::from_secs(5);
    world.engine.set_settings(EngineSettings { prepare_silence: short, cleanup_deadline: short, ..EngineSettings::default() });
    let run = world.start("r1", &plan("a"));
    assert_eq!(run.wait().await.state, RunState::Errored);
    assert_eq!(world.backend.when("destroy default"), Some(short));
    let leftovers = world.memory.events(&run_id("r1")).into_iter().find_map(|event| match event {
        RunEvent::StageDestroyed { leftovers, .. } => Some(leftovers),
        _ => None,
    });
    assert_eq!(leftovers.unwrap(), ["`lp-r1-1`: not removed after 5 s"]);
}

/// Real threads and real time: what a paused clock on one thread cannot show.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_runs_on_many_threads() {
    let settings = EngineSettings { max_runs: 8, ..EngineSettings::default() };
    let world = World::new(Setup { settings, ..Setup::default() });
    let text = "db service
         a SLEEP=1ms STEP_LOG_LINES=50
         b needs=- STEP_LOG_LINES=50
         c needs=a,b STEP_EXIT_CODE=1
         mail on=failure
         stage two
           d STEP_LOG_LINES=50
         stage three needs=default,two on=always
           e";
    // Every third is cancelled, and would never end by itself.
    let plans = [plan(&text.replace("1ms", "forever")), plan(text), plan(text)];
    let start = |n: usize| {
        let run = world.start(&format!("run{n}"), &plans[n % 3]);
        if n.is_multiple_of(3) {
            run.cancel(CancelReason::User);
        }
        run
    };
    let runs: Vec<_> = (0..60).map(start).collect();
    for (n, run) in runs.iter().enumerate() {
        let state = run.wait().await.state;
        assert_eq!(state, if n.is_multiple_of(3) { RunState::Cancelled } else { RunState::Failed }, "{}", run.run());
        let events = world.memory.events(run.run());
        let again = lp_engine::scheduler::Scheduler::replay(Arc::new(plans[n % 3].clone()), &events).unwrap();
        assert_eq!(again.run_state(), state);
        if !n.is_multiple_of(3) {
            let starts = events.iter().filter(|event| matches!(event, RunEvent::StepStarted { .. })).count();
            assert_eq!(starts, 7, "no end of a step overtakes its start");
            assert_eq!(world.log(run.run().as_str(), key(1, 3)).lines().count(), 50);
        }
    }
    assert_eq!(world.backend.violations(), [""; 0]);
    assert_eq!(world.backend.left(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_run_is_started_once() {
    let world = World::new(Setup::default());
    let plan = Arc::new(plan("a SLEEP=1s"));
    let run = world.engine.start(run_id("r1"), Arc::clone(&plan), place("p")).unwrap();
    let again = world.engine.start(run_id("r1"), Arc::clone(&plan), place("p")).unwrap_err();
    assert_eq!(again, StartError::AlreadyLive(run_id("r1")));
    assert_eq!(world.engine.live(), [run_id("r1")]);
    assert_eq!(world.engine.run(&run_id("r1")).unwrap().wait().await, run.wait().await);
    assert!(world.engine.run(&run_id("r1")).is_none());
    run.cancel(CancelReason::User);
    assert_eq!(run.wait().await.state, RunState::Passed);
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_could_never_end_is_not_started() {
    let mut plan = plan("a\n b");
    plan.stages[0].steps[0].needs = vec![lp_model::StepNumber(2)];
    let refused = World::new(Setup::default()).engine.start(run_id("r1"), Arc::new(plan), place("p")).unwrap_err();
    assert_eq!(refused.to_string(), "the plan cannot be carried out: step `a` waits for itself");
}

#[tokio::test(start_paused = true)]
async fn projects_and_environments_share_the_machine_fairly() {
    let settings = EngineSettings { max_runs: 2, ..EngineSettings::default() };
    let world = World::new(Setup { settings, ..Setup::default() });
    let start = |name: &str, project: &str, environment: Option<&str>| {
        let place = QueuePlace { environment: environment.map(str::to_owned), ..place(project) };
        world.engine.start(run_id(name), Arc::new(plan(&format!("{name} SLEEP=10s"))), place).unwrap()
    };
    let runs = [
        start("r1", "p", Some("prod")),
        start("r2", "p", Some("prod")),
        start("r3", "p", None),
        start("r4", "p", None),
        start("r5", "q", Some("prod")),
    ];
    let queue = |world: &World| world.engine.queue().iter().map(|q| format!("{} {:?}", q.run, q.waits_for)).collect::<Vec<_>>();
    assert_eq!(queue(&world), ["r5 Machine", "r2 Environment", "r4 Machine"]);
    for run in &runs {
        assert_eq!(run.wait().await.state, RunState::Passed);
    }
    let started = |n: u64| world.backend.when(&format!("start r{n}")).unwrap().as_secs();
    assert_eq!([1, 2, 3, 4, 5].map(started), [0, 10, 0, 20, 10], "another project's run came before the many of the first");
    assert!(world.engine.queue().is_empty());
}

#[tokio::test(start_paused = true)]
async fn stages_of_a_kind_wait_for_one_another_over_all_runs_of_a_project() {
    let settings =
        EngineSettings { max_runs: 9, max_runs_per_environment: 0, prepare_silence: Duration::from_secs(5), ..EngineSettings::default() };
    let world = World::new(Setup { settings, ..Setup::default() });
    let plans: Vec<_> = (1..=4).map(|n| plan(&format!("stage deploy at_once=1\n s{n} SLEEP=10s"))).collect();
    let second = Duration::from_secs(1);
    let mut runs = Vec::new();
    for n in 1..=3 {
        runs.push(world.start(&format!("r{n}"), &plans[n - 1]));
        tokio::time::sleep(second).await;
    }
    runs.push(world.engine.start(run_id("r4"), Arc::new(plans[3].clone()), place("q")).unwrap());
    after(12 * second, &runs[2], |run| run.cancel(CancelReason::User));
    let mut ends = Vec::new();
    for run in &runs {
        ends.push(run.wait().await);
    }
    let states: Vec<_> = ends.iter().map(|end| end.state).collect();
    assert_eq!(states, [RunState::Passed, RunState::Passed, RunState::Cancelled, RunState::Passed]);
    let started = |n: u64| world.backend.when(&format!("start s{n}")).map(|at| at.as_secs());
    assert_eq!([1, 2, 3, 4].map(started), [Some(0), Some(10), None, Some(3)], "the wait does not count for the deadline");
    let notes: Vec<_> =
        world.memory.events(&run_id("r2")).into_iter().filter(|event| matches!(event, RunEvent::StepNoted { .. })).collect();
    let note = message!("waits: at most {} such stages of the project run at the same time", 1_u32);
    assert_eq!(notes, [RunEvent::StepNoted { key: key(1, 1), note }]);

    // A stage that runs already keeps its slot in the next process.
    let world = World::new(Setup { settings: EngineSettings { max_runs: 9, ..EngineSettings::default() }, ..Setup::default() });
    for n in 1..=2 {
        world.start(&format!("r{n}"), &plans[n - 1]);
        tokio::time::sleep(second).await;
    }
    let world = world.next_process().await;
    let runs = [1, 2].map(|n| world.resume(&format!("r{n}"), &plans[n - 1]));
    for run in runs {
        assert_eq!(run.wait().await.state, RunState::Passed);
    }
    assert_eq!(world.backend.when("start s2"), Some(Duration::from_secs(10)));
}

#[tokio::test(start_paused = true)]
async fn only_so_many_steps_run_at_once_on_this_computer() {
    let pipeline = "db service
                    a needs=- SLEEP=10s
                    b needs=- SLEEP=10s
                    c needs=- SLEEP=10s";
    let world = World::new(Setup { settings: EngineSettings { max_steps: 2, ..EngineSettings::default() }, ..Setup::default() });
    let plan = plan(pipeline);
    let runs = [world.start("r1", &plan), world.start("r2", &plan)];
    tokio::time::sleep(Duration::from_secs(1)).await;
    let running: Vec<_> = world.backend.running().into_iter().filter(|name| !name.ends_with("-1-1-1")).collect();
    assert_eq!(running.len(), 2, "of both runs together, services not counted: {running:?}");
    assert_eq!(world.backend.running().len(), 4);
    for run in runs {
        let end = run.wait().await;
        let report = world.report(&plan, run.run().as_str(), end);
        report.expect("run passed\n default passed: db passed EndedWithStage, a passed, b passed, c passed");
    }
    assert_eq!(world.backend.now(), Duration::from_secs(30), "six steps, two at a time");

    // One that waits for its place ends at once when it is cancelled, and one that was taken over does not wait.
    let world = World::new(Setup { settings: EngineSettings { max_steps: 1, ..EngineSettings::default() }, ..Setup::default() });
    let run = world.start("r1", &plan);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.backend.running().len(), 2);
    run.cancel(CancelReason::Forced);
    assert_eq!(run.wait().await.state, RunState::Cancelled);
    assert_eq!(world.backend.now(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn the_making_of_a_stage_takes_as_long_as_it_gets_on() {
    let long = FakePlaces {
        prepare_takes: Duration::from_secs(50 * 60),
        prepare_tells_every: Some(Duration::from_secs(60)),
        ..FakePlaces::default()
    };
    let report = run_with(Setup { places: long, ..Setup::default() }, "a", |_| {}).await.1;
    report.expect("run passed\n default passed: a passed");
    assert_eq!(report.notes(), [""; 0], "how far it is is no event");
    let told = report.notices.iter().filter(|notice| matches!(notice, Notice::Progress { step: None, .. }));
    assert_eq!(told.count(), 49);

    let silent = FakePlaces { prepare_takes: Duration::from_secs(50 * 60), ..FakePlaces::default() };
    let report = run_with(Setup { places: silent, ..Setup::default() }, "a", |_| {}).await.1;
    assert_eq!(report.stage_error().0, "the making of the stage has not got any further for 300 s");
}

#[tokio::test(start_paused = true)]
async fn progress_of_a_step_is_told_and_never_stored() {
    let report = run("a STEP_PROGRESS=1m").await;
    report.expect("run passed\n default passed: a passed");
    assert_eq!(report.notes(), [""; 0]);
    let told = report.notices.iter().filter(|notice| matches!(notice, Notice::Progress { step: Some(_), .. }));
    assert_eq!(told.count(), 60);
}
