//! Which language a pipeline file is written in, and what to say about those that are not run.

use crate::PipelineFile;
use crate::dialect::FRONT_ENDS;
use crate::source::{Part, Sources};
use lp_model::{Code, Diagnostic, Dialect, Message, Span, message};
use lp_yaml::{Findings, Node, TextIndex};
use std::sync::Arc;

/// A recognised dialect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detected {
    /// The language.
    pub dialect: Dialect,
    /// Why it was taken for that, in words a person can check in the file.
    pub reason: Message,
}

/// Top-level keys of a document with their places; of a document that cannot be parsed (its variables may not be
/// substituted yet) the keys that stand at the beginning of a line.
struct Keys(Vec<(String, Span)>);

/// What a file shows of its dialect before its variables are replaced.
pub(crate) struct Evidence<'e> {
    /// Its path in the repository.
    pub path: &'e str,
    /// The trees of those of its documents that can be parsed.
    pub trees: Vec<&'e Arc<Node>>,
    documents: Vec<Keys>,
}

impl Evidence<'_> {
    /// The first place of a key at the top of a document.
    pub fn key(&self, key: &str) -> Option<Span> {
        self.documents.iter().flat_map(|keys| &keys.0).find(|(name, _)| name == key).map(|(_, span)| *span)
    }

    /// The first of these keys that the file has, with its place.
    pub fn first_of<'k>(&self, keys: &[&'k str]) -> Option<(&'k str, Span)> {
        keys.iter().find_map(|key| Some((*key, self.key(key)?)))
    }
}

/// Tells the dialect of a pipeline by the top-level keys of its documents.
///
/// # Errors
/// A file is no text, is empty, is written for Drone 0.4, or has none of the keys that make a pipeline.
pub fn detect(files: &[PipelineFile<'_>]) -> Result<Detected, Vec<Diagnostic>> {
    Sources::read(files).map(|sources| sources.detected().clone())
}

/// Keys at the top of a file of drone 0.4.
const OF_DRONE_04: [&str; 5] = ["build", "publish", "deploy", "notify", "compose"];

/// Tells the dialect of one file by its documents as written: the front end that is surest.
pub(crate) fn of(path: &str, index: &TextIndex<'_>, parts: &[Part]) -> Result<Detected, Vec<Diagnostic>> {
    let mut evidence = Evidence { path, trees: Vec::new(), documents: Vec::new() };
    let mut broken = Vec::new();
    for part in parts {
        match &part.raw {
            Ok(root) => {
                evidence.trees.push(root);
                let entries = root.entries().unwrap_or_default();
                evidence.documents.push(Keys(entries.iter().map(|entry| (entry.key.text.clone(), entry.key.span)).collect()));
            }
            Err(more) => {
                broken.extend(more.iter().cloned());
                evidence.documents.push(Keys(line_keys(&index.text()[part.range.clone()], part.range.start, index)));
            }
        }
    }
    let found = FRONT_ENDS.into_iter().filter_map(|front| Some((front, front.detect(&evidence)?)));
    if let Some((front, (_, reason))) = found.max_by_key(|(_, (certainty, _))| *certainty) {
        return Ok(Detected { dialect: front.dialect(), reason });
    }
    let mut findings = Findings::new(path);
    if let Some((key, span)) = evidence.first_of(&OF_DRONE_04) {
        findings
            .error(Code::Drone04, span, message!("`{}:` at the top of the file is the language of drone 0.4, which is not supported", key))
            .help(message!("put the steps under `pipeline:`; services of `compose:` belong under `services:`"));
        return Err(findings.into_sorted());
    }
    findings.extend(broken);
    if !findings.has_errors() {
        let message = if evidence.documents.is_empty() {
            message!("the file is empty")
        } else {
            message!("the file has neither `kind:` nor `pipeline:` nor `steps:`")
        };
        findings
            .error(Code::NoPipeline, None, message)
            .help(message!("a pipeline file begins with `kind: pipeline` and has a list `steps:`"));
    }
    Err(findings.into_sorted())
}

fn line_keys(part: &str, offset: usize, index: &TextIndex<'_>) -> Vec<(String, Span)> {
    let mut keys = Vec::new();
    let mut at = offset;
    for line in part.split_inclusive('\n') {
        if let Some((key, rest)) = line.split_once(':') {
            let name = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if name && (rest.trim().is_empty() || rest.starts_with([' ', '\t'])) {
                keys.push((key.to_owned(), index.span(at..at + key.len())));
            }
        }
        at += line.len();
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialect(path: &str, text: &str) -> Result<Dialect, String> {
        let found = detect(&[PipelineFile { path, bytes: text.as_bytes() }]);
        found.map(|d| d.dialect).map_err(|findings| findings[0].code.clone())
    }

    #[test]
    fn the_keys_tell_the_dialect() {
        for (path, text, expected) in [
            (".drone.yml", "kind: pipeline\nsteps: []\n", Ok(Dialect::Drone1)),
            (".drone.yml", "# c\n---\nkind: secret\n---\npipeline: {}\n", Ok(Dialect::Drone1)),
            (".drone.yml", "pipeline:\n  a: {image: x}\n", Ok(Dialect::Drone08)),
            (".drone.yml", "pipeline:\n  a: {image: x, settings: {k: v}}\n", Ok(Dialect::Woodpecker)),
            (".woodpecker.yml", "pipeline:\n  a: {image: x}\n", Ok(Dialect::Woodpecker)),
            (".woodpecker/test.yml", "steps: []\n", Ok(Dialect::Woodpecker)),
            (".drone.yml", "steps:\n  a: {image: x}\n", Ok(Dialect::Woodpecker)),
            (".drone.yml", "name: a\nsteps:\n- {name: a, image: x}\n", Ok(Dialect::Drone1)),
            (".drone.yml", "type: docker\nsteps:\n- {name: a, image: x}\n", Ok(Dialect::Drone1)),
            (".drone.yml", "clone: {disable: true}\nsteps:\n- {name: a, image: x}\n", Ok(Dialect::Drone1)),
            (
                ".drone.yml",
                "clone: {git: {image: plugins/git, settings: {depth: 1}}}\nsteps:\n- {name: a, image: x}\n",
                Ok(Dialect::Woodpecker),
            ),
            (".drone.yml", "platform: {os: linux}\nsteps:\n- {name: a, image: x}\n", Ok(Dialect::Drone1)),
            (".drone.yml", "platform: linux/amd64\nsteps:\n- {name: a, image: x}\n", Ok(Dialect::Woodpecker)),
            (".drone.yml", "steps:\n- {name: a, image: x, pull: if-not-exists}\n", Ok(Dialect::Drone1)),
            (".drone.yml", "steps:\n- {name: a, image: x, volumes: [{name: v, path: /v}]}\n", Ok(Dialect::Drone1)),
            (".drone.yml", "steps:\n- {name: a, image: x, volumes: ['/v:/v'], pull: true}\n", Ok(Dialect::Woodpecker)),
            (".drone.yml", "pipeline:\n  a: {image: x, webhook: {from_secret: hook}}\n", Ok(Dialect::Woodpecker)),
            (".drone.yml", "pipeline:\n  a: {image: x, environment: {A: {from_secret: hook}}}\n", Ok(Dialect::Woodpecker)),
            // What occurs twice hides nothing.
            (".drone.yml", "pipeline:\n  a: {image: x, settings: {k: v}}\n  a: {image: y}\n", Ok(Dialect::Woodpecker)),
            (".drone.yml", "{\"kind\": \"pipeline\", \"name\": \"a\", \"name\": \"b\", \"steps\": []}", Ok(Dialect::Drone1)),
            (".woodpecker.yml", "name: a\nsteps:\n- {name: a, image: x}\n", Ok(Dialect::Woodpecker)),
            (".drone.yml", "build:\n  image: x\n", Err("drone-04")),
            (".drone.yml", "{\"kind\": \"pipeline\", \"steps\": []}", Ok(Dialect::Drone1)),
            // Not YAML before substitution, still recognised.
            (".drone.yml", "kind: pipeline\nx: [${A}, b: ]]\n", Ok(Dialect::Drone1)),
            (".drone.yml", "a: 1\n", Err("no-pipeline")),
            (".drone.yml", "", Err("no-pipeline")),
            (".drone.yml", "a: [\n", Err("yaml-syntax")),
            (".drone.yml", "- a\n", Err("no-pipeline")),
        ] {
            assert_eq!(dialect(path, text), expected.map_err(str::to_owned), "{text}");
        }
    }
}
