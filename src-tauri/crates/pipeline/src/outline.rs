//! What a file contains, whatever the event: names for previews and lint, and the occasions that it waits for, which become buttons.
//!
//! An occasion is found by asking every pair of conditions that a step stands under (one of its stage's, one of its own) which events
//! both allow, and which of them one of the two *names*: by `event`, by a target or a schedule (only some events have these), or by the
//! kind of its reference (`refs/tags/**`). What names nothing waits for pushes, and for tags, as everything does in all dialects.

use crate::PipelineFile;
use crate::lint::{Inputs, sample_facts};
use crate::shared::draft::StageDraft;
use crate::shared::when::{Conditions, Constraint, Flavour, Subject, When};
use crate::source::{AllFindings, Sources};
use lp_model::{Diagnostic, Dialect, EventKind, Occasion, StepKind};
use serde::Serialize;

/// Most occasions that are looked for: more buttons are no help to anybody.
const MAX_OCCASIONS: usize = 100;

/// The contents of a pipeline file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outline {
    /// Its language.
    pub dialect: Dialect,
    /// Its stages in file order.
    pub stages: Vec<OutlineStage>,
    /// What the file waits for, in the order of [`EventKind::ALL`], targets and schedules in file order.
    pub occasions: Vec<Occasion>,
    /// Whether something could run for a tag, named or not.
    pub reacts_to_tags: bool,
    /// Whether some condition asks which files changed.
    pub asks_for_files: bool,
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
    /// Its image as written, with sample values for variables; one whose value is not known yet stands as it is written.
    pub image: String,
    /// Its first line in the file.
    pub line: u32,
}

/// Reads what a pipeline contains. `inputs` are the fields of its forms with their values at first; `None` is a field without one.
///
/// # Errors
/// The findings that keep it from being read.
pub fn outline(files: &[PipelineFile<'_>], inputs: &Inputs) -> Result<Outline, Vec<Diagnostic>> {
    let sources = Sources::read(files)?;
    let (dialect, flavour) = (sources.detected().dialect, sources.front_end().when());
    let mut findings = AllFindings::for_any_event(&sources);
    let facts = sample_facts(inputs);
    let drafts: Vec<StageDraft> = sources.front_end().read(&sources, &facts, &mut findings).into_iter().map(|(_, draft)| draft).collect();
    if findings.has_errors() {
        return Err(findings.into_sorted());
    }
    let mut gathered = Gathered { flavour, occasions: Vec::new(), reacts_to_tags: false };
    let (mut stages, mut asks_for_files) = (Vec::new(), false);
    for draft in drafts.iter().filter(|draft| draft.runs) {
        gathered.gather(draft);
        let conditions = std::iter::once(&draft.trigger).chain(draft.steps.iter().chain(&draft.services).map(|step| &step.when));
        asks_for_files |= conditions.flat_map(When::alternatives).any(Conditions::asks_for_files);
        let steps = draft.services.iter().chain(&draft.steps).map(|step| OutlineStep {
            name: step.step.name.clone(),
            kind: step.step.kind,
            image: step.step.image.clone(),
            line: step.step.line,
        });
        stages.push(OutlineStage { name: draft.name.clone(), steps: steps.collect() });
    }
    let reacts_to_tags = gathered.reacts_to_tags;
    Ok(Outline { dialect, stages, occasions: gathered.sorted(), reacts_to_tags, asks_for_files })
}

/// What one condition says about events.
#[derive(Debug, Clone, PartialEq, Default)]
struct Stance {
    /// Which kinds it allows, by their place in [`EventKind::ALL`].
    allowed: [bool; EventKind::ALL.len()],
    /// Which kinds it names.
    named: [bool; EventKind::ALL.len()],
    /// Targets that it names without a wildcard; `None` when it says nothing about targets.
    targets: Option<Vec<String>>,
    /// Schedules, likewise.
    schedules: Option<Vec<String>>,
}

struct Gathered {
    flavour: &'static Flavour,
    occasions: Vec<Occasion>,
    reacts_to_tags: bool,
}

impl Gathered {
    fn gather(&mut self, draft: &StageDraft) {
        let stage = stances(&draft.trigger, self.flavour);
        let mut seen: Vec<Stance> = Vec::new();
        for step in &draft.steps {
            for own in stances(&step.when, self.flavour) {
                if seen.contains(&own) || self.occasions.len() >= MAX_OCCASIONS {
                    continue;
                }
                for of_stage in &stage {
                    self.note(of_stage, &own);
                }
                seen.push(own);
            }
        }
    }

    fn note(&mut self, stage: &Stance, step: &Stance) {
        let both = |kind: usize| stage.allowed[kind] && step.allowed[kind];
        let named = |kind: usize| both(kind) && (stage.named[kind] || step.named[kind]);
        let kinds = EventKind::ALL.into_iter().enumerate();
        self.reacts_to_tags |= kinds.clone().any(|(n, kind)| kind == EventKind::Tag && both(n));
        if !kinds.clone().any(|(n, _)| named(n)) {
            // Nothing is named: a push, or what comes nearest to it.
            let nearest = [EventKind::Push, EventKind::Manual, EventKind::Tag, EventKind::PullRequest, EventKind::Promote, EventKind::Cron];
            let allowed = |kind: &EventKind| EventKind::ALL.iter().position(|other| other == kind).is_some_and(both);
            // What one side names and the other one refuses never runs.
            let contradicts = stage.named.contains(&true) || step.named.contains(&true);
            if let Some(kind) = nearest.into_iter().find(allowed).filter(|_| !contradicts) {
                self.add(kind, None);
            }
            return;
        }
        for (_, kind) in kinds.filter(|(n, _)| named(*n)) {
            let (of_stage, of_step) = match kind {
                EventKind::Promote | EventKind::Rollback => (&stage.targets, &step.targets),
                EventKind::Cron => (&stage.schedules, &step.schedules),
                _ => (&None, &None),
            };
            let names: Vec<&String> = match (of_stage, of_step) {
                (Some(one), Some(other)) if !one.is_empty() && !other.is_empty() => {
                    one.iter().filter(|name| other.contains(name)).collect()
                }
                (one, other) => one.iter().chain(other).flatten().collect(),
            };
            if names.is_empty() {
                self.add(kind, None);
            }
            for name in names {
                self.add(kind, Some(name.clone()));
            }
        }
    }

    fn add(&mut self, kind: EventKind, of: Option<String>) {
        let occasion = Occasion { kind, of };
        if self.occasions.len() < MAX_OCCASIONS && !self.occasions.contains(&occasion) {
            self.occasions.push(occasion);
        }
    }

    /// In the order of the kinds; one without a name is left out where others of its kind have one.
    fn sorted(self) -> Vec<Occasion> {
        let named = |kind: EventKind| self.occasions.iter().any(|occasion| occasion.kind == kind && occasion.of.is_some());
        let mut occasions: Vec<Occasion> =
            self.occasions.iter().filter(|occasion| occasion.of.is_some() || !named(occasion.kind)).cloned().collect();
        occasions.sort_by_key(|occasion| EventKind::ALL.iter().position(|kind| *kind == occasion.kind));
        occasions
    }
}

/// What each alternative of a condition says; one that says nothing where there is no condition. Equal ones once.
fn stances(when: &When, flavour: &Flavour) -> Vec<Stance> {
    let mut all: Vec<Stance> = Vec::new();
    for conditions in when.alternatives() {
        let stance = stance(conditions, flavour);
        if !all.contains(&stance) {
            all.push(stance);
        }
    }
    if all.is_empty() {
        all.push(stance(&Conditions::default(), flavour));
    }
    all
}

fn stance(conditions: &Conditions, flavour: &Flavour) -> Stance {
    let demands = |subject: Subject| conditions.constraint(subject).filter(|constraint| !constraint.include.is_empty());
    let (event, target, cron, reference) =
        (demands(Subject::Event), demands(Subject::Target), demands(Subject::Cron), demands(Subject::Ref));
    let deploy_targets = conditions.evaluated("CI_PIPELINE_DEPLOY_TARGET");
    let evaluated_events = conditions.evaluated("CI_PIPELINE_EVENT");
    let to_target = target.is_some() || !deploy_targets.is_empty();
    let mut stance = Stance::default();
    for (n, kind) in EventKind::ALL.into_iter().enumerate() {
        let word = (flavour.event_word)(kind);
        // That a kind of event counts as another one makes it no event of the file.
        let has_word = flavour.own_events.contains(&kind);
        let by_event = conditions.constraint(Subject::Event).is_none_or(|constraint| constraint.matches(flavour, word));
        let by_target = !to_target || matches!(kind, EventKind::Promote | EventKind::Rollback);
        let by_cron = cron.is_none() || flavour.looks_by_event || kind == EventKind::Cron;
        let by_reference = conditions.constraint(Subject::Ref).is_none_or(|constraint| could_match(constraint, flavour, kind));
        stance.allowed[n] = has_word && by_event && by_target && by_cron && by_reference;
        stance.named[n] = stance.allowed[n]
            && match event {
                Some(constraint) => constraint.include.iter().any(|pattern| pattern == word),
                None if evaluated_events.contains(&word) => true,
                None if to_target => kind == EventKind::Promote,
                None if cron.is_some() && kind == EventKind::Cron => true,
                None => reference.is_some() && matches!(kind, EventKind::Push | EventKind::Tag | EventKind::PullRequest),
            };
    }
    let literals = |texts: &mut dyn Iterator<Item = &str>| {
        let plain = |text: &&str| !text.is_empty() && !text.contains(['*', '?', '[', '{', '\\']);
        texts.filter(plain).map(str::to_owned).collect::<Vec<_>>()
    };
    let included = |constraint: Option<&'_ Constraint>| constraint.map(|constraint| constraint.include.clone()).unwrap_or_default();
    let targets = included(target);
    stance.targets = to_target.then(|| literals(&mut targets.iter().map(String::as_str).chain(deploy_targets)));
    stance.schedules = cron.map(|constraint| literals(&mut constraint.include.iter().map(String::as_str)));
    stance
}

/// Whether a reference that an event of that kind has could satisfy `ref:`.
fn could_match(constraint: &Constraint, flavour: &Flavour, kind: EventKind) -> bool {
    let (heads, tags, pulls) = ("refs/heads/", "refs/tags/", "refs/pull/");
    let beginnings: &[&str] = match kind {
        EventKind::Tag => &[tags],
        EventKind::PullRequest => &[pulls],
        EventKind::Promote | EventKind::Rollback => &[heads, tags],
        EventKind::Push | EventKind::Cron | EventKind::Manual => &[heads],
    };
    beginnings.iter().any(|beginning| {
        let fits = |pattern: &String| {
            let literal = &pattern[..pattern.find(['*', '?', '[', '{', '\\']).unwrap_or(pattern.len())];
            literal.starts_with(beginning) || (beginning.starts_with(literal) && literal.len() < pattern.len())
        };
        // An exclude keeps a whole kind out when it keeps out whatever it may be called.
        let only_exclude = Constraint { include: Vec::new(), exclude: constraint.exclude.clone() };
        let excluded = ["1/head", "x", "v1.2.3", "x/y"].iter().all(|name| !only_exclude.matches(flavour, &format!("{beginning}{name}")));
        !excluded && (constraint.include.is_empty() || constraint.include.iter().any(fits))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Outline {
        outline(&[PipelineFile { path: ".drone.yml", bytes: text.as_bytes() }], &Inputs::new()).unwrap()
    }

    fn occasions(text: &str) -> String {
        let outline = of(text);
        let words = outline.occasions.iter().map(|it| match &it.of {
            Some(of) => format!("{} {of}", it.kind.as_str()),
            None => it.kind.as_str().to_owned(),
        });
        let mut words: Vec<String> = words.collect();
        words.push(if outline.reacts_to_tags { "(tags)".into() } else { "-".into() });
        words.join(", ")
    }

    #[test]
    fn what_a_file_of_0_8_waits_for() {
        let step = |when: &str| format!("pipeline:\n  a: {{image: i, commands: [x], when: {{{when}}}}}\n");
        for (when, expected) in [
            ("", "push, (tags)"),
            ("branch: main", "push, (tags)"),
            ("event: tag", "tag, (tags)"),
            ("event: [push, tag, pull_request, deployment]", "push, pull_request, tag, promote, (tags)"),
            ("event: deployment, environment: [staging, prod*]", "promote staging, -"),
            ("event: deployment, environment: prod*", "promote, -"),
            ("environment: qa", "promote qa, -"),
            ("ref: refs/tags/*", "tag, (tags)"),
            ("event: {exclude: [pull_request]}", "push, (tags)"),
            ("event: {exclude: [push, tag]}", "pull_request, -"),
        ] {
            assert_eq!(occasions(&step(when)), expected, "{when}");
        }
        let two = "pipeline:\n  build: {image: a, commands: [x]}\n  deploy:\n    image: b\n    when: {event: deployment, environment: [staging, prod*]}\n  tag: {image: c, when: {event: tag}}\n";
        assert_eq!(occasions(two), "push, tag, promote staging, (tags)");
        assert_eq!(of(two).stages[0].steps[1].name, "deploy");
    }

    #[test]
    fn what_a_file_of_1_x_waits_for() {
        let file = |trigger: &str, when: &str| {
            format!("kind: pipeline\nname: d\ntrigger: {{{trigger}}}\nsteps:\n- {{name: a, image: i, when: {{{when}}}}}\n")
        };
        for (trigger, when, expected) in [
            ("", "", "push, (tags)"),
            ("event: [promote], target: [production]", "", "promote production, -"),
            ("event: [rollback], target: [production]", "", "rollback production, -"),
            ("event: [promote, rollback]", "target: [a, b]", "promote a, promote b, rollback a, rollback b, -"),
            ("target: [a, b]", "target: [b, c]", "promote b, -"),
            ("cron: [nightly, weekly]", "", "cron nightly, cron weekly, -"),
            ("event: cron", "", "cron, -"),
            ("event: custom", "", "manual, -"),
            ("ref: ['refs/tags/**']", "", "tag, (tags)"),
            ("ref: [refs/heads/main, 'refs/tags/v*']", "", "push, tag, (tags)"),
            ("ref: ['refs/pull/**']", "", "pull_request, -"),
            ("ref: ['refs/**']", "", "push, pull_request, tag, (tags)"),
            ("ref: {exclude: ['refs/tags/**']}", "", "push, -"),
            ("event: [push, pull_request]", "event: tag", "-"),
            ("event: [push, tag]", "event: tag", "tag, (tags)"),
            ("event: ['*']", "", "push, (tags)"),
        ] {
            assert_eq!(occasions(&file(trigger, when)), expected, "{trigger} | {when}");
        }
    }

    #[test]
    fn what_a_file_of_woodpecker_waits_for() {
        for (when, expected) in [
            ("{event: manual}", "manual, -"),
            ("[{event: push}, {event: manual}]", "push, manual, -"),
            ("[{event: cron, cron: nightly}, {event: tag}]", "tag, cron nightly, (tags)"),
            (
                "[{event: deployment, evaluate: 'CI_PIPELINE_DEPLOY_TARGET in [\"qa\", \"prod\"]'}, {event: manual}]",
                "promote qa, promote prod, manual, -",
            ),
            ("{evaluate: 'CI_PIPELINE_EVENT == \"manual\"'}", "manual, (tags)"),
            ("{event: [release, pull_request_closed]}", "-"),
        ] {
            let text = format!("when: {when}\nsteps:\n- {{name: a, image: i}}\n");
            assert_eq!(occasions(&text), expected, "{when}");
        }
    }

    #[test]
    fn a_value_that_is_not_known_yet_is_no_mistake() {
        let file = "kind: pipeline\nname: d\nsteps:\n- {name: a, image: 'box:${BOX_TAG}', pull: '${PULL}', commands: [ls]}\n- name: b\n  image: ${IMAGE}\n  detach: ${DETACH}\n  environment: ${ALL}\n- name: c\n  image: box:${BOX_TAG}\n";
        let outline = of(file);
        let images: Vec<&str> = outline.stages[0].steps.iter().map(|step| step.image.as_str()).collect();
        assert_eq!(images, ["box:${BOX_TAG}", "${IMAGE}", "box:${BOX_TAG}"]);
        let inputs = Inputs::from([("BOX_TAG".to_owned(), Some("1".to_owned())), ("IMAGE".to_owned(), None)]);
        let outline = super::outline(&[PipelineFile { path: ".drone.yml", bytes: file.as_bytes() }], &inputs).unwrap();
        assert_eq!(outline.stages[0].steps[2].image, "box:1");
    }
}
