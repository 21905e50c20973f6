//! The history with a million runs: every question that a screen or a command asks of it, and what a start takes.

mod made_up;

use crate::measure::{Memory, median};
use crate::table::{Row, Table};
use lp_model::{Plan, ProjectId, RunEvent, RunId, RunState, StepKey, StepOutcome};
use lp_store::{Cause, NewRun, Run, RunCursor, RunFilter, Store};
use std::path::Path;
use std::time::{Duration, Instant};

/// Rows of a screen.
const PAGE: u32 = 50;
/// How often each question is asked.
const TIMES: usize = 21;

/// Makes a history of so many runs in a folder of its own, asks, and removes it.
pub async fn measure(table: &mut Table, runs: u64) {
    let folder = tempfile::tempdir().expect("a folder for some gigabytes");
    let before = Instant::now();
    let bytes = made_up::make(folder.path(), runs).await;
    let (steps, gigabytes) = (runs * made_up::STEPS, bytes as f64 / 1e9);
    eprintln!("  {runs} runs, {steps} steps: {gigabytes:.1} GB, made in {:.0} s", before.elapsed().as_secs_f64());
    table.note(format!(
        "Store: {runs} generated runs of {} projects, {steps} step runs, {gigabytes:.1} GB, indexes and words written at once; medians of {TIMES}.",
        made_up::PROJECTS
    ));

    let empty = tempfile::tempdir().expect("a temporary folder");
    let store = Store::open(empty.path()).await.expect("an empty folder can be opened");
    ask(&store, &mut Table::default(), runs).await;
    store.close().await;
    let memory = Memory::begin();
    let store = Store::open(folder.path()).await.expect("what was made can be opened");
    ask(&store, table, runs).await;
    let more = Memory::read().most - memory.now;
    starts(&store, table, runs).await;
    table.add(Row::new("store: memory above an empty one, all questions asked", format!("{more:.0} MB")).aim("≤ 150 MB", more <= 150.0));
    store.close().await;
}

async fn ask(store: &Store, table: &mut Table, runs: u64) {
    let p = ProjectId::parse("project-7").expect("a legal id");
    let rested = ProjectId::parse("project-200").expect("a legal id");
    let all = RunFilter::default;
    let project = || RunFilter { project: Some(p.clone()), ..all() };
    let text = |words: &str| RunFilter { text: Some(words.to_owned()), ..all() };
    let week = made_up::created_ms(runs / 3);
    let time = |filter: RunFilter| RunFilter { from_ms: Some(week), until_ms: Some(week + 7 * 86_400_000), ..filter };
    let questions = [
        ("first page", all()),
        ("project", project()),
        ("project that has rested", RunFilter { project: Some(rested.clone()), ..all() }),
        ("workflow", RunFilter { workflow: Some("deploy".into()), ..all() }),
        ("environment", RunFilter { target: Some("production".into()), ..all() }),
        ("result: failed", RunFilter { states: vec![RunState::Failed], ..all() }),
        ("result: any but passed", RunFilter { states: made_up::NOT_PASSED.to_vec(), ..all() }),
        ("result: timed out (rare)", RunFilter { states: vec![RunState::TimedOut], ..all() }),
        ("person", RunFilter { actor: Some("person 3".into()), ..all() }),
        ("a week of long ago", time(all())),
        ("project, a week of long ago", time(project())),
        (
            "project, workflow, environment, result",
            RunFilter { workflow: Some("deploy".into()), target: Some("production".into()), states: vec![RunState::Failed], ..project() },
        ),
        (
            "workflow, environment, person, result",
            RunFilter {
                workflow: Some("deploy".into()),
                target: Some("production".into()),
                actor: Some("person 3".into()),
                states: vec![RunState::Failed, RunState::Errored],
                ..all()
            },
        ),
        ("number", text("#4711")),
        ("text: a word of every run", text("fix")),
        ("text: a word of some runs", text("word77")),
        ("text: two Chinese characters of a third of the runs", text("购物")),
        ("text: one Chinese character", text("车")),
        ("text: the beginning of a commit", text("00abc")),
        ("text: project and a word", RunFilter { text: Some("word77".into()), ..project() }),
        ("text: result and a word", RunFilter { text: Some("word77".into()), states: vec![RunState::Failed], ..all() }),
        ("text without a hit", text("nowhere")),
        ("text without a hit: Chinese", text("无此")),
        ("text without a hit: two words that are in half of the runs each", text("even odd")),
        ("text without a hit: Chinese characters that are no neighbours", text("车修")),
    ];
    for (what, filter) in questions {
        let took = times(async || drop(store.runs(&filter, None, PAGE).await.expect("it can be read"))).await;
        add(table, &format!("list: {what}"), took, 100.0);
    }
    let mut cursor: Option<RunCursor> = None;
    // A thousand pages, ten at a time.
    for _ in 0..100 {
        let page: Vec<Run> = store.runs(&all(), cursor.as_ref(), 10 * PAGE).await.expect("it can be read");
        cursor = page.last().map(RunCursor::from).or(cursor);
    }
    let took = times(async || drop(store.runs(&all(), cursor.as_ref(), PAGE).await.expect("it can be read"))).await;
    add(table, "list: page 1 001", took, 100.0);
    let took = times(async || drop(store.projects_with_newest_run().await.expect("it can be read"))).await;
    add(table, "all projects with their newest run, 200 of them rested", took, 100.0);
    let took = times(async || drop(store.runs_under_way(500).await.expect("it can be read"))).await;
    add(table, "the queue", took, 100.0);
    let took = times(async || drop(store.unfinished().await.expect("it can be read"))).await;
    add(table, "what a dead process left", took, 100.0);
    let took = times(async || drop(store.kept().await.expect("it can be read"))).await;
    add(table, "kept files", took, 100.0);
    let took = times(async || {
        store.previous_run(&p, "main").await.expect("it can be read");
        store.run_times(&p, "deploy", 20).await.expect("it can be read");
        store.last_inputs(&p, &["build", "deploy"]).await.expect("it can be read");
        store.step_times(&p, "deploy").await.expect("it can be read");
    });
    add(table, "before the press: run before, usual times, last values", took.await, 100.0);
    if let Some(run) = store.runs(&project(), None, 1).await.expect("it can be read").first() {
        let took = times(async || drop(store.run_detail(&run.id).await.expect("it can be read"))).await;
        add(table, "one run with its steps", took, 100.0);
    }
}

/// New runs in a history that is long already.
async fn starts(store: &Store, table: &mut Table, runs: u64) {
    let project = ProjectId::parse("project-7").expect("a legal id");
    let (mut started, mut told) = (Vec::new(), Vec::new());
    for n in 0..TIMES {
        let before = Instant::now();
        let number = store.take_run_number(&project).await.expect("it can be written");
        let run = new_run(&project, n, number, made_up::created_ms(runs));
        store.create_run(&run).await.expect("it can be written");
        started.push(before.elapsed());
        store.append_events(&run.id, &[(1, RunEvent::RunStarted)]).await.expect("it can be written");
        let stage = run.plan.stages[0].number;
        store.append_events(&run.id, &[(1, RunEvent::StagePreparing { stage })]).await.expect("it can be written");
        store.append_events(&run.id, &[(1, RunEvent::StageReady { stage })]).await.expect("it can be written");
        for step in &run.plan.stages[0].steps {
            let key = StepKey::first(stage, step.number);
            let before = Instant::now();
            let events = [(1, RunEvent::StepStarting { key }), (2, RunEvent::StepStarted { key })];
            store.append_events(&run.id, &events).await.expect("it can be written");
            let ended = RunEvent::StepEnded { key, outcome: StepOutcome::Exited { code: 0 } };
            store.append_events(&run.id, &[(3, ended)]).await.expect("it can be written");
            told.push(before.elapsed());
        }
    }
    add(table, "start of a run of 8 steps", started, 20.0);
    add(table, "a step that starts and ends", told, 20.0);
}

fn new_run(project: &ProjectId, n: usize, number: u64, created_ms: i64) -> NewRun {
    let mut plan: Plan = made_up::plan();
    plan.event.run_number = number;
    NewRun {
        id: RunId::parse(&format!("new-{n}")).expect("a legal id"),
        project: project.clone(),
        workflow_name: "deploy".into(),
        workflow_title: "{}".into(),
        version_name: "1.1.0".into(),
        version_title: "Fix the cart".into(),
        plan,
        backend: "docker".into(),
        cause: Cause::Person,
        actor: "person 3".into(),
        parent: None,
        press: None,
        created_ms,
    }
}

async fn times(mut ask: impl AsyncFnMut()) -> Vec<Duration> {
    ask().await;
    let mut took = Vec::new();
    for _ in 0..TIMES {
        let before = Instant::now();
        ask().await;
        took.push(before.elapsed());
    }
    took
}

fn add(table: &mut Table, what: &str, took: Vec<Duration>, most_ms: f64) {
    let ms = median(took) * 1e3;
    table.add(Row::new(format!("store: {what}"), format!("{ms:.1} ms")).aim(format!("≤ {most_ms:.0} ms"), ms <= most_ms));
}

/// The folder takes that many bytes.
pub fn bytes_of(folder: &Path) -> u64 {
    lp_store::folder::Size::of(folder).map_or(0, |size| size.total())
}
