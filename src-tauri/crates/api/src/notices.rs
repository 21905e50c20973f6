use crate::dto::Notice;
use std::collections::VecDeque;
use tokio::sync::broadcast;

/// How many notices a slow listener may lag behind before it is told to ask for everything again.
const DEPTH: usize = 4096;

/// Where notices come from.
#[derive(Debug, Clone)]
pub(crate) struct Hub(broadcast::Sender<Notice>);

impl Hub {
    pub fn new() -> Self {
        Self(broadcast::channel(DEPTH).0)
    }

    /// Tells everyone who listens; nobody listening is fine.
    pub fn tell(&self, notice: Notice) {
        let _nobody_listens = self.0.send(notice);
    }

    pub fn listen(&self) -> Notices {
        Notices { receiver: self.0.subscribe(), missed: VecDeque::new() }
    }
}

/// A listener.
#[derive(Debug)]
pub struct Notices {
    receiver: broadcast::Receiver<Notice>,
    missed: VecDeque<Notice>,
}

impl Notices {
    /// The next notice; `None` when the app has ended. A listener that was too slow gets `Projects` and `Status` and
    /// a `Run` without ids, which means: ask for everything again.
    pub async fn next(&mut self) -> Option<Notice> {
        if let Some(notice) = self.missed.pop_front() {
            return Some(notice);
        }
        match self.receiver.recv().await {
            Ok(notice) => Some(notice),
            Err(broadcast::error::RecvError::Closed) => None,
            Err(broadcast::error::RecvError::Lagged(_)) => {
                self.missed.extend([Notice::Status, Notice::Run { run: String::new(), project: String::new() }]);
                Some(Notice::Projects)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_slow_listener_is_told_to_ask_again() {
        let hub = Hub::new();
        let mut notices = hub.listen();
        for _ in 0..=DEPTH {
            hub.tell(Notice::Status);
        }
        assert_eq!(notices.next().await, Some(Notice::Projects));
        assert_eq!(notices.next().await, Some(Notice::Status));
        assert_eq!(notices.next().await, Some(Notice::Run { run: String::new(), project: String::new() }));
        assert_eq!(notices.next().await, Some(Notice::Status), "what still fits in the channel follows");
    }
}
