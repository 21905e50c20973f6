use super::*;
use crate::dto::ActivityUnit;
use crate::feed::Notices;

fn activities() -> (Activities, Notices, CancellationToken, TaskTracker) {
    let (hub, tasks, ending) = (Hub::new(), TaskTracker::new(), CancellationToken::new());
    let notices = hub.listen(None);
    (Activities::new(hub, tasks.clone(), ending.clone()), notices, ending, tasks)
}

/// Waits until the list is as wanted; the notices say when to look again.
async fn until(activities: &Activities, notices: &mut Notices, wanted: impl Fn(&[Activity]) -> bool) -> Vec<Activity> {
    let waiting = async {
        loop {
            let list = activities.list();
            if wanted(&list) {
                return list;
            }
            while !notices.next().await.unwrap().is_about(&Tag::Activities) {}
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting).await.unwrap()
}

#[tokio::test]
async fn progress_and_result_are_seen_while_and_after_it_goes_on() {
    let (activities, mut notices, ..) = activities();
    let (go, gate) = oneshot::channel::<()>();
    let started = activities.start(ActivityKind::Backup, |handle| async move {
        handle.progress(3, Some(9));
        gate.await.unwrap();
        handle.progress(9, Some(9));
        handle.conclude(&Message::verbatim("copied"));
        Ok(42)
    });
    let list = until(&activities, &mut notices, |list| list[0].done == 3).await;
    assert_eq!((list[0].id.as_str(), list[0].kind, list[0].unit), (started.id(), ActivityKind::Backup, ActivityUnit::Bytes));
    assert_eq!((list[0].state, list[0].total, list[0].ended.is_none()), (ActivityState::Running, Some(9), true));
    go.send(()).unwrap();
    assert_eq!(started.result().await.unwrap(), 42);
    let one = &activities.list()[0];
    assert_eq!((one.state, one.done, one.ended.is_some()), (ActivityState::Done, 9, true));
    assert_eq!(one.result.as_ref().map(|words| words.to_string()), Some("copied".to_owned()));
}

#[tokio::test]
async fn it_is_cancelled_by_its_id_and_says_so() {
    let (activities, mut notices, ..) = activities();
    let (stop, may_stop) = oneshot::channel::<()>();
    let started = activities.start(ActivityKind::Search, |handle| async move {
        handle.cancelled().await;
        assert!(handle.is_cancelled());
        may_stop.await.unwrap();
        handle.check()
    });
    let other = activities
        .start(ActivityKind::Clean, |handle| async move { handle.unless_cancelled(std::future::pending::<Result<(), ApiError>>()).await });
    assert!(activities.cancel(started.id()));
    assert!(!activities.cancel("nosuch"));
    until(&activities, &mut notices, |list| list[0].state == ActivityState::Cancelling).await;
    stop.send(()).unwrap();
    assert_eq!(started.result().await.unwrap_err().code, ErrorCode::Cancelled);
    let list = activities.list();
    assert_eq!(
        list.iter().map(|one| one.state).collect::<Vec<_>>(),
        [ActivityState::Running, ActivityState::Cancelled],
        "what goes on comes first"
    );
    assert!(activities.cancel(other.id()));
    assert_eq!(other.result().await.unwrap_err().code, ErrorCode::Cancelled);
}

#[tokio::test]
async fn an_error_and_a_break_are_told() {
    let (activities, ..) = activities();
    let failed = activities
        .start(ActivityKind::Backup, |_| async { Err::<(), _>(ApiError::new(ErrorCode::DiskFull, Message::verbatim("no room"))) });
    assert_eq!(failed.result().await.unwrap_err().code, ErrorCode::DiskFull);
    let broke = activities.start(ActivityKind::Backup, |handle| async move {
        assert!(handle.is_cancelled(), "broken on purpose");
        Ok(())
    });
    assert_eq!(broke.result().await.unwrap_err().code, ErrorCode::Internal);
    let ends: Vec<_> = activities.list().into_iter().map(|one| (one.state, one.error.unwrap().code)).collect();
    assert_eq!(ends, [(ActivityState::Failed, ErrorCode::DiskFull), (ActivityState::Failed, ErrorCode::Internal)]);
}

#[tokio::test]
async fn the_end_of_the_app_stops_all_and_waits_for_them() {
    let (activities, _, ending, tasks) = activities();
    let started: Vec<_> = [ActivityKind::Tidy, ActivityKind::Search]
        .map(|kind| {
            activities.start(kind, |handle| async move { handle.unless_cancelled(std::future::pending::<Result<(), ApiError>>()).await })
        })
        .into();
    ending.cancel();
    tasks.close();
    tasks.wait().await;
    for one in started {
        assert_eq!(one.result().await.unwrap_err().code, ErrorCode::Cancelled);
    }
    assert!(activities.list().iter().all(|one| one.state == ActivityState::Cancelled));
    let late = activities.start(ActivityKind::Search, |handle| async move { handle.check() });
    assert_eq!(late.result().await.unwrap_err().code, ErrorCode::Cancelled, "what begins too late stops at once");
}

#[tokio::test]
async fn those_that_ended_long_ago_are_forgotten() {
    let (activities, ..) = activities();
    let mut last = String::new();
    for _ in 0..50 {
        let started = activities.start(ActivityKind::Measure, |_| async { Ok(()) });
        last = started.id().to_owned();
        started.result().await.unwrap();
    }
    let list = activities.list();
    assert_eq!((list.len(), list.last().map(|one| one.id.as_str())), (20, Some(last.as_str())));
}
