//! What the tests of the conditions of each language share: rows of a table, each a condition and what comes of it.

use super::{Conditions, Flavour, Situation};
use crate::shared::environment::Environment;
use lp_model::{EventFacts, EventKind, What, what};
use lp_yaml::{Findings, Node};

/// How a language reads its conditions and decides them.
pub(crate) struct Language {
    pub read: fn(&Node, What<'_>, &mut Findings<'_>) -> Conditions,
    pub flavour: &'static Flavour,
}

/// A run of `octocat/hello` on that branch; a promotion goes to `production`.
pub(crate) fn facts(kind: EventKind, branch: &str) -> EventFacts {
    let mut facts = EventFacts::new(kind);
    facts.commit.branch = branch.into();
    facts.repo.owner = "octocat".into();
    facts.repo.name = "hello".into();
    facts.target = (kind == EventKind::Promote).then(|| "production".into());
    facts
}

impl Language {
    /// Whether the condition holds in a combination with `GO: 1.10`, and the codes of what is told about it.
    pub fn holds(&self, when: &str, facts: &EventFacts) -> (bool, Vec<String>) {
        let (conditions, codes) = self.conditions(when);
        let cell = [("GO".to_owned(), "1.10".to_owned())];
        let mismatch = conditions.mismatch(&Situation { flavour: self.flavour, facts, cell: &cell, variables: &Environment::new() });
        (mismatch.is_none(), codes)
    }

    /// Checks rows of a condition, whether it holds, and the codes of what is told about it.
    pub fn check(&self, facts: &EventFacts, rows: &[(&str, bool, &[&str])]) {
        for (when, expected, codes) in rows {
            let (fits, found) = self.holds(when, facts);
            assert_eq!((fits, found.iter().map(String::as_str).collect::<Vec<_>>().as_slice()), (*expected, *codes), "{when}");
        }
    }

    /// Checks rows of a `status`, and whether the step runs after success and after a failure.
    pub fn check_status(&self, rows: &[(&str, (bool, bool))]) {
        for (status, expected) in rows {
            let run = self.conditions(&format!("{{status: {status}}}")).0.run_on(self.flavour);
            assert_eq!((run.success, run.failure), *expected, "{status}");
        }
    }

    fn conditions(&self, when: &str) -> (Conditions, Vec<String>) {
        let root = lp_yaml::parse("f", format!("when: {when}\n").as_bytes()).unwrap().remove(0).root;
        let mut findings = Findings::new("f");
        let conditions = (self.read)(root.get("when").unwrap(), what!("`{}`", "when"), &mut findings);
        (conditions, findings.into_sorted().into_iter().map(|found| found.code).collect())
    }
}
