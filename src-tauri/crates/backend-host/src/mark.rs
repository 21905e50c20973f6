//! The names that tie folders and processes to runs: read back after a crash, when nothing else is left.

use lp_model::{RunId, StageNumber};

/// Environment variable that carries the name of the step attempt, `lp-RUN-STAGE-STEP-ATTEMPT`, into all its processes.
pub(crate) const STEP_VARIABLE: &str = "LETTERPRESS_STEP";
/// Environment variable that carries the root folder: the same run's name under another data folder is not ours.
pub(crate) const ROOT_VARIABLE: &str = "LETTERPRESS_ROOT";

/// Run and stage of a step's name `lp-RUN-STAGE-STEP-ATTEMPT`. Read from the end, because ids may contain dashes.
pub(crate) fn parse_step(name: &str) -> Option<(RunId, StageNumber)> {
    let (rest, attempt) = name.rsplit_once('-')?;
    let (rest, step) = rest.rsplit_once('-')?;
    attempt.parse::<u32>().ok()?;
    step.parse::<u32>().ok()?;
    parse_stage(rest)
}

/// Run and stage of a stage's name `lp-RUN-STAGE`.
pub(crate) fn parse_stage(name: &str) -> Option<(RunId, StageNumber)> {
    let (run, stage) = name.strip_prefix("lp-")?.rsplit_once('-')?;
    Some((RunId::parse(run)?, StageNumber(stage.parse().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_also_with_dashes_in_the_id() {
        let run = RunId::parse("0199-a-1").unwrap();
        assert_eq!(parse_stage("lp-0199-a-1-2"), Some((run.clone(), StageNumber(2))));
        assert_eq!(parse_step("lp-0199-a-1-2-3-1"), Some((run, StageNumber(2))));
        for bad in ["", "lp-", "lp-a", "lp-a-b", "x-a-1", "lp--1", "lp-a.b-1", "lp-a-1-"] {
            assert_eq!(parse_stage(bad), None, "{bad}");
        }
        for bad in ["lp-a-1", "lp-a-1-2", "lp-a-1-x-1"] {
            assert_eq!(parse_step(bad), None, "{bad}");
        }
    }
}
