//! Conditions: `when:` of a step, `trigger:` and `branches:` of a pipeline. They are decided here, for one event, and leave no
//! trace in the plan but [`RunOn`].

mod alternatives;
pub mod evaluate;
pub mod path;

pub use alternatives::When;

use crate::shared::environment::Environment;
use crate::shared::glob;
use evaluate::Expression;
use lp_model::{Dialect, EventFacts, EventKind, RunOn, Severity, Span, What, message, what};
use lp_yaml::scalar::typed;
use lp_yaml::{Findings, Node, Schema, Typed, Value, decode};
use path::PathFilter;

/// What a condition looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The branch (of a pull request: the one it goes to).
    Branch,
    /// The event by the dialect's word.
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
    /// The host name of the server. There is none here; whoever moves from a server gives its name as the input
    /// `DRONE_SYSTEM_HOST` (`CI_SYSTEM_HOST` for Woodpecker), otherwise what is meant for one server does not run.
    Instance,
}

/// Keys of 0.8 that are decided by glob.
const KEYS_08: [(&str, Subject); 7] = [
    ("branch", Subject::Branch),
    ("event", Subject::Event),
    ("repo", Subject::Repo),
    ("ref", Subject::Ref),
    ("environment", Subject::Target),
    ("platform", Subject::Platform),
    ("instance", Subject::Instance),
];
/// Keys of 1.x that are decided by glob.
const KEYS_1: [(&str, Subject); 8] = [
    ("branch", Subject::Branch),
    ("event", Subject::Event),
    ("repo", Subject::Repo),
    ("ref", Subject::Ref),
    ("target", Subject::Target),
    ("cron", Subject::Cron),
    ("action", Subject::Action),
    ("instance", Subject::Instance),
];
pub(crate) const KNOWN_08: [&str; 10] =
    ["branch", "event", "repo", "ref", "environment", "platform", "status", "matrix", "instance", "local"];
pub(crate) const KNOWN_1: [&str; 10] = ["branch", "event", "repo", "ref", "target", "cron", "action", "status", "paths", "instance"];

/// The two sides of a condition.
pub(crate) const SIDES: [&str; 2] = ["include", "exclude"];

/// The dialect's word for an event. 0.8 knows neither schedules nor a button: people started an older *push* again, so that
/// is what its files expect.
pub fn event_word(dialect: Dialect, kind: EventKind) -> &'static str {
    match (dialect, kind) {
        (Dialect::Drone08, EventKind::Promote | EventKind::Rollback) => "deployment",
        (Dialect::Drone08, EventKind::Cron | EventKind::Manual) => "push",
        (Dialect::Drone1, EventKind::Manual) => "custom",
        (Dialect::Woodpecker, EventKind::Promote | EventKind::Rollback) => "deployment",
        (_, kind) => kind.as_str(),
    }
}

/// The platform that files of these dialects mean when they name none.
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
    pub fn matches(&self, dialect: Dialect, text: &str) -> bool {
        let matches = |pattern: &String| match dialect {
            Dialect::Drone08 => glob::go::matches(pattern, text),
            Dialect::Drone1 => glob::doublestar1::matches(pattern, text),
            Dialect::Woodpecker => glob::doublestar4::matches(pattern, text),
        };
        !self.exclude.iter().any(matches) && (self.include.is_empty() || self.include.iter().any(matches))
    }
}

/// What the conditions are compared with.
#[derive(Debug, Clone)]
pub struct Situation<'f> {
    /// The language.
    pub dialect: Dialect,
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
            Subject::Event => event_word(self.dialect, facts.kind).to_owned(),
            Subject::Repo => facts.repo.slug(),
            Subject::Ref => facts.commit.reference.clone(),
            Subject::Target => facts.target.clone().unwrap_or_default(),
            Subject::Platform => DEFAULT_PLATFORM.to_owned(),
            Subject::Cron => facts.cron.clone().unwrap_or_default(),
            Subject::Instance => {
                let name = if self.dialect == Dialect::Woodpecker { "CI_SYSTEM_HOST" } else { "DRONE_SYSTEM_HOST" };
                facts.inputs.get(name).cloned().unwrap_or_default()
            }
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
    /// Woodpecker: what is not decided by glob.
    pub(crate) extras: Vec<(&'static str, Span, Extra)>,
    /// Woodpecker: whether `branch` is looked at for tags too, as in 0.15.
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
    fn hold(&self, dialect: Dialect, cell: &[(String, String)]) -> bool {
        let in_cell = |(axis, value): &(String, String)| {
            let fits = |now: &str| if dialect == Dialect::Woodpecker { glob::doublestar4::matches(value, now) } else { now == value };
            cell.iter().any(|(name, now)| name == axis && fits(now))
        };
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
    /// Reads the node of `when:` or `trigger:`; `what` names it in messages.
    pub fn read(node: &Node, dialect: Dialect, what: What<'_>, findings: &mut Findings<'_>) -> Self {
        let mut conditions = Self::default();
        let Some(entries) = decode::map(node, what, findings) else { return conditions };
        let (keys, known): (&[_], &[&str]) = if dialect == Dialect::Drone08 { (&KEYS_08, &KNOWN_08) } else { (&KEYS_1, &KNOWN_1) };
        for entry in entries {
            let key = entry.key.text.as_str();
            let name = what!("`{}` in {}", key, what);
            if let Some(&(key, subject)) = keys.iter().find(|(name, _)| *name == key) {
                let constraint = read_constraint(&entry.value, dialect, name, findings);
                if subject == Subject::Event {
                    check_events(&constraint, dialect, entry.value.span, findings);
                }
                if subject == Subject::Instance && !constraint.include.is_empty() {
                    findings
                        .note("instance-condition", entry.key.span, message!("{} names a server, and there is none here", name))
                        .help(message!("give the name of the server that you come from as the input `{}`", "DRONE_SYSTEM_HOST"));
                }
                conditions.parts.push((key, subject, entry.key.span, constraint));
                continue;
            }
            match key {
                "status" => conditions.status = read_constraint(&entry.value, dialect, name, findings),
                "matrix" if dialect == Dialect::Drone08 => conditions.matrix = Some(read_matrix(&entry.value, entry.key.span, findings)),
                "local" if dialect == Dialect::Drone08 => {}
                "paths" if dialect == Dialect::Drone1 => {
                    findings.warning(
                        "condition-without-effect",
                        entry.key.span,
                        message!("{} was never evaluated by drone, so it always holds", name),
                    );
                }
                "environment" if dialect == Dialect::Drone1 => {
                    decode::unknown_key(entry, &["target"], what, findings);
                }
                "target" if dialect == Dialect::Drone08 => {
                    decode::unknown_key(entry, &["environment"], what, findings);
                }
                _ => decode::unknown_key(entry, known, what, findings),
            }
        }
        conditions
    }

    /// Forgets `matrix`, and says where it stood.
    pub(crate) fn forget_matrix(&mut self) -> Option<Span> {
        self.matrix.take().map(|axes| axes.span)
    }

    /// Whether `matrix` keeps out everything that runs for a combination of values.
    pub(crate) fn keeps_out(&self, dialect: Dialect, cell: &[(String, String)]) -> bool {
        self.matrix.as_ref().is_some_and(|axes| !axes.hold(dialect, cell))
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
            self.parts.iter().find(|part| self.counts(part.1, situation) && !part.3.matches(situation.dialect, &situation.value(part.1)));
        if let Some(&(key, subject, span, _)) = part {
            return Some(Mismatch { key, span, found: Some(situation.value(subject)) });
        }
        if let Some(&(key, span, _)) = self.extras.iter().find(|(_, _, extra)| !extra.holds(situation)) {
            return Some(Mismatch { key, span, found: None });
        }
        let axes = self.matrix.as_ref()?;
        (!axes.hold(situation.dialect, situation.cell)).then_some(Mismatch { key: "matrix", span: axes.span, found: None })
    }

    /// Woodpecker looks at the name of a schedule only when one is due, and (after 0.15) at no branch of a tag.
    fn counts(&self, subject: Subject, situation: &Situation<'_>) -> bool {
        let kind = situation.facts.kind;
        match subject {
            _ if situation.dialect != Dialect::Woodpecker => true,
            Subject::Cron => kind == EventKind::Cron,
            Subject::Branch => self.branch_of_tags || kind != EventKind::Tag,
            _ => true,
        }
    }

    /// When it runs, by `status:`. 1.x falls back to "while nothing has failed", 0.8 may end up with never.
    pub fn run_on(&self, dialect: Dialect) -> RunOn {
        let success = self.status.matches(dialect, "success");
        let failure = !self.status.is_empty() && self.status.matches(dialect, "failure");
        match (dialect, success, failure) {
            (Dialect::Drone1, false, false) => RunOn::default(),
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

/// Texts of a scalar or of a list of scalars; `None` for a shape that cannot be read. 0.8 cannot read a list with a number
/// in it (`[master, 2.5]`), although it can read a number that stands alone.
fn globs(node: &Node, dialect: Dialect) -> Option<Vec<String>> {
    let readable = |item: &Node| dialect != Dialect::Drone08 || matches!(typed(item, Schema::Drone08), Some(Typed::Text(_)));
    match &node.value {
        Value::Scalar { .. } if node.is_null() => None,
        Value::Scalar { text, .. } => Some(vec![text.clone()]),
        Value::Seq(items) => items.iter().map(|item| item.text().filter(|_| readable(item)).map(ToOwned::to_owned)).collect(),
        Value::Map(_) => None,
    }
}

/// A shape that cannot be read holds always in Drone, but not without a word: a deployment may hang on it. Woodpecker refuses it.
pub(crate) fn read_constraint(node: &Node, dialect: Dialect, what: What<'_>, findings: &mut Findings<'_>) -> Constraint {
    let Value::Map(entries) = &node.value else {
        return match globs(node, dialect) {
            Some(include) => Constraint { include, exclude: Vec::new() },
            None if dialect == Dialect::Woodpecker && !node.is_null() => {
                findings
                    .error("wrong-type", node.span, message!("{} must be a text or a list of texts", what))
                    .help(message!("write `[a, b]` for several values"));
                Constraint::default()
            }
            None => {
                if !node.is_null() {
                    findings
                        .warning("condition-ignored", node.span, message!("{} cannot be read, so it always holds (as in drone)", what))
                        .help(message!("write a text or a list of texts, numbers in quotes"));
                }
                Constraint::default()
            }
        };
    };
    let mut constraint = Constraint::default();
    for entry in entries {
        let target = match entry.key.text.as_str() {
            "include" => &mut constraint.include,
            "exclude" => &mut constraint.exclude,
            _ => {
                decode::unknown_key(entry, &SIDES, what, findings);
                continue;
            }
        };
        match globs(&entry.value, dialect) {
            Some(list) if dialect != Dialect::Drone1 || entry.value.items().is_some() => *target = list,
            Some(list) => {
                let key = &entry.key.text;
                findings
                    .warning("condition-ignored", entry.value.span, message!("`{}` of {} is no list, so drone ignores it", key, what))
                    .help(message!("write `{}: [{}]`", key, list.join(", ")));
            }
            None if entry.value.is_null() => {}
            None if dialect == Dialect::Woodpecker => {
                findings
                    .error("wrong-type", entry.value.span, message!("`{}` of {} must be a text or a list of texts", entry.key.text, what))
                    .help(message!("write `[a, b]` for several values"));
            }
            None => {
                findings.warning(
                    "condition-ignored",
                    entry.value.span,
                    message!("`{}` of {} cannot be read, so it is ignored", entry.key.text, what),
                );
            }
        }
    }
    constraint
}

/// Reads `matrix` of a condition; `span` is its key.
pub(crate) fn read_matrix(node: &Node, span: Span, findings: &mut Findings<'_>) -> Axes {
    let axes = |node: &Node| -> Vec<(String, String)> {
        let entries = node.entries().unwrap_or_default();
        entries.iter().filter_map(|entry| Some((entry.key.text.clone(), entry.value.text()?.to_owned()))).collect()
    };
    let Some(entries) = decode::map(node, what!("`{}` in `{}`", "matrix", "when"), findings) else {
        return Axes { span, ..Axes::default() };
    };
    let sides = decode::get(entries, "include").filter(|n| n.entries().is_some()).is_some()
        || decode::get(entries, "exclude").filter(|n| n.entries().is_some()).is_some();
    if !sides {
        return Axes { span, include: axes(node), exclude: Vec::new() };
    }
    let side = |key: &str| decode::get(entries, key).map(|node| axes(node)).unwrap_or_default();
    Axes { span, include: side("include"), exclude: side("exclude") }
}

/// An event that cannot happen is a slip of the finger, or comes from another dialect.
fn check_events(constraint: &Constraint, dialect: Dialect, span: Span, findings: &mut Findings<'_>) {
    let known: Vec<&str> = match dialect {
        Dialect::Drone08 => vec!["push", "pull_request", "tag", "deployment"],
        _ => EventKind::ALL.iter().map(|kind| event_word(dialect, *kind)).collect(),
    };
    for pattern in constraint.include.iter().chain(&constraint.exclude) {
        if !known.iter().any(|word| glob::doublestar1::matches(pattern, word)) && findings.has_room(Severity::Warning) {
            let found = findings.warning("unknown-event", span, message!("there is no event `{}`", pattern));
            match lp_yaml::closest(pattern, &known) {
                Some(meant) => found.help(message!("did you mean `{}`?", meant)),
                None => found.help(message!("the events are {}", known.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", "))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(kind: EventKind, branch: &str) -> EventFacts {
        let mut facts = EventFacts::new(kind);
        facts.commit.branch = branch.into();
        facts.repo.owner = "octocat".into();
        facts.repo.name = "hello".into();
        facts.target = (kind == EventKind::Promote).then(|| "production".into());
        facts
    }

    fn holds(when: &str, dialect: Dialect, facts: &EventFacts) -> (bool, Vec<String>) {
        let root = lp_yaml::parse("f", format!("when: {when}\n").as_bytes()).unwrap().remove(0).root;
        let mut findings = Findings::new("f");
        let conditions = Conditions::read(root.get("when").unwrap(), dialect, what!("`{}`", "when"), &mut findings);
        let cell = [("GO".to_owned(), "1.10".to_owned())];
        let mismatch = conditions.mismatch(&Situation { dialect, facts, cell: &cell, variables: &Environment::new() });
        (mismatch.is_none(), findings.into_sorted().into_iter().map(|d| d.code).collect())
    }

    #[test]
    fn conditions_08() {
        let push = facts(EventKind::Push, "feature/foo");
        for (when, expected, codes) in [
            ("{branch: feature/*}", true, &[][..]),
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
        ] {
            let (fits, found) = holds(when, Dialect::Drone08, &push);
            assert_eq!((fits, found.iter().map(String::as_str).collect::<Vec<_>>().as_slice()), (expected, codes), "{when}");
        }
    }

    #[test]
    fn conditions_1x() {
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
            let (fits, found) = holds(when, Dialect::Drone1, &promote);
            assert_eq!((fits, found.iter().map(String::as_str).collect::<Vec<_>>().as_slice()), (expected, codes), "{when}");
        }
        assert!(holds("{event: custom}", Dialect::Drone1, &facts(EventKind::Manual, "main")).0);
        assert!(holds("{event: push}", Dialect::Drone08, &facts(EventKind::Manual, "main")).0);
    }

    #[test]
    fn status_becomes_policy() {
        let run_on = |status: &str, dialect| {
            let root = lp_yaml::parse("f", format!("when: {{status: {status}}}\n").as_bytes()).unwrap().remove(0).root;
            let run = Conditions::read(root.get("when").unwrap(), dialect, what!("`{}`", "when"), &mut Findings::new("f")).run_on(dialect);
            (run.success, run.failure)
        };
        for (status, old, new) in [
            ("[success, failure]", (true, true), (true, true)),
            ("failure", (false, true), (false, true)),
            ("[]", (true, false), (true, false)),
            ("changed", (false, false), (true, false)),
            ("{exclude: [failure]}", (true, false), (true, false)),
            ("{exclude: [success]}", (false, true), (false, true)),
        ] {
            assert_eq!(run_on(status, Dialect::Drone08), old, "{status}");
            assert_eq!(run_on(status, Dialect::Drone1), new, "{status}");
        }
    }
}
