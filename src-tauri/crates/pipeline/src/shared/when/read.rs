//! Reading conditions: a map of keys with globs, and what two or more languages write alike.

use super::{Axes, Conditions, Constraint, Flavour, Subject};
use crate::shared::glob;
use lp_model::{Code, Severity, Span, What, message, what};
use lp_yaml::scalar::typed;
use lp_yaml::{Findings, Node, Typed, Value, decode};

/// The two sides of a condition.
pub(crate) const SIDES: [&str; 2] = ["include", "exclude"];

/// The keys of conditions in a language where they are a map.
#[derive(Debug, Clone, Copy)]
pub struct Keys {
    /// Those that are decided by glob.
    pub globbed: &'static [(&'static str, Subject)],
    /// All of them.
    pub known: &'static [&'static str],
    /// The words for events.
    pub events: &'static [&'static str],
    /// Whether `matrix` is one of them.
    pub matrix: bool,
    /// Those that say nothing here and cost no word.
    pub silent: &'static [&'static str],
    /// Those that the server never looked at.
    pub never_evaluated: &'static [&'static str],
    /// Keys of another language, and what they are called here.
    pub meant: &'static [(&'static str, &'static str)],
}

impl Conditions {
    /// Reads the node of `when:` or `trigger:`, a map of keys; `what` names it in messages.
    pub fn read(node: &Node, flavour: &Flavour, keys: &Keys, what: What<'_>, findings: &mut Findings<'_>) -> Self {
        let mut conditions = Self::default();
        let Some(entries) = decode::map(node, what, findings) else { return conditions };
        for entry in entries {
            let key = entry.key.text.as_str();
            let name = what!("`{}` in {}", key, what);
            if let Some(&(key, subject)) = keys.globbed.iter().find(|(name, _)| *name == key) {
                let constraint = read_constraint(&entry.value, flavour, name, findings);
                if subject == Subject::Event {
                    check_events(&constraint, keys.events, entry.value.span, findings);
                }
                if subject == Subject::Instance && !constraint.include.is_empty() {
                    findings
                        .note(Code::InstanceCondition, entry.key.span, message!("{} names a server, and there is none here", name))
                        .help(message!("give the name of the server that you come from as the input `{}`", flavour.server_input));
                }
                conditions.parts.push((key, subject, entry.key.span, constraint));
                continue;
            }
            match key {
                "status" => conditions.status = read_constraint(&entry.value, flavour, name, findings),
                "matrix" if keys.matrix => conditions.matrix = Some(read_matrix(&entry.value, entry.key.span, flavour, findings)),
                _ if keys.silent.contains(&key) => {}
                _ if keys.never_evaluated.contains(&key) => {
                    findings.warning(
                        Code::ConditionWithoutEffect,
                        entry.key.span,
                        message!("{} was never evaluated by drone, so it always holds", name),
                    );
                }
                _ => match keys.meant.iter().find(|(other, _)| *other == key) {
                    Some((_, meant)) => decode::unknown_key(entry, &[meant], what, findings),
                    None => decode::unknown_key(entry, keys.known, what, findings),
                },
            }
        }
        conditions
    }
}

/// Texts of a scalar or of a list of scalars; `None` for a shape that cannot be read.
// 0.8 cannot read a list with a number in it (`[master, 2.5]`), although it can read a number that stands alone.
fn globs(node: &Node, flavour: &Flavour) -> Option<Vec<String>> {
    let readable = |item: &Node| flavour.items_are_texts.is_none_or(|schema| matches!(typed(item, schema), Some(Typed::Text(_))));
    match &node.value {
        Value::Scalar { .. } if node.is_null() => None,
        Value::Scalar { text, .. } => Some(vec![text.clone()]),
        Value::Seq(items) => items.iter().map(|item| item.text().filter(|_| readable(item)).map(ToOwned::to_owned)).collect(),
        Value::Map(_) => None,
    }
}

/// Reads the globs of a subject. A shape that cannot be read may hold always, but not without a word: a deployment may hang on it.
pub(crate) fn read_constraint(node: &Node, flavour: &Flavour, what: What<'_>, findings: &mut Findings<'_>) -> Constraint {
    let Value::Map(entries) = &node.value else {
        return match globs(node, flavour) {
            Some(include) => Constraint { include, exclude: Vec::new() },
            None if flavour.refuses_shapes && !node.is_null() => {
                findings
                    .error(Code::WrongType, node.span, message!("{} must be a text or a list of texts", what))
                    .help(message!("write `[a, b]` for several values"));
                Constraint::default()
            }
            None => {
                if !node.is_null() {
                    findings
                        .warning(Code::ConditionIgnored, node.span, message!("{} cannot be read, so it always holds (as in drone)", what))
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
        match globs(&entry.value, flavour) {
            Some(list) if !flavour.sides_are_lists || entry.value.items().is_some() => *target = list,
            Some(list) => {
                let key = &entry.key.text;
                findings
                    .warning(Code::ConditionIgnored, entry.value.span, message!("`{}` of {} is no list, so drone ignores it", key, what))
                    .help(message!("write `{}: [{}]`", key, list.join(", ")));
            }
            None if entry.value.is_null() => {}
            None if flavour.refuses_shapes => {
                findings
                    .error(
                        Code::WrongType,
                        entry.value.span,
                        message!("`{}` of {} must be a text or a list of texts", entry.key.text, what),
                    )
                    .help(message!("write `[a, b]` for several values"));
            }
            None => {
                findings.warning(
                    Code::ConditionIgnored,
                    entry.value.span,
                    message!("`{}` of {} cannot be read, so it is ignored", entry.key.text, what),
                );
            }
        }
    }
    constraint
}

/// Reads `matrix` of a condition; `span` is its key. An axis whose value is no text cannot be read.
pub(crate) fn read_matrix(node: &Node, span: Span, flavour: &Flavour, findings: &mut Findings<'_>) -> Axes {
    let axes = |node: &Node, findings: &mut Findings<'_>| -> Vec<(String, String)> {
        let mut axes = Vec::new();
        for entry in node.entries().unwrap_or_default() {
            let of = what!("`{}` in `{}`", "matrix", "when");
            let what = what!("`{}` in {}", entry.key.text, of);
            match entry.value.text() {
                Some(_) if entry.value.is_null() => axes.push((entry.key.text.clone(), String::new())),
                Some(text) => axes.push((entry.key.text.clone(), text.to_owned())),
                None if flavour.refuses_shapes => {
                    findings
                        .error(
                            Code::WrongType,
                            entry.value.span,
                            message!("{} must be {}, not {}", what, what!("a text"), entry.value.kind()),
                        )
                        .help(message!("a list of conditions holds when one of them does: `when: [{{matrix: …}}, {{matrix: …}}]`"));
                }
                None => {
                    findings
                        .warning(
                            Code::ConditionIgnored,
                            entry.value.span,
                            message!("{} cannot be read, so it always holds (as in drone)", what),
                        )
                        .help(message!("write one text; two steps take two values"));
                }
            }
        }
        axes
    };
    let Some(entries) = decode::map(node, what!("`{}` in `{}`", "matrix", "when"), findings) else {
        return Axes { span, ..Axes::default() };
    };
    let sides = decode::get(entries, "include").filter(|n| n.entries().is_some()).is_some()
        || decode::get(entries, "exclude").filter(|n| n.entries().is_some()).is_some();
    if !sides {
        return Axes { span, include: axes(node, findings), exclude: Vec::new() };
    }
    let mut side = |key: &str| decode::get(entries, key).map(|node| axes(node, findings)).unwrap_or_default();
    Axes { span, include: side("include"), exclude: side("exclude") }
}

/// An event that cannot happen is a slip of the finger, or comes from another language.
fn check_events(constraint: &Constraint, known: &[&str], span: Span, findings: &mut Findings<'_>) {
    for pattern in constraint.include.iter().chain(&constraint.exclude) {
        if !known.iter().any(|word| glob::doublestar1::matches(pattern, word)) && findings.has_room(Severity::Warning) {
            let found = findings.warning(Code::UnknownEvent, span, message!("there is no event `{}`", pattern));
            match lp_yaml::closest(pattern, known) {
                Some(meant) => found.help(message!("did you mean `{}`?", meant)),
                None => found.help(message!("the events are {}", known.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", "))),
            }
        }
    }
}
