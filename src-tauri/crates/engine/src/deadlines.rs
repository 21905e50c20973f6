//! How long each kind of work may take: the one table. A backend has no limits of its own beyond single calls; it tells how far it is, and the
//! engine decides.
//!
//! Whatever a person waits for and can see going on (files on their way to an engine, the image of a step) is limited by *silence*, not by a
//! total: a large repository on a slow line takes its hours. What a step's program does is limited by the pipeline alone
//! (`Step::timeout_s`, `Plan::timeout_s`).
//!
//! | work | limit | then |
//! | --- | --- | --- |
//! | [`Work::Place`] | total 120 s: several engines may be asked, some by a log-in | the stage is errored |
//! | [`Work::Prepare`] | silence, [`EngineSettings::prepare_silence`] | the stage is errored |
//! | [`Work::Probe`] | total 10 s | asked again after [`PROBE_INTERVAL`] |
//! | [`Work::Outage`] | total of each outage, [`EngineSettings::engine_patience`] | the step or stage is errored |
//! | [`Work::EndAfterKill`] | total, [`EngineSettings::cleanup_deadline`], from the kill | the step is given up, errored |
//! | [`Work::Remove`] | total, [`EngineSettings::cleanup_deadline`] | what is left is a state, tried again ([`remove_again`]) |
//! | [`Work::MakeAhead`] | total 30 s, from the moment at which the step could start | the head start is given up |
//! | [`Work::StopHeadStarts`] | total 10 s | they are dropped |

use crate::EngineSettings;
use std::time::Duration;

/// How often an engine that does not answer is asked again.
pub(crate) const PROBE_INTERVAL: Duration = Duration::from_secs(1);

/// A call that lasts so long after the engine was away shows that it is back.
pub(crate) const BACK_AFTER: Duration = Duration::from_secs(3);

/// What takes time besides the programs of steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Finding the engine that a new stage is made on.
    Place,
    /// Making the place of a stage.
    Prepare,
    /// One question to an engine that went away.
    Probe,
    /// Waiting for an engine that went away, each time that it does.
    Outage,
    /// What a backend still does for a step after it was to be killed.
    EndAfterKill,
    /// One try to remove the place of a stage.
    Remove,
    /// Waiting for the one who makes ahead what a step will run in.
    MakeAhead,
    /// Ending those who fetch and make ahead.
    StopHeadStarts,
}

/// How the time of a work is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// From its beginning.
    Total(Duration),
    /// From the last sign of life ([`crate::progress::Progress::hear`]).
    Silence(Duration),
}

impl Work {
    /// The row of the table.
    pub fn limit(self, settings: &EngineSettings) -> Limit {
        match self {
            Self::Place => Limit::Total(Duration::from_secs(120)),
            Self::Prepare => Limit::Silence(settings.prepare_silence),
            Self::Probe => Limit::Total(Duration::from_secs(10)),
            Self::Outage => Limit::Total(settings.engine_patience),
            Self::EndAfterKill | Self::Remove => Limit::Total(settings.cleanup_deadline),
            Self::MakeAhead => Limit::Total(Duration::from_secs(30)),
            Self::StopHeadStarts => Limit::Total(Duration::from_secs(10)),
        }
    }

    /// The time of the row, however it is counted.
    pub fn time(self, settings: &EngineSettings) -> Duration {
        match self.limit(settings) {
            Limit::Total(time) | Limit::Silence(time) => time,
        }
    }
}

/// How long to wait before what could not be removed is tried again, after so many tries: at first soon, for an engine that is just coming
/// back, and never rarer than each half minute.
pub(crate) fn remove_again(tries: u32) -> Duration {
    Duration::from_secs(1 << tries.min(5)).min(Duration::from_secs(30))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_sees_going_on_is_limited_by_silence_alone() {
        let settings = EngineSettings::default();
        let all = [
            Work::Place,
            Work::Prepare,
            Work::Probe,
            Work::Outage,
            Work::EndAfterKill,
            Work::Remove,
            Work::MakeAhead,
            Work::StopHeadStarts,
        ];
        let silent: Vec<Work> = all.into_iter().filter(|work| matches!(work.limit(&settings), Limit::Silence(_))).collect();
        assert_eq!(silent, [Work::Prepare]);
    }

    #[test]
    fn removal_is_tried_soon_and_then_rarely_but_for_ever() {
        let pauses: Vec<u64> = [0, 1, 2, 3, 4, 5, 6, u32::MAX].map(|tries| remove_again(tries).as_secs()).into();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30, 30]);
    }
}
