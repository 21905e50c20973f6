//! The builds for which the answers were given.

use lp_model::{EventFacts, EventKind, PullRequestFacts};

pub(crate) const SCENARIOS_08: [&str; 5] = ["push_master", "push_feature", "pull_request", "tag", "deployment_production"];
pub(crate) const SCENARIOS_1: [&str; 8] =
    ["push_master", "push_feature", "pull_request", "tag", "promote_production", "rollback_production", "cron_nightly", "custom"];

pub(crate) fn facts(scenario: &str) -> EventFacts {
    let mut facts = EventFacts::new(EventKind::Push);
    facts.repo.owner = "octocat".into();
    facts.repo.name = "hello-world".into();
    facts.repo.link = "https://github.com/octocat/hello-world".into();
    facts.repo.default_branch = "master".into();
    facts.repo.trusted = true;
    // The programs that we are compared with run the containers of plugins.
    facts.repo.real_plugins = true;
    facts.commit.sha = "7fd1a60b01f91b314f59955a4e4d4e80d8edf11d".into();
    facts.commit.message = "first commit".into();
    facts.commit.branch = "master".into();
    facts.commit.reference = "refs/heads/master".into();
    facts.run_number = 42;
    facts.inputs.insert("DRONE_SYSTEM_HOST".into(), "drone.example.com".into());
    facts.inputs.insert("CI_SYSTEM_HOST".into(), "ci.example.com".into());
    match scenario {
        "push_master" => {}
        "push_feature" => {
            facts.commit.branch = "feature/foo".into();
            facts.commit.reference = "refs/heads/feature/foo".into();
        }
        "pull_request" => {
            facts.kind = EventKind::PullRequest;
            facts.commit.reference = "refs/pull/7/head".into();
            facts.pull_request = Some(PullRequestFacts {
                number: 7,
                source_branch: "feature/foo".into(),
                target_branch: "master".into(),
                action: "opened".into(),
                ..PullRequestFacts::default()
            });
        }
        "tag" => {
            facts.kind = EventKind::Tag;
            facts.commit.reference = "refs/tags/v1.2.3".into();
        }
        "deployment_production" | "promote_production" => facts.kind = EventKind::Promote,
        "rollback_production" => facts.kind = EventKind::Rollback,
        "cron_nightly" => {
            facts.kind = EventKind::Cron;
            facts.cron = Some("nightly".into());
        }
        "custom" => facts.kind = EventKind::Manual,
        other => panic!("unknown scenario {other}"),
    }
    facts.target = scenario.ends_with("_production").then(|| "production".into());
    facts
}

/// The same in a project that nobody trusts.
pub(crate) fn untrusted(scenario: &str) -> EventFacts {
    let mut facts = facts(scenario);
    facts.repo.trusted = false;
    facts
}
