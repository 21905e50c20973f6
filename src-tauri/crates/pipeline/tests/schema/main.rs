//! The schemas for editors: each is one, knows the same keys as the compiler, and has nothing against what compiles without a word.

#[path = "../cases/mod.rs"]
mod cases;
mod judge;

use judge::{complaints, judge};
use lp_model::Dialect;
use lp_pipeline::schema::keys;
use lp_pipeline::{detect, lint, schema};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const DIALECTS: [Dialect; 3] = [Dialect::Drone08, Dialect::Drone1, Dialect::Woodpecker];

fn value(dialect: Dialect) -> Value {
    serde_json::from_str(schema(dialect)).expect("the schema is JSON")
}

#[test]
fn each_is_a_schema() {
    for dialect in DIALECTS {
        let schema = value(dialect);
        if let Err(error) = jsonschema::meta::validate(&schema) {
            panic!("{dialect:?}: {error}");
        }
        // An unknown draft would be taken for the newest one without a word.
        assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#", "{dialect:?}");
    }
}

/// All closed maps of a schema: the pointer of their `properties`.
fn closed(value: &Value, pointer: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            if map.get("additionalProperties") == Some(&Value::Bool(false)) {
                found.insert(format!("{pointer}/properties"));
            }
            for (key, value) in map {
                closed(value, &format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::Array(items) => items.iter().enumerate().for_each(|(n, item)| closed(item, &format!("{pointer}/{n}"), found)),
        _ => {}
    }
}

#[test]
fn schema_and_compiler_know_the_same_keys() {
    for dialect in DIALECTS {
        let schema = value(dialect);
        let known: BTreeMap<String, Vec<&str>> = keys(dialect).into_iter().map(|(place, keys)| (place.to_owned(), keys)).collect();
        for (place, keys) in &known {
            let properties = schema.pointer(place).and_then(Value::as_object).unwrap_or_else(|| panic!("{dialect:?}: no map at {place}"));
            let there: BTreeSet<&str> = properties.keys().map(String::as_str).collect();
            assert_eq!(there, keys.iter().copied().collect(), "{dialect:?}: {place}: the schema is on the left, the compiler on the right");
        }
        let mut places = BTreeSet::new();
        closed(&schema, "", &mut places);
        let unread: Vec<_> = places.iter().filter(|place| !known.contains_key(*place)).collect();
        assert!(unread.is_empty(), "{dialect:?}: the schema closes these, and no key list of the compiler stands for them: {unread:?}");
    }
}

#[test]
fn every_key_has_a_word_about_it() {
    for dialect in DIALECTS {
        let schema = value(dialect);
        for (place, keys) in keys(dialect) {
            for key in keys {
                let property = &schema.pointer(place).expect("a map")[key];
                // Kinds of a condition in two shapes; places that another one describes.
                let described = property.is_boolean() || property["description"].is_string() || property["$ref"].is_string();
                assert!(described || place.contains("docker"), "{dialect:?}: {place}/{key}");
            }
        }
    }
}

#[test]
fn the_schema_complains_where_the_compiler_does() {
    let judges = DIALECTS.map(judge);
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for case in cases::all() {
        let (name, file) = (&case.name, case.pipeline());
        let Ok(detected) = detect(&[file]) else { continue };
        let text = std::str::from_utf8(file.bytes).expect("UTF-8");
        let index = DIALECTS.iter().position(|dialect| *dialect == detected.dialect).expect("one of them");
        let findings = lint(&[file], &Default::default());
        for complaint in complaints(&judges[index], detected.dialect, text).unwrap_or_default() {
            if !complaint.is_shared_by(&findings) {
                wrong.push(format!("{name}: {complaint}"));
            }
        }
        compared += 1;
    }
    assert!(compared >= 30, "only {compared} files");
    assert!(wrong.is_empty(), "the compiler has nothing against these:\n{}", wrong.join("\n"));
}

#[test]
fn slips_are_found_without_the_compiler() {
    for (dialect, text) in [
        (Dialect::Drone08, "pipeline:\n  a: {image: x, commands: [y], enviroment: {A: b}}\n"),
        (Dialect::Drone08, "pipeline:\n  a: {commands: [y]}\n"),
        (Dialect::Drone08, "pipeline:\n- {image: x}\n"),
        (Dialect::Drone08, "pipeline:\n  a: {image: x, when: {event: pusch}}\n"),
        (Dialect::Drone08, "pipeline:\n  a: {image: x, pull: always}\n"),
        (Dialect::Drone08, "pipeline:\n  a: {image: x, entrypoint: [y]}\n"),
        (Dialect::Drone08, "pipeline:\n  a: {image: x}\nmatrix: {exclude: [{A: b}]}\n"),
        (Dialect::Drone1, "kind: pipeline\nsteps:\n- {name: a, image: x, enviroment: {A: b}}\n"),
        (Dialect::Drone1, "kind: pipeline\nsteps:\n- {name: a}\n"),
        (Dialect::Drone1, "kind: pipeline\nsteps:\n- {name: a, image: x, commands: make}\n"),
        (Dialect::Drone1, "kind: pipeline\nsteps:\n- {name: a, image: x, pull: true}\n"),
        (Dialect::Drone1, "kind: pipeline\ntype: exec\nsteps:\n- {name: a}\n"),
        (Dialect::Drone1, "kind: pipline\nsteps: []\n"),
        (Dialect::Drone1, "steps: []\n"),
        (Dialect::Drone1, "kind: pipeline\ntrigger: {branch: {exclude: x}}\nsteps:\n- {name: a, image: x}\n"),
        (Dialect::Drone1, "kind: pipeline\nvolumes: [{name: v}]\nsteps:\n- {name: a, image: x}\n"),
        (Dialect::Woodpecker, "steps:\n  a: {image: x, comands: [y]}\n"),
        (Dialect::Woodpecker, "steps:\n- {image: x, settings: {a: b}, commands: [y]}\n"),
        (Dialect::Woodpecker, "steps:\n- {image: x, when: {event: promote}}\n"),
        (Dialect::Woodpecker, "steps: {a: {image: x, failure: alway}}\n"),
        (Dialect::Woodpecker, "matri: {A: [b]}\nsteps: {a: {image: x}}\n"),
        (Dialect::Woodpecker, "pipeline: {a: {image: x, command: [y]}}\n"),
        (Dialect::Woodpecker, "when: {event: push}\n"),
    ] {
        assert!(!complaints(&judge(dialect), dialect, text).expect("YAML").is_empty(), "{dialect:?}: {text}");
    }
}

/// An editor's own YAML parser leaves `<<` in lists where it stands.
#[test]
fn lists_may_be_spliced_in() {
    let spliced = json!({
        "steps": [{"<<": [{"image": "x"}]}, {"name": "a", "image": "x", "commands": [{"<<": ["y"]}, "z"]}]
    });
    assert!(judge(Dialect::Woodpecker).is_valid(&spliced));
    assert!(!judge(Dialect::Woodpecker).is_valid(&json!({"steps": [{"name": "a", "image": "x", "commands": [{"make": "y"}]}]})));
}
