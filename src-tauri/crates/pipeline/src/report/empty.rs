//! Variables that a server fills in and that are always empty here.

use crate::source::Source;
use lp_model::{Code, message};
use lp_yaml::Findings;

/// Their names, in all dialects.
const EMPTY: [&str; 50] = [
    "CI_BUILD_LINK",
    "CI_COMMIT_AUTHOR_AVATAR",
    "CI_COMMIT_LINK",
    "CI_COMMIT_PRERELEASE",
    "CI_COMMIT_PULL_REQUEST_DRAFT",
    "CI_COMMIT_PULL_REQUEST_LABELS",
    "CI_COMMIT_PULL_REQUEST_MILESTONE",
    "CI_COMMIT_URL",
    "CI_FORGE_TYPE",
    "CI_FORGE_URL",
    "CI_NETRC_MACHINE",
    "CI_NETRC_PASSWORD",
    "CI_NETRC_USERNAME",
    "CI_PIPELINE_AVATAR",
    "CI_PIPELINE_DEPLOY_TASK",
    "CI_PIPELINE_FORGE_URL",
    "CI_PIPELINE_RELEASE_PRE",
    "CI_PIPELINE_RELEASE_TITLE",
    "CI_PIPELINE_RERUNS",
    "CI_PIPELINE_URL",
    "CI_PREV_BUILD_LINK",
    "CI_PREV_COMMIT_AUTHOR_AVATAR",
    "CI_PREV_COMMIT_LINK",
    "CI_PREV_COMMIT_REFSPEC",
    "CI_PREV_COMMIT_SOURCE_BRANCH",
    "CI_PREV_COMMIT_TARGET_BRANCH",
    "CI_PREV_COMMIT_URL",
    "CI_PREV_PIPELINE_AVATAR",
    "CI_PREV_PIPELINE_DEPLOY_TASK",
    "CI_PREV_PIPELINE_EVENT_REASON",
    "CI_PREV_PIPELINE_FORGE_URL",
    "CI_PREV_PIPELINE_URL",
    "CI_REPO_REMOTE_ID",
    "CI_STEP_URL",
    "CI_SYSTEM_HOST",
    "CI_SYSTEM_LINK",
    "CI_SYSTEM_URL",
    "CI_SYSTEM_VERSION",
    "DRONE_BUILD_LINK",
    "DRONE_COMMIT_AUTHOR_AVATAR",
    "DRONE_COMMIT_LINK",
    "DRONE_DEPLOY_ID",
    "DRONE_NETRC_FILE",
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
            let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
            let whole = !text[at + name.len()..].starts_with(part_of_name) && !before.ends_with(part_of_name);
            let line = before.rfind('\n').map_or(0, |n| n + 1);
            let start = &text[line..at];
            // An expression names variables without a sign.
            let used = before.ends_with('$') || before.ends_with("${") || start.contains("evaluate:");
            if !used || !whole || start.trim_start().starts_with('#') {
                continue;
            }
            findings.need(Code::EmptyWithoutServer, source.index.span(at..at + name.len()), || {
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
    use lp_model::{CommitFacts, EnvValue, EventFacts, EventKind, Person, PreviousRun, PullRequestFacts, RepoFacts, RunState};
    use std::collections::{BTreeMap, BTreeSet};

    /// Everything that the repository on this computer, the store and a person can say about an event.
    fn facts(kind: EventKind) -> EventFacts {
        let text = || "x".to_owned();
        let author = Person { login: text(), name: text(), email: text(), avatar: String::new() };
        let commit = CommitFacts {
            sha: text(),
            before: text(),
            reference: if kind == EventKind::Tag { "refs/tags/v1.2.3-rc.1+5".into() } else { "refs/heads/x".into() },
            branch: text(),
            message: text(),
            author,
            link: String::new(),
            time_ms: 1_700_000_000_000,
        };
        let mut facts = EventFacts::new(kind);
        let remote = if kind == EventKind::Push { "git@host:a/b" } else { "https://host/a/b" };
        facts.repo = RepoFacts {
            owner: text(),
            name: text(),
            link: text(),
            remote: remote.into(),
            default_branch: text(),
            private: true,
            trusted: true,
            real_plugins: false,
        };
        facts.commit = commit.clone();
        facts.pull_request = (kind == EventKind::PullRequest).then(|| PullRequestFacts {
            number: 1,
            title: text(),
            source_branch: text(),
            target_branch: text(),
            action: text(),
            from_fork: false,
        });
        (facts.target, facts.cron, facts.changed_files) = (Some(text()), Some(text()), Some(vec![text()]));
        (facts.run_number, facts.parent_number, facts.created_ms) = (1, Some(1), 1_700_000_000_000);
        facts.previous = Some(Box::new(PreviousRun {
            number: 1,
            parent_number: Some(1),
            kind,
            target: Some(text()),
            state: RunState::Passed,
            created_ms: 1_700_000_000_000,
            started_ms: 1_700_000_000_000,
            ended_ms: 1_700_000_000_000,
            commit,
        }));
        facts
    }

    #[test]
    fn they_are_those_that_never_have_a_value() {
        let mut known: BTreeMap<String, bool> = BTreeMap::new();
        let mut note = |environment: crate::shared::environment::Environment| {
            for (name, value) in environment {
                *known.entry(name).or_default() |= value != EnvValue::Text(String::new());
            }
        };
        let stage = drone1::environment::StageFacts {
            name: "x".into(),
            kind: "docker".into(),
            variant: "v7".into(),
            version: "1".into(),
            os: "linux".into(),
            arch: "arm".into(),
            number: 1,
            depends_on: vec!["y".into()],
        };
        for kind in EventKind::ALL {
            let facts = facts(kind);
            note(drone08::environment::metadata(&facts, 1));
            note(drone1::environment::metadata(&facts, &stage));
            for generation in [Generation::Early, Generation::Current] {
                note(woodpecker::environment::metadata(&facts, generation, "w", 1));
            }
        }
        let named: BTreeSet<&str> = EMPTY.into();
        let empty: BTreeSet<&str> = known.iter().filter(|(_, filled)| !**filled).map(|(name, _)| name.as_str()).collect();
        // Which pipelines failed before is asked by nobody who runs only then.
        let missing: Vec<&&str> = empty.difference(&named).filter(|name| **name != "DRONE_FAILED_STAGES").collect();
        assert_eq!(missing, Vec::<&&str>::new(), "empty, and not named");
        assert!(named.iter().all(|name| !known.get(*name).copied().unwrap_or_default()), "named, and not empty");
    }
}
