//! A run waits, is driven, and is closed; and none of that costs more than what happens in it.

use crate::plan_text::plan;
use crate::world::{Setup, World};
use lp_backend::fake::FakePlaces;
use lp_engine::EngineSettings;
use lp_model::{CancelReason, RunState, StepNumber};
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn a_run_takes_a_turn_only_while_it_is_driven() {
    let places = FakePlaces { destroy_takes: Duration::from_secs(50), ..FakePlaces::default() };
    let settings = EngineSettings { max_runs: 1, ..EngineSettings::default() };
    let world = World::new(Setup { places, settings, ..Setup::default() });
    let failing = plan("first SLEEP=10s STEP_EXIT_CODE=1");
    let failed = world.start("r1", &failing);
    failed.over().await;
    assert!(!failed.is_settled(), "its place is still being removed");
    let next = world.start("r2", &plan("second SLEEP=10s"));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.backend.when("start second"), Some(Duration::from_secs(10)), "the removal takes nobody's turn");

    // One that was retried and is cancelled in the queue leaves it at once, and is not called when its turn would have come.
    failed.wait().await;
    let retried = world.retry("r1", &failing).await;
    let last = world.start("r3", &plan("third SLEEP=1s"));
    let others_end = next.over().await;
    assert_eq!(others_end.state, RunState::Passed);
    retried.cancel(CancelReason::Forced);
    retried.wait().await;
    let again = world.retry("r1", &failing).await;
    assert_eq!(world.engine.queue().iter().map(|queued| queued.run.to_string()).collect::<Vec<_>>(), ["r1"]);
    again.cancel(CancelReason::User);
    assert_eq!(again.over().await.state, RunState::Cancelled);
    assert!(world.engine.queue().is_empty());
    assert_eq!(last.over().await.state, RunState::Passed);
    let late = world.start("r4", &plan("fourth SLEEP=1s"));
    assert_eq!(late.over().await.state, RunState::Passed);
    assert_eq!(world.backend.violations(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_wider_limit_of_steps_reaches_those_that_wait() {
    let settings = EngineSettings { max_steps: 1, ..EngineSettings::default() };
    let world = World::new(Setup { settings: settings.clone(), ..Setup::default() });
    let run = world.start("r1", &plan("a needs=- SLEEP=10s\nb needs=- SLEEP=10s\nc needs=- SLEEP=10s"));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.backend.running().len(), 1);
    world.engine.set_settings(EngineSettings { max_steps: 3, ..settings });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.backend.running().len(), 3, "the run that is under way has them at once");
    assert_eq!(run.wait().await.state, RunState::Passed);
    assert_eq!(world.backend.now(), Duration::from_secs(11));
}

#[tokio::test(start_paused = true)]
async fn no_more_steps_are_made_ahead_than_may_run() {
    let settings = EngineSettings { max_steps: 3, ..EngineSettings::default() };
    let world = World::new(Setup { settings, ..Setup::default() });
    let wide: String = (0..20).map(|i| format!("s{i} needs=first SLEEP=1s\n")).collect();
    let run = world.start("r1", &plan(&format!("first SLEEP=10s\n{wide}")));
    tokio::time::sleep(Duration::from_secs(5)).await;
    let ahead = || world.backend.calls().iter().filter(|call| call.what.starts_with("ahead ")).count();
    assert_eq!(ahead(), 3);
    // All others wait for their turn to run: nothing is to be gained any more.
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(ahead(), 3);
    assert_eq!(run.wait().await.state, RunState::Passed);
    assert_eq!(world.backend.violations(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_steps_pass_in_either_order() {
    const COUNT: u32 = 10_000;
    let text: String = (0..COUNT).map(|i| format!("s{i}\n")).collect();
    let in_order = plan(&text);
    let mut backwards = in_order.clone();
    for step in &mut backwards.stages[0].steps {
        step.needs = if step.number.0 < COUNT { vec![StepNumber(step.number.0 + 1)] } else { Vec::new() };
    }
    for plan in [in_order, backwards] {
        let world = World::new(Setup::default());
        let end = world.start("r1", &plan).wait().await;
        assert_eq!(end.state, RunState::Passed);
        assert_eq!(world.backend.violations(), [""; 0]);
        let ended = world.past("r1").events.iter().filter(|(_, event)| matches!(event, lp_model::RunEvent::StepEnded { .. })).count();
        assert_eq!(ended, COUNT as usize);
    }
}
