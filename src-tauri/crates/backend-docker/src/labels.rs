//! Labels by which our things in an engine are found again.

use lp_backend::StageContext;
use lp_model::StepKey;
use std::collections::HashMap;

/// The run's id.
pub const RUN: &str = "letterpress.run";
/// Number of the stage in its plan.
pub const STAGE: &str = "letterpress.stage";
/// Number of the step in its stage.
pub const STEP: &str = "letterpress.step";
/// Which attempt of the step.
pub const ATTEMPT: &str = "letterpress.attempt";
/// Id of the data folder that the run belongs to.
pub const OWNER: &str = "letterpress.owner";

/// Labels of what belongs to a stage as a whole.
pub(crate) fn of_stage(owner: &str, stage: &StageContext) -> HashMap<String, String> {
    HashMap::from([
        (OWNER.to_owned(), owner.to_owned()),
        (RUN.to_owned(), stage.run.to_string()),
        (STAGE.to_owned(), stage.stage.number.to_string()),
    ])
}

/// Labels of the container of a step attempt.
pub(crate) fn of_step(owner: &str, stage: &StageContext, key: StepKey) -> HashMap<String, String> {
    let mut labels = of_stage(owner, stage);
    labels.insert(STEP.to_owned(), key.step.to_string());
    labels.insert(ATTEMPT.to_owned(), key.attempt.to_string());
    labels
}

/// A filter of the engine's list calls: things that carry all of `labels`.
pub(crate) fn filter(labels: &[(&str, &str)]) -> HashMap<String, Vec<String>> {
    HashMap::from([("label".to_owned(), labels.iter().map(|(name, value)| format!("{name}={value}")).collect())])
}
