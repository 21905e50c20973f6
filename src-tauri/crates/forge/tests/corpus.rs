//! Agreement with the forges and with the programs that the dialects were made for: captured and collected deliveries, what they say, and
//! what the parsers of those programs make of them. The corpus is no part of this repository; the test looks for it in
//! `LETTERPRESS_CORPUS`, else in a folder `shared/corpus` beside the repository.
//!
//! Where we differ, the case stands in a table with its reason. A row that is not needed any more fails.
#![allow(missing_docs, clippy::unwrap_used)]

use lp_forge::{Delivery, Facts, Forge, Payload, Seen, seen, verify};
use lp_model::Dialect;
use lp_secret::SecretValue;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Facts that stand in no delivery: files, keys, why.
const NOT_TOLD: [(&str, &[&str], &str); 3] = [
    ("*/push-forced", &["forced", "changed_files", "changed_files_in_payload"], "only git knows that a push was forced"),
    ("*/tag-annotated-create", &["after", "tag_object"], "only git tells the object of a tag from a commit"),
    ("gogs/create-tag-annotated", &["note"], "a remark, no fact"),
];

/// Facts that a program sees in another way: program, files, keys, why.
const DIFFERENT: [(&str, &str, &[&str], &str); 7] = [
    ("*", "*/tag-annotated-push", &["commit"], "a commit is a commit, not the object of a tag"),
    ("woodpecker", "gitlab/tag-annotated", &["commit"], "likewise"),
    ("drone08", "gitlab/tag-annotated", &["commit"], "likewise"),
    ("drone08", "gogs/create-tag-annotated", &["commit"], "Drone 0.8 looks for the commit under another name and finds none"),
    ("drone08", "gogs/create-tag-lightweight", &["commit"], "likewise"),
    ("drone", "gitea/pr-opened-old", &["ref"], "Drone takes the number from where this payload has none"),
    ("drone", "forgejo/pr-opened", &["ref"], "likewise"),
];

struct Case {
    name: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    secret: String,
    forge: Forge,
    expected: Value,
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))).unwrap()
}

fn cases() -> Option<Vec<Case>> {
    let folder = match std::env::var_os("LETTERPRESS_CORPUS") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(4)?.join("shared").join("corpus"),
    };
    if !folder.join("forges").is_dir() {
        eprintln!("\n*** NO CORPUS at {}: no delivery was compared. Set LETTERPRESS_CORPUS to its folder. ***\n", folder.display());
        return None;
    }
    let mut cases = Vec::new();
    for forge in Forge::ALL {
        let gogs = forge == Forge::Gogs;
        let of_forge = if gogs { folder.join("gogs") } else { folder.join("forges").join(forge.word()) };
        let mut paths: Vec<PathBuf> = std::fs::read_dir(of_forge).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let of_gogs = json(&folder.join("forges/gogs_expected.json"));
        for path in paths {
            let file = json(&path);
            let stem = path.file_stem().unwrap().to_str().unwrap();
            // Calls of the API lie beside the deliveries.
            if file["headers"].is_null() {
                assert_eq!(stem, "api-calls");
                continue;
            }
            let expected = if gogs { of_gogs["files"][format!("{stem}.json")].clone() } else { file["expected"].clone() };
            assert!(expected.is_object(), "{}", path.display());
            let secret = if gogs { secret_of_gogs(stem) } else { file["verify"]["secret"].as_str().unwrap() };
            cases.push(Case {
                name: format!("{}/{stem}", forge.word()),
                headers: serde_json::from_value(file["headers"].clone()).unwrap(),
                body: file["body_raw"].as_str().unwrap().as_bytes().to_vec(),
                secret: secret.to_owned(),
                forge,
                expected,
            });
        }
    }
    assert_eq!(cases.iter().filter(|case| case.forge != Forge::Gogs).count(), 109);
    assert!(cases.len() >= 109 + 22, "{}", cases.len());
    Some(cases)
}

fn secret_of_gogs(stem: &str) -> &'static str {
    if stem.starts_with("nosecret") { "" } else { "s3cret" }
}

fn fits(pattern: &str, name: &str) -> bool {
    pattern == "*" || pattern == name || pattern.strip_prefix('*').is_some_and(|end| name.ends_with(end))
}

#[test]
fn every_delivery_verifies_with_its_secret_and_with_no_other() {
    let Some(cases) = cases() else { return };
    let verified = |headers: &[(String, String)], body: &[u8], secret: &str| {
        let delivery = Delivery::new(headers, body).unwrap();
        verify(&delivery, delivery.forge().unwrap(), Some(&SecretValue::new(secret))).is_ok_and(|it| it.is_verified())
    };
    let mut signed = 0;
    for case in cases {
        assert_eq!(Delivery::new(&case.headers, &case.body).unwrap().forge(), Ok(case.forge), "{}", case.name);
        assert_eq!(verified(&case.headers, &case.body, &case.secret), !case.secret.is_empty(), "{}", case.name);
        for other in ["s3cre", "S3CRET", "", "whsec_AAAA"] {
            assert!(!verified(&case.headers, &case.body, other), "{} with `{other}`", case.name);
        }
        if case.secret.is_empty() {
            assert!(!verified(&case.headers, &case.body, "s3cret"), "{}", case.name);
            continue;
        }
        signed += 1;
        if case.forge == Forge::GitLab && !case.secret.starts_with("whsec_") {
            continue;
        }
        for at in [0, case.body.len() / 3, case.body.len() / 2, case.body.len() - 1] {
            let mut body = case.body.clone();
            body[at] = body[at].wrapping_add(1);
            assert!(!verified(&case.headers, &body, &case.secret), "{} byte {at}", case.name);
        }
    }
    assert!(signed >= 120, "{signed}");
}

#[test]
fn every_delivery_says_what_it_says() {
    let Some(cases) = cases() else { return };
    let (mut wrong, mut needed) = (Vec::new(), BTreeSet::new());
    for case in &cases {
        let payload = Payload::read(&Delivery::new(&case.headers, &case.body).unwrap(), case.forge).unwrap();
        let said = Facts::of(&payload).json();
        let (said, expected): (&Map<_, _>, &Map<_, _>) = (said.as_object().unwrap(), case.expected["facts"].as_object().unwrap());
        let keys: BTreeSet<&String> = said.keys().chain(expected.keys()).collect();
        for key in keys {
            if said.get(key) == expected.get(key) {
                continue;
            }
            match NOT_TOLD.iter().position(|(files, keys, _)| fits(files, &case.name) && keys.contains(&key.as_str())) {
                Some(row) => drop(needed.insert(row)),
                None => wrong.push(format!("{} {key}: {:?}, expected {:?}", case.name, said.get(key), expected.get(key))),
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(needed.len(), NOT_TOLD.len(), "a row of NOT_TOLD is not needed any more");
}

/// What we say of a fact by the name that the corpus has for it; `None` where we say nothing that could be compared.
fn ours(seen: &Seen, key: &str) -> Option<Value> {
    let event = seen.event.as_ref()?;
    let (commit, pull_request) = (&event.facts.commit, event.facts.pull_request.as_ref());
    Some(match key {
        "event" => event.word.into(),
        "commit" => commit.sha.as_str().into(),
        "ref" => commit.reference.as_str().into(),
        "branch" | "target" => commit.branch.as_str().into(),
        "message" => commit.message.as_str().into(),
        "author" => commit.author.login.as_str().into(),
        "author_name" => commit.author.name.as_str().into(),
        "email" => commit.author.email.as_str().into(),
        "sender" => event.sender.as_str().into(),
        "link" => commit.link.as_str().into(),
        "before" => commit.before.as_str().into(),
        "tag" => event.facts.tag()?.into(),
        "title" => pull_request?.title.as_str().into(),
        "source" => pull_request.map_or(commit.branch.as_str(), |it| &it.source_branch).into(),
        "refspec" => pull_request.map(|it| format!("{}:{}", it.source_branch, it.target_branch))?.into(),
        "from_fork" => pull_request?.from_fork.into(),
        "action" => pull_request?.action.as_str().into(),
        "deploy_to" => event.facts.target.as_deref()?.into(),
        "changed_files" => event.facts.changed_files.clone()?.into(),
        _ => return None,
    })
}

#[test]
fn every_dialect_sees_what_its_program_sees() {
    let Some(cases) = cases() else { return };
    let (mut wrong, mut needed, mut compared) = (Vec::new(), BTreeSet::new(), 0);
    for case in &cases {
        let payload = Payload::read(&Delivery::new(&case.headers, &case.body).unwrap(), case.forge).unwrap();
        for (program, dialect) in [("woodpecker", Dialect::Woodpecker), ("drone", Dialect::Drone1), ("drone08", Dialect::Drone08)] {
            let Some(expected) = case.expected[program].as_object() else { continue };
            let seen = seen(dialect, &payload);
            let ignored = expected.get("ignored") == Some(&Value::Bool(true));
            if ignored != seen.ignored.is_some() {
                wrong.push(format!("{} {program}: ignored is {:?}, expected {expected:?}", case.name, seen.ignored));
                continue;
            }
            if case.expected[format!("skip_{program}")] != seen.skip {
                wrong.push(format!("{} {program}: skip is {}", case.name, seen.skip));
            }
            if case.expected["run"][format!("{program}_file")] != (!ignored && !seen.skip) {
                wrong.push(format!("{} {program}: run", case.name));
            }
            if ignored {
                continue;
            }
            for (key, value) in expected {
                let Some(ours) = ours(&seen, key) else { continue };
                compared += 1;
                let is_known = !value.as_str().is_some_and(|text| text.starts_with("unknown, ask"));
                if !is_known || ours == *value {
                    continue;
                }
                let row = |(of, files, keys, _): &(&str, &str, &[&str], &str)| {
                    fits(of, program) && fits(files, &case.name) && keys.contains(&key.as_str())
                };
                match DIFFERENT.iter().position(row) {
                    Some(row) => drop(needed.insert(row)),
                    None => wrong.push(format!("{} {program} {key}: {ours}, expected {value}", case.name)),
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared > 1500, "{compared}");
    assert_eq!(needed.len(), DIFFERENT.len(), "a row of DIFFERENT is not needed any more: {needed:?}");
}
