//! A working copy belongs to root, and git refuses a repository of somebody else since 2.35.2 ("dubious ownership"): a step with a `user:`, or of an
//! image with a `USER`, could ask it nothing. The folder is in the container for that step, so git is told that it may use it: by
//! the settings that git reads from the environment, behind those that the step has itself.
//!
//! The original clone steps leave such a step alone with the complaint. Versions of git before 2.38 that make the check do not take this setting from
//! the environment, and there the complaint stays; `git config --global --add safe.directory '*'` as a first command helps with each. A
//! `GIT_CONFIG_COUNT` of the image itself is not known here and is replaced. Containers with all rights get nothing: they run as root, whose git has no
//! complaint, and nobody but their image decides what their git reads.

use lp_backend::StepContext;
use lp_model::Stage;

const COUNT: &str = "GIT_CONFIG_COUNT";

/// Adds the setting to the variables of a step, where there is a repository at all.
pub(super) fn trust(stage: &Stage, step: &StepContext, variables: &mut Vec<String>) {
    if stage.checkout.is_none() || step.step.privileged {
        return;
    }
    let own = step.env.iter().rfind(|(name, _)| name == COUNT).map(|(_, value)| value.text("", "").into_owned());
    // One that is no number is a mistake that git itself names.
    let Ok(count) = own.map_or(Ok(0), |text| text.trim().parse::<u16>()) else { return };
    let prefix = format!("{COUNT}=");
    variables.retain(|variable| !variable.starts_with(&prefix));
    variables.extend([
        format!("{COUNT}={}", u32::from(count) + 1),
        format!("GIT_CONFIG_KEY_{count}=safe.directory"),
        format!("GIT_CONFIG_VALUE_{count}=*"),
    ]);
}
