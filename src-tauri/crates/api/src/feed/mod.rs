//! The feed of this process: what became stale, numbered, with the newest notices kept so that one who was away goes on where he was.
//!
//! Notices are told by the use cases that change something, with the tags that they declare beside what they do. They cross to the window over
//! a channel and to other processes over `owner.sock` ([`crate::owner::guests`]).

pub(crate) mod activity;
pub(crate) mod dto;

use crate::dto::{FeedPlace, LogSize, Notice, Tag};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// How many notices are kept for those who are behind: a dozen steps that all write fill that in ten seconds.
const KEPT: usize = 4096;

/// Where notices come from.
#[derive(Debug, Clone)]
pub(crate) struct Hub {
    feed: Arc<Feed>,
    /// Number of the newest one. Listeners have only the other end, so that they hear when the app has ended.
    newest: Arc<watch::Sender<u64>>,
}

#[derive(Debug)]
struct Feed {
    epoch: String,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// Number of the newest notice.
    newest: u64,
    /// Oldest first, without gaps up to the newest.
    notices: VecDeque<Notice>,
}

impl Feed {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hub {
    pub fn new() -> Self {
        let feed = Feed { epoch: uuid::Uuid::now_v7().simple().to_string(), kept: Mutex::default() };
        Self { feed: Arc::new(feed), newest: Arc::new(watch::Sender::new(0)) }
    }

    /// Which life of which process this is.
    pub fn epoch(&self) -> &str {
        &self.feed.epoch
    }

    /// Tells everyone who listens what is stale; nobody listening is fine.
    pub fn tell(&self, tags: impl IntoIterator<Item = Tag>) {
        self.put(tags.into_iter().collect(), None);
    }

    /// Tells that a log has grown.
    pub fn tell_log(&self, log: Tag, size: LogSize) {
        self.put(vec![log], Some(size));
    }

    /// Hands on what another process tells, under a number of this one.
    pub fn hand_on(&self, notice: Notice) {
        self.put(notice.tags, notice.log);
    }

    fn put(&self, tags: Vec<Tag>, log: Option<LogSize>) {
        let number = {
            let mut kept = self.feed.kept();
            kept.newest += 1;
            let number = kept.newest;
            if kept.notices.len() == KEPT {
                kept.notices.pop_front();
            }
            kept.notices.push_back(Notice { epoch: self.feed.epoch.clone(), number, tags, log });
            number
        };
        // Another teller may have been quicker with a higher one.
        self.newest.send_if_modified(|newest| number > std::mem::replace(newest, number.max(*newest)));
    }

    /// Listens from a place on, without one from now on. At a place of another epoch, or before what is kept, everything is stale.
    pub fn listen(&self, from: Option<FeedPlace>) -> Notices {
        let newest = self.newest.subscribe();
        let heard = match from {
            None => Some(self.feed.kept().newest),
            Some(place) => (place.epoch == self.feed.epoch && place.number <= self.feed.kept().newest).then_some(place.number),
        };
        Notices { feed: Arc::clone(&self.feed), newest, heard }
    }
}

/// A listener.
#[derive(Debug)]
pub struct Notices {
    feed: Arc<Feed>,
    newest: watch::Receiver<u64>,
    /// Number of the last one that was heard; `None` for one who has been elsewhere.
    heard: Option<u64>,
}

impl Notices {
    /// The next notice; waits for it. `None` when the app has ended. A listener who is behind what is kept is told that everything is stale, and
    /// goes on with the newest. May be dropped and called again: nothing is lost.
    pub async fn next(&mut self) -> Option<Notice> {
        loop {
            // Before looking, so that nothing falls between the two.
            self.newest.borrow_and_update();
            if let Some(notice) = self.next_kept() {
                self.heard = Some(notice.number);
                return Some(notice);
            }
            self.newest.changed().await.ok()?;
        }
    }

    /// Where this listener is.
    pub fn place(&self) -> FeedPlace {
        FeedPlace { epoch: self.feed.epoch.clone(), number: self.heard.unwrap_or_else(|| self.feed.kept().newest) }
    }

    fn next_kept(&self) -> Option<Notice> {
        let kept = self.feed.kept();
        let everything = || Notice { epoch: self.feed.epoch.clone(), number: kept.newest, tags: vec![Tag::Everything], log: None };
        let Some(heard) = self.heard else { return Some(everything()) };
        let behind = usize::try_from(kept.newest.saturating_sub(heard)).unwrap_or(usize::MAX);
        match behind {
            0 => None,
            behind if behind > kept.notices.len() => Some(everything()),
            behind => kept.notices.get(kept.notices.len() - behind).cloned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// What can be heard without waiting, as `NUMBER TAG…`.
    async fn heard(notices: &mut Notices) -> Vec<String> {
        let mut all = Vec::new();
        while let Ok(Some(notice)) = tokio::time::timeout(Duration::ZERO, notices.next()).await {
            let tags: Vec<String> = notice.tags.iter().map(Tag::to_string).collect();
            all.push(format!("{} {}", notice.number, tags.join(" ")));
        }
        all
    }

    #[tokio::test]
    async fn numbers_rise_by_one_for_every_listener() {
        let hub = Hub::new();
        hub.tell([Tag::Kept]);
        let mut notices = hub.listen(None);
        hub.tell([Tag::Queue, Tag::Runs]);
        hub.tell([Tag::Status]);
        assert_eq!(heard(&mut notices).await, ["2 queue runs", "3 status"], "from now on, not what was before");
        assert_eq!(notices.place().number, 3);
    }

    #[tokio::test]
    async fn one_who_was_away_goes_on_by_number() {
        let hub = Hub::new();
        let place = hub.listen(None).place();
        hub.tell([Tag::Kept]);
        hub.tell([Tag::Queue]);
        assert_eq!(heard(&mut hub.listen(Some(place.clone()))).await, ["1 kept", "2 queue"]);
        let mut after = hub.listen(Some(FeedPlace { number: 2, ..place.clone() }));
        assert_eq!(heard(&mut after).await, [""; 0], "nothing was missed");
        for elsewhere in [FeedPlace { epoch: "another life".into(), number: 1 }, FeedPlace { number: 3, ..place }] {
            assert_eq!(heard(&mut hub.listen(Some(elsewhere))).await, ["2 everything"]);
        }
    }

    #[tokio::test]
    async fn one_who_missed_more_than_is_kept_asks_for_everything() {
        let hub = Hub::new();
        let mut notices = hub.listen(None);
        for _ in 0..KEPT {
            hub.tell([Tag::Status]);
        }
        assert_eq!(heard(&mut notices).await.len(), KEPT, "so many are kept");
        for _ in 0..=KEPT {
            hub.tell([Tag::Kept]);
        }
        assert_eq!(heard(&mut notices).await, [format!("{} everything", 2 * KEPT + 1)]);
        hub.tell([Tag::Queue]);
        assert_eq!(heard(&mut notices).await, [format!("{} queue", 2 * KEPT + 2)], "and then it goes on");
    }

    #[tokio::test]
    async fn a_listener_hears_that_the_app_has_ended() {
        let hub = Hub::new();
        let mut notices = hub.listen(None);
        hub.tell([Tag::Kept]);
        drop(hub);
        assert!(notices.next().await.is_some());
        assert_eq!(notices.next().await, None);
    }
}
