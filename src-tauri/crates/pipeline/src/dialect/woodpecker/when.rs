//! Reads `when:` of Woodpecker: a map, or a list of maps of which one has to hold.

use super::Generation;
use crate::shared::glob;
use crate::shared::when::evaluate::Patterns;
use crate::shared::when::path::PathFilter;
use crate::shared::when::{Conditions, Constraint, Extra, Flavour, Subject, When, evaluate, read_constraint, read_matrix};
use lp_model::{Code, EventKind, Severity, Span, What, message, what};
use lp_yaml::{Entry, Findings, Node, Value, closest, decode};

/// How conditions are decided.
// `pipeline/frontend/yaml/constraint/constraint.go`.
pub const FLAVOUR: Flavour = Flavour {
    event_word,
    own_events: &[EventKind::Push, EventKind::PullRequest, EventKind::Tag, EventKind::Promote, EventKind::Cron, EventKind::Manual],
    fits: glob::doublestar4::matches,
    fits_axis: glob::doublestar4::matches,
    server_input: "CI_SYSTEM_HOST",
    looks_by_event: true,
    status_falls_back: false,
    refuses_shapes: true,
    sides_are_lists: false,
    items_are_texts: None,
};

/// The word for an event.
pub fn event_word(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Promote | EventKind::Rollback => "deployment",
        kind => kind.as_str(),
    }
}

/// Most alternatives of one condition.
const MAX_ALTERNATIVES: usize = 200;
const KEYS: [(&str, Subject); 7] = [
    ("branch", Subject::Branch),
    ("repo", Subject::Repo),
    ("ref", Subject::Ref),
    ("environment", Subject::Target),
    ("platform", Subject::Platform),
    ("instance", Subject::Instance),
    ("cron", Subject::Cron),
];
pub(crate) const KNOWN: [&str; 13] =
    ["event", "branch", "repo", "ref", "environment", "platform", "instance", "cron", "status", "matrix", "path", "evaluate", "local"];
pub(crate) const PATH_KEYS: [&str; 4] = ["include", "exclude", "ignore_message", "on_empty"];
/// Also those that cannot happen here: a file may name them for the server that it comes from.
const EVENTS: [&str; 9] =
    ["push", "pull_request", "pull_request_closed", "pull_request_metadata", "tag", "release", "deployment", "cron", "manual"];

/// Reads the conditions of one file.
#[derive(Debug)]
pub struct Reader {
    generation: Generation,
    patterns: Patterns,
}

impl Reader {
    /// For a file of that age.
    pub fn new(generation: Generation) -> Self {
        Self { generation, patterns: Patterns::default() }
    }

    /// Reads the node of `when:`; `what` names it in messages.
    pub fn read(&mut self, node: &Node, what: What<'_>, findings: &mut Findings<'_>) -> When {
        read(self, node, what, findings)
    }
}

fn read(reader: &mut Reader, node: &Node, what: What<'_>, findings: &mut Findings<'_>) -> When {
    match &node.value {
        Value::Seq(items) => {
            if reader.generation == Generation::Early {
                findings.warning(
                    Code::NewerForm,
                    node.span,
                    message!("{} is a list, which woodpecker 0.15 refuses; 1.0 and later take it", what),
                );
            }
            if items.len() > MAX_ALTERNATIVES {
                findings.error(Code::TooManyConditions, node.span, message!("{} has more than {} alternatives", what, MAX_ALTERNATIVES));
            }
            let item = |item: &std::sync::Arc<Node>| conditions(reader, item, what!("an item of {}", what), findings);
            items.iter().take(MAX_ALTERNATIVES).map(item).collect()
        }
        _ if node.is_null() => When::default(),
        _ => conditions(reader, node, what, findings).into(),
    }
}

fn conditions(reader: &mut Reader, node: &Node, what: What<'_>, findings: &mut Findings<'_>) -> Conditions {
    let generation = reader.generation;
    let mut conditions = Conditions { branch_of_tags: generation == Generation::Early, ..Conditions::default() };
    for entry in decode::map(node, what, findings).unwrap_or_default() {
        let key = entry.key.text.as_str();
        let name = what!("`{}` in {}", key, what);
        if let Some(&(key, subject)) = KEYS.iter().find(|(name, _)| *name == key) {
            if subject == Subject::Target && generation == Generation::Current {
                findings
                    .warning(Code::DeprecatedKey, entry.key.span, message!("{} is gone from woodpecker 3; here it works as before", name))
                    .help(message!("write `evaluate: 'CI_PIPELINE_DEPLOY_TARGET == \"…\"'`"));
            }
            let constraint = read_constraint(&entry.value, &FLAVOUR, name, findings);
            if subject == Subject::Instance && !constraint.include.is_empty() {
                findings
                    .note(Code::InstanceCondition, entry.key.span, message!("{} names a server, and there is none here", name))
                    .help(message!("give the name of the server that you come from as the input `{}`", FLAVOUR.server_input));
            }
            conditions.parts.push((key, subject, entry.key.span, constraint));
            continue;
        }
        match key {
            "event" => {
                let constraint = events(entry, generation, name, findings);
                conditions.parts.push(("event", Subject::Event, entry.key.span, constraint));
            }
            "status" => conditions.status = status(entry, generation, name, findings),
            "matrix" => conditions.matrix = Some(read_matrix(&entry.value, entry.key.span, &FLAVOUR, findings)),
            "path" => {
                if let Some(filter) = path(&entry.value, generation, name, findings) {
                    conditions.extras.push(("path", entry.key.span, Extra::Path(filter)));
                }
            }
            "evaluate" => {
                let Some(text) = decode::text(&entry.value, name, findings) else { continue };
                match evaluate::read(&text, &mut reader.patterns) {
                    Ok(expression) => conditions.extras.push(("evaluate", entry.key.span, Extra::Evaluate(expression))),
                    Err(message) => findings
                        .error(Code::BadExpression, entry.value.span, message!("{} cannot be decided: {}", name, message))
                        .help(message!("comparisons of `CI_…` variables, `and`, `or`, `not`, `in`, `contains`, `startsWith`, `endsWith` and `matches` can")),
                }
            }
            "local" => {}
            _ => decode::unknown_key(entry, &KNOWN, what, findings),
        }
    }
    conditions
}

/// From 1.0 on events are compared as they are; before they were globs.
fn events(entry: &Entry, generation: Generation, name: What<'_>, findings: &mut Findings<'_>) -> Constraint {
    let mut constraint = read_constraint(&entry.value, &FLAVOUR, name, findings);
    if generation == Generation::Early {
        return constraint;
    }
    if entry.value.entries().is_some() {
        findings
            .warning(
                Code::DeprecatedKey,
                entry.value.span,
                message!("woodpecker 3 refuses `include` and `exclude` in {}; here they work", name),
            )
            .help(message!("name the events as a list"));
    }
    for word in constraint.include.iter_mut().chain(&mut constraint.exclude) {
        if !EVENTS.contains(&word.as_str()) {
            if findings.has_room(Severity::Warning) {
                unknown_event(word, entry.value.span, findings);
            }
            *word = escape(word);
        }
    }
    constraint
}

fn unknown_event(word: &str, span: Span, findings: &mut Findings<'_>) {
    let found = findings.warning(Code::UnknownEvent, span, message!("there is no event `{}`", word));
    match closest(word, &EVENTS) {
        Some(meant) => found.help(message!("did you mean `{}`?", meant)),
        None => found.help(message!("the events are {}", EVENTS.map(|w| format!("`{w}`")).join(", "))),
    }
}

fn escape(word: &str) -> String {
    let mut escaped = String::new();
    for c in word.chars() {
        if matches!(c, '*' | '?' | '[' | '{' | '}' | ',' | '\\') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

fn status(entry: &Entry, generation: Generation, name: What<'_>, findings: &mut Findings<'_>) -> Constraint {
    let constraint = read_constraint(&entry.value, &FLAVOUR, name, findings);
    for word in constraint.include.iter().filter(|word| !matches!(word.as_str(), "success" | "failure")) {
        if generation == Generation::Current {
            findings
                .warning(Code::UnknownWord, entry.value.span, message!("{} is `{}`, which means nothing", name, word))
                .help(message!("the words are `success` and `failure`"));
        }
    }
    constraint
}

fn path(node: &Node, generation: Generation, name: What<'_>, findings: &mut Findings<'_>) -> Option<PathFilter> {
    let mut filter = PathFilter { one_excluded_is_enough: generation == Generation::Early, ..PathFilter::default() };
    let texts = |node: &Node, name: What<'_>, findings: &mut Findings<'_>| -> Vec<String> {
        decode::text_or_texts(node, name, findings).unwrap_or_default().into_iter().map(|(text, _)| text).collect()
    };
    let Value::Map(entries) = &node.value else {
        filter.include = texts(node, name, findings);
        return Some(filter);
    };
    decode::unknown_keys(entries, &PATH_KEYS, name, findings);
    for entry in entries {
        let what = what!("`{}` of {}", entry.key.text, name);
        match entry.key.text.as_str() {
            "include" => filter.include = texts(&entry.value, what, findings),
            "exclude" => filter.exclude = texts(&entry.value, what, findings),
            "ignore_message" => filter.ignore_message = decode::text(&entry.value, what, findings).unwrap_or_default(),
            "on_empty" => filter.on_empty = decode::boolean(&entry.value, what, findings).unwrap_or(true),
            _ => {}
        }
    }
    Some(filter)
}
