//! Plugin parameters: how a YAML value becomes a `PLUGIN_…` variable.

use lp_model::{EnvPiece, EnvValue, json_escape};
use lp_yaml::scalar::{go_float, json_float, key_text, typed};
use lp_yaml::{Node, Schema, Typed, Value};
use std::sync::Arc;

/// The variable of a key: upper case; dashes and dots stay (`dry-run` is `PLUGIN_DRY-RUN`).
pub fn variable(key: &str) -> String {
    format!("PLUGIN_{}", key.to_uppercase())
}

/// The text of a value, `None` when the variable is not set at all: for nothing. A list of scalars is joined with commas; everything deeper is JSON as Go writes it.
pub fn value(node: &Node, schema: Schema) -> Option<String> {
    match &node.value {
        Value::Scalar { .. } => match typed(node, schema)? {
            Typed::Null => None,
            other => Some(scalar(other)),
        },
        Value::Seq(items) if items.iter().all(|item| matches!(item.value, Value::Scalar { .. })) => {
            let texts: Vec<String> = items.iter().filter_map(|item| typed(item, schema).map(scalar)).collect();
            Some(texts.join(","))
        }
        _ => {
            let mut out = Writer::new(schema, false);
            out.json(node);
            Some(out.text)
        }
    }
}

/// The text of a scalar.
pub(crate) fn scalar(value: Typed) -> String {
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

/// The name in `{from_secret: name}`.
pub(crate) fn secret_name(node: &Node) -> Option<&str> {
    node.get("from_secret").and_then(|secret| secret.text()).filter(|name| !name.is_empty())
}

/// A text that may have secrets in it.
pub(crate) struct Writer {
    done: Vec<EnvPiece>,
    text: String,
    schema: Schema,
    /// Whether `{from_secret: name}` is a secret at any depth.
    secrets: bool,
}

impl Writer {
    /// An empty one, which reads scalars by the rules of `schema`.
    pub fn new(schema: Schema, secrets: bool) -> Self {
        Self { done: Vec::new(), text: String::new(), schema, secrets }
    }

    pub fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn piece(&mut self, piece: EnvPiece) {
        if !self.text.is_empty() {
            self.done.push(EnvPiece::Text(std::mem::take(&mut self.text)));
        }
        self.done.push(piece);
    }

    pub fn finish(mut self) -> EnvValue {
        if self.done.is_empty() {
            return EnvValue::Text(self.text);
        }
        if !self.text.is_empty() {
            self.done.push(EnvPiece::Text(self.text));
        }
        EnvValue::Template(self.done)
    }

    /// Items with commas between them; those of lists inside as if they stood here.
    pub fn joined(&mut self, items: &[Arc<Node>]) {
        for (n, item) in items.iter().enumerate() {
            if n > 0 {
                self.push(",");
            }
            match (&item.value, secret_name(item)) {
                (_, Some(name)) => self.piece(EnvPiece::Secret(name.to_owned())),
                (Value::Seq(inner), _) => self.joined(inner),
                (Value::Map(_), _) => self.json(item),
                (Value::Scalar { .. }, _) => self.push(&typed(item, self.schema).map(scalar).unwrap_or_default()),
            }
        }
    }

    /// The node as JSON.
    pub fn json(&mut self, node: &Node) {
        let schema = self.schema;
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
                    self.json(item);
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
                    self.json(value);
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
        assert_eq!(of("12345678901234567890", Schema::Drone1).as_deref(), Some("12345678901234567890"));
        assert_eq!(variable("dry-run"), "PLUGIN_DRY-RUN");
    }
}
