//! What was missed while nobody looked: the computer slept, or no Letterpress was open.

use super::Schedule;
use jiff::{Timestamp, Zoned};

/// How late something may be and still count as in time, in seconds: what looks does so once a minute, and machines wake up slowly.
pub const IN_TIME_S: i64 = 120;
/// Most missed times that are kept; a schedule of every second would have a million after a night.
pub const MOST: usize = 100;

/// What is to be done about times that were missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Missed {
    /// The newest of them runs, once.
    #[default]
    Newest,
    /// Each of them runs.
    All,
    /// None of them runs.
    Skip,
}

impl Missed {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Newest, Self::All, Self::Skip];

    /// The word for it in settings and data.
    pub fn word(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::All => "all",
            Self::Skip => "skip",
        }
    }

    /// Reads [`Self::word`] back.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.word() == word)
    }
}

/// What has become due between two looks at a schedule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Due {
    /// The time that is due now.
    pub now: Option<Zoned>,
    /// Times that were missed, the oldest first; the newest of them where there are more than [`MOST`].
    pub missed: Vec<Zoned>,
    /// Whether older ones were missed too.
    pub more: bool,
}

/// How far back is looked for missed times, in seconds, the nearest first: the first stretch with more than enough of them is the last that
/// is looked at, so that a schedule of every second costs no more than one of every week.
const STRETCHES_S: [i64; 4] = [3600, 86_400, 32 * 86_400, i64::MAX];

impl Due {
    /// What has become due behind `last`, the moment of the look before, and not behind `now`. Nothing where the clock was set back.
    pub fn between(schedule: &Schedule, last: Timestamp, now: Timestamp) -> Self {
        let mut due = Self::default();
        for stretch in STRETCHES_S {
            let from = Timestamp::from_second(now.as_second().saturating_sub(stretch)).map_or(last, |from| from.max(last));
            let first = schedule.next(from);
            let times = std::iter::successors(first, |time| schedule.next(time.timestamp()));
            due.missed = times.take_while(|time| time.timestamp() <= now).collect();
            if due.missed.len() > MOST || from == last {
                break;
            }
        }
        if due.missed.last().is_some_and(|newest| now.as_second() - newest.timestamp().as_second() <= IN_TIME_S) {
            due.now = due.missed.pop();
        }
        let surplus = due.missed.len().saturating_sub(MOST);
        due.missed.drain(..surplus);
        let oldest = due.missed.first().map(Zoned::timestamp);
        due.more = oldest.is_some_and(|oldest| schedule.next(last).is_some_and(|first| first.timestamp() < oldest));
        due
    }

    /// The times that run, the oldest first.
    pub fn to_run(&self, missed: Missed) -> Vec<&Zoned> {
        let of_missed: &[Zoned] = match missed {
            Missed::All => &self.missed,
            // What is due now is newer than everything that was missed.
            Missed::Newest if self.now.is_none() => &self.missed[self.missed.len().saturating_sub(1)..],
            Missed::Newest | Missed::Skip => &[],
        };
        of_missed.iter().chain(&self.now).collect()
    }
}
