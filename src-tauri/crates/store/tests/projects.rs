//! Projects, on real SQLite files.
#![allow(clippy::unwrap_used)]

mod common;

use common::*;
use lp_store::{CleanupPolicy, StoreError};

#[tokio::test]
async fn a_project_that_was_hidden_comes_back_with_its_history() {
    let dir = tempfile::tempdir().unwrap();
    let store = store_with_run(dir.path()).await;
    store.set_project_trusted(&project_id("p"), true).await.unwrap();
    assert!(store.project(&project_id("p")).await.unwrap().trusted);
    store.hide_project(&project_id("p"), 7).await.unwrap();
    assert!(store.projects().await.unwrap().is_empty());
    assert_eq!(store.project(&project_id("p")).await.unwrap().hidden_ms, Some(7));
    let mut same_path = project("new");
    same_path.path = project("p").path;
    let back = store.add_project(&same_path).await.unwrap();
    assert_eq!((back.id, back.hidden_ms, back.trusted), (project_id("p"), None, false));
    store.rename_project(&project_id("p"), "铺子").await.unwrap();
    assert_eq!(store.project_at("/projects/p").await.unwrap().unwrap().name, "铺子");
    assert!(matches!(store.rename_project(&project_id("new"), "x").await, Err(StoreError::NotFound { .. })));
}

#[tokio::test]
async fn what_happens_after_a_cancel_is_set_per_project() {
    let dir = tempfile::tempdir().unwrap();
    let store = store_with_run(dir.path()).await;
    let set = async || {
        let project = store.project(&project_id("p")).await.unwrap();
        (project.cleanup, project.cleanup_s)
    };
    assert_eq!(set().await, (CleanupPolicy::Dialect, None));
    for (policy, seconds) in [(CleanupPolicy::Always, Some(30)), (CleanupPolicy::Never, None)] {
        store.set_project_cleanup(&project_id("p"), policy, seconds).await.unwrap();
        assert_eq!(set().await, (policy, seconds));
    }
    let nobody = store.set_project_trusted(&project_id("none"), true).await;
    assert!(matches!(nobody, Err(StoreError::NotFound { what: "project", .. })), "{nobody:?}");
}

#[tokio::test]
async fn projects_without_a_folder_stand_beside_one_another() {
    let dir = tempfile::tempdir().unwrap();
    let store = store_with_run(dir.path()).await;
    for id in ["a", "b"] {
        let mut new = project(id);
        new.path = None;
        let stored = store.add_project(&new).await.unwrap();
        assert_eq!((stored.id, stored.path), (project_id(id), None));
    }
    assert_eq!(store.projects().await.unwrap().len(), 3);
    store.create_run(&new_run("a", "of-a", 1, 100)).await.unwrap();
    assert_eq!(store.run(&run_id("of-a")).await.unwrap().project_name, "Project a");
}
