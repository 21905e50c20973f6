//! Projects, runs, events, secrets and settings on real SQLite files.
#![allow(clippy::unwrap_used)]

mod common;

use common::*;
use lp_model::Message;
use lp_model::{CancelReason, IllegalMove, RunEvent, RunState, SkipReason, StageNumber, StageState, StepKey, StepOutcome, StepState};
use lp_store::{KeptStage, Logs, NewRun, RunCursor, RunFilter, StagePlace, Store, StoreError};
use sqlx::{Connection, SqliteConnection};

const STAGE: StageNumber = StageNumber(1);

/// A run that passes, with a service; one event per millisecond from 1 000 on.
fn whole_run() -> Vec<(i64, RunEvent)> {
    let mut events = vec![RunEvent::RunStarted, RunEvent::StagePreparing { stage: STAGE }, RunEvent::StageReady { stage: STAGE }];
    events.extend([1, 2].map(|step| RunEvent::StepStarting { key: key(step) }));
    events.push(RunEvent::StepNoted { key: key(2), note: Message::verbatim("fetching the image") });
    events.extend([1, 2].map(|step| RunEvent::StepStarted { key: key(step) }));
    events.push(RunEvent::StepEnded { key: key(2), outcome: StepOutcome::Exited { code: 3 } });
    events.push(RunEvent::StepSkipped { key: key(3), reason: SkipReason::AfterFailure });
    events.push(RunEvent::StepEnded { key: key(1), outcome: StepOutcome::EndedWithStage });
    events.push(RunEvent::StageEnded { stage: STAGE, state: StageState::Failed, message: Message::default(), hint: Message::default() });
    events.push(RunEvent::RunEnded { state: RunState::Failed });
    events.push(RunEvent::StageDestroyed { stage: STAGE, leftovers: vec![], kept: false });
    (1_000..).zip(events).collect()
}

#[tokio::test]
async fn a_run_is_written_down_and_survives_the_app() {
    let dir = tempfile::tempdir().unwrap();
    let store = store_with_run(dir.path()).await;
    let events = whole_run();
    let (first, rest) = events.split_at(5);
    assert_eq!(store.append_events(&run_id("r"), first).await.unwrap(), 5);
    assert_eq!(store.run(&run_id("r")).await.unwrap().state, RunState::Running);
    assert_eq!(store.append_events(&run_id("r"), rest).await.unwrap(), events.len() as u64);

    // The app ends without closing anything.
    drop(store);
    let store = Store::open(dir.path()).await.unwrap();
    let stored = store.events(&run_id("r"), 0).await.unwrap();
    assert_eq!(stored.iter().map(|e| (e.at_ms, e.event.clone())).collect::<Vec<_>>(), events);
    assert_eq!(store.events(&run_id("r"), 13).await.unwrap().iter().map(|e| e.seq).collect::<Vec<_>>(), [14]);

    let detail = store.run_detail(&run_id("r")).await.unwrap();
    let run = &detail.run;
    assert_eq!((run.number, run.state, run.started_ms, run.ended_ms), (1, RunState::Failed, Some(1_000), Some(1_012)));
    assert_eq!((run.version_ref.as_str(), run.project_name.as_str(), run.event.as_str()), ("refs/tags/1.1.0", "Project p", "push"));
    assert_eq!(store.run_inputs(&run_id("r")).await.unwrap()["SHOP_NAME"], "铺子");
    assert_eq!(
        (detail.stages[0].state, detail.stages[0].started_ms, detail.stages[0].ended_ms),
        (StageState::Failed, Some(1_001), Some(1_011))
    );
    let steps: Vec<_> = detail.steps.iter().map(|s| (s.name.as_str(), s.state, s.exit_code, s.started_ms, s.skip_reason)).collect();
    assert_eq!(
        steps,
        [
            ("db", StepState::Passed, None, Some(1_003), None),
            ("test", StepState::Failed, Some(3), Some(1_004), None),
            ("publish", StepState::Skipped, None, None, Some(SkipReason::AfterFailure)),
        ]
    );
    assert_eq!(detail.steps[1].outcome, Some(StepOutcome::Exited { code: 3 }));
    assert_eq!(store.plan(&run_id("r")).await.unwrap(), plan(1));
    assert_eq!(store.event_facts(&run_id("r")).await.unwrap(), plan(1).event);
}

#[tokio::test]
async fn a_batch_with_an_illegal_move_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = store_with_run(dir.path()).await;
    let batch = [(1, RunEvent::RunStarted), (2, RunEvent::StepStarted { key: key(2) })];
    match store.append_events(&run_id("r"), &batch).await {
        Err(StoreError::IllegalMove(IllegalMove::State { from, to, .. })) => assert_eq!((from, to), ("pending", "running")),
        other => panic!("{other:?}"),
    }
    assert_eq!(store.run(&run_id("r")).await.unwrap().state, RunState::Queued);
    assert!(store.events(&run_id("r"), 0).await.unwrap().is_empty());
    let nobody = store.append_events(&run_id("nobody"), &batch).await;
    assert!(matches!(nobody, Err(StoreError::NotFound { what: "run", .. })), "{nobody:?}");
}

#[tokio::test]
async fn two_processes_may_write_to_one_run_in_turn() {
    let dir = tempfile::tempdir().unwrap();
    let (store, run) = (store_with_run(dir.path()).await, run_id("r"));
    let other_process = Store::open(dir.path()).await.unwrap();
    for (place, batch) in whole_run().chunks(1).enumerate() {
        let store = if place % 2 == 0 { &store } else { &other_process };
        assert_eq!(store.append_events(&run, batch).await.unwrap(), place as u64 + 1);
    }
    for store in [&store, &other_process] {
        assert_eq!(store.events(&run, 0).await.unwrap().len(), whole_run().len());
        assert_eq!(store.run(&run).await.unwrap().state, RunState::Failed);
    }
}

#[tokio::test]
async fn events_cannot_be_changed_and_go_only_with_their_run() {
    let dir = tempfile::tempdir().unwrap();
    let store = store_with_run(dir.path()).await;
    store.append_events(&run_id("r"), &whole_run()).await.unwrap();
    let mut raw = SqliteConnection::connect(&format!("sqlite://{}", store.path().display())).await.unwrap();
    for forbidden in ["UPDATE run_event SET at_ms = 0", "DELETE FROM run_event"] {
        let refused = sqlx::query(forbidden).execute(&mut raw).await.unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{refused}");
    }
    let mut repeat = new_run("p", "again", 2, 200);
    repeat.parent = Some(run_id("r"));
    store.create_run(&repeat).await.unwrap();
    let logs = Logs::new(dir.path());
    logs.writer(&run_id("r"), key(2), 1).unwrap();
    assert!(matches!(store.delete_run(&run_id("again"), &logs).await, Err(StoreError::Conflict { .. })), "it is not over");
    store.delete_run(&run_id("r"), &logs).await.unwrap();
    assert!(!logs.path(&run_id("r"), key(2)).exists());
    for table in ["run_event", "stage_run", "step_run", "run_input", "run_plan", "run_facts", "run_text"] {
        let of_it = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table} WHERE run_key = 1"));
        assert_eq!(sqlx::query_scalar::<_, i64>(of_it).fetch_one(&mut raw).await.unwrap(), 0, "{table}");
    }
    let found = store.runs(&RunFilter { text: Some("铺子".into()), ..RunFilter::default() }, None, 9).await.unwrap();
    assert_eq!(found.iter().map(|run| run.id.as_str()).collect::<Vec<_>>(), ["again"], "nor in the index of words");
    sqlx::query("INSERT INTO run_search (run_search, rank) VALUES ('integrity-check', 1)").execute(&mut raw).await.unwrap();
    assert_eq!(store.run(&run_id("again")).await.unwrap().parent, None);
}

#[tokio::test]
async fn what_was_left_behind_is_found_in_the_order_of_the_queue() {
    let dir = tempfile::tempdir().unwrap();
    let store = store_with_run(dir.path()).await;
    let (whole, last) = (whole_run(), whole_run().len() - 1);
    // The clock was set back meanwhile: the order is not its business.
    for (number, id, created_ms) in [(2, "half", 90), (3, "over", 80), (4, "not removed", 70), (5, "waits", 60)] {
        store.create_run(&new_run("p", &id.replace(' ', "-"), number, created_ms)).await.unwrap();
    }
    store.append_events(&run_id("half"), &whole[..8]).await.unwrap();
    store.append_events(&run_id("over"), &whole).await.unwrap();
    store.append_events(&run_id("not-removed"), &whole[..last]).await.unwrap();
    store.append_events(&run_id("r"), &whole[..last]).await.unwrap();
    store.append_events(&run_id("r"), &[(2_000, retried())]).await.unwrap();

    let found = store.unfinished().await.unwrap();
    let found: Vec<_> = found.iter().map(|left| (left.id.as_str(), left.state, left.can_be_taken_over)).collect();
    assert_eq!(
        found,
        [
            ("half", RunState::Running, true),
            ("not-removed", RunState::Failed, true),
            ("waits", RunState::Queued, true),
            ("r", RunState::Queued, true)
        ]
    );
}

/// The second attempt of what [`whole_run`] made: with the service again.
fn retried() -> RunEvent {
    let steps = [1, 2, 3].map(|step| StepKey { attempt: 2, ..key(step) });
    RunEvent::RunRetried { attempt: 2, stages: vec![STAGE], steps: steps.to_vec() }
}

#[tokio::test]
async fn a_run_that_nobody_can_go_on_with_is_closed_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let store = store_with_run(dir.path()).await;
    store.append_events(&run_id("r"), &whole_run()[..8]).await.unwrap();
    store
        .interrupt(
            &run_id("r"),
            5_000,
            &Message::verbatim("its plan is of a newer version"),
            &Message::verbatim("install the newest version"),
        )
        .await
        .unwrap();
    let half = store.run_detail(&run_id("r")).await.unwrap();
    assert_eq!((half.run.state, half.run.ended_ms), (RunState::Interrupted, Some(5_000)));
    assert_eq!(half.run.message, "its plan is of a newer version");
    assert!(half.steps.iter().all(|step| step.state == StepState::Interrupted));
    let stage = &half.stages[0];
    assert_eq!((stage.state, stage.hint.to_string().as_str()), (StageState::Interrupted, "install the newest version"));
    assert_eq!(stage.place, StagePlace::Left);
    let last = store.events(&run_id("r"), 0).await.unwrap().pop().unwrap();
    assert_eq!(last.event, RunEvent::RunEnded { state: RunState::Interrupted });
    assert_eq!(store.unfinished().await.unwrap(), []);
    // One that was over keeps its state; only what is there of it is left to the sweep.
    store.create_run(&new_run("p", "over", 2, 100)).await.unwrap();
    store.append_events(&run_id("over"), &whole_run()[..13]).await.unwrap();
    store.interrupt(&run_id("over"), 6_000, &Message::verbatim("why"), &Message::verbatim("what")).await.unwrap();
    let over = store.run_detail(&run_id("over")).await.unwrap();
    assert_eq!((over.run.state, over.stages[0].place), (RunState::Failed, StagePlace::Left));
}

#[tokio::test]
async fn earlier_attempts_stay_readable() {
    let dir = tempfile::tempdir().unwrap();
    let store = store_with_run(dir.path()).await;
    store.append_events(&run_id("r"), &whole_run()).await.unwrap();
    assert_eq!(store.attempts(&run_id("r")).await.unwrap(), []);
    let first = store.run_detail(&run_id("r")).await.unwrap();

    let mut second = vec![retried(), RunEvent::RunStarted, RunEvent::StagePreparing { stage: STAGE }];
    second.push(RunEvent::StageReady { stage: STAGE });
    for step in [1, 2, 3].map(|step| StepKey { attempt: 2, ..key(step) }) {
        second.extend([RunEvent::StepStarting { key: step }, RunEvent::StepCreated { key: step }, RunEvent::StepStarted { key: step }]);
        second.push(RunEvent::StepEnded { key: step, outcome: StepOutcome::Exited { code: 0 } });
    }
    second.push(RunEvent::StageEnded { stage: STAGE, state: StageState::Passed, message: Message::default(), hint: Message::default() });
    second.push(RunEvent::RunEnded { state: RunState::Passed });
    let second: Vec<_> = (3_000..).zip(second).collect();
    store.append_events(&run_id("r"), &second).await.unwrap();

    let now = store.run_detail(&run_id("r")).await.unwrap();
    assert_eq!((now.run.state, now.run.attempt, now.run.started_ms), (RunState::Passed, 2, Some(3_001)));
    assert!(now.steps.iter().all(|step| (step.key.attempt, step.state) == (2, StepState::Passed)));
    let attempts = store.attempts(&run_id("r")).await.unwrap();
    assert_eq!(attempts.len(), 1);
    let before = &attempts[0];
    assert_eq!((before.number, before.state, before.started_ms, before.ended_ms), (1, RunState::Failed, Some(1_000), Some(1_012)));
    assert_eq!((&before.stages, &before.steps), (&first.stages, &first.steps));
    // A run that passed is not retried.
    let again = RunEvent::RunRetried { attempt: 3, stages: vec![STAGE], steps: vec![] };
    assert!(matches!(store.append_events(&run_id("r"), &[(9_000, again)]).await, Err(StoreError::IllegalMove(_))));
}

#[tokio::test]
async fn kept_files_are_listed_measured_and_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let store = store_with_run(dir.path()).await;
    let mut events = whole_run();
    *events.last_mut().unwrap() = (1_013, RunEvent::StageDestroyed { stage: STAGE, leftovers: vec![], kept: true });
    for (number, id) in [(2, "a"), (3, "b")] {
        store.create_run(&new_run("p", id, number, 100)).await.unwrap();
        store.append_events(&run_id(id), &events).await.unwrap();
    }
    let kept = |run: &str, bytes| KeptStage {
        run: run_id(run),
        number: if run == "a" { 2 } else { 3 },
        project: project_id("p"),
        project_name: "Project p".into(),
        stage: STAGE,
        engine: None,
        ended_ms: 1_012,
        bytes,
    };
    store.set_kept_bytes(&run_id("b"), STAGE, 7_000_000).await.unwrap();
    assert_eq!(store.kept().await.unwrap(), [kept("a", None), kept("b", Some(7_000_000))]);
    store.give_up_kept(&run_id("a"), STAGE).await.unwrap();
    assert_eq!(store.kept().await.unwrap(), [kept("b", Some(7_000_000))]);
    // While a retry needs them they are not to be had.
    store.append_events(&run_id("b"), &[(2_000, retried())]).await.unwrap();
    assert_eq!(store.kept().await.unwrap(), []);
    store.give_up_kept(&run_id("b"), STAGE).await.unwrap();
    assert_eq!(store.run_detail(&run_id("b")).await.unwrap().stages[0].place, StagePlace::Kept);
}

#[tokio::test]
async fn a_cancel_is_seen_before_the_run_is_over() {
    let dir = tempfile::tempdir().unwrap();
    let store = store_with_run(dir.path()).await;
    let mut events = whole_run()[..3].to_vec();
    events.push((9, RunEvent::CancelRequested { reason: CancelReason::User }));
    store.append_events(&run_id("r"), &events).await.unwrap();
    let run = store.run(&run_id("r")).await.unwrap();
    assert_eq!((run.state, run.cancel_reason), (RunState::Running, Some(CancelReason::User)));
}

#[tokio::test]
async fn numbers_are_taken_once_even_by_many_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let store = store_with_run(dir.path()).await;
    let other_process = Store::open(dir.path()).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for i in 0..40 {
        let store = if i % 2 == 0 { store.clone() } else { other_process.clone() };
        tasks.spawn(async move { store.take_run_number(&project_id("p")).await.unwrap() });
    }
    let mut numbers = tasks.join_all().await;
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=40).collect::<Vec<u64>>());
    let twice = store.create_run(&new_run("p", "twice", 1, 1)).await;
    assert!(matches!(twice, Err(StoreError::Conflict { what: "run", .. })), "{twice:?}");
    assert!(matches!(store.take_run_number(&project_id("none")).await, Err(StoreError::NotFound { .. })));
    assert_eq!(store.run_by_number(&project_id("p"), 1).await.unwrap().id, run_id("r"));
}

async fn names(store: &Store, filter: RunFilter) -> Vec<String> {
    store.runs(&filter, None, 100).await.unwrap().iter().map(|run| run.id.to_string()).collect()
}

#[tokio::test]
async fn runs_are_listed_newest_first_page_by_page() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).await.unwrap();
    store.add_project(&project("p")).await.unwrap();
    // Several of one millisecond, and a clock that is set back in between: what was written down later is newer.
    for i in 0..25_u32 {
        let created_ms = if i < 15 { 1000 + i64::from(i / 4) } else { i64::from(i / 4) };
        store.create_run(&new_run("p", &format!("r{i:02}"), u64::from(i) + 1, created_ms)).await.unwrap();
    }
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = store.runs(&RunFilter::default(), cursor.as_ref(), 7).await.unwrap();
        let Some(last) = page.last() else { break };
        cursor = Some(RunCursor::from(last));
        seen.extend(page.iter().map(|run| run.id.to_string()));
    }
    let expected: Vec<String> = (0..25).rev().map(|i| format!("r{i:02}")).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn runs_are_found_by_project_state_and_words() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).await.unwrap();
    for id in ["p", "q"] {
        store.add_project(&project(id)).await.unwrap();
    }
    let make = |project, id, number, change: fn(&mut NewRun)| {
        let mut run = new_run(project, id, number, number as i64);
        change(&mut run);
        run
    };
    store.create_run(&make("p", "a", 1, |_| {})).await.unwrap();
    store.create_run(&make("p", "b", 2, |r| r.version_title = "修复购物车总价".into())).await.unwrap();
    store.create_run(&make("q", "c", 3, |r| r.version_name = "100%_done".into())).await.unwrap();
    store.append_events(&run_id("a"), &whole_run()).await.unwrap();
    store.append_events(&run_id("b"), &whole_run()[..1]).await.unwrap();

    let text = |text: &str| RunFilter { text: Some(text.into()), ..RunFilter::default() };
    assert_eq!(names(&store, RunFilter::default()).await, ["c", "b", "a"]);
    assert_eq!(names(&store, RunFilter { project: Some(project_id("p")), ..RunFilter::default() }).await, ["b", "a"]);
    assert_eq!(names(&store, RunFilter { states: vec![RunState::Failed, RunState::Queued], ..RunFilter::default() }).await, ["c", "a"]);
    assert_eq!(names(&store, text("总价")).await, ["b"]);
    assert_eq!(names(&store, text("CART")).await, ["c", "a"]);
    assert_eq!(names(&store, text("100%_d")).await, ["c"], "what is no letter parts words");
    assert_eq!(names(&store, text("art")).await, [""; 0], "a word is found by its beginning");
    assert_eq!(names(&store, text("cart* OR NEAR(")).await, [""; 0], "no language of queries");
    assert_eq!(names(&store, text("%_")).await, [""; 0]);
    assert_eq!(names(&store, text("购物")).await, ["b"]);
    assert_eq!(names(&store, text("物车")).await, ["b"]);
    assert_eq!(names(&store, text("价")).await, ["b"], "a single character, also the last one");
    assert_eq!(names(&store, text("总购")).await, [""; 0], "two characters that are not neighbours");
    assert_eq!(names(&store, text("修复 1.1")).await, ["b"], "all words");
    assert_eq!(names(&store, text("铺子 total")).await, ["c", "a"], "values too");
    assert_eq!(names(&store, text("2")).await, ["b"]);
    assert_eq!(names(&store, text("#2")).await, ["b"]);
    assert_eq!(names(&store, text("李雷")).await.len(), 3);
    assert_eq!(names(&store, text("  ")).await.len(), 3);
}

#[tokio::test]
async fn a_full_disk_is_told_apart_and_loses_nothing() {
    let disk = TinyDisk::mount(2_048);
    let data = disk.path.join("data");
    let store = store_with_run(&data).await;
    store.append_events(&run_id("r"), &whole_run()[..5]).await.unwrap();
    disk.fill_but(0);
    let mut failed = None;
    for number in 0..200 {
        // Big enough not to find room in pages that are there already.
        if let Err(error) = store.put_setting(&format!("ballast {number}"), &"x".repeat(20_000)).await {
            failed = Some(error);
            break;
        }
    }
    assert!(matches!(failed, Some(StoreError::DiskFull)), "{failed:?}");
    let note = RunEvent::StepNoted { key: key(2), note: Message::verbatim("n".repeat(100_000)) };
    let refused = store.append_events(&run_id("r"), &[(2_000, note.clone())]).await;
    assert!(matches!(refused, Err(StoreError::DiskFull)), "{refused:?}");

    disk.free();
    assert_eq!(store.append_events(&run_id("r"), &[(2_001, note)]).await.unwrap(), 6);
    store.close().await;
    let store = Store::open(&data).await.unwrap();
    assert_eq!(store.events(&run_id("r"), 0).await.unwrap().len(), 6);
    store.close().await;
}

#[tokio::test]
async fn a_disk_that_is_full_from_the_start_is_told_apart() {
    let disk = TinyDisk::mount(1_024);
    disk.fill_but(4);
    let opened = Store::open(&disk.path.join("data")).await;
    assert!(matches!(opened, Err(StoreError::DiskFull)), "{opened:?}");
    disk.free();
    let store = Store::open(&disk.path.join("data")).await.unwrap();
    store.put_setting("theme", "1").await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn a_writer_elsewhere_does_not_stop_readers() {
    let dir = tempfile::tempdir().unwrap();
    let store = store_with_run(dir.path()).await;
    let mut other = SqliteConnection::connect(&format!("sqlite://{}", store.path().display())).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    sqlx::query("UPDATE project SET name = 'half'").execute(&mut other).await.unwrap();
    assert_eq!(store.project(&project_id("p")).await.unwrap().name, "Project p");
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    store.rename_project(&project_id("p"), "whole").await.unwrap();
}
