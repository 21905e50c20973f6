//! Plugin parameters: how a YAML value becomes a `PLUGIN_…` variable.

use crate::dialect::woodpecker::Generation;
use lp_model::{EnvPiece, EnvValue, json_escape};
use lp_yaml::scalar::{go_float, json_float, key_text, typed};
use lp_yaml::{Node, Schema, Typed, Value};
use std::sync::Arc;

/// The variable of a key: upper case; dashes and dots stay (`dry-run` is `PLUGIN_DRY-RUN`).
pub fn variable(key: &str) -> String {
    format!("PLUGIN_{}", key.to_uppercase())
}

/// The text of a value, `None` when the variable is not set at all: for nothing, and in 0.8 for a whole number beyond
/// 63 bits. A list of scalars is joined with commas; everything deeper is JSON as Go writes it.
pub fn value(node: &Node, schema: Schema) -> Option<String> {
    match &node.value {
        Value::Scalar { .. } => match typed(node, schema)? {
            Typed::Null => None,
            Typed::Big(_) if schema == Schema::Drone08 => None,
            other => Some(scalar(other)),
        },
        Value::Seq(items) if items.iter().all(|item| matches!(item.value, Value::Scalar { .. })) => {
            let texts: Vec<String> = items.iter().filter_map(|item| typed(item, schema).map(scalar)).collect();
            Some(texts.join(","))
        }
        _ => {
            let mut out = Writer::default();
            out.json(node, schema);
            Some(out.text)
        }
    }
}

fn scalar(value: Typed) -> String {
    match value {
        Typed::Null => String::new(),
        Typed::Bool(value) => value.to_string(),
        Typed::Int(value) => value.to_string(),
        Typed::Big(value) => value.to_string(),
        Typed::Float(value) => go_float(value),
        Typed::Binary(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Typed::Text(text) => text,
    }
}

/// The value of a setting or variable in Woodpecker: as [`value`], with `{from_secret: name}` at any depth. 0.15 flattened lists
/// of lists and set what it could not read to an empty text.
pub fn woodpecker(node: &Node, generation: Generation) -> Option<EnvValue> {
    let mut out = Writer { secrets: true, ..Writer::default() };
    match &node.value {
        Value::Scalar { .. } => match typed(node, SCHEMA)? {
            Typed::Null => return None,
            Typed::Big(_) if generation == Generation::Early => {}
            other => out.push(&scalar(other)),
        },
        Value::Map(_) => match secret_name(node) {
            Some(name) => return Some(EnvValue::Secret(name.to_owned())),
            None => out.json(node, SCHEMA),
        },
        Value::Seq(items) => {
            let plain = |item: &Arc<Node>| matches!(item.value, Value::Scalar { .. }) || secret_name(item).is_some();
            if generation == Generation::Current && !items.iter().all(plain) {
                out.json(node, SCHEMA);
            } else {
                out.joined(items);
            }
        }
    }
    Some(out.finish())
}

/// The variable of a setting in Woodpecker: dashes and dots become underscores.
pub fn woodpecker_variable(key: &str) -> String {
    variable(key).replace(['-', '.'], "_")
}

const SCHEMA: Schema = Schema::Woodpecker;

/// The name in `{from_secret: name}`.
fn secret_name(node: &Node) -> Option<&str> {
    node.get("from_secret").and_then(|secret| secret.text()).filter(|name| !name.is_empty())
}

/// A text that may have secrets in it.
#[derive(Default)]
struct Writer {
    done: Vec<EnvPiece>,
    text: String,
    secrets: bool,
}

impl Writer {
    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn piece(&mut self, piece: EnvPiece) {
        if !self.text.is_empty() {
            self.done.push(EnvPiece::Text(std::mem::take(&mut self.text)));
        }
        self.done.push(piece);
    }

    fn finish(mut self) -> EnvValue {
        if self.done.is_empty() {
            return EnvValue::Text(self.text);
        }
        if !self.text.is_empty() {
            self.done.push(EnvPiece::Text(self.text));
        }
        EnvValue::Template(self.done)
    }

    /// Items with commas between them; those of lists inside as if they stood here.
    fn joined(&mut self, items: &[Arc<Node>]) {
        for (n, item) in items.iter().enumerate() {
            if n > 0 {
                self.push(",");
            }
            match (&item.value, secret_name(item)) {
                (_, Some(name)) => self.piece(EnvPiece::Secret(name.to_owned())),
                (Value::Seq(inner), _) => self.joined(inner),
                (Value::Map(_), _) => self.json(item, SCHEMA),
                (Value::Scalar { .. }, _) => self.push(&typed(item, SCHEMA).map(scalar).unwrap_or_default()),
            }
        }
    }

    fn json(&mut self, node: &Node, schema: Schema) {
        match &node.value {
            Value::Scalar { text, .. } => match typed(node, schema).unwrap_or_else(|| Typed::Text(text.clone())) {
                Typed::Null => self.push("null"),
                Typed::Bool(value) => self.push(if value { "true" } else { "false" }),
                Typed::Int(value) => self.push(&value.to_string()),
                Typed::Big(value) => self.push(&value.to_string()),
                Typed::Float(value) => self.push(&json_float(value)),
                other => self.string(&scalar(other)),
            },
            Value::Seq(items) => {
                self.push("[");
                for (n, item) in items.iter().enumerate() {
                    if n > 0 {
                        self.push(",");
                    }
                    self.json(item, schema);
                }
                self.push("]");
            }
            Value::Map(entries) => {
                if let Some(name) = secret_name(node).filter(|_| self.secrets) {
                    self.push("\"");
                    self.piece(EnvPiece::JsonSecret(name.to_owned()));
                    return self.push("\"");
                }
                let mut sorted: Vec<(String, &Node)> = entries.iter().map(|entry| (key_text(&entry.key, schema), &*entry.value)).collect();
                sorted.sort_by(|a, b| a.0.cmp(&b.0));
                self.push("{");
                for (n, (key, value)) in sorted.into_iter().enumerate() {
                    if n > 0 {
                        self.push(",");
                    }
                    self.string(&key);
                    self.push(":");
                    self.json(value, schema);
                }
                self.push("}");
            }
        }
    }

    fn string(&mut self, text: &str) {
        self.push(&json_text(text));
    }
}

/// A JSON string, quotes and all.
pub(crate) fn json_text(text: &str) -> String {
    format!("\"{}\"", json_escape(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, schema: Schema) -> Option<String> {
        let root = lp_yaml::parse("f", format!("k: {text}\n").as_bytes()).unwrap().remove(0).root;
        value(root.get("k").unwrap(), schema)
    }

    #[test]
    fn values() {
        for (text, expected) in [
            ("stringz", Some("stringz")),
            ("yes", Some("true")),
            ("'yes'", Some("yes")),
            ("1.10", Some("1.1")),
            ("!!str 1.10", Some("1.10")),
            ("!!binary aGVsbG8=", Some("hello")),
            ("~", None),
            ("''", Some("")),
            ("[a, 1.0, ~, no]", Some("a,1,,false")),
            ("[]", Some("")),
            ("{b: 1, a: <x>}", Some(r#"{"a":"\u003cx\u003e","b":1}"#)),
            ("[[1, 2], {yes: ~}]", Some(r#"[[1,2],{"true":null}]"#)),
            ("{中: \"a\\tb\\u0001\"}", Some("{\"中\":\"a\\tb\\u0001\"}")),
        ] {
            assert_eq!(of(text, Schema::Drone1).as_deref(), expected, "{text}");
        }
        assert_eq!(of("12345678901234567890", Schema::Drone08), None);
        assert_eq!(of("12345678901234567890", Schema::Drone1).as_deref(), Some("12345678901234567890"));
        assert_eq!(variable("dry-run"), "PLUGIN_DRY-RUN");
    }

    #[test]
    fn woodpecker_values_hold_secrets_at_any_depth() {
        let show = |text: &str, generation| {
            let root = lp_yaml::parse("f", format!("k: {text}\n").as_bytes()).unwrap().remove(0).root;
            woodpecker(root.get("k").unwrap(), generation).map(|value| match value {
                EnvValue::Text(text) => text,
                EnvValue::Secret(name) => format!("<{name}>"),
                EnvValue::Template(pieces) => pieces
                    .iter()
                    .map(|piece| match piece {
                        EnvPiece::Text(text) => text.clone(),
                        EnvPiece::Secret(name) => format!("<{name}>"),
                        EnvPiece::JsonSecret(name) => format!("<json {name}>"),
                    })
                    .collect(),
                EnvValue::Runtime(_) => unreachable!("no value of a file"),
            })
        };
        for (text, early, current) in [
            ("yes", "yes", "yes"),
            ("1.10", "1.1", "1.1"),
            ("{from_secret: a}", "<a>", "<a>"),
            ("[x, {from_secret: a}, ~]", "x,<a>,", "x,<a>,"),
            ("[x, {b: {from_secret: a}}]", "x,{\"b\":\"<json a>\"}", "[\"x\",{\"b\":\"<json a>\"}]"),
            ("{u: {p: [{from_secret: a}]}}", "{\"u\":{\"p\":[\"<json a>\"]}}", "{\"u\":{\"p\":[\"<json a>\"]}}"),
            ("[[1, 2], [3]]", "1,2,3", "[[1,2],[3]]"),
            ("12345678901234567890", "", "12345678901234567890"),
            ("[]", "", ""),
        ] {
            assert_eq!(show(text, Generation::Early).as_deref(), Some(early), "{text}");
            assert_eq!(show(text, Generation::Current).as_deref(), Some(current), "{text}");
        }
        assert_eq!(show("~", Generation::Current), None);
        assert_eq!(woodpecker_variable("dry-run.x"), "PLUGIN_DRY_RUN_X");
    }
}
