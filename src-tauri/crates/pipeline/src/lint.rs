//! Findings about a file that hold for any event.

use crate::{PipelineFile, detect, drone1, drone08, refuse_woodpecker};
use lp_model::{Diagnostic, Dialect, EventFacts, EventKind};
use lp_yaml::Findings;

/// Checks a file without an event: everything is read, no condition is decided, and the project counts as trusted.
pub fn lint(file: &PipelineFile<'_>) -> Vec<Diagnostic> {
    let facts = sample_facts();
    let mut findings = Findings::new(file.path);
    match detect(file).map(|detected| detected.dialect) {
        Err(more) => return more,
        Ok(Dialect::Drone08) => {
            drone08::read(file, &facts, &mut findings);
        }
        Ok(Dialect::Drone1) => {
            drone1::read(file, &facts, &mut findings);
        }
        Ok(Dialect::Woodpecker) => refuse_woodpecker(&mut findings),
    }
    findings.into_sorted()
}

/// Facts that give every usual variable a harmless value, so that a file can be read without an event.
pub(crate) fn sample_facts() -> EventFacts {
    let mut facts = EventFacts::new(EventKind::Push);
    facts.repo.owner = "owner".into();
    facts.repo.name = "name".into();
    facts.repo.default_branch = "main".into();
    facts.repo.trusted = true;
    facts.commit.sha = "0".repeat(40);
    facts.commit.branch = "main".into();
    facts.commit.reference = "refs/heads/main".into();
    facts.commit.message = "message".into();
    facts.run_number = 1;
    facts
}
