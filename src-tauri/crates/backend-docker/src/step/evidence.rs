//! Whether a program ended by itself or together with its engine.
//!
//! An engine that ends in an orderly way asks all its containers to end, and kills those that do not within some seconds. One that
//! was killed and is started again does the same to what still runs. After a loss of power everything has ended at an unknown moment, with code 255.
//! In all these cases the exit code says nothing about the step. What tells is when the engine's default bridge was made, which it makes
//! anew at each start (but not when its containers were left running), and the holder of the stage, which nobody else ends.

use crate::stage::holder::Fate;
use crate::time::Moment;
use std::time::Duration;

/// Codes of a program that was asked to end or killed, and of one whose end nobody saw.
const NOT_BY_ITSELF: [i64; 3] = [137, 143, 255];

/// An engine that ends gives its containers this long at most in its usual configuration (15 seconds), and takes a moment to begin again.
const ENDING_AND_BEGINNING: Duration = Duration::from_secs(60);

/// How far apart ends that happened together may be.
const TOGETHER: Duration = Duration::from_secs(2);

/// What is known of the end of a program.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EndEvidence {
    /// Its exit code.
    pub code: i64,
    /// When it was started.
    pub started: Option<Moment>,
    /// When it ended.
    pub ended: Option<Moment>,
    /// When the engine was started, if it says.
    pub engine_since: Option<Moment>,
    /// What became of the holder of its stage.
    pub holder: Fate,
}

impl EndEvidence {
    /// Whether the engine ended it. A program that passed has passed.
    pub fn came_with_the_engine(self) -> bool {
        if self.code == 0 {
            return false;
        }
        let (Some(started), Some(ended)) = (self.started, self.ended) else { return false };
        let engine_restarted = self.engine_since.is_some_and(|since| since > started);
        let (holder_ended, holder_end) = match self.holder {
            Fate::None => (false, None),
            Fate::Gone => (true, None),
            Fate::Ended(at) => (true, at),
            // A holder that was replaced, because a step had changed its files, has never ended; one that an engine took with it has.
            Fate::Runs(_, before) => (before.is_some_and(|end| end > started), before),
        };
        if NOT_BY_ITSELF.contains(&self.code) {
            return engine_restarted || holder_ended;
        }
        // A program that was asked may end with any code: then it must have happened at that time.
        let with_the_holder = holder_end.is_some_and(|end| ended >= end.before(TOGETHER));
        let with_the_engine = self.engine_since.is_some_and(|since| ended >= since.before(ENDING_AND_BEGINNING) && ended <= since);
        engine_restarted && (with_the_holder || with_the_engine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A moment at that second.
    fn at(second: u32) -> Option<Moment> {
        Moment::parse(&format!("2026-11-25T10:{:02}:{:02}Z", second / 60, second % 60))
    }

    fn end(code: i64, engine_since: u32, holder: Fate) -> bool {
        EndEvidence { code, started: at(1000), ended: at(1100), engine_since: at(engine_since), holder }.came_with_the_engine()
    }

    #[test]
    fn a_program_that_ends_under_a_living_engine_ended_by_itself() {
        for code in [1, 137, 143, 255] {
            assert!(!end(code, 500, Fate::None), "{code}");
            assert!(!end(code, 500, Fate::Runs(at(900), None)), "{code}");
            // Replaced while the program ran.
            assert!(!end(code, 500, Fate::Runs(at(1050), None)), "{code}");
            assert!(!end(code, 500, Fate::Runs(at(990), at(980))), "{code}");
        }
    }

    #[test]
    fn a_signal_and_a_new_engine_belong_together() {
        for code in NOT_BY_ITSELF {
            assert!(end(code, 1105, Fate::None), "{code}");
            // An engine that was off for the night.
            assert!(end(code, 3000, Fate::None), "{code}");
            // Engines that do not say since when they run.
            for holder in [Fate::Gone, Fate::Ended(at(1095)), Fate::Ended(None), Fate::Runs(at(1200), at(1095))] {
                assert!(end(code, 500, holder), "{code} {holder:?}");
            }
        }
    }

    #[test]
    fn any_code_at_the_time_of_the_restart() {
        assert!(end(1, 1105, Fate::None));
        assert!(end(1, 3000, Fate::Ended(at(1095))));
        assert!(end(1, 3000, Fate::Runs(at(3001), at(1095))));
        // It had failed before.
        assert!(!end(1, 3000, Fate::None));
        assert!(!end(1, 3000, Fate::Ended(at(1500))));
        // Only the holder was removed, by somebody.
        assert!(!end(1, 500, Fate::Gone));
        assert!(!end(1, 500, Fate::Ended(at(1095))));
    }

    #[test]
    fn what_passed_has_passed() {
        assert!(!end(0, 1105, Fate::Ended(at(1095))));
    }
}
