//! The press that started a run: one press, one run.
#![allow(clippy::unwrap_used)]

mod common;

use common::*;
use lp_model::{RunEvent, RunState};
use lp_store::{Logs, NewRun, Store, StoreError};

#[tokio::test]
async fn a_press_starts_one_run_and_goes_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = store_with_run(dir.path()).await;
    let pressed = |id: &str, number| NewRun { press: Some("press-1".into()), ..new_run("p", id, number, 5) };
    store.create_run(&pressed("first", 2)).await.unwrap();
    let again = store.create_run(&pressed("second", 3)).await;
    assert!(matches!(again, Err(StoreError::Conflict { what: "press", .. })), "{again:?}");
    assert!(matches!(store.run(&run_id("second")).await, Err(StoreError::NotFound { .. })), "nothing of it is left");
    // Also for the next process.
    drop(store);
    let store = Store::open(dir.path()).await.unwrap();
    assert_eq!(store.run_of_press("press-1").await.unwrap().unwrap().id, run_id("first"));
    assert!(store.run_of_press("press-2").await.unwrap().is_none());

    store.append_events(&run_id("first"), &[(9, RunEvent::RunEnded { state: RunState::Errored })]).await.unwrap();
    store.delete_run(&run_id("first"), &Logs::new(dir.path())).await.unwrap();
    assert!(store.run_of_press("press-1").await.unwrap().is_none());
}
