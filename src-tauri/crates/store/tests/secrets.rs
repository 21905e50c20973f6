//! Secrets, who may have them, and settings, on real SQLite files.
#![allow(clippy::unwrap_used)]

mod common;

use common::*;
use lp_model::{RunEvent, RunState};
use lp_store::StoreError;

#[tokio::test]
async fn secrets_have_a_scope_and_settings_a_key() {
    let dir = tempfile::tempdir().unwrap();
    let store = store_with_run(dir.path()).await;
    let p = project_id("p");
    store.put_secret(None, "token", b"for all", 1).await.unwrap();
    store.put_secret(Some(&p), "token", b"for p", 2).await.unwrap();
    store.put_secret(Some(&p), "token", b"for p, newer", 3).await.unwrap();
    assert_eq!(store.secret(None, "token").await.unwrap().unwrap(), b"for all");
    assert_eq!(store.secret(Some(&p), "token").await.unwrap().unwrap(), b"for p, newer");
    let list = store.secrets(Some(&p)).await.unwrap();
    assert_eq!(list.iter().map(|e| (e.name.as_str(), e.updated_ms)).collect::<Vec<_>>(), [("token", 3)]);
    let stranger = store.put_secret(Some(&project_id("none")), "x", b"y", 1).await;
    assert!(matches!(stranger, Err(StoreError::Conflict { what: "secret", .. })), "{stranger:?}");
    assert!(store.delete_secret(Some(&p), "token").await.unwrap());
    assert!(!store.delete_secret(Some(&p), "token").await.unwrap());
    assert!(store.secret(None, "token").await.unwrap().is_some());

    store.put_setting("theme", "\"dark\"").await.unwrap();
    store.put_setting("theme", "\"light\"").await.unwrap();
    assert_eq!(store.settings().await.unwrap().into_iter().collect::<Vec<_>>(), [("theme".to_owned(), "\"light\"".to_owned())]);
    store.delete_setting("theme").await.unwrap();
    assert_eq!(store.setting("theme").await.unwrap(), None);
}

#[tokio::test]
async fn a_value_is_kept_as_long_as_an_older_run_may_print_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = store_with_run(dir.path()).await;
    let (p, r) = (project_id("p"), run_id("r"));
    store.add_project(&project("q")).await.unwrap();
    let past = async |project: &str| {
        let rows = store.past_secrets(&project_id(project)).await.unwrap();
        rows.into_iter().map(|row| String::from_utf8(row.sealed).unwrap()).collect::<Vec<_>>()
    };
    store.put_secret(Some(&p), "token", b"one", 1).await.unwrap();
    // Newer than the run by its place in the table, though the clock went back.
    store.put_secret(Some(&p), "token", b"two", 0).await.unwrap();
    store.put_secret(None, "token", b"all", 0).await.unwrap();
    store.delete_secret(None, "token").await.unwrap();
    store.put_secret(Some(&project_id("q")), "token", b"other", 0).await.unwrap();
    store.hide_project(&project_id("q"), 1).await.unwrap();
    assert_eq!(past("p").await, ["one", "all"]);
    assert_eq!(past("q").await, ["all", "other"], "secrets go with their project");
    assert!(store.secret(Some(&project_id("q")), "token").await.unwrap().is_none());
    assert_eq!(store.forget_past_secrets().await.unwrap(), 1, "no run of `q` can print its value");
    assert_eq!(past("p").await, ["one", "all"]);
    store.append_events(&r, &[(1, RunEvent::RunEnded { state: RunState::Cancelled })]).await.unwrap();
    // A later run never had them.
    store.create_run(&new_run("p", "later", 2, 50)).await.unwrap();
    assert_eq!(store.forget_past_secrets().await.unwrap(), 2);
    assert!(store.has_secrets().await.unwrap());
}

#[tokio::test]
async fn a_decision_belongs_to_a_project_and_a_secret() {
    let dir = tempfile::tempdir().unwrap();
    let store = store_with_run(dir.path()).await;
    let p = project_id("p");
    store.put_secret(None, "token", b"all", 1).await.unwrap();
    let grants = async || store.secret_grants(Some(&p)).await.unwrap().into_iter().map(|grant| grant.allowed).collect::<Vec<_>>();
    assert!(grants().await.is_empty());
    store.decide_secret(&p, "token", Some(true), 1).await.unwrap();
    store.decide_secret(&p, "token", Some(false), 2).await.unwrap();
    assert_eq!(grants().await, [false]);
    store.put_secret(None, "token", b"newer", 3).await.unwrap();
    assert_eq!(grants().await, [false], "a new value is the same secret");
    store.decide_secret(&p, "token", None, 4).await.unwrap();
    assert!(grants().await.is_empty());
    store.decide_secret(&p, "token", Some(true), 5).await.unwrap();
    store.delete_secret(None, "token").await.unwrap();
    assert!(grants().await.is_empty(), "another one of that name is asked about anew");
    assert!(store.decide_secret(&project_id("nobody"), "token", Some(true), 5).await.is_err());
}
