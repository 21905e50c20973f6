//! How another process hands its wishes to the owner of the data folder, and hears what happens there: lines of JSON over a socket in the data
//! folder, which only this user may use.
//!
//! A guest says which version of these words it speaks, hears that of the owner, and then says one wish and hears its answer, or subscribes and
//! hears every notice. It hands over its *request*, not a run: only the owner numbers and writes runs, so there is nothing to clean up when a
//! waiting terminal is closed. Every wish has a key: one that is said again under the same key, because its answer was lost, is done once.
//!
//! A window that is a guest hands the owner's notices on as its own, so that it shows the runs of a terminal live.

mod answers;
mod guest;
mod host;
mod wire;

use crate::app::App;
use crate::dto::{Activity, ApiError, ErrorCode, KeptFiles, RunRequest, RunSummary};
use guest::ask;
pub(crate) use guest::hear_owner;
pub(crate) use host::listen;
use lp_model::message;
use std::path::{Path, PathBuf};
use wire::{Answer, Wish};

fn socket(folder: &Path) -> PathBuf {
    folder.join("owner.sock")
}

/// Most bytes of a path that the system takes as the address of a socket, with the byte behind it.
#[cfg(target_os = "linux")]
const LONGEST_ADDRESS: usize = 108;

/// How the socket of a data folder is reached as long as this is kept.
struct Address {
    path: PathBuf,
    /// Through it a path of any length is reached by a short one.
    #[cfg(target_os = "linux")]
    _folder: Option<std::fs::File>,
}

impl Address {
    fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(target_os = "linux")]
fn address(folder: &Path) -> std::io::Result<Address> {
    use std::os::fd::AsRawFd;
    let path = socket(folder);
    if path.as_os_str().len() < LONGEST_ADDRESS {
        return Ok(Address { path, _folder: None });
    }
    let open = std::fs::File::open(folder)?;
    let short = Path::new("/proc/self/fd").join(open.as_raw_fd().to_string());
    Ok(Address { path: socket(&short), _folder: Some(open) })
}

#[cfg(not(target_os = "linux"))]
#[allow(clippy::unnecessary_wraps)]
fn address(folder: &Path) -> std::io::Result<Address> {
    Ok(Address { path: socket(folder) })
}

/// Whether the owner takes wishes.
pub(crate) async fn owner_answers(app: &App) -> bool {
    ask(app, Wish::Ping).await.is_ok()
}

/// Lets the owner start a run; returns its id.
pub(crate) async fn start(app: &App, request: &RunRequest) -> Result<String, ApiError> {
    run(ask(app, Wish::Start(Box::new(request.clone()))).await?)
}

/// Lets the owner repeat a run; returns the id of the new one.
pub(crate) async fn again(app: &App, of: &str, key: Option<String>) -> Result<String, ApiError> {
    run(ask(app, Wish::Again { run: of.to_owned(), key }).await?)
}

/// Lets the owner retry a run, of an attempt only if that was not retried already.
pub(crate) async fn retry(app: &App, run: &str, attempt: Option<u32>) -> Result<(), ApiError> {
    done(&ask(app, Wish::Retry { run: run.to_owned(), attempt }).await?)
}

/// Lets the owner cancel a run.
pub(crate) async fn cancel(app: &App, run: &str) -> Result<(), ApiError> {
    done(&ask(app, Wish::Cancel(run.to_owned())).await?)
}

/// Lets the owner kill a run.
pub(crate) async fn kill(app: &App, run: &str) -> Result<(), ApiError> {
    done(&ask(app, Wish::Kill(run.to_owned())).await?)
}

/// The queue as the owner sees it.
pub(crate) async fn queue(app: &App) -> Result<Vec<RunSummary>, ApiError> {
    match ask(app, Wish::Queue).await? {
        Answer::Queue(queue) => Ok(queue),
        other => Err(beside_the_point(&other)),
    }
}

/// Lets the owner remove kept files; returns what is left.
pub(crate) async fn remove_kept(app: &App, run: Option<&str>) -> Result<KeptFiles, ApiError> {
    match ask(app, Wish::RemoveKept(run.map(str::to_owned))).await? {
        Answer::Kept(kept) => Ok(kept),
        other => Err(beside_the_point(&other)),
    }
}

/// Long work of the owner.
pub(crate) async fn activities(app: &App) -> Result<Vec<Activity>, ApiError> {
    match ask(app, Wish::Activities).await? {
        Answer::Activities(activities) => Ok(activities),
        other => Err(beside_the_point(&other)),
    }
}

/// Asks long work of the owner to stop.
pub(crate) async fn cancel_activity(app: &App, id: &str) -> Result<(), ApiError> {
    done(&ask(app, Wish::CancelActivity(id.to_owned())).await?)
}

fn run(answer: Answer) -> Result<String, ApiError> {
    match answer {
        Answer::Run(id) => Ok(id),
        other => Err(beside_the_point(&other)),
    }
}

fn done(answer: &Answer) -> Result<(), ApiError> {
    match answer {
        Answer::Done => Ok(()),
        other => Err(beside_the_point(other)),
    }
}

/// Cannot be between two that speak the same version.
fn beside_the_point(answer: &Answer) -> ApiError {
    tracing::error!(?answer, "an answer to another wish");
    ApiError::new(ErrorCode::Internal, message!("the other Letterpress answered something that was not asked"))
        .hint(message!("this is a defect of Letterpress; please report it"))
}

#[cfg(test)]
mod tests;
