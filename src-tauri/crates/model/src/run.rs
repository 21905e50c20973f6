//! What happens in a run: the events that are stored (append-only, the truth) and the states that follow from them.
//! Which move from one state to another is legal stands in one table each, and which event makes which move in one [`fold`]; the engine, the
//! store and the recovery after a crash all use it.

mod event;
mod fold;
mod state;

pub use event::RunEvent;
pub use fold::{IllegalMove, RunStanding, Standing, StepStanding, fold};
pub use state::{CancelReason, RunState, SkipReason, StageState, StepOutcome, StepState};
