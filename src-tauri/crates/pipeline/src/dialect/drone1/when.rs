//! Conditions of 1.x.

use crate::shared::glob;
use crate::shared::when::{Conditions, Flavour, Keys, Subject};
use lp_model::{EventKind, What};
use lp_yaml::{Findings, Node};

/// How conditions are decided.
// 1.x: drone-yaml `yaml/cond.go`, runner-go `manifest/cond.go`.
pub const FLAVOUR: Flavour = Flavour {
    event_word,
    own_events: &EventKind::ALL,
    fits: glob::doublestar1::matches,
    fits_axis: |value, now| value == now,
    server_input: "DRONE_SYSTEM_HOST",
    looks_by_event: false,
    status_falls_back: true,
    refuses_shapes: false,
    sides_are_lists: true,
    items_are_texts: None,
};

pub(super) const KNOWN: [&str; 10] = ["branch", "event", "repo", "ref", "target", "cron", "action", "status", "paths", "instance"];
const KEYS: Keys = Keys {
    globbed: &[
        ("branch", Subject::Branch),
        ("event", Subject::Event),
        ("repo", Subject::Repo),
        ("ref", Subject::Ref),
        ("target", Subject::Target),
        ("cron", Subject::Cron),
        ("action", Subject::Action),
        ("instance", Subject::Instance),
    ],
    known: &KNOWN,
    events: &["push", "pull_request", "tag", "promote", "rollback", "cron", "custom"],
    matrix: false,
    silent: &[],
    never_evaluated: &["paths"],
    meant: &[("environment", "target")],
};

/// The word for an event.
pub fn event_word(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Manual => "custom",
        kind => kind.as_str(),
    }
}

/// Reads the node of `when:` or `trigger:`; `what` names it in messages.
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
        let promote = facts(EventKind::Promote, "main");
        for (when, expected, codes) in [
            ("{branch: [m*]}", true, &[][..]),
            ("{branch: {exclude: main}}", true, &["condition-ignored"]),
            ("{branch: {exclude: [main]}}", false, &[]),
            ("{event: promote, target: [prod*]}", true, &[]),
            ("{event: {exclude: [promote]}}", false, &[]),
            ("{cron: nightly}", false, &[]),
            ("{paths: [a]}", true, &["condition-without-effect"]),
            ("{repo: octocat/**}", true, &[]),
            ("{event: custom}", false, &[]),
        ] {
            let (fits, found) = holds(when, &promote);
            assert_eq!((fits, found.iter().map(String::as_str).collect::<Vec<_>>().as_slice()), (expected, codes), "{when}");
        }
        assert!(holds("{event: custom}", &facts(EventKind::Manual, "main")).0);
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
            ("changed", (true, false)),
            ("{exclude: [failure]}", (true, false)),
            ("{exclude: [success]}", (false, true)),
        ] {
            assert_eq!(run_on(status), expected, "{status}");
        }
    }
}
