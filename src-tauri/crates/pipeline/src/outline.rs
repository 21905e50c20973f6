//! What a file contains, whatever the event: names for previews and lint, events and targets for the buttons.

use crate::PipelineFile;
use crate::draft::StageDraft;
use crate::lint::{drafts, sample_facts};
use crate::source::{AllFindings, Sources};
use crate::when::{Conditions, Subject, When, event_word};
use lp_model::{Diagnostic, Dialect, EventKind, StepKind};
use serde::Serialize;

/// The contents of a pipeline file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outline {
    /// Its language.
    pub dialect: Dialect,
    /// Its stages in file order.
    pub stages: Vec<OutlineStage>,
    /// Events for which something runs: those that a condition names, and a push where a step has no such condition.
    pub events: Vec<EventKind>,
    /// Whether some step runs for any event.
    pub any_event: bool,
    /// Targets of promotions that a condition names without a wildcard, in file order.
    pub targets: Vec<String>,
}

/// A stage of an [`Outline`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutlineStage {
    /// Its name.
    pub name: String,
    /// Services and steps in file order, services first.
    pub steps: Vec<OutlineStep>,
}

/// A step of an [`Outline`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutlineStep {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: StepKind,
    /// Its image as written, with sample values for variables.
    pub image: String,
    /// Its first line in the file.
    pub line: u32,
}

/// Reads what a pipeline contains.
///
/// # Errors
/// The findings that keep it from being read.
pub fn outline(files: &[PipelineFile<'_>]) -> Result<Outline, Vec<Diagnostic>> {
    let sources = Sources::read(files)?;
    let dialect = sources.detected().dialect;
    let mut findings = AllFindings::new(&sources);
    let drafts = drafts(&sources, &sample_facts(), &mut findings);
    if findings.has_errors() {
        return Err(findings.into_sorted());
    }
    let mut outline = Outline { dialect, stages: Vec::new(), events: Vec::new(), any_event: false, targets: Vec::new() };
    for draft in drafts.iter().filter(|draft| draft.runs) {
        gather(draft, dialect, &mut outline);
        let steps = draft.services.iter().chain(&draft.steps).map(|step| OutlineStep {
            name: step.step.name.clone(),
            kind: step.step.kind,
            image: step.step.image.clone(),
            line: step.step.line,
        });
        outline.stages.push(OutlineStage { name: draft.name.clone(), steps: steps.collect() });
    }
    if outline.any_event {
        outline.events.push(EventKind::Push);
    }
    outline.events = EventKind::ALL.into_iter().filter(|kind| outline.events.contains(kind)).collect();
    Ok(outline)
}

/// Subjects of which a condition is about certain events: by name, or because only they have a target or a schedule.
const ABOUT_EVENTS: [Subject; 3] = [Subject::Event, Subject::Target, Subject::Cron];

fn gather(draft: &StageDraft, dialect: Dialect, outline: &mut Outline) {
    note(&draft.trigger, dialect, outline);
    for step in &draft.steps {
        note(&step.when, dialect, outline);
        outline.any_event |= !draft.trigger.names(&ABOUT_EVENTS) && !step.when.names(&ABOUT_EVENTS);
    }
}

fn note(when: &When, dialect: Dialect, outline: &mut Outline) {
    for conditions in when.alternatives() {
        note_one(conditions, dialect, outline);
    }
}

fn note_one(conditions: &Conditions, dialect: Dialect, outline: &mut Outline) {
    if let Some(constraint) = conditions.constraint(Subject::Event).filter(|constraint| !constraint.include.is_empty()) {
        // The dialect's own words only: that a button press counts as a push in 0.8 makes it no event of the file.
        let kinds = EventKind::ALL.into_iter().filter(|kind| match dialect {
            Dialect::Drone08 => !matches!(kind, EventKind::Cron | EventKind::Manual),
            _ => true,
        });
        outline.events.extend(kinds.filter(|kind| constraint.matches(dialect, event_word(dialect, *kind))));
    }
    if conditions.constraint(Subject::Cron).is_some_and(|constraint| !constraint.include.is_empty()) {
        outline.events.push(EventKind::Cron);
    }
    // Woodpecker 3 has no key for the target.
    let evaluated = conditions.evaluated("CI_PIPELINE_DEPLOY_TARGET");
    let targets = conditions.constraint(Subject::Target).map(|constraint| constraint.include.as_slice()).unwrap_or_default();
    let targets: Vec<&str> = targets.iter().map(String::as_str).chain(evaluated).collect();
    for &target in &targets {
        let literal = !target.is_empty() && !target.contains(['*', '?', '[', '{', '\\']);
        if literal && !outline.targets.iter().any(|known| known == target) {
            outline.targets.push(target.to_owned());
        }
    }
    if !targets.is_empty() {
        outline.events.push(EventKind::Promote);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Outline {
        outline(&[PipelineFile { path: ".drone.yml", bytes: text.as_bytes() }]).unwrap()
    }

    #[test]
    fn events_and_targets_are_gathered() {
        let old = of(
            "pipeline:\n  build: {image: a, commands: [x]}\n  deploy:\n    image: b\n    when: {event: deployment, environment: [staging, prod*]}\n  tag: {image: c, when: {event: tag}}\n",
        );
        assert_eq!(old.targets, ["staging"]);
        assert_eq!(old.events, [EventKind::Push, EventKind::Tag, EventKind::Promote, EventKind::Rollback]);
        assert!(old.any_event);
        assert_eq!(old.stages[0].steps[1].name, "deploy");

        let new = of(
            "kind: pipeline\nname: d\ntrigger: {event: [promote], target: [production]}\nsteps:\n- {name: a, image: i}\n---\nkind: pipeline\nname: n\ntrigger: {cron: nightly}\nsteps:\n- {name: a, image: i}\n",
        );
        assert_eq!(
            (new.targets, new.events, new.any_event),
            (vec!["production".to_owned()], vec![EventKind::Promote, EventKind::Cron], false)
        );

        let woodpecker = of(
            "when: [{event: deployment, evaluate: 'CI_PIPELINE_DEPLOY_TARGET in [\"qa\", \"prod\"]'}, {event: manual}]\nsteps:\n- {name: a, image: i}\n",
        );
        assert_eq!(woodpecker.targets, ["qa", "prod"]);
        assert_eq!((woodpecker.events, woodpecker.any_event), (vec![EventKind::Promote, EventKind::Rollback, EventKind::Manual], false));
    }
}
