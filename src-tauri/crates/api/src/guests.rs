//! How another process hands its wishes to the owner of the data folder: one line of JSON each way over a socket in the data folder,
//! which only this user may use.
//!
//! A guest hands over its *request*, not a run: only the owner numbers and writes runs, so there is nothing to clean up when a waiting
//! terminal is closed.

use crate::app::App;
use crate::dto::{ApiError, ErrorCode, KeptFiles, RunRequest, RunSummary};
use serde::{Deserialize, Serialize};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

/// Longest line of a wish or an answer in bytes.
const LONGEST: u64 = 1 << 20;
/// How long the owner may take to answer; starting a run reads a repository.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the end of the app waits for the answer to a wish that was heard.
const LAST_ANSWER: Duration = Duration::from_secs(5);

/// How long the owner waits after it could not let a guest in.
const PAUSE: Duration = Duration::from_millis(200);

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Wish {
    Ping,
    Start(Box<RunRequest>),
    Again(String),
    Retry(String),
    Cancel(String),
    /// Without a grace time.
    Kill(String),
    Queue,
    RemoveKept(Option<String>),
}

impl Wish {
    /// Whether it makes a run begin: one who does not take guests' runs leaves such wishes to the next owner.
    fn begins_a_run(&self) -> bool {
        matches!(self, Self::Ping | Self::Start(_) | Self::Again(_) | Self::Retry(_))
    }
}

type Answer = Result<String, ApiError>;

fn socket(folder: &Path) -> PathBuf {
    folder.join("owner.sock")
}

/// Takes wishes until the app ends. Called by the owner.
pub(crate) fn listen(app: &Arc<App>) -> Result<(), ApiError> {
    let path = socket(&app.options.data_folder);
    // The lock is ours, so a socket that is there is a dead one's.
    let _was_not_there = std::fs::remove_file(&path);
    let bound = UnixListener::bind(&path).and_then(|listener| {
        // The data folder may be older than us and open to others.
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok(listener)
    });
    let listener = match bound {
        Ok(listener) => listener,
        Err(problem) => {
            // Without it others wait until this process ends: worth a note, not worth refusing to start.
            tracing::warn!(%problem, path = %path.display(), "runs of other processes cannot be taken over");
            return Ok(());
        }
    };
    let host = Arc::clone(app);
    app.tasks.spawn(async move {
        loop {
            tokio::select! {
                () = host.ending.cancelled() => break,
                arrived = listener.accept() => {
                    let stream = match arrived {
                        Ok((stream, _)) => stream,
                        Err(problem) => {
                            // Such as too many open files: it would come again at once.
                            tracing::warn!(%problem, "a guest could not be let in");
                            tokio::time::sleep(PAUSE).await;
                            continue;
                        }
                    };
                    let guest = Arc::clone(&host);
                    host.tasks.spawn(async move {
                        if let Err(problem) = serve(&guest, stream).await {
                            tracing::debug!(%problem, "a guest went away");
                        }
                    });
                }
            }
        }
        let _gone_already = std::fs::remove_file(&path);
    });
    Ok(())
}

/// Hears one wish and answers it. A wish that was heard is answered also when the app is about to end, which may be what the wish leads to.
async fn serve(app: &Arc<App>, stream: UnixStream) -> std::io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut line = String::new();
    let mut reading = BufReader::new(reading.take(LONGEST));
    tokio::select! {
        () = app.ending.cancelled() => return Ok(()),
        heard = reading.read_line(&mut line) => heard?,
    };
    let too_late = async {
        app.ending.cancelled().await;
        tokio::time::sleep(LAST_ANSWER).await;
    };
    tokio::select! {
        answer = answer(app, &line) => {
            let mut text = serde_json::to_vec(&answer).expect("plain data");
            text.push(b'\n');
            writing.write_all(&text).await
        }
        () = too_late => Ok(()),
    }
}

/// Does what a guest wants.
async fn answer(app: &Arc<App>, line: &str) -> Answer {
    match serde_json::from_str(line) {
        Ok(wish) if wish.begins_a_run() && !app.options.accept_guests => {
            Err(ApiError::new(ErrorCode::NotOwner, "another letterpress drives the runs of this data folder and takes none from others")
                .hint("wait until it ends; this happens by itself"))
        }
        Ok(Wish::Ping) => Ok(String::new()),
        Ok(Wish::Start(request)) => app.start_run(&request).await,
        Ok(Wish::Again(run)) => app.run_again(&run).await,
        Ok(Wish::Retry(run)) => app.retry_run(&run).await.map(|()| String::new()),
        Ok(Wish::Cancel(run)) => app.cancel_run(&run).await.map(|()| String::new()),
        Ok(Wish::Kill(run)) => app.kill_run(&run).await.map(|()| String::new()),
        Ok(Wish::Queue) => app.queue().await.map(|queue| json(&queue)),
        Ok(Wish::RemoveKept(run)) => app.remove_kept(run.as_deref()).await.map(|kept| json(&kept)),
        Err(problem) => Err(ApiError::new(ErrorCode::BadRequest, format!("the wish is not understood: {problem}"))
            .hint("both processes should be the same version of Letterpress")),
    }
}

async fn ask(app: &App, wish: &Wish) -> Answer {
    let exchange = async {
        let stream = UnixStream::connect(socket(&app.options.data_folder)).await?;
        let (reading, mut writing) = stream.into_split();
        let mut text = serde_json::to_vec(wish).expect("plain data");
        text.push(b'\n');
        writing.write_all(&text).await?;
        let mut line = String::new();
        BufReader::new(reading.take(LONGEST)).read_line(&mut line).await?;
        serde_json::from_str::<Answer>(&line).map_err(std::io::Error::other)
    };
    let not_reached = |problem: String| {
        ApiError::new(
            ErrorCode::NotOwner,
            format!("another letterpress drives the runs of this data folder and does not answer: {problem}"),
        )
        .hint("wait until it ends, or close it")
    };
    match tokio::time::timeout(PATIENCE, exchange).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(problem)) => Err(not_reached(problem.to_string())),
        Err(_) => Err(not_reached("no answer in a minute".into())),
    }
}

/// Whether the owner takes wishes.
pub(crate) async fn owner_answers(app: &App) -> bool {
    ask(app, &Wish::Ping).await.is_ok()
}

/// Lets the owner start a run.
pub(crate) async fn start(app: &App, request: &RunRequest) -> Answer {
    ask(app, &Wish::Start(Box::new(request.clone()))).await
}

/// Lets the owner repeat a run.
pub(crate) async fn again(app: &App, run: &str) -> Answer {
    ask(app, &Wish::Again(run.to_owned())).await
}

/// Lets the owner retry a run.
pub(crate) async fn retry(app: &App, run: &str) -> Result<(), ApiError> {
    ask(app, &Wish::Retry(run.to_owned())).await.map(|_| ())
}

/// Lets the owner cancel a run.
pub(crate) async fn cancel(app: &App, run: &str) -> Result<(), ApiError> {
    ask(app, &Wish::Cancel(run.to_owned())).await.map(|_| ())
}

/// Lets the owner kill a run.
pub(crate) async fn kill(app: &App, run: &str) -> Result<(), ApiError> {
    ask(app, &Wish::Kill(run.to_owned())).await.map(|_| ())
}

/// The queue as the owner sees it.
pub(crate) async fn queue(app: &App) -> Result<Vec<RunSummary>, ApiError> {
    ask(app, &Wish::Queue).await.and_then(|text| read(&text))
}

/// Lets the owner remove kept files.
pub(crate) async fn remove_kept(app: &App, run: Option<&str>) -> Result<KeptFiles, ApiError> {
    ask(app, &Wish::RemoveKept(run.map(str::to_owned))).await.and_then(|text| read(&text))
}

fn json(answer: &impl Serialize) -> String {
    serde_json::to_string(answer).expect("plain data")
}

fn read<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, ApiError> {
    serde_json::from_str(text).map_err(|problem| {
        ApiError::new(ErrorCode::BadRequest, format!("the answer is not understood: {problem}"))
            .hint("both processes should be the same version of Letterpress")
    })
}
