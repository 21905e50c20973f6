//! Work beside the steps of a stage that only gives a head start: fetching images, making what the next step will run in. Nobody depends on
//! it; it is over before the place is removed.

use futures_util::FutureExt;
use lp_backend::{Cancel, CancelHandle, CancelStage};
use lp_model::StepKey;
use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) struct Asides {
    stop: CancelHandle,
    cancel: Cancel,
    /// Drops whatever still runs; also when the driver of the run is gone.
    give_up: CancellationToken,
    tasks: TaskTracker,
    ahead: Mutex<BTreeMap<StepKey, (CancellationToken, oneshot::Receiver<()>)>>,
}

impl Asides {
    pub fn new() -> Self {
        let (stop, cancel) = CancelHandle::new(Duration::ZERO);
        Self { stop, cancel, give_up: CancellationToken::new(), tasks: TaskTracker::new(), ahead: Mutex::default() }
    }

    /// What the work that is passed to [`Self::start`] listens to.
    pub fn cancel(&self) -> Cancel {
        self.cancel.clone()
    }

    /// Starts something. With a key, [`Self::made`] waits for it.
    pub fn start(&self, key: Option<StepKey>, work: impl Future<Output = ()> + Send + 'static) {
        let give_up = self.give_up.child_token();
        let (done, is_done) = oneshot::channel();
        if let Some(key) = key {
            self.ahead.lock().unwrap_or_else(PoisonError::into_inner).insert(key, (give_up.clone(), is_done));
        }
        self.tasks.spawn(async move {
            tokio::select! {
                biased;
                // Whatever goes wrong here, the step meets it again.
                _ = AssertUnwindSafe(work).catch_unwind() => {}
                () = give_up.cancelled() => {}
            }
            let _ = done.send(());
        });
    }

    /// Waits until nobody makes anything for that step any more; after `patience` the one who does is dropped.
    pub async fn made(&self, key: StepKey, cancel: &Cancel, patience: Duration) {
        let found = self.ahead.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
        let Some((give_up, mut is_done)) = found else { return };
        tokio::select! {
            biased;
            _ = &mut is_done => return,
            () = cancel.reached(CancelStage::Ask) => {}
            () = sleep(patience) => {}
        }
        give_up.cancel();
        let _ = is_done.await;
    }

    /// Ends everything; what has not ended after `patience` is dropped.
    pub async fn stop(&self, patience: Duration) {
        self.stop.advance(CancelStage::Kill);
        self.tasks.close();
        if timeout(patience, self.tasks.wait()).await.is_err() {
            self.give_up.cancel();
            self.tasks.wait().await;
        }
    }

    /// Drops everything at once and returns when it is dropped.
    pub async fn abandon(&self) {
        self.give_up.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Asides {
    fn drop(&mut self) {
        self.give_up.cancel();
    }
}
