//! What runs when, while nothing is wrong with the world.

use crate::plan_text::plan;
use crate::world::{Setup, World, key, run, run_with};
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn steps_run_one_after_the_other() {
    run("build SLEEP=1s
         test SLEEP=2s
         deploy")
    .await
    .expect(
        "run passed
         default passed: build passed, test passed, deploy passed
         0s start build, 1s end build, 1s start test, 3s end test, 3s start deploy, 3s end deploy",
    );
}

#[tokio::test(start_paused = true)]
async fn a_group_runs_at_once() {
    run("clone
         a SLEEP=1s
         b SLEEP=3s needs=clone
         after needs=a,b")
    .await
    .expect(
        "run passed
         default passed: clone passed, a passed, b passed, after passed
         0s start clone, 0s end clone, 0s start a, 0s start b, 1s end a, 3s end b, 3s start after, 3s end after",
    );
}

#[tokio::test(start_paused = true)]
async fn a_graph_runs_each_step_as_soon_as_it_can() {
    run("a SLEEP=1s
         b SLEEP=3s needs=-
         c SLEEP=1s needs=a
         d needs=b,c")
    .await
    .expect(
        "run passed
         default passed: a passed, b passed, c passed, d passed
         0s start a, 0s start b, 1s end a, 1s start c, 2s end c, 3s end b, 3s start d, 3s end d",
    );
}

#[tokio::test(start_paused = true)]
async fn a_service_is_there_for_the_steps_and_ends_with_them() {
    run("db service STEP_START_DELAY=2s
         test needs=db SLEEP=1s")
    .await
    .expect(
        "run passed
         default passed: db passed EndedWithStage, test passed
         0s start db, 2s start test, 3s end test, 3s kill db, 3s end db",
    );
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_service_does_not_count() {
    run("db service SLEEP=1s STEP_EXIT_CODE=1
         test SLEEP=2s")
    .await
    .expect(
        "run passed
         default passed: db failed 1, test passed
         0s start db, 0s start test, 1s end db, 2s end test",
    );
}

#[tokio::test(start_paused = true)]
async fn a_detached_step_is_not_waited_for() {
    run("server detached
         test SLEEP=1s
         report SLEEP=1s")
    .await
    .expect(
        "run passed
         default passed: server passed EndedWithStage, test passed, report passed
         0s start server, 0s start test, 1s end test, 1s start report, 2s end report, 2s kill server, 2s end server",
    );
}

#[tokio::test(start_paused = true)]
async fn stages_run_at_once_or_after_others() {
    run("stage linux
           build SLEEP=2s
         stage windows
           build2 SLEEP=1s
         stage publish needs=linux,windows
           push
         stage alarm needs=linux,windows on=failure
           mail")
    .await
    .expect(
        "run passed
         linux passed: build passed
         windows passed: build2 passed
         publish passed: push passed
         alarm skipped: mail skipped NothingFailed
         0s start build, 0s start build2, 1s end build2, 2s end build, 2s start push, 2s end push",
    );
}

#[tokio::test(start_paused = true)]
async fn a_stage_for_failures_runs_after_one() {
    run("stage build
           make STEP_EXIT_CODE=2
         stage publish needs=build
           push
         stage alarm needs=build on=failure
           mail")
    .await
    .expect(
        "run failed
         build failed: make failed 2
         publish skipped: push skipped
         alarm passed: mail passed",
    );
}

#[tokio::test(start_paused = true)]
async fn exit_78_ends_the_stage_early_as_passed() {
    run("check exit78 STEP_EXIT_CODE=78
         build
         report on=always")
    .await
    .expect(
        "run passed
         default passed: check passed EndedStage, build skipped EndedEarly, report passed",
    );
}

#[tokio::test(start_paused = true)]
async fn a_step_gets_its_facts() {
    let setup = Setup { secrets: vec![("token", "hunter22")], ..Setup::default() };
    let (world, report) = run_with(
        setup,
        "build SLEEP=2s STEP_EXIT_CODE=1 S=@run_status
         mail on=failure TOKEN=$token RUN=@run_status STAGE=@stage_status FAILED=@failed_steps FROM=@run_started NOW=@step_started ON=@machine IN=@workspace PLAIN=x",
        |_| {},
    )
    .await;
    report.expect(
        "run failed
         default failed: build failed 1, mail passed",
    );
    assert_eq!(world.backend.environment("build")["S"], "success");
    let mail = world.backend.environment("mail");
    for (variable, value) in [
        ("TOKEN", "hunter22"),
        ("RUN", "failure"),
        ("STAGE", "failure"),
        ("FAILED", "build"),
        ("FROM", "1700000000"),
        ("NOW", "1700000002"),
        ("ON", "localhost"),
        ("IN", "(workspace dir)"),
        ("PLAIN", "x"),
    ] {
        assert_eq!(mail[variable], value, "{variable}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_runs_at_once_share_nothing() {
    let world = World::new(Setup::default());
    let good = plan("a SLEEP=2s STEP_LOG=good");
    let bad = plan("a SLEEP=1s STEP_LOG=bad STEP_EXIT_CODE=1");
    let (one, two) = (world.start("r1", &good), world.start("r2", &bad));
    let (one, two) = (one.wait().await, two.wait().await);
    assert_eq!((one.state.as_str(), two.state.as_str()), ("passed", "failed"));
    assert_eq!(world.log("r1", key(1, 1)), "good\n");
    assert_eq!(world.log("r2", key(1, 1)), "bad\n");
    assert_eq!(world.backend.calls().last().unwrap().at, Duration::from_secs(2), "they ran at the same time");
}
