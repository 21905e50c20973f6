//! How SQLite carries out every query of the store: none may read a whole table of runs.

use crate::{Store, run};
use sqlx::AssertSqlSafe;
use std::path::Path;

/// What may be read as a whole: small tables, lists that come with the query, the rows of an inner query that has a limit or an index.
const SMALL: [&str; 13] = [
    "project",
    "secret",
    "secret_grant",
    "secret_past",
    "setting",
    "search_backlog",
    "run_day",
    "wanted",
    "version",
    "workflow",
    "page",
    "left_behind",
    "printing",
];

/// Indexes of nothing but rows that are under way, kept or left over: few, however many runs there are.
const FEW: [&str; 4] = ["run_under_way", "stage_run_made", "stage_run_kept", "stage_run_leftovers"];

/// Every checked query, as it was written down for the compiler, and every other one.
fn queries() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(".sqlx");
    let mut all: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let json: serde_json::Value = serde_json::from_slice(&std::fs::read(entry.unwrap().path()).unwrap()).unwrap();
            json["query"].as_str().unwrap().to_owned()
        })
        .collect();
    all.extend(run::READ_QUERIES.iter().chain(&run::NEWEST_QUERIES).map(|query| (*query).to_owned()));
    all.extend(run::every_list());
    all
}

/// Whether a line of a plan reads all rows of a large table.
fn is_scan(line: &str) -> bool {
    let Some(what) = line.strip_prefix("SCAN ") else { return false };
    let (table, how) = what.split_once(' ').unwrap_or((what, ""));
    // `M`: by the words that are looked for.
    let by_words = table == "run_search" && how.starts_with("VIRTUAL TABLE INDEX") && how.contains('M');
    let by_few = how.rsplit_once("INDEX ").is_some_and(|(_, index)| FEW.contains(&index));
    !(by_words || by_few || SMALL.contains(&table) || what == "CONSTANT ROW" || table.starts_with('('))
}

#[tokio::test]
async fn no_query_reads_all_runs() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).await.unwrap();
    let queries = queries();
    assert!(queries.len() > 900, "every combination of filters is there");
    let mut scans = Vec::new();
    for query in &queries {
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {query}"));
        let plan: Vec<(i64, i64, i64, String)> = sqlx::query_as(explain).fetch_all(&store.readers).await.unwrap();
        assert!(!plan.is_empty() || query.starts_with("INSERT") || query.starts_with("UPDATE counter"), "no plan: {query}");
        scans.extend(plan.into_iter().map(|line| line.3).filter(|line| is_scan(line)).map(|line| format!("{line}: {query}")));
    }
    assert!(scans.is_empty(), "{}", scans.join("\n"));
}

#[test]
fn a_scan_is_told_from_a_search() {
    for line in ["SCAN run", "SCAN run USING INDEX run_by_state", "SCAN step_run", "SCAN newest", "SCAN run_search VIRTUAL TABLE INDEX 0:="]
    {
        assert!(is_scan(line), "{line}");
    }
    for line in
        ["SEARCH run USING INTEGER PRIMARY KEY (rowid<?)", "SCAN page", "SCAN run_search VIRTUAL TABLE INDEX 0:M1", "SCAN CONSTANT ROW"]
    {
        assert!(!is_scan(line), "{line}");
    }
}
