//! Small deliveries that we wrote: what they say, what each dialect makes of them, and that nothing may be changed in them. Then what no
//! forge would send.
#![allow(missing_docs, clippy::unwrap_used)]

use lp_forge::{Delivery, Facts, Forge, ForgeError, Payload, Verification, seen, verify};
use lp_model::{Dialect, Language};
use lp_secret::SecretValue;
use proptest::prelude::*;
use serde_json::Value;
use std::path::Path;

/// One of the files in `deliveries/`.
#[derive(Clone)]
struct Written {
    name: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    secret: String,
    facts: Value,
    dialects: Value,
}

fn all() -> Vec<Written> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/deliveries");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let written = paths.iter().map(|path| {
        let file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        Written {
            name: path.file_stem().unwrap().to_str().unwrap().to_owned(),
            headers: serde_json::from_value(file["headers"].clone()).unwrap(),
            body: file["body_raw"].as_str().unwrap().as_bytes().to_vec(),
            secret: file["secret"].as_str().unwrap().to_owned(),
            facts: file["facts"].clone(),
            dialects: file["dialects"].clone(),
        }
    });
    let written: Vec<_> = written.collect();
    assert!(written.len() >= 9, "{}", written.len());
    written
}

fn verified(headers: &[(String, String)], body: &[u8], secret: &str) -> Result<Verification, ForgeError> {
    let delivery = Delivery::new(headers, body)?;
    verify(&delivery, delivery.forge()?, Some(&SecretValue::new(secret)))
}

fn read(headers: &[(String, String)], body: &[u8]) -> Result<Payload, ForgeError> {
    let delivery = Delivery::new(headers, body)?;
    Payload::read(&delivery, delivery.forge()?)
}

/// In one line: `skip`, the event, reference, branch, commit, pull request, and what is in its way.
fn in_one_line(dialect: Dialect, payload: &Payload) -> String {
    let seen = seen(dialect, payload);
    let Some(event) = seen.event else { return format!("ignored: {}", seen.ignored.unwrap()) };
    let (commit, skip) = (&event.facts.commit, if seen.skip { "skip " } else { "" });
    let mut line = format!("{skip}{} {} {} {}", event.word, commit.reference, commit.branch, commit.sha);
    if let Some(it) = &event.facts.pull_request {
        line += &format!(" #{}{}", it.number, if it.from_fork { " fork" } else { "" });
    }
    event.obstacle.map_or(line.clone(), |obstacle| format!("{line} ({obstacle})"))
}

#[test]
fn each_says_what_it_says_and_each_dialect_sees_it_in_its_way() {
    for it in all() {
        let payload = read(&it.headers, &it.body).unwrap();
        assert!(it.name.starts_with(payload.forge.word()), "{}", it.name);
        assert_eq!(Facts::of(&payload).json(), it.facts, "{}", it.name);
        for (word, dialect) in [("drone08", Dialect::Drone08), ("drone1", Dialect::Drone1), ("woodpecker", Dialect::Woodpecker)] {
            assert_eq!(in_one_line(dialect, &payload), it.dialects[word], "{} {word}", it.name);
        }
    }
}

#[test]
fn each_verifies_and_no_byte_may_be_another() {
    for it in all() {
        assert!(verified(&it.headers, &it.body, &it.secret).unwrap().is_verified(), "{}", it.name);
        assert!(!verified(&it.headers, &it.body, &format!("{}x", it.secret)).unwrap().is_verified(), "{}", it.name);
        // The token of GitLab covers nothing.
        if it.name == "gitlab-merge-request" {
            continue;
        }
        for at in 0..it.body.len() {
            let mut body = it.body.clone();
            body[at] ^= 1;
            let changed = verified(&it.headers, &body, &it.secret);
            assert!(!changed.is_ok_and(|changed| changed.is_verified()), "{} byte {at}", it.name);
        }
    }
}

/// A value of another type at each place of each body: an error, or nobody looks there; what is told names a field and is translated.
#[test]
fn a_value_of_a_wrong_type_is_told_with_its_place() {
    let mut told = 0;
    for it in all().into_iter().filter(|it| !it.name.ends_with("form")) {
        let body: Value = serde_json::from_slice(&it.body).unwrap();
        for pointer in places(&body, "") {
            for other in
                [Value::Null, 7.into(), (-1.5).into(), "".into(), "x y".into(), true.into(), Value::Array(vec![]), serde_json::json!({})]
            {
                let mut body = body.clone();
                *body.pointer_mut(&pointer).unwrap() = other;
                match read(&it.headers, body.to_string().as_bytes()) {
                    Ok(payload) => drop(in_one_line(Dialect::Woodpecker, &payload)),
                    Err(ForgeError::Field { forge, field, message }) => {
                        told += 1;
                        assert!(it.name.starts_with(forge.word()));
                        let place = pointer[1..].replace('/', ".");
                        let named = field.replace("[", ".").replace(']', "");
                        assert!(place.starts_with(&named) || named.starts_with(&place), "{place} is told as {field}");
                        assert_eq!(message.untranslated(), None);
                    }
                    Err(other) => panic!("{} {pointer}: {other}", it.name),
                }
            }
        }
    }
    assert!(told > 500, "{told}");
}

/// The JSON pointers of all values.
fn places(value: &Value, at: &str) -> Vec<String> {
    let mut found = if at.is_empty() { vec![] } else { vec![at.to_owned()] };
    match value {
        Value::Array(items) => found.extend(items.iter().enumerate().flat_map(|(n, item)| places(item, &format!("{at}/{n}")))),
        Value::Object(map) => found.extend(map.iter().flat_map(|(key, item)| places(item, &format!("{at}/{key}")))),
        _ => {}
    }
    found
}

#[test]
fn every_error_is_said_in_chinese() {
    let message = lp_model::message!("a list");
    for error in [
        ForgeError::Unknown,
        ForgeError::OtherForge { forge: Forge::Gogs, header: "X-Gogs-Event" },
        ForgeError::TooLarge { what: message.clone(), limit: 1 },
        ForgeError::Malformed { message: message.clone() },
        ForgeError::Field { forge: Forge::GitLab, field: "a.b".into(), message },
    ] {
        for said in [error.told(), error.hint()] {
            assert_eq!(said.untranslated(), None, "{said}");
            assert!(said.is_empty() || said.text(Language::Zh).chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{said}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Bytes are changed, cut out and put in at will: nothing panics, nothing verifies, whatever is read can be said.
    #[test]
    fn mutated_deliveries_do_no_harm(
        which in 0_usize..9,
        edits in proptest::collection::vec((any::<prop::sample::Index>(), 0_u8..4, any::<u8>(), 1_usize..40), 1..6),
        header in proptest::option::of((any::<prop::sample::Index>(), "\\PC{0,20}")),
    ) {
        let mut it = all().swap_remove(which);
        for (at, how, byte, length) in edits {
            let at = at.index(it.body.len().max(1)).min(it.body.len());
            let end = (at + length).min(it.body.len());
            match how {
                0 => drop(it.body.splice(at..end, [])),
                1 => drop(it.body.splice(at..at, vec![byte; length])),
                2 => drop(it.body.splice(at..at, br#"[{"a":[null,1,"#.iter().copied())),
                _ if at < it.body.len() => it.body[at] = byte,
                _ => {}
            }
        }
        if let Some((at, value)) = header {
            let at = at.index(it.headers.len());
            it.headers[at].1 = value;
        }
        if let Ok(verification) = verified(&it.headers, &it.body, &it.secret) {
            let unchanged = all().swap_remove(which).body == it.body || it.name == "gitlab-merge-request";
            prop_assert!(unchanged || !verification.is_verified());
        }
        match read(&it.headers, &it.body) {
            Ok(payload) => {
                prop_assert!(Facts::of(&payload).json().is_object());
                for dialect in [Dialect::Drone08, Dialect::Drone1, Dialect::Woodpecker] {
                    drop(in_one_line(dialect, &payload));
                }
            }
            Err(error) => prop_assert!(error.told().untranslated().is_none(), "{}", error),
        }
    }
}
