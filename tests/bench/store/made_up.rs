//! A made-up history, written by SQL: through the app it would take hours.

use lp_model::{
    BackendKind, Dialect, EventFacts, EventKind, PLAN_VERSION, Plan, RunOn, RunState, Stage, StageNumber, Step, StepKind, Workspace,
};
use lp_store::Store;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use std::path::Path;

/// Steps of each run.
pub const STEPS: u64 = 8;
/// Projects; only the first 50 have run in the newest nine tenths of the time.
pub const PROJECTS: u64 = 250;
/// Results but the best.
pub const NOT_PASSED: [RunState; 5] = [RunState::Failed, RunState::Errored, RunState::Cancelled, RunState::TimedOut, RunState::Interrupted];

/// Runs are asked for every 95 seconds: a million in three years.
pub fn created_ms(run: u64) -> i64 {
    1_700_000_000_000 + run as i64 * 95_000
}

/// One stage of eight steps.
pub fn plan() -> Plan {
    let mut event = EventFacts::new(EventKind::Push);
    event.commit.sha = "0".repeat(40);
    event.commit.branch = "main".into();
    event.inputs.insert("SHOP_NAME".into(), "铺子".into());
    let steps = (1..=STEPS as u32).map(|n| Step::new(n, &format!("step {n}"), StepKind::Commands)).collect();
    let stage = Stage {
        number: StageNumber(1),
        name: "default".into(),
        backend: BackendKind::Docker,
        needs: vec![],
        run_on: RunOn::default(),
        workspace: Workspace { base: "/drone/src".into(), path: String::new() },
        source: true,
        checkout: None,
        concurrency: None,
        file: String::new(),
        matrix: Default::default(),
        volumes: vec![],
        steps,
    };
    Plan {
        version: PLAN_VERSION,
        dialect: Dialect::Drone1,
        file: ".drone.yml".into(),
        event,
        timeout_s: 3600,
        cleanup_on_cancel: false,
        cleanup_timeout_s: lp_model::CLEANUP_TIMEOUT_S,
        left_out: vec![],
        stages: vec![stage],
    }
}

/// Writes so many runs into a new data folder; returns what it takes in bytes.
pub async fn make(folder: &Path, runs: u64) -> u64 {
    let store = Store::open(folder).await.expect("a new folder can be opened");
    let path = store.path().display().to_string();
    store.close().await;
    let mut file = SqliteConnection::connect(&format!("sqlite://{path}")).await.expect("it was just made");
    // Nobody needs this file after a power cut. Indexes and words are made at the end, sorted.
    run(&mut file, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; PRAGMA cache_size = -500000").await;
    let indexes: Vec<(String, String)> = sqlx::query_as(
        "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND tbl_name IN ('run', 'stage_run') AND type = 'index'
         UNION ALL SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'run_text'",
    )
    .fetch_all(&mut file)
    .await
    .expect("the schema can be read");
    for (name, sql) in &indexes {
        let kind = if sql.starts_with("CREATE TRIGGER") { "TRIGGER" } else { "INDEX" };
        run(&mut file, &format!("DROP {kind} {name}")).await;
    }
    let plan = plan();
    let facts = serde_json::to_string(&plan.event).expect("plain data");
    let mut json = serde_json::to_value(&plan).expect("plain data");
    json.as_object_mut().expect("a plan has names").remove("event");
    let first = created_ms(0);
    let rested = runs / 10;
    for statement in [
        format!(
            "INSERT INTO project (key, id, name, path, kind, added_ms, last_run_number)
             SELECT value, 'project-' || value, 'Project ' || value, '/projects/' || value, 'folder', 1, {runs} FROM json_each({})",
            quoted(&serde_json::json!((1..=PROJECTS).collect::<Vec<_>>()).to_string())
        ),
        format!(
            "INSERT INTO run (key, id, project_key, number, workflow_name, event, target, branch, cause, actor, backend, state, created_ms,
                 started_ms, ended_ms, queue_number, journal, version_sha, version_ref, version_name, version_title, version_author, version_ms,
                 workflow_title)
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {runs})
             SELECT i, printf('01890000%08x7000800000000000', i), 1 + i % CASE WHEN i <= {rested} THEN {PROJECTS} ELSE 50 END, i,
                 CASE (i / 3) % 5 WHEN 0 THEN 'deploy' WHEN 1 THEN 'test' ELSE 'build' END, 'push',
                 CASE (i / 7) % 10 WHEN 0 THEN 'production' WHEN 1 THEN 'staging' ELSE '' END,
                 CASE i % 4 WHEN 0 THEN 'feature-' || (i % 1000) ELSE 'main' END, 'person', 'person ' || ((i * 7919) % 20), 'docker',
                 CASE WHEN i > {runs} - 5 THEN 'queued' WHEN i > {runs} - 8 THEN 'running' WHEN i % 50001 = 0 THEN 'timed_out'
                     WHEN (i * 31) % 100 < 88 THEN 'passed' WHEN (i * 31) % 100 < 96 THEN 'failed' WHEN i % 2 THEN 'errored' ELSE 'cancelled' END,
                 {first} + i * 95000, {first} + i * 95000 + 900, CASE WHEN i <= {runs} - 8 THEN {first} + i * 95000 + 60000 + i % 9000 END, i, 2,
                 printf('%05xabc%032x', i % 1048576, i), 'refs/heads/main', '1.' || (i % 900) || '.' || (i % 11),
                 CASE i % 3 WHEN 0 THEN '修复购物车总价' WHEN 1 THEN 'Fix the cart total' ELSE 'Prepare word' || (i % 5000) END,
                 'Lin Yue', {first} + i * 95000 - 100000, '{{\"en\":\"Build and test\",\"zh-CN\":\"构建并测试\"}}' FROM n"
        ),
        format!("INSERT INTO run_facts (run_key, json) SELECT key, {} FROM run", quoted(&facts)),
        format!("INSERT INTO run_plan (run_key, json) SELECT key, {} FROM run", quoted(&json.to_string())),
        "INSERT INTO run_input (run_key, name, value) SELECT key, 'SHOP_NAME', 'value ' || (key % 700) FROM run".to_owned(),
        "INSERT INTO stage_run (run_key, stage, name, state, started_ms, ended_ms, place)
             SELECT key, 1, 'default', CASE state WHEN 'queued' THEN 'pending' ELSE state END, started_ms, ended_ms,
                 CASE WHEN state = 'running' THEN 'made' WHEN key % 9001 = 0 AND state = 'failed' THEN 'kept' ELSE 'removed' END FROM run"
            .to_owned(),
        format!(
            "INSERT INTO step_run (run_key, stage, step, name, kind, state, started_ms, ended_ms, exit_code, outcome)
             SELECT run.key, 1, step.value, 'step ' || step.value, 'commands', CASE WHEN state IN ('queued', 'running') THEN 'pending' ELSE 'passed' END,
                 started_ms + step.value * 700, started_ms + step.value * 1400, 0, '{{\"outcome\":\"exited\",\"code\":0}}'
             FROM run CROSS JOIN json_each({}) AS step ORDER BY run.key",
            quoted(&serde_json::json!((1..=STEPS).collect::<Vec<_>>()).to_string())
        ),
        "INSERT INTO run_event (run_key, seq, at_ms, json) SELECT key, 1, started_ms, '{\"type\":\"run_started\"}' FROM run".to_owned(),
        "INSERT INTO step_time (project_key, workflow_name, stage_name, step_name, run_key, ms, ended_ms)
             SELECT project_key, workflow_name, 'default', step_run.name, key, 700, step_run.ended_ms
             FROM run JOIN step_run ON run_key = key WHERE key % 97 = 0"
            .to_owned(),
        // As the app cuts them: a blank before and behind each word, versions with all their ends.
        "INSERT INTO run_text (run_key, words)
             SELECT key, ' 1ɵ' || (key % 900) || 'ɵ' || (key % 11) || ' ' || (key % 900) || 'ɵ' || (key % 11) || ' ' || (key % 11)
                 || CASE key % 3 WHEN 0 THEN ' 修复 复购 购物 物车 车总 总价 价' ELSE ' ' || lower(version_title) END
                 || ' fix word' || (key % 5000) || CASE key % 2 WHEN 0 THEN ' even' ELSE ' odd' END || ' project ' || project_key || ' ' || workflow_name
                 || ' build and test 构建 建并 并测 测试 试 ' || target || ' ' || replace(branch, '-', 'ɵ') || ' ' || actor || ' lin yue ' || version_sha
                 || ' value ' || (key % 700) || ' '
             FROM run"
            .to_owned(),
        "INSERT INTO run_search (run_search) VALUES ('rebuild')".to_owned(),
        format!("UPDATE counter SET value = {runs}"),
    ] {
        run(&mut file, &statement).await;
    }
    for (_, sql) in &indexes {
        run(&mut file, sql).await;
    }
    run(&mut file, "PRAGMA journal_mode = WAL").await;
    file.close().await.expect("it is whole");
    super::bytes_of(folder)
}

async fn run(file: &mut SqliteConnection, statements: &str) {
    sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(file).await.expect("a statement of ours");
}

/// A text as SQL writes it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
