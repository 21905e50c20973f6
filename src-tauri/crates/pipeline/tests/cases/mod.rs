//! The cases of `tests/pipelines`: a folder for each dialect, a readable file for each case. A case says everything in one place: the file of the
//! pipeline (a block `yaml`), what happens (a block `event`: where it differs from [`event`], a push), and what becomes of it (blocks `findings` and
//! `plan`). What stands around the blocks is for people.
#![allow(dead_code, reason = "each test that reads the cases uses a part of this")]

use lp_model::EventFacts;
use lp_pipeline::PipelineFile;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The folders, and where the file of a case would lie in a repository.
const FOLDERS: [(&str, &str); 4] =
    [("drone08", ".drone.yml"), ("drone1", ".drone.yml"), ("woodpecker", ".woodpecker.yml"), ("woodpecker015", ".woodpecker.yml")];

/// One case.
pub struct Case {
    /// `woodpecker/graph`.
    pub name: String,
    /// Where its file would lie.
    pub path: &'static str,
    /// The whole text of the case, as pieces.
    pub pieces: Vec<Piece>,
    file: PathBuf,
}

/// A part of the text of a case.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// For people.
    Words(String),
    /// What stands behind the fence, and what is in it.
    Block(String, String),
}

impl Case {
    /// What a block holds, if it is there.
    pub fn block(&self, info: &str) -> Option<&str> {
        self.pieces.iter().find_map(|piece| match piece {
            Piece::Block(known, text) if known == info => Some(text.as_str()),
            _ => None,
        })
    }

    /// The pipeline file.
    pub fn pipeline(&self) -> PipelineFile<'_> {
        let text = self.block("yaml").unwrap_or_else(|| panic!("{} has no block `yaml`", self.name));
        PipelineFile { path: self.path, bytes: text.as_bytes() }
    }

    /// What happens.
    pub fn facts(&self) -> EventFacts {
        let mut facts = event();
        if let Some(text) = self.block("event") {
            let patch: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{}: {error}", self.name));
            merge(&mut facts, &patch);
        }
        serde_json::from_value(facts).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    /// Writes other results down: a text for each kind of block, `None` for none.
    pub fn accept(&self, results: &[(&str, Option<String>)]) {
        let mut pieces: Vec<Piece> = self.pieces.clone();
        for (info, result) in results {
            let at = pieces.iter().position(|piece| matches!(piece, Piece::Block(known, _) if known == info));
            match (at, result) {
                (Some(at), Some(text)) => pieces[at] = Piece::Block((*info).to_owned(), text.clone()),
                (Some(at), None) => drop(pieces.remove(at)),
                (None, Some(text)) => pieces.extend([Piece::Words("\n".into()), Piece::Block((*info).to_owned(), text.clone())]),
                (None, None) => {}
            }
        }
        let text: String = pieces
            .iter()
            .map(|piece| match piece {
                Piece::Words(words) => words.clone(),
                Piece::Block(info, text) => format!("```{info}\n{text}```\n"),
            })
            .collect();
        std::fs::write(&self.file, text.trim_end().to_owned() + "\n").expect("writable");
    }
}

/// All cases, sorted by name.
pub fn all() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/pipelines");
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(&root).expect("tests/pipelines is there") {
        let folder = entry.expect("readable").file_name().into_string().expect("UTF-8");
        let known = FOLDERS.iter().find(|(name, _)| *name == folder);
        let (_, path) = known.unwrap_or_else(|| panic!("tests/pipelines/{folder} is no folder of a dialect"));
        for entry in std::fs::read_dir(root.join(&folder)).expect("a folder") {
            let file = entry.expect("readable").path();
            let stem = file.file_stem().and_then(|stem| stem.to_str()).expect("UTF-8").to_owned();
            let text = std::fs::read_to_string(&file).expect("UTF-8");
            cases.push(Case { name: format!("{folder}/{stem}"), path, pieces: pieces(&text), file });
        }
    }
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(cases.len() >= 40, "only {} cases", cases.len());
    cases
}

fn pieces(text: &str) -> Vec<Piece> {
    let (mut pieces, mut words) = (Vec::new(), String::new());
    let mut lines = text.split_inclusive('\n');
    while let Some(line) = lines.next() {
        match line.trim_end().strip_prefix("```") {
            Some(info) => {
                pieces.push(Piece::Words(std::mem::take(&mut words)));
                let block: String = lines.by_ref().take_while(|line| line.trim_end() != "```").collect();
                pieces.push(Piece::Block(info.to_owned(), block));
            }
            None => words.push_str(line),
        }
    }
    pieces.push(Piece::Words(words));
    pieces
}

/// The event that all cases begin with: a push to the branch `main` of a shop.
fn event() -> Value {
    json!({
        "kind": "push",
        "repo": {
            "owner": "shop",
            "name": "web",
            "link": "https://git.example.com/shop/web",
            "remote": "https://git.example.com/shop/web.git",
            "default_branch": "main"
        },
        "commit": {
            "sha": "5f1c0e2a9b3d4c6e8f00112233445566778899aa",
            "reference": "refs/heads/main",
            "branch": "main",
            "message": "Fix the cart total",
            "author": { "login": "li", "name": "李雷", "email": "li@example.com" }
        },
        "run_number": 7,
        "created_ms": 1_767_225_600_000_u64
    })
}

/// Puts a patch in: maps are joined, `null` takes a value away (RFC 7396).
fn merge(value: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *value = patch.clone();
        return;
    };
    if !value.is_object() {
        *value = json!({});
    }
    let Some(map) = value.as_object_mut() else { return };
    for (key, change) in changes {
        match change {
            Value::Null => drop(map.remove(key)),
            change => merge(map.entry(key.clone()).or_insert(Value::Null), change),
        }
    }
}
