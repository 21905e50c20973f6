use tokio::sync::watch;

/// How far a cancel has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CancelStage {
    /// Nobody asked.
    None,
    /// Asked to end, with a grace time.
    Ask,
    /// To be killed at once.
    Kill,
}

/// The asking end: held by the engine. Stages only grow: `Kill` is never taken back to `Ask`.
#[derive(Debug, Clone)]
pub struct CancelHandle(watch::Sender<CancelStage>);

/// The listening end: given to a backend. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Cancel {
    stage: watch::Receiver<CancelStage>,
    /// How long an asked program may take to end before it is killed.
    pub grace: std::time::Duration,
}

impl CancelHandle {
    /// Both ends; `grace` is the time between asking and killing.
    pub fn new(grace: std::time::Duration) -> (Self, Cancel) {
        let (sender, receiver) = watch::channel(CancelStage::None);
        (Self(sender), Cancel { stage: receiver, grace })
    }

    /// Goes to `stage` unless it is there or further already.
    pub fn advance(&self, stage: CancelStage) {
        self.0.send_if_modified(|now| {
            let grows = stage > *now;
            if grows {
                *now = stage;
            }
            grows
        });
    }

    /// How far it has gone.
    pub fn stage(&self) -> CancelStage {
        *self.0.borrow()
    }
}

impl Cancel {
    /// How far it has gone.
    pub fn stage(&self) -> CancelStage {
        *self.stage.borrow()
    }

    /// Whether anyone has asked.
    pub fn is_asked(&self) -> bool {
        self.stage() >= CancelStage::Ask
    }

    /// Waits until the cancel has gone at least as far as `stage`. Waits for ever when the asking end is dropped before.
    pub async fn reached(&self, stage: CancelStage) {
        let mut receiver = self.stage.clone();
        if receiver.wait_for(|now| *now >= stage).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn stages_only_grow() {
        let (handle, cancel) = CancelHandle::new(Duration::from_secs(1));
        assert!(!cancel.is_asked());
        handle.advance(CancelStage::Kill);
        handle.advance(CancelStage::Ask);
        assert_eq!(cancel.stage(), CancelStage::Kill);
        cancel.reached(CancelStage::Ask).await;
    }
}
