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
    use crate::shared::when::check::{Language, facts};

    const LANGUAGE: Language = Language { read, flavour: &FLAVOUR };

    #[test]
    fn conditions() {
        LANGUAGE.check(
            &facts(EventKind::Promote, "main"),
            &[
                ("{branch: [m*]}", true, &[]),
                ("{branch: {exclude: main}}", true, &["condition-ignored"]),
                ("{branch: {exclude: [main]}}", false, &[]),
                ("{event: promote, target: [prod*]}", true, &[]),
                ("{event: {exclude: [promote]}}", false, &[]),
                ("{cron: nightly}", false, &[]),
                ("{paths: [a]}", true, &["condition-without-effect"]),
                ("{repo: octocat/**}", true, &[]),
                ("{event: custom}", false, &[]),
            ],
        );
        assert!(LANGUAGE.holds("{event: custom}", &facts(EventKind::Manual, "main")).0);
    }

    #[test]
    fn status_becomes_policy() {
        LANGUAGE.check_status(&[
            ("[success, failure]", (true, true)),
            ("failure", (false, true)),
            ("[]", (true, false)),
            ("changed", (true, false)),
            ("{exclude: [failure]}", (true, false)),
            ("{exclude: [success]}", (false, true)),
        ]);
    }
}
