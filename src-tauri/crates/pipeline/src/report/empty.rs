//! Variables that a server fills in and that are always empty here.

use crate::source::Source;
use lp_model::message;
use lp_yaml::Findings;

/// Their names, in all dialects.
const EMPTY: [&str; 33] = [
    "CI_BUILD_LINK",
    "CI_COMMIT_AUTHOR_AVATAR",
    "CI_COMMIT_PULL_REQUEST_DRAFT",
    "CI_COMMIT_PULL_REQUEST_LABELS",
    "CI_COMMIT_PULL_REQUEST_MILESTONE",
    "CI_FORGE_TYPE",
    "CI_FORGE_URL",
    "CI_NETRC_MACHINE",
    "CI_NETRC_PASSWORD",
    "CI_NETRC_USERNAME",
    "CI_PIPELINE_AVATAR",
    "CI_PIPELINE_DEPLOY_TASK",
    "CI_PIPELINE_RELEASE_TITLE",
    "CI_PIPELINE_URL",
    "CI_PREV_BUILD_LINK",
    "CI_PREV_COMMIT_LINK",
    "CI_PREV_PIPELINE_URL",
    "CI_REPO_REMOTE_ID",
    "CI_STEP_URL",
    "CI_SYSTEM_HOST",
    "CI_SYSTEM_LINK",
    "CI_SYSTEM_URL",
    "CI_SYSTEM_VERSION",
    "DRONE_BUILD_LINK",
    "DRONE_COMMIT_AUTHOR_AVATAR",
    "DRONE_DEPLOY_ID",
    "DRONE_NETRC_MACHINE",
    "DRONE_NETRC_PASSWORD",
    "DRONE_NETRC_USERNAME",
    "DRONE_SYSTEM_HOST",
    "DRONE_SYSTEM_HOSTNAME",
    "DRONE_SYSTEM_VERSION",
    "DRONE_VERSION",
];

/// Names those that a file uses, each once.
pub(super) fn note(source: &Source<'_>, findings: &mut Findings<'_>) {
    let text = source.index.text();
    for name in EMPTY {
        for (at, _) in text.match_indices(name) {
            let before = &text[..at];
            let used = before.ends_with('$') || before.ends_with("${");
            let whole = !text[at + name.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_');
            let line = before.rfind('\n').map_or(0, |n| n + 1);
            if !used || !whole || text[line..at].trim_start().starts_with('#') {
                continue;
            }
            findings.need("empty-without-server", source.index.span(at..at + name.len()), || {
                let message = message!("`{}` is always empty here: only a server can fill it in", name.to_owned());
                (message, message!("give it a value as an input of that name, or write what the step does without it"))
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::woodpecker::Generation;
    use crate::dialect::{drone1, drone08, woodpecker};
    use crate::lint::sample_facts;
    use lp_model::EnvValue;

    #[test]
    fn none_of_them_has_a_value() {
        let facts = sample_facts(&Default::default());
        let mut known = drone08::environment::metadata(&facts, 1);
        known.extend(drone1::environment::metadata(&facts, &drone1::environment::StageFacts::default()));
        for generation in [Generation::Early, Generation::Current] {
            known.extend(woodpecker::environment::metadata(&facts, generation, "w", 1));
        }
        for name in EMPTY {
            assert!(known.get(name).is_none_or(|value| *value == EnvValue::Text(String::new())), "{name}");
        }
    }
}
