//! Long work: listed, with its progress, and stopped by whoever wants to. It ends with the app, and is never done while something is held that
//! Run needs.
//!
//! [`Activities::start`] runs a future as a task of the app. The future gets a [`Handle`], tells its progress there and looks there whether it is
//! to stop; where it stops is its own decision, so that nothing is left half done. Whoever started it may wait for its result ([`Started`]);
//! nobody has to.

pub(crate) mod dto;
mod table;

use crate::app::App;
use crate::dto::{Activity, ActivityKind, ActivityState, ApiError, ErrorCode, Tag};
use crate::feed::Hub;
use crate::owner::guests;
use crate::time;
use lp_model::{Message, message};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use table::Table;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Least time between two notices about the progress of one activity.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// All long work of this process.
#[derive(Clone)]
pub(crate) struct Activities(Arc<Inner>);

struct Inner {
    hub: Hub,
    tasks: TaskTracker,
    ending: CancellationToken,
    table: Mutex<Table>,
}

/// Work that was started.
#[must_use = "without its result nobody hears of an error"]
pub(crate) struct Started<T> {
    id: String,
    result: oneshot::Receiver<Result<T, ApiError>>,
}

/// What the work itself has of its activity. Cheap to clone, also for work on a thread of its own.
#[derive(Clone)]
pub(crate) struct Handle {
    id: String,
    cancel: CancellationToken,
    activities: Activities,
    told: Arc<Mutex<Option<Instant>>>,
}

impl Activities {
    /// `ending` is cancelled when the app ends, which waits for `tasks`.
    pub fn new(hub: Hub, tasks: TaskTracker, ending: CancellationToken) -> Self {
        Self(Arc::new(Inner { hub, tasks, ending, table: Mutex::default() }))
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self) {
        self.0.hub.tell([Tag::Activities]);
    }

    /// Begins work. It goes on when nobody waits for its result.
    pub fn start<T, W, F>(&self, kind: ActivityKind, work: W) -> Started<T>
    where
        T: Send + 'static,
        W: FnOnce(Handle) -> F,
        F: Future<Output = Result<T, ApiError>> + Send + 'static,
    {
        let id = uuid::Uuid::now_v7().simple().to_string();
        let cancel = self.0.ending.child_token();
        self.table().begin(&id, kind, &cancel, time::now_ms());
        self.tell();
        let handle = Handle { id: id.clone(), cancel, activities: self.clone(), told: Arc::default() };
        let (sender, result) = oneshot::channel();
        let end = End { handle: handle.clone(), is_told: false };
        let work = work(handle);
        self.0.tasks.spawn(async move {
            let outcome = work.await;
            // In this order: who has the result finds the activity at its end.
            end.tell(outcome.as_ref().err());
            let _nobody_waits = sender.send(outcome);
        });
        Started { id, result }
    }

    /// Those that go on, oldest first, and behind them the last ones that have ended.
    pub fn list(&self) -> Vec<Activity> {
        self.table().list()
    }

    /// Asks one to stop. `false` where there is none of that id; one that is over stays as it is.
    pub fn cancel(&self, id: &str) -> bool {
        let Some(cancel) = self.table().cancel(id) else { return false };
        cancel.cancel();
        self.tell();
        true
    }
}

/// Writes down the end of an activity, also that of one whose task broke.
struct End {
    handle: Handle,
    is_told: bool,
}

impl End {
    fn tell(mut self, error: Option<&ApiError>) {
        self.write(error);
    }

    fn write(&mut self, error: Option<&ApiError>) {
        let state = match error {
            None => ActivityState::Done,
            Some(error) if error.code == ErrorCode::Cancelled => ActivityState::Cancelled,
            Some(_) => ActivityState::Failed,
        };
        self.is_told = true;
        self.handle.activities.table().end(&self.handle.id, state, error.cloned(), time::now_ms());
        self.handle.activities.tell();
    }
}

impl Drop for End {
    fn drop(&mut self) {
        if !self.is_told {
            self.write(Some(&broken()));
        }
    }
}

fn broken() -> ApiError {
    ApiError::new(ErrorCode::Internal, message!("the work broke off")).hint(message!("this is a defect of Letterpress; please report it"))
}

impl<T> Started<T> {
    /// Names the activity.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What came of it.
    ///
    /// # Errors
    /// That of the work; `Cancelled` where it was stopped.
    pub async fn result(self) -> Result<T, ApiError> {
        self.result.await.unwrap_or_else(|_broken| Err(broken()))
    }
}

impl Handle {
    /// Tells how far it is; of a `total` that is not known yet, `None`.
    pub fn progress(&self, done: u64, total: Option<u64>) {
        self.activities.table().progress(&self.id, done, total);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            *told = Some(Instant::now());
            self.activities.tell();
        }
    }

    /// Says what came of it, in words.
    pub fn conclude(&self, result: &Message) {
        self.activities.table().conclude(&self.id, result.into());
    }

    /// Whether it is to stop: somebody has asked for it, or the app ends.
    pub fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// Returns once it is to stop.
    pub async fn cancelled(&self) {
        self.cancel.cancelled().await;
    }

    /// For work that stops between two parts.
    ///
    /// # Errors
    /// `Cancelled` once it is to stop.
    pub fn check(&self) -> Result<(), ApiError> {
        if self.is_cancelled() { Err(stopped()) } else { Ok(()) }
    }

    /// Waits for a part that may be dropped at any moment.
    ///
    /// # Errors
    /// That of the part; `Cancelled` once the work is to stop.
    pub async fn unless_cancelled<T>(&self, part: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
        tokio::select! {
            done = part => done,
            () = self.cancelled() => Err(stopped()),
        }
    }
}

fn stopped() -> ApiError {
    ApiError::new(ErrorCode::Cancelled, message!("the work was stopped"))
        .hint(message!("begin it again when it is wanted; nothing is left half done"))
}

impl App {
    /// Long work of this process and, where another one drives the runs, of that one: what goes on first, then what has just ended.
    pub async fn activities(&self) -> Vec<Activity> {
        let mut all = self.activities.list();
        if !self.ownership.is_ours() {
            // Without an answer there is nobody whose work could be shown.
            all.extend(guests::activities(self).await.unwrap_or_default());
        }
        all.sort_by_key(|activity| activity.state.is_final());
        all
    }

    /// Asks long work to stop; it says so by its state. What is over stays as it is.
    ///
    /// # Errors
    /// `BadRequest` when there is no such work.
    pub async fn cancel_activity(&self, id: &str) -> Result<(), ApiError> {
        if self.activities.cancel(id) {
            return Ok(());
        }
        if !self.ownership.is_ours() {
            return guests::cancel_activity(self, id).await;
        }
        Err(no_activity(id))
    }
}

pub(crate) fn no_activity(id: &str) -> ApiError {
    ApiError::new(ErrorCode::BadRequest, message!("there is no work `{}`", id))
        .hint(message!("it has ended some time ago; look at the list of what goes on"))
}

#[cfg(test)]
mod tests;
