//! What editors need to help with `.letterpress.yml`: its JSON schema (draft 7), written by hand in `schema/`.

/// The JSON schema of the file.
pub fn schema() -> &'static str {
    include_str!("../schema/letterpress.json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::{FILE_KEYS, INPUT_KEYS, WORKFLOW_KEYS};
    use crate::parse;
    use lp_yaml::{Node, Schema, Typed, Value as Shape, scalar};
    use serde_json::{Value, json};
    use std::collections::BTreeSet;

    fn json_of(node: &Node) -> Value {
        match &node.value {
            Shape::Map(entries) => Value::Object(entries.iter().map(|e| (e.key.text.clone(), json_of(&e.value))).collect()),
            Shape::Seq(items) => items.iter().map(|item| json_of(item)).collect(),
            Shape::Scalar { text, .. } => match scalar::typed(node, Schema::Woodpecker) {
                Some(Typed::Null) => Value::Null,
                Some(Typed::Bool(value)) => json!(value),
                Some(Typed::Int(value)) => json!(value),
                Some(Typed::Float(value)) => json!(value),
                _ => json!(text),
            },
        }
    }

    fn suits(text: &str) -> bool {
        let schema: Value = serde_json::from_str(schema()).unwrap();
        let root = lp_yaml::parse("f", text.as_bytes()).unwrap().remove(0).root;
        jsonschema::validator_for(&schema).unwrap().is_valid(&json_of(&root))
    }

    #[test]
    fn it_is_a_schema_with_the_keys_that_are_read() {
        let schema: Value = serde_json::from_str(schema()).unwrap();
        jsonschema::meta::validate(&schema).unwrap();
        for (place, keys) in [
            ("/properties", FILE_KEYS.as_slice()),
            ("/definitions/workflow/properties", &WORKFLOW_KEYS),
            ("/definitions/input/properties", &INPUT_KEYS),
        ] {
            let there: BTreeSet<&str> = schema.pointer(place).unwrap().as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(there, keys.iter().copied().collect(), "{place}: the schema is on the left");
        }
    }

    #[test]
    fn what_is_read_without_a_word_suits_it_and_slips_do_not() {
        let sample = include_str!("../../../sample/01-shop-with-a-cart/.letterpress.yml");
        assert!(suits(sample), "the sample's file");
        let one = |rest: &str| format!("workflows:\n- {{name: a{rest}}}\n");
        let input = |rest: &str| one(&format!(", inputs: [{{name: A{rest}}}]"));
        for (text, fine) in [
            (one(""), true),
            (one(", title: {zh-CN: 发布, en: Release}, event: promote, target: production, pipeline: ./ci/.drone.yml"), true),
            (one(", titel: x"), false),
            (one(", event: pusch"), false),
            (one(", pipeline: ../x.yml"), false),
            (one(", pipeline: /x.yml"), false),
            (one(", pipeline: ~"), true),
            (input(", type: choice, options: [a, 1.10], default: a, required: yes"), true),
            (input(", options: [a]"), true),
            (input(", type: choice"), false),
            (input(", type: choise, options: [a]"), false),
            (input(", secret: true"), false),
            (input(", required: maybe"), false),
            ("workflows: []\n".to_owned(), false),
            ("workflow: []\n".to_owned(), false),
        ] {
            let silent = parse("f", text.as_bytes()).is_ok_and(|(_, warnings)| warnings.is_empty());
            assert_eq!((silent, suits(&text)), (fine, fine), "{text}");
        }
    }
}
