use crate::AppOptions;
use crate::app::App;
use crate::dto::{Activity, ActivityKind, ActivityState, RunStateWord, Tag};
use crate::owner::Ownership;
use crate::testing::{open, project, request, wait_until_over};
use std::time::Duration;
use tokio::net::UnixListener;

fn tidying(app: &App) -> Vec<Activity> {
    app.activities.list().into_iter().filter(|one| one.kind == ActivityKind::Tidy).collect()
}

#[tokio::test]
async fn a_run_begins_while_kept_files_are_measured_and_quitting_does_not_wait_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let app = open(folder.path()).await;
    let pipeline = "kind: pipeline\ntype: exec\nname: default\nsteps:\n- {name: fails, commands: [exit 3]}\n";
    let project = project(&app, folder.path(), pipeline).await;
    let request = request(&app, &project).await;
    let first = app.start_run(&request).await.unwrap();
    wait_until_over(&app, &first).await;
    assert_eq!(app.kept_files().await.unwrap().runs.len(), 1);
    app.shutdown().await;

    // An engine that takes connections and never answers: what it has would be measured first.
    let socket = folder.path().join("engine.sock");
    let silent = UnixListener::bind(&socket).unwrap();
    let holding = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok(connection) = silent.accept().await {
            held.push(connection);
        }
    });
    let environment = [("DOCKER_HOST".to_owned(), format!("unix://{}", socket.display()))].into();
    let app = App::open(AppOptions { environment, ..AppOptions::without_engine(folder.path().join("data")) }).await.unwrap();
    let mut notices = app.notices();
    while tidying(&app).is_empty() {
        while !notices.next().await.unwrap().is_about(&Tag::Activities) {}
    }
    let second = app.start_run(&request).await.unwrap();
    assert_eq!(tidying(&app)[0].state, ActivityState::Running, "it is still measuring");
    let over = wait_until_over(&app, &second).await;
    assert_eq!(over.run.state, RunStateWord::Failed);
    app.shutdown().await;
    assert!(tidying(&app).iter().all(|one| one.state.is_final()), "{:?}", tidying(&app));
    holding.abort();
}

#[tokio::test]
async fn a_sweep_gives_way_to_a_run_that_wants_to_begin() {
    let ownership = Ownership::default();
    drop(ownership.may_begin().await);
    let mut wanted = std::pin::pin!(ownership.give_way.notified());
    wanted.as_mut().enable();
    let sweep = async {
        let right = ownership.sweep_or_start.lock().await;
        wanted.await;
        drop(right);
    };
    let begins = async {
        // After the sweep has its right.
        tokio::task::yield_now().await;
        drop(ownership.may_begin().await);
    };
    let both = async { tokio::join!(sweep, begins) };
    tokio::time::timeout(Duration::from_secs(60), both).await.expect("the run begins");
}
