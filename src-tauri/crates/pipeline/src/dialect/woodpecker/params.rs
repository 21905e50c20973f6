//! Settings and variables of Woodpecker: how a YAML value becomes the value of a variable.

use super::Generation;
use crate::shared::params::{self, Writer, scalar, secret_name};
use lp_model::EnvValue;
use lp_yaml::scalar::typed;
use lp_yaml::{Node, Schema, Typed, Value};
use std::sync::Arc;

const SCHEMA: Schema = Schema::Woodpecker;

/// The value of a setting or variable: as [`params::value`], with `{from_secret: name}` at any depth. 0.15 flattened lists
/// of lists and set what it could not read to an empty text.
pub fn value(node: &Node, generation: Generation) -> Option<EnvValue> {
    let mut out = Writer::new(SCHEMA, true);
    match &node.value {
        Value::Scalar { .. } => match typed(node, SCHEMA)? {
            Typed::Null => return None,
            Typed::Big(_) if generation == Generation::Early => {}
            other => out.push(&scalar(other)),
        },
        Value::Map(_) => match secret_name(node) {
            Some(name) => return Some(EnvValue::Secret(name.to_owned())),
            None => out.json(node),
        },
        Value::Seq(items) => {
            let plain = |item: &Arc<Node>| matches!(item.value, Value::Scalar { .. }) || secret_name(item).is_some();
            if generation == Generation::Current && !items.iter().all(plain) {
                out.json(node);
            } else {
                out.joined(items);
            }
        }
    }
    Some(out.finish())
}

/// The variable of a setting: dashes and dots become underscores.
pub fn variable(key: &str) -> String {
    params::variable(key).replace(['-', '.'], "_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use lp_model::EnvPiece;

    #[test]
    fn values_hold_secrets_at_any_depth() {
        let show = |text: &str, generation| {
            let root = lp_yaml::parse("f", format!("k: {text}\n").as_bytes()).unwrap().remove(0).root;
            value(root.get("k").unwrap(), generation).map(|value| match value {
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
        assert_eq!(variable("dry-run.x"), "PLUGIN_DRY_RUN_X");
    }
}
