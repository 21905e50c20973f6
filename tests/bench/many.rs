//! Pipelines of thousands of steps, in the order of the file and with dependencies that point backwards: what a step costs must not grow with
//! how many there are. The fake backend stands for the engine, so that only our own work is measured.

use crate::measure::median;
use crate::ours::{add_project, open_app, serial};
use crate::table::{Row, Table};
use lp_backend::fake::FakeBackend;
use lp_model::{EventFacts, EventKind, Plan, ProjectId, RunId};
use lp_pipeline::{PipelineFile, compile};
use lp_store::{Cause, NewRun, Store};
use lp_tests::world::World;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Eight times as many steps at most cost so many times as much, each.
const GROWS_AT_MOST: f64 = 2.0;

const COUNTS: [u32; 4] = [1000, 2000, 4000, 8000];

/// What a pipeline of so many steps took.
struct Took {
    prepare: Duration,
    run: Duration,
    store: Duration,
    list: Duration,
}

/// Adds the rows.
pub async fn measure(table: &mut Table, times: usize) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let app = open_app(folder.path()).await;
    let project = add_project(&app, folder.path(), &serial(1, "true")).await.project;
    let project = ProjectId::parse(&project).expect("the app made it");
    let store = Store::open(&folder.path().join("data")).await.expect("the app's own folder");
    for (order, backwards) in [("in the order of the file", false), ("with dependencies that point backwards", true)] {
        let mut costs = Vec::new();
        for count in COUNTS {
            let text = pipeline(count, backwards);
            let mut took = Vec::new();
            for _ in 0..times {
                took.push(one(&text, &store, &project).await);
            }
            let each = |part: fn(&Took) -> Duration| median(took.iter().map(part)) * 1e6 / f64::from(count);
            costs.push([each(|took| took.prepare), each(|took| took.run), each(|took| took.store), each(|took| took.list)]);
        }
        for (part, what) in ["compiled", "run on the fake", "written down", "listed"].into_iter().enumerate() {
            let shown: Vec<String> = costs.iter().map(|cost| format!("{:.0}", cost[part])).collect();
            let grows = costs[costs.len() - 1][part] / costs[0][part];
            let row = Row::new(format!("1 000 / 2 000 / 4 000 / 8 000 steps {order}: {what}, µs a step"), shown.join(" / ")).ratio(grows);
            table.add(row.aim(format!("8 000 ≤ {GROWS_AT_MOST:.1}× 1 000"), grows <= GROWS_AT_MOST));
        }
    }
    store.close().await;
    app.shutdown().await;
}

async fn one(text: &str, store: &Store, project: &ProjectId) -> Took {
    let begin = Instant::now();
    let mut plan = plan(text);
    let prepare = begin.elapsed();

    let world = World::new(Arc::new(FakeBackend::default()), 1);
    let begin = Instant::now();
    let (_, events) = world.run_for_events(plan.clone()).await;
    let run = begin.elapsed();

    plan.event.run_number = store.take_run_number(project).await.expect("the project is there");
    let id = RunId::parse(&uuid::Uuid::now_v7().simple().to_string()).expect("a legal id");
    let new = NewRun {
        id: id.clone(),
        project: project.clone(),
        workflow_name: "default".into(),
        workflow_title: "default".into(),
        version_name: "main".into(),
        version_title: String::new(),
        plan,
        backend: "docker".into(),
        cause: Cause::Person,
        actor: "bench".into(),
        parent: None,
        press: None,
        created_ms: 1,
    };
    let begin = Instant::now();
    store.create_run(&new).await.expect("it is new");
    let events: Vec<_> = events.into_iter().map(|event| (2, event)).collect();
    for batch in events.chunks(100) {
        store.append_events(&id, batch).await.expect("they fit");
    }
    let stored = begin.elapsed();
    let begin = Instant::now();
    store.run_detail(&id).await.expect("it is there");
    Took { prepare, run, store: stored, list: begin.elapsed() }
}

fn pipeline(count: u32, backwards: bool) -> String {
    let step = |number: u32| {
        let need = match (backwards, number) {
            (true, number) if number < count => format!(", depends_on: [s{}]", number + 1),
            (true, _) => String::new(),
            (false, 1) => String::new(),
            (false, number) => format!(", depends_on: [s{}]", number - 1),
        };
        format!("- {{name: s{number}, image: alpine, commands: [\"true\"]{need}}}\n")
    };
    format!("kind: pipeline\nname: default\nclone: {{disable: true}}\nsteps:\n{}", (1..=count).map(step).collect::<String>())
}

fn plan(text: &str) -> Plan {
    let mut facts = EventFacts::new(EventKind::Push);
    facts.commit.branch = "main".into();
    let file = PipelineFile { path: ".drone.yml", bytes: text.as_bytes() };
    let (plan, _) = compile(&[file], &facts).expect("a legal pipeline");
    plan
}
