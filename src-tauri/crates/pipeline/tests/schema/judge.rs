//! Looks at a file as an editor does: as YAML without its variables replaced, judged by the schema alone.

use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use lp_model::{Diagnostic, Dialect};
use lp_yaml::{Node, Schema, SourceMap, Style, TextIndex, Typed, Value as Shape, cut, parse_as, scalar};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::fmt;

/// What the schema has against a place of the file.
#[derive(Debug)]
pub struct Complaint {
    /// First and last line of the place.
    pub lines: (u32, u32),
    /// First and last line of the map around it, if that is not the whole file: a step, a condition.
    pub around: (u32, u32),
    /// Its path and what is wrong.
    pub text: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "lines {}-{}: {}", self.lines.0, self.lines.1, self.text)
    }
}

impl Complaint {
    /// Whether the compiler says something about the same place, or about the step that it belongs to.
    pub fn is_shared_by(&self, findings: &[Diagnostic]) -> bool {
        let (first, last) = self.around;
        findings.iter().any(|finding| finding.span.is_some_and(|span| (first..=last).contains(&span.line)))
    }
}

/// The dialect's schema, ready to judge.
pub fn judge(dialect: Dialect) -> Validator {
    let schema: Value = serde_json::from_str(lp_pipeline::schema(dialect)).expect("the schema is JSON");
    jsonschema::validator_for(&schema).expect("the schema is a schema")
}

/// Everything that the schema has against the documents of a file; only the first counts where the dialect reads no other. `None`
/// when the file is no YAML before its variables are replaced: an editor has nothing to say about it either.
pub fn complaints(judge: &Validator, dialect: Dialect, text: &str) -> Option<Vec<Complaint>> {
    let index = TextIndex::new(text);
    let mut complaints = Vec::new();
    let parts = cut(text);
    let read = if dialect == Dialect::Drone1 { parts.len() } else { 1 };
    for part in parts.into_iter().take(read) {
        let style = Style { splices: true, ..Style::default() };
        let root = parse_as(style, "file", &text[part.clone()], &SourceMap::part(&index, part.clone())).ok()?.root;
        // Editors differ in the version of YAML that they follow.
        for rules in [Schema::Woodpecker, Schema::Drone08] {
            let mut places = HashMap::new();
            let value = json_of(&root, rules, String::new(), &mut places);
            for error in judge.iter_errors(&value) {
                explain(&error, &places, &mut complaints);
            }
        }
    }
    Some(complaints)
}

/// The most telling complaints: of several shapes that a value may have, about the one that it comes closest to.
fn explain(error: &ValidationError<'_>, places: &HashMap<String, (u32, u32)>, complaints: &mut Vec<Complaint>) {
    let path = error.instance_path().as_str().to_owned();
    match error.kind() {
        ValidationErrorKind::AnyOf { context } => {
            // A branch whose shape is wrong from the start says less than one that got further.
            let reached = |branch: &&Vec<ValidationError<'_>>| {
                let shape = branch
                    .iter()
                    .any(|error| matches!(error.kind(), ValidationErrorKind::Type { .. }) && error.instance_path().as_str() == path);
                (!shape, branch.iter().map(|error| error.instance_path().as_str().len()).max())
            };
            let closest = context.iter().max_by_key(reached).filter(|branch| reached(branch).0);
            if let Some(branch) = closest {
                branch.iter().for_each(|error| explain(error, places, complaints));
                return;
            }
        }
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            for key in unexpected {
                let path = format!("{path}/{}", escape(key));
                complaints.push(complaint(&path, "no such key", places));
            }
            return;
        }
        _ => {}
    }
    complaints.push(complaint(&path, &error.to_string(), places));
}

fn complaint(path: &str, what: &str, places: &HashMap<String, (u32, u32)>) -> Complaint {
    let lines = places[path];
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    let around = if parent.matches('/').count() >= 2 { places[parent] } else { lines };
    Complaint { lines, around, text: format!("{path}: {what}") }
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn json_of(node: &Node, rules: Schema, path: String, places: &mut HashMap<String, (u32, u32)>) -> Value {
    places.entry(path.clone()).or_insert((node.span.line, node.span.end_line));
    match &node.value {
        Shape::Map(entries) => {
            let mut map = Map::new();
            for entry in entries {
                let key = scalar::key_text(&entry.key, rules);
                let path = format!("{path}/{}", escape(&key));
                places.insert(path.clone(), (entry.key.span.line, entry.value.span.end_line.max(entry.key.span.line)));
                map.insert(key, json_of(&entry.value, rules, path, places));
            }
            Value::Object(map)
        }
        Shape::Seq(items) => items.iter().enumerate().map(|(n, item)| json_of(item, rules, format!("{path}/{n}"), places)).collect(),
        Shape::Scalar { text, .. } => match scalar::typed(node, rules) {
            Some(Typed::Null) => Value::Null,
            Some(Typed::Bool(value)) => json!(value),
            Some(Typed::Int(value)) => json!(value),
            Some(Typed::Big(value)) => json!(value),
            Some(Typed::Float(value)) => json!(value),
            _ => json!(text),
        },
    }
}
