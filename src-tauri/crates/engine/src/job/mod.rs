//! What the driver of a run starts and waits for: making a place, running a step, removing a place. A job always comes back, also when
//! the backend panics or never answers.

mod outage;
mod prepare;
mod remove;
mod step;

pub use outage::is_silence;
pub(crate) use prepare::PrepareJob;
pub(crate) use remove::destroy;
pub(crate) use step::StepJob;

use crate::aside::Asides;
use crate::gate::Ticket;
use futures_util::FutureExt;
use lp_backend::{Backend, Cancel, CancelStage, StageContext, StepContext};
use lp_model::{Message, message};
use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::sleep;

/// The place of a stage. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Site {
    pub backend: Arc<dyn Backend>,
    pub context: StageContext,
    pub started_ms: i64,
    pub asides: Arc<Asides>,
    /// Its right to run beside others of its kind.
    ticket: Arc<Mutex<Option<Ticket>>>,
}

impl Site {
    pub fn new(backend: Arc<dyn Backend>, context: StageContext, started_ms: i64) -> Self {
        Self { backend, context, started_ms, asides: Arc::new(Asides::new()), ticket: Arc::default() }
    }

    /// Keeps its right to run until its steps are over; with `None` others of its kind may run.
    pub fn keep_ticket(&self, ticket: Option<Ticket>) {
        *self.ticket.lock().unwrap_or_else(PoisonError::into_inner) = ticket;
    }

    /// Starts to fetch what its steps need.
    pub fn fetch(&self) {
        let (backend, context, cancel) = (Arc::clone(&self.backend), self.context.clone(), self.asides.cancel());
        self.asides.start(None, async move { backend.fetch(&context, &cancel).await });
    }

    /// Starts to make what a step will run in.
    pub fn make_ahead(&self, step: StepContext) {
        let (backend, context, cancel) = (Arc::clone(&self.backend), self.context.clone(), self.asides.cancel());
        self.asides.start(Some(step.key), async move { backend.make_ahead(&context, &step, &cancel).await });
    }
}

/// Awaits a call to a backend; a panic in it becomes a message.
async fn guarded<T>(call: impl Future<Output = T>) -> Result<T, Message> {
    AssertUnwindSafe(call).catch_unwind().await.map_err(|panic| message!("the backend failed unexpectedly: {}", panic_text(&*panic)))
}

/// Awaits a call to a backend, but not for ever once it was told to end: `None` when `patience` is over after the time at which the
/// program was to be killed.
async fn unless_given_up<T>(call: impl Future<Output = T>, cancel: &Cancel, patience: Duration) -> Option<Result<T, Message>> {
    let given_up = async {
        cancel.reached(CancelStage::Ask).await;
        tokio::select! {
            () = sleep(cancel.grace) => {}
            () = cancel.reached(CancelStage::Kill) => {}
        }
        sleep(patience).await;
    };
    tokio::select! {
        biased;
        result = guarded(call) => Some(result),
        () = given_up => None,
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> Message {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).map_or_else(|| message!("it panicked"), Message::verbatim)
}
