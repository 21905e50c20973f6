//! Lists of runs by each of their filters, and single runs out of many, on real SQLite files.
#![allow(clippy::unwrap_used)]

mod common;

use common::*;
use lp_model::Message;
use lp_model::{RunEvent, RunState, StageNumber, StageState, StepKey, StepOutcome};
use lp_store::{Cause, NewRun, RunCursor, RunFilter, Store};
use std::collections::BTreeMap;

const STAGE: StageNumber = StageNumber(1);

/// The end of a run: `code` is that of its second step, 0 lets it pass.
async fn end(store: &Store, id: &str, code: i32, started_ms: i64, ms: i64) {
    let (state, stage) = if code == 0 { (RunState::Passed, StageState::Passed) } else { (RunState::Failed, StageState::Failed) };
    let mut events = vec![(started_ms, RunEvent::RunStarted), (started_ms, RunEvent::StagePreparing { stage: STAGE })];
    events.push((started_ms, RunEvent::StageReady { stage: STAGE }));
    for (step, code) in [(1, 0), (2, code), (3, code)] {
        events.push((started_ms, RunEvent::StepStarting { key: key(step) }));
        events.push((started_ms + ms, RunEvent::StepEnded { key: key(step), outcome: StepOutcome::Exited { code } }));
    }
    events.push((
        started_ms + ms,
        RunEvent::StageEnded { stage: STAGE, state: stage, message: Message::default(), hint: Message::default() },
    ));
    events.push((started_ms + ms, RunEvent::RunEnded { state }));
    events.push((started_ms + ms, RunEvent::StageDestroyed { stage: STAGE, leftovers: vec![], kept: false }));
    store.append_events(&run_id(id), &events).await.unwrap();
}

async fn create(store: &Store, project: &str, id: &str, number: u64, created_ms: i64, change: impl FnOnce(&mut NewRun)) {
    let mut run = new_run(project, id, number, created_ms);
    change(&mut run);
    store.create_run(&run).await.unwrap();
}

async fn two_projects(dir: &std::path::Path) -> Store {
    let store = Store::open(dir).await.unwrap();
    store.add_project(&project("p")).await.unwrap();
    store.add_project(&project("q")).await.unwrap();
    store
}

async fn ids(store: &Store, filter: &RunFilter) -> Vec<String> {
    // One at a time, so that each page begins where the one before has ended.
    let (mut all, mut cursor) = (Vec::new(), None);
    loop {
        let page = store.runs(filter, cursor.as_ref(), 1).await.unwrap();
        let Some(run) = page.first() else { return all };
        cursor = Some(RunCursor::from(run));
        all.push(run.id.to_string());
    }
}

#[tokio::test]
async fn every_filter_is_as_if_all_runs_were_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let store = two_projects(dir.path()).await;
    const DAY: i64 = 86_400_000;
    let mut all = Vec::new();
    for i in 0..48_u64 {
        let id = format!("r{i:02}");
        let project = if i % 3 == 0 { "q" } else { "p" };
        // The clock jumps to next year and back, for one run.
        let created_ms = if i == 20 { 400 * DAY } else { 10 * DAY + i as i64 * DAY / 3 };
        create(&store, project, &id, i + 1, created_ms, |run| {
            run.workflow_name = ["build", "deploy"][i as usize % 2].into();
            run.plan.event.target = [None, Some("staging".into()), Some("production".into()), None][i as usize % 4].clone();
            run.actor = ["李雷", "han", "Lin Yue"][i as usize / 3 % 3].into();
            run.version_title = ["修复购物车", "Fix the cart", "fix 购物 twice"][i as usize % 3].into();
        })
        .await;
        match i % 5 {
            0 => end(&store, &id, 0, created_ms, 5).await,
            1 => end(&store, &id, 1, created_ms, 5).await,
            2 => drop(store.append_events(&run_id(&id), &[(created_ms, RunEvent::RunStarted)]).await.unwrap()),
            _ => {}
        }
        all.push(store.run(&run_id(&id)).await.unwrap());
    }
    let days = [None, Some(10 * DAY), Some(15 * DAY + 1), Some(399 * DAY), Some(500 * DAY)];
    let states = [vec![], vec![RunState::Passed], vec![RunState::Failed, RunState::Queued, RunState::Failed]];
    let texts = [
        (None, [true; 3]),
        (Some("购物"), [true, false, true]),
        (Some("车"), [true, false, false]),
        (Some("CART fi"), [false, true, false]),
    ];
    let word = |word: &str| Some(word.to_owned()).filter(|word| !word.is_empty());
    for (place, text) in texts.iter().enumerate() {
        for states in &states {
            for (from_ms, until_ms) in days.iter().flat_map(|from| days.iter().map(move |until| (*from, *until))) {
                for (project, workflow, target, actor) in [
                    ("", "", "", ""),
                    ("p", "", "", ""),
                    ("", "deploy", "", ""),
                    ("", "", "production", ""),
                    ("", "", "", "han"),
                    ("q", "build", "", ""),
                    ("p", "", "staging", "Lin Yue"),
                    ("p", "deploy", "staging", "李雷"),
                    ("nobody", "", "", ""),
                ] {
                    let filter = RunFilter {
                        project: word(project).map(|id| project_id(&id)),
                        workflow: word(workflow),
                        target: word(target),
                        actor: word(actor),
                        states: states.clone(),
                        from_ms,
                        until_ms,
                        text: text.0.map(str::to_owned),
                    };
                    let expected = all.iter().rev().enumerate().filter(|(_, run)| {
                        let is = |wanted: &Option<String>, there: &str| wanted.as_deref().is_none_or(|wanted| wanted == there);
                        filter.project.as_ref().is_none_or(|id| *id == run.project)
                            && is(&filter.workflow, &run.workflow_name)
                            && is(&filter.target, &run.target)
                            && is(&filter.actor, &run.actor)
                            && (states.is_empty() || states.contains(&run.state))
                            && from_ms.is_none_or(|from| run.created_ms >= from)
                            && until_ms.is_none_or(|until| run.created_ms < until)
                            && texts[place].1[(run.number as usize - 1) % 3]
                    });
                    let expected: Vec<String> = expected.map(|(_, run)| run.id.to_string()).collect();
                    assert_eq!(ids(&store, &filter).await, expected, "{filter:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn single_runs_are_found_among_all() {
    let dir = tempfile::tempdir().unwrap();
    let store = two_projects(dir.path()).await;
    let on = |branch: &'static str, sha: &'static str| {
        move |run: &mut NewRun| {
            run.plan.event.commit.branch = branch.into();
            run.plan.event.commit.sha = sha.into();
            run.plan.event.inputs.insert("SHOP_NAME".into(), sha.into());
        }
    };
    create(&store, "p", "a", 1, 10, on("main", "one")).await;
    create(&store, "p", "b", 2, 20, on("main", "two")).await;
    create(&store, "p", "c", 3, 30, on("side", "one")).await;
    create(&store, "p", "d", 4, 40, on("main", "two")).await;
    end(&store, "a", 0, 11, 100).await;
    end(&store, "b", 1, 21, 7).await;
    end(&store, "c", 0, 31, 300).await;

    let p = project_id("p");
    let projects = store.projects_with_newest_run().await.unwrap();
    let projects: Vec<_> = projects.iter().map(|(project, run)| (project.id.as_str(), run.as_ref().map(|run| run.id.as_str()))).collect();
    assert_eq!(projects, [("p", Some("d")), ("q", None)]);
    let mut newest: Vec<_> = store.newest_runs_of_versions(&p, &["one", "two", "three"]).await.unwrap();
    newest.sort_by_key(|run| run.number);
    assert_eq!(newest.iter().map(|run| run.id.as_str()).collect::<Vec<_>>(), ["c", "d"]);
    assert_eq!(store.runs_under_way(9).await.unwrap().iter().map(|run| run.id.as_str()).collect::<Vec<_>>(), ["d"]);
    let before = store.previous_run(&p, "main").await.unwrap().unwrap();
    assert_eq!((before.number, before.state, before.facts.commit.sha.as_str()), (2, RunState::Failed, "two"), "the newest is not over");
    assert_eq!(store.previous_run(&p, "none").await.unwrap(), None);
    assert_eq!(store.previous_run(&project_id("q"), "main").await.unwrap(), None);
    let inputs = store.last_inputs(&p, &["build", "none"]).await.unwrap();
    assert_eq!(inputs, BTreeMap::from([("build".into(), BTreeMap::from([("SHOP_NAME".into(), "two".into())]))]));
    assert_eq!(store.run_times(&p, "build", 20).await.unwrap(), [300, 100]);
    let times = store.step_times(&p, "build").await.unwrap();
    let of = |step: &str| times.get(&("default".to_owned(), step.to_owned())).cloned().unwrap_or_default();
    assert_eq!((of("db"), of("test"), of("publish")), (vec![300, 7, 100], vec![300, 100], vec![300, 100]));
}

#[tokio::test]
async fn a_run_says_what_started_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = two_projects(dir.path()).await;
    create(&store, "p", "a", 1, 10, |_| {}).await;
    create(&store, "p", "b", 2, 20, |run| (run.cause, run.parent) = (Cause::Retry, Some(run_id("a")))).await;
    let cause = async |id| store.run(&run_id(id)).await.unwrap().cause;
    assert_eq!((cause("a").await, cause("b").await), (Cause::Person, Cause::Retry));
    assert_eq!(store.run(&run_id("b")).await.unwrap().parent, Some(run_id("a")));
    assert_eq!(Cause::of_press(lp_model::EventKind::Promote, false), Cause::Promotion);
    assert_eq!(Cause::of_press(lp_model::EventKind::Promote, true), Cause::Retry);
    assert_eq!(Cause::of_press(lp_model::EventKind::Cron, false), Cause::Person, "somebody pressed it");
}

#[tokio::test]
async fn notes_messages_and_excerpts_are_found_by_their_words() {
    let dir = tempfile::tempdir().unwrap();
    let store = two_projects(dir.path()).await;
    create(&store, "p", "a", 1, 10, |_| {}).await;
    create(&store, "p", "b", 2, 20, |_| {}).await;
    let found = async |text: &str| ids(&store, &RunFilter { text: Some(text.into()), ..RunFilter::default() }).await;
    assert_eq!(found("回滚").await, [""; 0]);
    let a = run_id("a");
    store.put_run_note(&a, "回滚到上周的版本", "韩梅梅", 5).await.unwrap();
    assert_eq!(store.run_note(&a).await.unwrap().as_deref(), Some("回滚到上周的版本"));
    assert_eq!(found("上周").await, ["a"]);
    store.put_run_note(&a, "not needed", "韩梅梅", 6).await.unwrap();
    assert_eq!((found("上周").await, found("needed").await), (vec![], vec!["a".to_owned()]));
    store.put_run_note(&a, "", "韩梅梅", 7).await.unwrap();
    assert_eq!((found("needed").await, store.run_note(&a).await.unwrap()), (vec![], None));

    store.put_run_excerpt(&run_id("b"), StepKey { attempt: 2, ..key(2) }, "ENOSPC: no space left on device").await.unwrap();
    assert_eq!(found("enospc").await, ["b"]);
    let errored = StepOutcome::Errored { message: Message::verbatim("镜像 `nope` 拉取不到"), hint: Message::default() };
    let mut events =
        vec![(1, RunEvent::RunStarted), (1, RunEvent::StagePreparing { stage: STAGE }), (1, RunEvent::StageReady { stage: STAGE })];
    events.push((1, RunEvent::StepStarting { key: key(2) }));
    events.push((1, RunEvent::StepEnded { key: key(2), outcome: errored }));
    events.extend([1, 3].map(|step| (1, RunEvent::StepSkipped { key: key(step), reason: lp_model::SkipReason::StageErrored })));
    events.push((
        1,
        RunEvent::StageEnded { stage: STAGE, state: StageState::Errored, message: Message::default(), hint: Message::default() },
    ));
    events.push((1, RunEvent::RunEnded { state: RunState::Errored }));
    store.append_events(&a, &events).await.unwrap();
    assert_eq!(found("拉取").await, ["a"]);
}
