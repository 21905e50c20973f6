//! Conditions: `when:` of a step, `trigger:` and `branches:` of a pipeline. They are decided here, for one event, and leave no
//! trace in the plan but [`RunOn`].

mod alternatives;
#[cfg(test)]
pub(crate) mod check;
pub mod evaluate;
pub mod path;
mod read;

pub use alternatives::When;
pub use read::Keys;
pub(crate) use read::{SIDES, read_constraint, read_matrix};

use crate::shared::environment::Environment;
use evaluate::Expression;
use lp_model::{EventFacts, EventKind, RunOn, Span};
use lp_yaml::Schema;
use path::PathFilter;

/// What a condition looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The branch (of a pull request: the one it goes to).
    Branch,
    /// The event by its word.
    Event,
    /// `owner/name`.
    Repo,
    /// The full reference.
    Ref,
    /// The target of a promotion (`environment` in 0.8, `target` in 1.x).
    Target,
    /// The platform, e.g. `linux/amd64`.
    Platform,
    /// The name of the schedule.
    Cron,
    /// What happened to the pull request.
    Action,
    /// The host name of the server. There is none here; whoever moves from a server gives its name as an input
    /// ([`Flavour::server_input`]), otherwise what is meant for one server does not run.
    Instance,
}

/// What differs between the languages in which conditions are written.
#[derive(Debug, Clone, Copy)]
pub struct Flavour {
    /// The word for an event.
    pub event_word: fn(EventKind) -> &'static str,
    /// The kinds of events that a file can wait for. Another one counts as one of these, or has its word.
    pub own_events: &'static [EventKind],
    /// Whether a pattern (first) fits a text.
    pub fits: fn(&str, &str) -> bool,
    /// Whether the value that a condition on the matrix names (first) fits that of a combination.
    pub fits_axis: fn(&str, &str) -> bool,
    /// The input that stands for the host name of the server.
    pub server_input: &'static str,
    /// Whether a subject counts only for events that have it: the name of a schedule when one is due, the branch but for tags
    /// (see [`Conditions::branch_of_tags`]).
    pub looks_by_event: bool,
    /// Whether a `status` that allows nothing is taken as none at all; otherwise the step never runs.
    pub status_falls_back: bool,
    /// Whether a shape that cannot be read is an error; otherwise it holds always, with a warning.
    pub refuses_shapes: bool,
    /// Whether `include` and `exclude` must be lists.
    pub sides_are_lists: bool,
    /// The rules by which each item of a list must be a text; `None` where any scalar is one.
    pub items_are_texts: Option<Schema>,
}

/// The platform that files mean when they name none.
pub const DEFAULT_PLATFORM: &str = "linux/amd64";

/// Include and exclude globs.
#[derive(Debug, Clone, Default)]
pub struct Constraint {
    /// Any of these, if there are some.
    pub include: Vec<String>,
    /// None of these.
    pub exclude: Vec<String>,
}

impl Constraint {
    /// Whether nothing is demanded.
    pub fn is_empty(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty()
    }

    /// Exclude goes first; no include means everything.
    pub fn matches(&self, flavour: &Flavour, text: &str) -> bool {
        let matches = |pattern: &String| (flavour.fits)(pattern, text);
        !self.exclude.iter().any(matches) && (self.include.is_empty() || self.include.iter().any(matches))
    }
}

/// What the conditions are compared with.
#[derive(Debug, Clone)]
pub struct Situation<'f> {
    /// How conditions are decided.
    pub flavour: &'f Flavour,
    /// The event.
    pub facts: &'f EventFacts,
    /// Values of the matrix cell.
    pub cell: &'f [(String, String)],
    /// What is known of the run, for expressions.
    pub variables: &'f Environment,
}

impl Situation<'_> {
    fn value(&self, subject: Subject) -> String {
        let facts = self.facts;
        match subject {
            Subject::Branch => facts.commit.branch.clone(),
            Subject::Event => (self.flavour.event_word)(facts.kind).to_owned(),
            Subject::Repo => facts.repo.slug(),
            Subject::Ref => facts.commit.reference.clone(),
            Subject::Target => facts.target.clone().unwrap_or_default(),
            Subject::Platform => DEFAULT_PLATFORM.to_owned(),
            Subject::Cron => facts.cron.clone().unwrap_or_default(),
            Subject::Instance => facts.inputs.get(self.flavour.server_input).cloned().unwrap_or_default(),
            Subject::Action => facts.pull_request.as_ref().map(|pr| pr.action.clone()).unwrap_or_default(),
        }
    }
}

/// A read `when:` or `trigger:`. All parts must hold.
#[derive(Debug, Clone, Default)]
pub struct Conditions {
    /// What is compared by glob: the key as written, its subject, its place and the globs.
    pub(crate) parts: Vec<(&'static str, Subject, Span, Constraint)>,
    /// Axes and their values: those that must, and those that must not be (all together).
    pub(crate) matrix: Option<Axes>,
    pub(crate) status: Constraint,
    /// What is not decided by glob.
    pub(crate) extras: Vec<(&'static str, Span, Extra)>,
    /// Whether `branch` is looked at for tags too where subjects count by the event.
    pub(crate) branch_of_tags: bool,
}

/// A part of a condition that is not decided by glob.
#[derive(Debug, Clone)]
pub(crate) enum Extra {
    Path(PathFilter),
    Evaluate(Expression),
}

/// `matrix:` of a condition.
#[derive(Debug, Clone, Default)]
pub(crate) struct Axes {
    span: Span,
    include: Vec<(String, String)>,
    exclude: Vec<(String, String)>,
}

impl Axes {
    fn hold(&self, flavour: &Flavour, cell: &[(String, String)]) -> bool {
        let in_cell = |(axis, value): &(String, String)| cell.iter().any(|(name, now)| name == axis && (flavour.fits_axis)(value, now));
        let excluded = !self.exclude.is_empty() && self.exclude.iter().all(in_cell);
        !excluded && self.include.iter().all(in_cell)
    }
}

/// Which part of a condition does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The key as written.
    pub key: &'static str,
    /// Its place.
    pub span: Span,
    /// What was compared, where it is one text.
    pub found: Option<String>,
}

impl Conditions {
    /// Forgets `matrix`, and says where it stood.
    pub(crate) fn forget_matrix(&mut self) -> Option<Span> {
        self.matrix.take().map(|axes| axes.span)
    }

    /// Whether `matrix` keeps out everything that runs for a combination of values.
    pub(crate) fn keeps_out(&self, flavour: &Flavour, cell: &[(String, String)]) -> bool {
        self.matrix.as_ref().is_some_and(|axes| !axes.hold(flavour, cell))
    }

    /// The globs of a subject, if it is named.
    pub fn constraint(&self, subject: Subject) -> Option<&Constraint> {
        self.parts.iter().find(|part| part.1 == subject).map(|part| &part.3)
    }

    /// Whether it asks which files changed.
    pub fn asks_for_files(&self) -> bool {
        self.extras.iter().any(|(_, _, extra)| matches!(extra, Extra::Path(_)))
    }

    /// The texts with which a variable is compared in its expressions.
    pub fn evaluated(&self, variable: &str) -> Vec<&str> {
        let expressions =
            self.extras.iter().filter_map(|(_, _, extra)| if let Extra::Evaluate(expression) = extra { Some(expression) } else { None });
        expressions.flat_map(|expression| expression.texts_of(variable)).collect()
    }

    /// The first part that does not hold, or `None` when all do.
    pub fn mismatch(&self, situation: &Situation<'_>) -> Option<Mismatch> {
        let part =
            self.parts.iter().find(|part| self.counts(part.1, situation) && !part.3.matches(situation.flavour, &situation.value(part.1)));
        if let Some(&(key, subject, span, _)) = part {
            return Some(Mismatch { key, span, found: Some(situation.value(subject)) });
        }
        if let Some(&(key, span, _)) = self.extras.iter().find(|(_, _, extra)| !extra.holds(situation)) {
            return Some(Mismatch { key, span, found: None });
        }
        let axes = self.matrix.as_ref()?;
        (!axes.hold(situation.flavour, situation.cell)).then_some(Mismatch { key: "matrix", span: axes.span, found: None })
    }

    /// Whether a subject is looked at for the event.
    fn counts(&self, subject: Subject, situation: &Situation<'_>) -> bool {
        let kind = situation.facts.kind;
        match subject {
            _ if !situation.flavour.looks_by_event => true,
            Subject::Cron => kind == EventKind::Cron,
            Subject::Branch => self.branch_of_tags || kind != EventKind::Tag,
            _ => true,
        }
    }

    /// When it runs, by `status:`; it may end up with never.
    pub fn run_on(&self, flavour: &Flavour) -> RunOn {
        let success = self.status.matches(flavour, "success");
        let failure = !self.status.is_empty() && self.status.matches(flavour, "failure");
        match (flavour.status_falls_back, success, failure) {
            (true, false, false) => RunOn::default(),
            _ => RunOn { success, failure },
        }
    }
}

impl Extra {
    fn holds(&self, situation: &Situation<'_>) -> bool {
        let facts = situation.facts;
        match self {
            // Files are known only where commits arrive.
            Self::Path(filter) => {
                !matches!(facts.kind, EventKind::Push | EventKind::PullRequest)
                    || filter.matches(facts.changed_files.as_deref().unwrap_or_default(), &facts.commit.message)
            }
            Self::Evaluate(expression) => expression.holds(situation.variables, facts),
        }
    }
}
