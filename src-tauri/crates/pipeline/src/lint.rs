//! Findings about a file that hold for any event.

use crate::PipelineFile;
use crate::shared::expand::open_value;
use crate::source::{AllFindings, Sources};
use lp_model::{Diagnostic, EventFacts, EventKind};
use std::collections::BTreeMap;

/// Checks a pipeline without an event: everything is read, no condition is decided, and the project counts as trusted. `inputs` are the
/// fields of its forms with their values at first; `None` is a field without one. What depends on a value that is not known yet is not judged.
pub fn lint(files: &[PipelineFile<'_>], inputs: &Inputs) -> Vec<Diagnostic> {
    match Sources::read(files) {
        Err(more) => more,
        Ok(sources) => of(&sources, inputs),
    }
}

/// Fields of forms, by their names, with their values at first.
pub type Inputs = BTreeMap<String, Option<String>>;

pub(crate) fn of(sources: &Sources<'_>, inputs: &Inputs) -> Vec<Diagnostic> {
    let facts = sample_facts(inputs);
    let mut findings = AllFindings::for_any_event(sources);
    sources.front_end().read(sources, &facts, &mut findings);
    findings.into_sorted()
}

/// Facts that give every usual variable a harmless value, so that a file can be read without an event.
pub(crate) fn sample_facts(inputs: &Inputs) -> EventFacts {
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
    let value = |(name, value): (&String, &Option<String>)| (name.clone(), value.clone().unwrap_or_else(|| open_value(name)));
    facts.inputs = inputs.iter().map(value).collect();
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_holds_for_any_event_is_told() {
        let text = "kind: pipeline\nname: a\ntrigger: {event: tag}\nsteps:\n- name: a\n  image: x\n  privileged: true\n  commands: ['${TICKET} ${DRONE_BRANHC}']\n";
        let codes: Vec<String> = lint(&[PipelineFile { path: ".drone.yml", bytes: text.as_bytes() }], &Inputs::new())
            .into_iter()
            .map(|d| d.message.to_string())
            .collect();
        assert_eq!(codes, ["`${DRONE_BRANHC}` is not known before the run, so it becomes an empty text"]);
    }
}
