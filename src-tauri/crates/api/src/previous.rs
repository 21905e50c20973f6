//! The run before a run: steps read it from their variables, to tell people that something is broken or works again.
//!
//! The store is asked when a run is prepared, so that the compiler stays without a store.

use crate::app::App;
use crate::dto::ApiError;
use lp_model::{PreviousRun, ProjectId, RunState};
use lp_store::RunFilter;

/// Runs that are looked at, newest first; a branch that has not been run for longer counts as new.
const LOOKED_AT: u32 = 50;
const OVER: [RunState; 6] =
    [RunState::Passed, RunState::Failed, RunState::Errored, RunState::Cancelled, RunState::TimedOut, RunState::Interrupted];

impl App {
    /// The last run of a branch that is over.
    pub(crate) async fn previous_run(&self, project: &ProjectId, branch: &str) -> Result<Option<Box<PreviousRun>>, ApiError> {
        let filter = RunFilter { project: Some(project.clone()), states: OVER.to_vec(), text: None };
        for run in self.store.runs(&filter, None, LOOKED_AT).await? {
            let facts = self.store.event_facts(&run.id).await?;
            if facts.commit.branch != branch {
                continue;
            }
            return Ok(Some(Box::new(PreviousRun {
                number: run.number,
                parent_number: facts.parent_number,
                kind: facts.kind,
                target: facts.target,
                state: run.state,
                created_ms: run.created_ms,
                started_ms: run.started_ms.unwrap_or_default(),
                ended_ms: run.ended_ms.unwrap_or_default(),
                commit: facts.commit,
            })));
        }
        Ok(None)
    }
}
