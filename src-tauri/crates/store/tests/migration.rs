//! Data folders of earlier versions of the app, opened by this one: nothing is lost, and one that is killed meanwhile loses nothing either.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod common;

use common::*;
use lp_model::{RunState, StageState, StepState};
use lp_store::{Cause, RunFilter, StagePlace, Store, StoreError};
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Tells the child in which folder to open the store.
const FOLDER: &str = "LETTERPRESS_TEST_OPENS";

/// A file with the migrations up to number `schema`.
async fn old_file(data: &Path, schema: i64) -> SqliteConnection {
    let scratch = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name[..4].parse::<i64>().unwrap() <= schema {
            std::fs::copy(&path, scratch.path().join(name)).unwrap();
        }
    }
    std::fs::create_dir_all(data).unwrap();
    // As the app does it: the fifth migration makes tables anew that others refer to.
    let options = SqliteConnectOptions::new().filename(data.join("letterpress.db")).create_if_missing(true).foreign_keys(schema < 5);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    Migrator::new(scratch.path()).await.unwrap().run(&mut connection).await.unwrap();
    connection
}

async fn do_all(connection: &mut SqliteConnection, statements: &str) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(statements.to_owned())).execute(connection).await.unwrap();
}

/// Two projects and `runs` runs, every one of another state, as the first versions of the app wrote them.
async fn fill(connection: &mut SqliteConnection, runs: u64) {
    let mut facts = plan(1).event;
    facts.target = Some("staging".into());
    facts.commit.branch = "主干".into();
    facts.commit.author.name = "Lin Yue".into();
    let mut plan = plan(1);
    plan.event = facts.clone();
    let (facts, plan) = (serde_json::to_string(&facts).unwrap(), serde_json::to_string(&plan).unwrap());
    do_all(
        connection,
        &format!(
            r#"INSERT INTO project (id, name, path, kind, added_ms, hidden_ms, last_run_number) VALUES
                ('p', '铺子', '/shop', 'folder', 1, NULL, {runs}), ('q', 'gone', '/gone', 'sample', 2, 9, 0);
            CREATE TEMP TABLE word (n INTEGER PRIMARY KEY, run TEXT, stage TEXT, step TEXT);
            INSERT INTO word VALUES (0, 'passed', 'passed', 'passed'), (1, 'failed', 'failed', 'failed'), (2, 'queued', 'pending', 'pending'),
                (3, 'running', 'running', 'running'), (4, 'timed_out', 'cancelled', 'cancelled');
            INSERT INTO run (id, project_id, number, workflow_name, workflow_title, version_name, version_title, version_sha, version_ref, event, plan,
                inputs, backend, actor, parent_run, state, cancel_reason, created_ms, started_ms, ended_ms, message)
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {runs})
            SELECT 'r' || i, 'p', i, 'deploy', '{{"en":"Deploy","zh":"部署"}}', '1.' || i, '修复购物车总价 ' || i, 'sha' || i, 'refs/tags/1.' || i,
                '{facts}', '{plan}', '{{"SHOP_NAME":"铺子","N":"' || i || '"}}', 'docker', '李雷',
                CASE WHEN i % 7 = 0 THEN 'r' || (i - 1) END, word.run, CASE WHEN i % 5 = 4 THEN '"timed_out"' END,
                i * 1000, i * 1000 + 10, CASE WHEN i % 5 IN (0, 1, 4) THEN i * 1000 + 510 END, CASE WHEN i % 5 = 1 THEN 'no space left' ELSE '' END
            FROM n JOIN word ON word.n = i % 5;
            INSERT INTO stage_run (run_id, stage, name, state, started_ms) SELECT run.id, 1, 'default', word.stage, 5
                FROM run JOIN word ON word.run = run.state;
            INSERT INTO step_run (run_id, stage, step, name, kind, state, started_ms, ended_ms, exit_code, outcome)
                SELECT run.id, 1, s.value, 'step ' || s.value, 'commands', word.step, 100, 100 + s.value,
                    CASE word.step WHEN 'failed' THEN 3 END, CASE word.step WHEN 'failed' THEN '{{"outcome":"exited","code":3}}' END
                FROM run JOIN word ON word.run = run.state JOIN json_each('[1,2,3]') AS s;
            INSERT INTO run_event (run_id, seq, at_ms, json) SELECT run.id, s.value, s.value, '{{"type":"run_started"}}'
                FROM run JOIN json_each('[1,2]') AS s WHERE run.state <> 'queued';
            INSERT INTO secret (project_id, name, sealed, updated_ms) VALUES (NULL, 'token', x'01', 1), ('p', 'token', x'02', 2), ('q', 'old', x'03', 3);
            INSERT INTO setting (key, value) VALUES ('settings', '{{"theme":"dark","grace_s":20,"engine":"ssh://me@host","unknown":[1]}}');
            DROP TABLE word;"#
        ),
    )
    .await;
}

/// What must be there after [`fill`] and an opening.
async fn everything_is_there(store: &Store, runs: u64) {
    let projects = store.projects().await.unwrap();
    assert_eq!(projects.iter().map(|project| (project.id.as_str(), project.path.as_deref())).collect::<Vec<_>>(), [("p", Some("/shop"))]);
    let list = async |filter: RunFilter| {
        let (mut all, mut cursor) = (Vec::new(), None);
        loop {
            let page = store.runs(&filter, cursor.as_ref(), 500).await.unwrap();
            let Some(last) = page.last() else { return all };
            cursor = Some(last.into());
            all.extend(page);
        }
    };
    let all = list(RunFilter::default()).await;
    assert_eq!(all.iter().map(|run| run.number).collect::<Vec<_>>(), (1..=runs).rev().collect::<Vec<_>>());
    for run in &all {
        let i = run.number;
        let state = [RunState::Passed, RunState::Failed, RunState::Queued, RunState::Running, RunState::TimedOut][(i % 5) as usize];
        assert_eq!((run.id.as_str(), run.state), (format!("r{i}").as_str(), state));
        assert_eq!((run.event.as_str(), run.target.as_str(), run.branch.as_str()), ("push", "staging", "主干"));
        assert_eq!((run.version_author.as_str(), run.version_name.as_str()), ("Lin Yue", format!("1.{i}").as_str()));
        let parent = (i % 7 == 0).then(|| format!("r{}", i - 1));
        assert_eq!(run.parent.as_ref().map(|id| id.to_string()), parent);
        assert_eq!(run.cause, if parent.is_some() { Cause::Retry } else { Cause::Person });
        assert_eq!((run.created_ms, run.attempt), (i as i64 * 1000, 1));
    }
    // Some of them wholly.
    for i in [1, 2, 3, 4, 5, runs] {
        let id = run_id(&format!("r{i}"));
        let detail = store.run_detail(&id).await.unwrap();
        assert_eq!((detail.stages.len(), detail.steps.len()), (1, 3));
        let plan = store.plan(&id).await.unwrap();
        assert_eq!((plan.event.target.as_deref(), plan.stages.len()), (Some("staging"), 1));
        assert_eq!(store.event_facts(&id).await.unwrap(), plan.event);
        assert_eq!(
            store.run_inputs(&id).await.unwrap(),
            BTreeMap::from([("N".into(), i.to_string()), ("SHOP_NAME".into(), "铺子".into())])
        );
        let events = if i % 5 == 2 { 0 } else { 2 };
        assert_eq!(store.events(&id, 0).await.unwrap().len(), events);
    }
    let failed = store.run_detail(&run_id("r1")).await.unwrap();
    assert_eq!(
        (failed.stages[0].state, failed.steps[2].state, failed.steps[2].exit_code),
        (StageState::Failed, StepState::Failed, Some(3))
    );
    assert_eq!(store.run_detail(&run_id("r3")).await.unwrap().stages[0].place, StagePlace::Made, "its process died long ago");

    let found = |text: &str| RunFilter { text: Some(text.into()), ..RunFilter::default() };
    assert_eq!(list(found("物车")).await.len() as u64, runs);
    assert_eq!(list(found("space left")).await.len() as u64, runs.div_ceil(5));
    let day = RunFilter { from_ms: Some(2_000), until_ms: Some(4_000), ..RunFilter::default() };
    assert_eq!(list(day).await.iter().map(|run| run.number).collect::<Vec<_>>(), [3, 2]);
    let under_way = store.unfinished().await.unwrap();
    assert_eq!(under_way.first().map(|run| (run.id.to_string(), run.can_be_taken_over)), Some(("r2".into(), true)));
    assert!(
        under_way.iter().filter(|run| run.state == RunState::Running).all(|run| !run.can_be_taken_over),
        "written by the first version"
    );

    let times = store.step_times(&project_id("p"), "deploy").await.unwrap();
    assert_eq!(times[&("default".into(), "step 2".into())].len() as u64, (runs / 5).min(50));
    assert_eq!(store.secret(None, "token").await.unwrap().as_deref(), Some(&b"\x01"[..]));
    assert_eq!(store.secret(Some(&project_id("p")), "token").await.unwrap().as_deref(), Some(&b"\x02"[..]));
    assert_eq!(store.secret(Some(&project_id("q")), "old").await.unwrap(), None, "its project was removed");
    assert_eq!(store.past_secrets(&project_id("q")).await.unwrap().len(), 1);
    let settings = store.settings().await.unwrap();
    let expected = [("engine", "\"ssh://me@host\""), ("grace_s", "20"), ("theme", "\"dark\""), ("unknown", "[1]")];
    assert_eq!(settings, expected.map(|(name, json)| (name.to_owned(), json.to_owned())).into());

    let mut raw = SqliteConnection::connect(&format!("sqlite://{}", store.path().display())).await.unwrap();
    let broken: Vec<(String,)> = sqlx::query_as("SELECT \"table\" FROM pragma_foreign_key_check").fetch_all(&mut raw).await.unwrap();
    assert_eq!(broken, []);
    assert_eq!(sqlx::query_scalar::<_, String>("PRAGMA integrity_check").fetch_one(&mut raw).await.unwrap(), "ok");
    assert_eq!(sqlx::query_scalar::<_, i64>("SELECT count(*) FROM search_backlog").fetch_one(&mut raw).await.unwrap(), 0);
    sqlx::query("INSERT INTO run_search (run_search, rank) VALUES ('integrity-check', 1)").execute(&mut raw).await.unwrap();
}

#[tokio::test]
async fn a_folder_of_each_earlier_version_opens_with_everything_in_it() {
    for schema in 1..=6 {
        let dir = tempfile::tempdir().unwrap();
        let mut old = old_file(dir.path(), 1).await;
        fill(&mut old, 23).await;
        old.close().await.unwrap();
        old_file(dir.path(), schema).await.close().await.unwrap();
        let store = Store::open(dir.path()).await.unwrap();
        everything_is_there(&store, 23).await;
        let copy = dir.path().join("letterpress.db.before-7");
        assert!(copy.exists());
        // And it goes on from there.
        let number = store.take_run_number(&project_id("p")).await.unwrap();
        store.create_run(&new_run("p", "next", number, 30_000)).await.unwrap();
        assert_eq!(store.runs(&RunFilter::default(), None, 1).await.unwrap()[0].id, run_id("next"));
        assert_eq!(store.unfinished().await.unwrap().last().unwrap().id, run_id("next"), "at the end of the queue");
        store.close().await;
    }
}

#[tokio::test]
async fn values_that_nobody_can_read_do_not_keep_a_file_from_being_opened() {
    let dir = tempfile::tempdir().unwrap();
    fill(&mut old_file(dir.path(), 1).await, 5).await;
    let mut old = old_file(dir.path(), 4).await;
    do_all(
        &mut old,
        r#"UPDATE run SET event = 'no JSON', plan = '{"half', inputs = '[1, {"a": null}]' WHERE id = 'r1';
           UPDATE run SET event = '{"kind":7,"target":{},"commit":{"time_ms":"noon","author":[]}}', plan = '[]', inputs = 'null' WHERE id = 'r4';
           UPDATE setting SET value = '[1, 2]';"#,
    )
    .await;
    old.close().await.unwrap();
    let store = Store::open(dir.path()).await.unwrap();
    assert_eq!(store.runs(&RunFilter::default(), None, 9).await.unwrap().len(), 5);
    for id in ["r1", "r4"] {
        assert!(matches!(store.plan(&run_id(id)).await, Err(StoreError::Unreadable { .. })));
        assert!(matches!(store.event_facts(&run_id(id)).await, Err(StoreError::Unreadable { .. })));
        store.run_inputs(&run_id(id)).await.unwrap();
    }
    assert_eq!(store.settings().await.unwrap(), BTreeMap::new());
}

#[tokio::test]
async fn a_migration_that_fails_leaves_the_file_to_the_older_version() {
    let dir = tempfile::tempdir().unwrap();
    fill(&mut old_file(dir.path(), 1).await, 5).await;
    let mut old = old_file(dir.path(), 4).await;
    // In the way of the migration.
    do_all(&mut old, "CREATE TABLE run_image (x INTEGER) STRICT").await;
    old.close().await.unwrap();
    Store::open(dir.path()).await.unwrap_err();
    let mut old = old_file(dir.path(), 4).await;
    assert_eq!(sqlx::query_scalar::<_, i64>("SELECT count(*) FROM run WHERE plan <> ''").fetch_one(&mut old).await.unwrap(), 5);
    do_all(&mut old, "DROP TABLE run_image").await;
    old.close().await.unwrap();
    everything_is_there(&Store::open(dir.path()).await.unwrap(), 5).await;
}

/// Not a test of its own: the child of the next one.
#[tokio::test]
async fn opens_the_folder_that_it_is_told() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        Store::open(Path::new(&folder)).await.unwrap().close().await;
    }
}

/// Opens a folder in a process of its own, which is killed after that time at the latest. Returns whether it came to its end.
fn open_and_kill(folder: &Path, after: Duration) -> bool {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "opens_the_folder_that_it_is_told"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = child.stdout.take().unwrap();
    let (ended, end) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        let _broken = output.read_to_end(&mut Vec::new());
        let _late = ended.send(());
    });
    let in_time = end.recv_timeout(after).is_ok();
    if !in_time {
        child.kill().unwrap();
    }
    let status = child.wait().unwrap();
    reader.join().unwrap();
    assert!(status.success() || !in_time, "{status}");
    status.success()
}

#[test]
fn one_that_is_killed_while_it_migrates_opens_again() {
    const KILLS: u32 = 50;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let template = tempfile::tempdir().unwrap();
    let runs = 1_200;
    runtime.block_on(async {
        let mut old = old_file(template.path(), 1).await;
        fill(&mut old, runs).await;
        old.close().await.unwrap();
        old_file(template.path(), 2).await.close().await.unwrap();
    });
    let fresh = || {
        let dir = tempfile::tempdir().unwrap();
        std::fs::copy(template.path().join("letterpress.db"), dir.path().join("letterpress.db")).unwrap();
        dir
    };
    let whole = fresh();
    let before = Instant::now();
    assert!(open_and_kill(whole.path(), Duration::from_secs(600)));
    let took = before.elapsed();

    let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64 | 1;
    println!("seed {seed}, one opening takes {took:?}");
    let (mut random, mut kills) = (seed, 0);
    while kills < KILLS {
        let dir = fresh();
        // Until it comes to its end, or has been killed five times.
        for _ in 0..5 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            if open_and_kill(dir.path(), took.mul_f64((random % 1_000) as f64 / 1_000.0)) {
                break;
            }
            kills += 1;
        }
        runtime.block_on(async {
            let store = Store::open(dir.path()).await.unwrap();
            everything_is_there(&store, runs).await;
            store.close().await;
        });
    }
}
