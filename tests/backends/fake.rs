//! The backend in memory, on which the engine is tested: where it can do what a real one does, it does the same. It runs no programs and has no
//! files, so it is told in its own words what the program of a case does, and the cases about output of programs, files and
//! services are not for it.

use async_trait::async_trait;
use lp_backend::fake::{FakeBackend, FakePlaces};
use lp_backend::{Backend, StageContext};
use lp_model::BackendKind;
use lp_tests::conformance::{Abilities, Place};
use std::sync::Arc;
use std::time::Duration;

struct Memory {
    ours: Arc<FakeBackend>,
    theirs: Arc<FakeBackend>,
}

async fn place_that(places: FakePlaces) -> Memory {
    let backend = || Arc::new(FakeBackend::new(BackendKind::Docker, places.clone()));
    Memory { ours: backend(), theirs: backend() }
}

async fn place() -> Memory {
    place_that(FakePlaces::default()).await
}

#[async_trait]
impl Place for Memory {
    fn backend(&self) -> Arc<dyn Backend> {
        self.ours.clone()
    }

    fn neighbour(&self) -> Arc<dyn Backend> {
        self.theirs.clone()
    }

    fn image(&self) -> String {
        "none".to_owned()
    }

    fn abilities(&self) -> Abilities {
        Abilities { services: false, memory_limit: false }
    }

    async fn left_of(&self, stage: &StageContext) -> Vec<String> {
        let all = self.ours.left().into_iter().chain(self.theirs.left());
        all.filter(|name| *name == stage.name()).collect()
    }
}

mod conforms {
    lp_tests::conformance! { super::place().await =>
        exit_codes_are_reported
        a_signal_is_told_from_an_exit_code
        a_log_that_cannot_be_written_ends_the_step
        started_is_called_once_and_first
        programs_below_the_shell_are_asked_too
        a_stubborn_program_is_killed_after_the_grace_time
        killed_at_once
        a_cancelled_step_is_not_started
        destroying_leaves_nothing
        destroying_twice_or_too_early_is_no_error
        a_sweep_removes_only_our_dead_runs
    }
}

mod slow_places_conform {
    use super::*;

    /// Instead of files that never arrive.
    async fn slow() -> Memory {
        place_that(FakePlaces { prepare_takes: Duration::from_secs(3600), ..FakePlaces::default() }).await
    }

    lp_tests::conformance! { slow().await => prepare_can_be_cancelled }
}
