use super::wire::{Answer, Hello, LONGEST, PROTOCOL, Reply, Said, Unheard, Wire, Wish};
use super::{host, socket};
use crate::AppOptions;
use crate::app::App;
use crate::dto::{ErrorCode, FeedPlace, LogKey, RunFilter, RunStateWord, Tag};
use crate::feed::Notices;
use crate::testing::{new_run, open, project, request, wait_for, wait_until_over};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;

/// A run that waits for a file.
fn waits_for(gate: &Path) -> String {
    let wait = format!("echo here; until test -e {}; do sleep 0.05; done", gate.display());
    format!("kind: pipeline\ntype: exec\nname: default\nsteps:\n- {{name: wait, commands: ['{wait}']}}\n")
}

/// The app of a window over the same data folder.
async fn open_window(folder: &Path) -> Arc<App> {
    App::open(AppOptions { accept_guests: true, ..AppOptions::without_engine(folder.join("data")) }).await.unwrap()
}

async fn reach(app: &App) -> Wire {
    Wire::new(UnixStream::connect(socket(&app.options.data_folder)).await.unwrap())
}

async fn greet(app: &App) -> Wire {
    let mut wire = reach(app).await;
    wire.say(&Said::Hello(Hello::ours())).await.unwrap();
    let Reply::Hello { hello, epoch } = wire.hear().await.unwrap() else { panic!("it says who it is") };
    assert_eq!((hello, epoch.as_str()), (Hello::ours(), app.hub.epoch()));
    wire
}

/// Why the owner refused.
async fn refusal(wire: &mut Wire) -> (ErrorCode, String) {
    match wire.hear().await.unwrap() {
        Reply::Refused { error } => (error.code, format!("{}; {}", error.message, error.hint)),
        other => panic!("{other:?}"),
    }
}

/// Waits for a notice about a tag.
async fn told(notices: &mut Notices, tag: &Tag) {
    let telling = async { while !notices.next().await.unwrap().is_about(tag) {} };
    tokio::time::timeout(Duration::from_secs(60), telling).await.unwrap_or_else(|_| panic!("`{tag}` is not told"));
}

#[tokio::test]
async fn another_version_is_told_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let app = open(folder.path()).await;
    let mut wire = reach(&app).await;
    wire.say(&Said::Hello(Hello { protocol: PROTOCOL + 1, version: "9.9.9".into() })).await.unwrap();
    let (code, words) = refusal(&mut wire).await;
    assert_eq!(code, ErrorCode::NotOwner);
    for part in ["9.9.9", env!("CARGO_PKG_VERSION"), "quit the older one"] {
        assert!(words.contains(part), "`{part}` is missing in: {words}");
    }
    // One from before there were versions gets an answer that it can read.
    let mut wire = reach(&app).await;
    wire.say(&"ping").await.unwrap();
    let old: Result<String, crate::dto::ApiError> = wire.hear().await.unwrap();
    assert!(old.unwrap_err().hint.to_string().contains("the same version"));
    app.shutdown().await;
}

#[tokio::test]
async fn a_guest_of_an_owner_from_before_there_were_versions_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let app = open(folder.path()).await;
    app.shutdown().await;
    let old = tokio::net::UnixListener::bind(socket(&folder.path().join("data"))).unwrap();
    let answering = async {
        let mut wire = Wire::new(old.accept().await.unwrap().0);
        let _hello: serde_json::Value = wire.hear().await.unwrap();
        wire.say(&serde_json::json!({"Err": {"code": "bad_request", "message": "", "hint": "", "findings": []}})).await.unwrap();
    };
    let (asked, ()) = tokio::join!(super::queue(&app), answering);
    assert!(asked.unwrap_err().message.to_string().contains("do not understand each other"));
}

#[tokio::test]
async fn a_wish_that_is_said_twice_is_done_once() {
    let folder = tempfile::tempdir().unwrap();
    let (gate, app) = (folder.path().join("gate"), open_window(folder.path()).await);
    let project = project(&app, folder.path(), &waits_for(&gate)).await;
    let request = request(&app, &project).await;
    let say = |key: &str| Said::Wish { key: key.into(), wish: Wish::Start(Box::new(request.clone())) };
    // The answer to the first is lost: the guest goes away as soon as the wish is said.
    let mut lost = greet(&app).await;
    lost.say(&say("one")).await.unwrap();
    drop(lost);
    let mut ids = Vec::new();
    for key in ["one", "one", "two"] {
        let mut wire = greet(&app).await;
        wire.say(&say(key)).await.unwrap();
        match wire.hear().await.unwrap() {
            Reply::Answer { answer: Answer::Run(id) } => ids.push(id),
            other => panic!("{other:?}"),
        }
    }
    assert!(ids[0] == ids[1] && ids[1] != ids[2], "{ids:?}");
    let runs = app.runs(&RunFilter { limit: 9, ..RunFilter::default() }).await.unwrap().runs;
    assert_eq!(runs.len(), 2);
    std::fs::write(&gate, "").unwrap();
    for id in &ids[1..] {
        wait_for(&app, id, |detail| detail.run.state.is_final()).await;
    }
    app.shutdown().await;
}

#[tokio::test]
async fn the_owner_hears_so_much_and_so_many() {
    let folder = tempfile::tempdir().unwrap();
    let app = open(folder.path()).await;
    let mut wire = greet(&app).await;
    wire.say(&Said::Wish { key: "x".repeat(LONGEST as usize), wish: Wish::Ping }).await.ok();
    let (code, words) = refusal(&mut wire).await;
    assert!(code == ErrorCode::BadRequest && words.contains("longer than 1 MB"), "{words}");
    drop(wire);
    // Each of these is heard as long as it may take to say something.
    let mut silent = Vec::new();
    let (code, words) = loop {
        let mut wire = reach(&app).await;
        wire.say(&Said::Hello(Hello::ours())).await.unwrap();
        match wire.hear().await.unwrap() {
            Reply::Hello { .. } => silent.push(wire),
            Reply::Refused { error } => break (error.code, error.message.to_string()),
            other => panic!("{other:?}"),
        }
    };
    assert!(code == ErrorCode::NotOwner && words.contains("64 others"), "{words}");
    assert!((host::MOST_GUESTS - 1..=host::MOST_GUESTS).contains(&silent.len()), "{}", silent.len());
    app.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_is_not_waited_for() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut wire = Wire::new(ours);
    let (_reading, mut writing) = theirs.into_split();
    writing.write_all(b"{\"say\":").await.unwrap();
    let begun = tokio::time::Instant::now();
    assert!(matches!(wire.hear_within::<Said>(host::SAYING).await, Err(Unheard::TooSlow)));
    assert!(begun.elapsed() >= host::SAYING);
    // What came before is not lost to one who listens again.
    writing.write_all(b"\"subscribe\",\"from\":null}\n").await.unwrap();
    assert!(matches!(wire.hear::<Said>().await.unwrap(), Said::Subscribe { from: None }));
}

#[tokio::test]
async fn a_subscriber_goes_on_by_number() {
    let folder = tempfile::tempdir().unwrap();
    let app = open(folder.path()).await;
    let place = app.notices().place();
    app.hub.tell([Tag::Kept]);
    app.hub.tell([Tag::Queue]);
    for (from, expected) in [(place.clone(), Tag::Kept), (FeedPlace { epoch: "another".into(), number: 0 }, Tag::Everything)] {
        let mut wire = greet(&app).await;
        wire.say(&Said::Subscribe { from: Some(from) }).await.unwrap();
        let Reply::Notice { notice } = wire.hear().await.unwrap() else { panic!("a notice") };
        assert_eq!(notice.tags, [expected]);
    }
    app.shutdown().await;
}

#[tokio::test]
async fn a_window_shows_the_run_of_a_terminal_live() {
    let folder = tempfile::tempdir().unwrap();
    let gate = folder.path().join("gate");
    let terminal = open(folder.path()).await;
    let project = project(&terminal, folder.path(), &waits_for(&gate)).await;
    let run = terminal.start_run(&request(&terminal, &project).await).await.unwrap();
    let log = LogKey { run: run.clone(), stage: 1, step: 1, attempt: 1 };

    // Opened later, as a guest.
    let window = open_window(folder.path()).await;
    assert!(!window.ownership.is_ours());
    let mut notices = window.notices();
    // By notices alone, as a window looks.
    let shown = async {
        loop {
            let detail = window.run(&run).await.unwrap();
            if detail.run.state == RunStateWord::Running
                && window.log_range(&log, 0, 9).await.is_ok_and(|range| range.lines.last().is_some_and(|line| line == "here"))
            {
                return;
            }
            while !notices.next().await.unwrap().is_about_run(&run) {}
        }
    };
    tokio::time::timeout(Duration::from_secs(60), shown).await.expect("the window hears that it began and wrote");
    // Whatever was on its way before is heard; what follows can only be the end.
    std::fs::write(&gate, "").unwrap();
    let over = wait_for(&window, &run, |detail| detail.run.state.is_final()).await;
    assert_eq!(over.run.state, RunStateWord::Passed);
    // Work of the terminal is listed in the window too, and stopped from there.
    let work = terminal.activities.start(crate::dto::ActivityKind::Search, |handle| async move {
        handle.cancelled().await;
        handle.check()
    });
    told(&mut notices, &Tag::Activities).await;
    assert!(window.activities().await.iter().any(|one| one.id == work.id()));
    window.cancel_activity(work.id()).await.unwrap();
    assert_eq!(work.result().await.unwrap_err().code, ErrorCode::Cancelled);
    assert_eq!(window.cancel_activity("nosuch").await.unwrap_err().code, ErrorCode::BadRequest);
    // The window goes on where the terminal ends.
    terminal.shutdown().await;
    told(&mut notices, &Tag::Status).await;
    window.shutdown().await;
}

#[tokio::test]
async fn a_window_hears_what_a_terminal_sets() {
    let folder = tempfile::tempdir().unwrap();
    let window = open_window(folder.path()).await;
    let mut notices = window.notices();
    let terminal = crate::testing::open_to_read(folder.path()).await;
    let id = project(&terminal, folder.path(), &waits_for(folder.path())).await;
    told(&mut notices, &Tag::Projects).await;
    assert_eq!(window.projects().await.unwrap()[0].id, id);
    // The window's own writes say precisely what is stale.
    window.set_project_trusted(&id, true).await.unwrap();
    let precise = async { while !notices.next().await.unwrap().tags.contains(&Tag::Plan(id.clone())) {} };
    tokio::time::timeout(Duration::from_secs(60), precise).await.expect("not only that everything is");
    terminal.set_project_trusted(&id, false).await.unwrap();
    told(&mut notices, &Tag::Plan(id.clone())).await;
    assert!(!window.projects().await.unwrap()[0].trusted);

    // Also when both are guests of a third.
    window.shutdown().await;
    let owner = open(folder.path()).await;
    let window = open_window(folder.path()).await;
    // From the first notice on: the owner may have been heard already.
    let mut notices = window.notices_from(Some(FeedPlace { epoch: window.hub.epoch().to_owned(), number: 0 }));
    told(&mut notices, &Tag::Everything).await;
    terminal.set_project_trusted(&id, true).await.unwrap();
    told(&mut notices, &Tag::Project(id)).await;
    for app in [window, terminal, owner] {
        app.shutdown().await;
    }
}

#[tokio::test]
async fn the_same_press_of_a_guest_is_one_run_and_one_attempt() {
    let folder = tempfile::tempdir().unwrap();
    let owner = open_window(folder.path()).await;
    let pipeline = "kind: pipeline\ntype: exec\nname: default\nsteps:\n- {name: fail, commands: ['exit 1']}\n";
    let project = project(&owner, folder.path(), pipeline).await;
    let first = owner.start_run(&request(&owner, &project).await).await.unwrap();
    wait_until_over(&owner, &first).await;
    let guest = open_window(folder.path()).await;
    assert!(!guest.ownership.is_ours());

    let press = async || guest.run_again_once(&first, Some("press-1".into())).await.unwrap();
    let (one, two) = tokio::join!(press(), press());
    wait_until_over(&owner, &one).await;
    assert_eq!([two, press().await], [one.as_str(), one.as_str()], "at once, and when it is over");
    let all = RunFilter { limit: 9, ..RunFilter::default() };
    assert_eq!(owner.runs(&all).await.unwrap().runs.len(), 2);

    let (once, twice) = tokio::join!(guest.retry_attempt(&first, 1), guest.retry_attempt(&first, 1));
    once.unwrap();
    twice.unwrap();
    wait_until_over(&owner, &first).await;
    // A press that was on its way while that attempt began and ended.
    super::retry(&guest, &first, Some(1)).await.unwrap();
    owner.wait_idle().await;
    assert_eq!(owner.run(&first).await.unwrap().run.attempt, 2);
    for app in [guest, owner] {
        app.shutdown().await;
    }
}

#[tokio::test]
async fn a_data_folder_with_a_long_path_has_guests_too() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("a-folder-with-a-long-name/".repeat(8));
    std::fs::create_dir_all(&deep).unwrap();
    let (owner, guest) = (open_window(&deep).await, open_window(&deep).await);
    assert!(owner.ownership.is_ours() && !guest.ownership.is_ours());
    assert_eq!(super::queue(&guest).await.unwrap(), []);
    for app in [guest, owner] {
        app.shutdown().await;
    }
}

#[tokio::test]
async fn a_long_answer_is_heard() {
    let folder = tempfile::tempdir().unwrap();
    let app = open(folder.path()).await;
    let project = project(&app, folder.path(), &waits_for(folder.path())).await;
    let plan = app.prepare(&request(&app, &project).await, (1, None)).await.unwrap().plan;
    app.store.create_run(&new_run("run-1", &project, plan)).await.unwrap();
    let waiting = app.run("run-1").await.unwrap().run;
    app.shutdown().await;
    let queue = vec![waiting; 5_000];
    let said = Reply::Answer { answer: Answer::Queue(queue.clone()) };
    assert!(serde_json::to_vec(&said).unwrap().len() as u64 > LONGEST);

    let owner = tokio::net::UnixListener::bind(socket(&folder.path().join("data"))).unwrap();
    let answering = async {
        let mut wire = Wire::new(owner.accept().await.unwrap().0);
        let _hello: Said = wire.hear().await.unwrap();
        wire.say(&Reply::Hello { hello: Hello::ours(), epoch: "one".into() }).await.unwrap();
        let _wish: Said = wire.hear().await.unwrap();
        wire.say(&said).await.unwrap();
    };
    let (heard, ()) = tokio::join!(super::queue(&app), answering);
    assert_eq!(heard.unwrap().len(), queue.len());
}
