//! Plugin parameters: how a YAML value becomes a `PLUGIN_…` variable.

use lp_yaml::scalar::{go_float, json_float, key_text, typed};
use lp_yaml::{Node, Schema, Typed, Value};

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
            let mut out = String::new();
            json(node, schema, &mut out);
            Some(out)
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

fn json(node: &Node, schema: Schema, out: &mut String) {
    match &node.value {
        Value::Scalar { text, .. } => match typed(node, schema).unwrap_or_else(|| Typed::Text(text.clone())) {
            Typed::Null => out.push_str("null"),
            Typed::Bool(value) => out.push_str(if value { "true" } else { "false" }),
            Typed::Int(value) => out.push_str(&value.to_string()),
            Typed::Big(value) => out.push_str(&value.to_string()),
            Typed::Float(value) => out.push_str(&json_float(value)),
            other => string(&scalar(other), out),
        },
        Value::Seq(items) => {
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                json(item, schema, out);
            }
            out.push(']');
        }
        Value::Map(entries) => {
            let mut sorted: Vec<(String, &Node)> = entries.iter().map(|entry| (key_text(&entry.key, schema), &*entry.value)).collect();
            sorted.sort_by(|a, b| a.0.cmp(&b.0));
            out.push('{');
            for (n, (key, value)) in sorted.into_iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                string(&key, out);
                out.push(':');
                json(value, schema, out);
            }
            out.push('}');
        }
    }
}

/// A JSON string with Go's escapes, which are made to be safe inside HTML.
fn string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
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
}
