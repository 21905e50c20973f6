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
    use crate::shared::when::check::{Language, facts};

    const LANGUAGE: Language = Language { read, flavour: &FLAVOUR };

    #[test]
    fn conditions() {
        LANGUAGE.check(
            &facts(EventKind::Push, "feature/foo"),
            &[
                ("{branch: feature/*}", true, &[]),
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
            ],
        );
        assert!(LANGUAGE.holds("{event: push}", &facts(EventKind::Manual, "main")).0);
    }

    #[test]
    fn status_becomes_policy() {
        LANGUAGE.check_status(&[
            ("[success, failure]", (true, true)),
            ("failure", (false, true)),
            ("[]", (true, false)),
            ("changed", (false, false)),
            ("{exclude: [failure]}", (true, false)),
            ("{exclude: [success]}", (false, true)),
        ]);
    }
}
