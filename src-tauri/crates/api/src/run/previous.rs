//! The run before a run: steps read it from their variables, to tell people that something is broken or works again.
//!
//! The store is asked when a run is prepared, so that the compiler stays without a store.

use crate::app::App;
use crate::dto::ApiError;
use lp_model::{PreviousRun, ProjectId};

impl App {
    /// The last run of a branch that is over.
    pub(crate) async fn previous_run(&self, project: &ProjectId, branch: &str) -> Result<Option<Box<PreviousRun>>, ApiError> {
        let Some(before) = self.store.previous_run(project, branch).await? else { return Ok(None) };
        Ok(Some(Box::new(PreviousRun {
            number: before.number,
            parent_number: before.facts.parent_number,
            kind: before.facts.kind,
            target: before.facts.target,
            state: before.state,
            created_ms: before.created_ms,
            started_ms: before.started_ms.unwrap_or_default(),
            ended_ms: before.ended_ms.unwrap_or_default(),
            commit: before.facts.commit,
        })))
    }
}
