//! Conditions of 0.8.

use crate::shared::glob;
use crate::shared::when::{Conditions, Flavour, Keys, Subject};
use lp_model::{EventKind, What};
use lp_yaml::{Findings, Node, Schema};

/// How conditions are decided.
// 0.8: cncd/pipeline `pipeline/frontend/yaml/constraint.go`.
pub const FLAVOUR: Flavour = Flavour {
    event_word,
    own_events: &[EventKind::Push, EventKind::PullRequest, EventKind::Tag, EventKind::Promote],
    fits: glob::go::matches,
    fits_axis: |value, now| value == now,
    server_input: "DRONE_SYSTEM_HOST",
    looks_by_event: false,
    status_falls_back: false,
    refuses_shapes: false,
    sides_are_lists: false,
    items_are_texts: Some(Schema::Drone08),
};

pub(super) const KNOWN: [&str; 10] = ["branch", "event", "repo", "ref", "environment", "platform", "status", "matrix", "instance", "local"];
const KEYS: Keys = Keys {
    globbed: &[
        ("branch", Subject::Branch),
        ("event", Subject::Event),
        ("repo", Subject::Repo),
        ("ref", Subject::Ref),
        ("environment", Subject::Target),
        ("platform", Subject::Platform),
        ("instance", Subject::Instance),
    ],
    known: &KNOWN,
    events: &["push", "pull_request", "tag", "deployment"],
    matrix: true,
    silent: &["local"],
    never_evaluated: &[],
    meant: &[("target", "environment")],
};

/// The word for an event. 0.8 knows neither schedules nor a button: people started an older *push* again, so that is what its files
/// expect.
pub fn event_word(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Promote | EventKind::Rollback => "deployment",
        EventKind::Cron | EventKind::Manual => "push",
        kind => kind.as_str(),
    }
}

/// Reads the node of `when:`; `what` names it in messages.
pub fn read(node: &Node, what: What<'_>, findings: &mut Findings<'_>) -> Conditions {
    Conditions::read(node, &FLAVOUR, &KEYS, what, findings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::environment::Environment;
    use crate::shared::when::Situation;
    use lp_model::{EventFacts, what};

    fn facts(kind: EventKind, branch: &str) -> EventFacts {
        let mut facts = EventFacts::new(kind);
        facts.commit.branch = branch.into();
        facts.repo.owner = "octocat".into();
        facts.repo.name = "hello".into();
        facts.target = (kind == EventKind::Promote).then(|| "production".into());
        facts
    }

    fn holds(when: &str, facts: &EventFacts) -> (bool, Vec<String>) {
        let root = lp_yaml::parse("f", format!("when: {when}\n").as_bytes()).unwrap().remove(0).root;
        let mut findings = Findings::new("f");
        let conditions = read(root.get("when").unwrap(), what!("`{}`", "when"), &mut findings);
        let cell = [("GO".to_owned(), "1.10".to_owned())];
        let mismatch = conditions.mismatch(&Situation { flavour: &FLAVOUR, facts, cell: &cell, variables: &Environment::new() });
        (mismatch.is_none(), findings.into_sorted().into_iter().map(|d| d.code).collect())
    }

    #[test]
    fn conditions() {
        let push = facts(EventKind::Push, "feature/foo");
        for (when, expected, codes) in [
            ("{branch: feature/*}", true, &[][..]),
            ("{branch: {include: '*', exclude: feature/*}}", false, &[]),
            ("{branch: {exclude: feature/*}}", false, &[]),
            ("{branch: [[x]]}", true, &["condition-ignored"]),
            ("{branch: [main, 2.5]}", true, &["condition-ignored"]),
            ("{branch: [main, '2.5']}", false, &[]),
            ("{branch: ~}", true, &[]),
            ("{branch: ''}", false, &[]),
            ("{event: [push, tag], branch: feature/foo}", true, &[]),
            ("{event: deploymnet}", false, &["unknown-event"]),
            ("{environment: production}", false, &[]),
            ("{environment: {exclude: production}}", true, &[]),
            ("{matrix: {GO: 1.10}}", true, &[]),
            ("{matrix: {GO: 1.1}}", false, &[]),
            ("{matrix: {exclude: {GO: 1.10}}}", false, &[]),
            ("{instance: x, local: false}", false, &["instance-condition"]),
            ("{local: false}", true, &[]),
            ("{target: x}", true, &["unknown-key"]),
            ("~", true, &[]),
            ("[]", true, &["wrong-type"]),
            ("master", true, &["wrong-type"]),
        ] {
            let (fits, found) = holds(when, &push);
            assert_eq!((fits, found.iter().map(String::as_str).collect::<Vec<_>>().as_slice()), (expected, codes), "{when}");
        }
        assert!(holds("{event: push}", &facts(EventKind::Manual, "main")).0);
    }

    #[test]
    fn status_becomes_policy() {
        let run_on = |status: &str| {
            let root = lp_yaml::parse("f", format!("when: {{status: {status}}}\n").as_bytes()).unwrap().remove(0).root;
            let run = read(root.get("when").unwrap(), what!("`{}`", "when"), &mut Findings::new("f")).run_on(&FLAVOUR);
            (run.success, run.failure)
        };
        for (status, expected) in [
            ("[success, failure]", (true, true)),
            ("failure", (false, true)),
            ("[]", (true, false)),
            ("changed", (false, false)),
            ("{exclude: [failure]}", (true, false)),
            ("{exclude: [success]}", (false, true)),
        ] {
            assert_eq!(run_on(status), expected, "{status}");
        }
    }
}
