//! Findings about a file that hold for any event.

use crate::{PipelineFile, detect, drone1, drone08, woodpecker};
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
        Ok(Dialect::Woodpecker) => {
            woodpecker::read(file, &facts, &mut findings);
        }
    }
    // Without an event nobody knows which inputs there will be, so only a slip of a known name is worth a word.
    let slip = |d: &Diagnostic| d.help.as_ref().is_some_and(|help| help.template().starts_with("did you mean"));
    let mut found = findings.into_sorted();
    found.retain(|d| d.code != "unknown-variable" || slip(d));
    found
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_holds_for_any_event_is_told() {
        let text = "kind: pipeline\nname: a\ntrigger: {event: tag}\nsteps:\n- name: a\n  image: x\n  privileged: true\n  commands: ['${TICKET} ${DRONE_BRANHC}']\n";
        let codes: Vec<String> =
            lint(&PipelineFile { path: ".drone.yml", bytes: text.as_bytes() }).into_iter().map(|d| d.message.to_string()).collect();
        assert_eq!(codes, ["`${DRONE_BRANHC}` is not known before the run, so it becomes an empty text"]);
    }
}
