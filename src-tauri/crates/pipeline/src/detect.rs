//! Which language a pipeline file is written in, and what to say about those that are not run.

use crate::PipelineFile;
use crate::source::{Part, Sources};
use lp_model::{Diagnostic, Dialect, Message, Span, message};
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

impl Keys {
    fn span(&self, key: &str) -> Option<Span> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, span)| *span)
    }
}

/// Tells the dialect of a pipeline by the top-level keys of its documents.
///
/// # Errors
/// A file is no text, is empty, is written for Drone 0.4, or has none of the keys that make a pipeline.
pub fn detect(files: &[PipelineFile<'_>]) -> Result<Detected, Vec<Diagnostic>> {
    Sources::read(files).map(|sources| sources.detected().clone())
}

/// Tells the dialect of one file by its documents as written.
pub(crate) fn of(path: &str, index: &TextIndex<'_>, parts: &[Part]) -> Result<Detected, Vec<Diagnostic>> {
    let mut findings = Findings::new(path);
    let mut documents: Vec<Keys> = Vec::new();
    let mut settings = false;
    let mut broken = Vec::new();
    for part in parts {
        match &part.raw {
            Ok(root) => {
                settings |= uses_settings(root);
                documents
                    .push(Keys(root.entries().unwrap_or_default().iter().map(|entry| (entry.key.text.clone(), entry.key.span)).collect()));
            }
            Err(more) => {
                broken.extend(more.iter().cloned());
                documents.push(Keys(line_keys(&index.text()[part.range.clone()], part.range.start, index)));
            }
        }
    }
    let first = |key: &str| documents.iter().find_map(|keys| keys.span(key));
    let detected = |dialect, reason: Message| Ok(Detected { dialect, reason });
    let woodpecker = path.ends_with(".woodpecker.yml")
        || path.ends_with(".woodpecker.yaml")
        || path.starts_with(".woodpecker/")
        || path.contains("/.woodpecker/");
    if let Some(span) = first("kind") {
        return detected(Dialect::Drone1, message!("line {} has `kind:`", span.line));
    }
    if let Some(span) = first("pipeline") {
        if woodpecker {
            return detected(Dialect::Woodpecker, message!("the file is called like a woodpecker pipeline"));
        }
        if settings {
            return detected(Dialect::Woodpecker, message!("a step of `pipeline:` has `settings:`"));
        }
        return detected(Dialect::Drone08, message!("line {} has `pipeline:`", span.line));
    }
    // Woodpecker has none of these keys at the top; the first line of drone 1.x is missing, which its front end says.
    let of_drone1 = ["name", "type", "trigger", "node", "image_pull_secrets"].iter().find_map(|key| Some((key, first(key)?)));
    if let (Some(_), Some((key, span)), false) = (first("steps"), of_drone1, woodpecker) {
        return detected(Dialect::Drone1, message!("line {} has `{}:` beside `steps:`, as in drone 1.x", span.line, *key));
    }
    if let Some(span) = first("steps") {
        return detected(Dialect::Woodpecker, message!("line {} has `steps:` and no document has `kind:`", span.line));
    }
    if let Some((key, span)) = ["build", "publish", "deploy", "notify", "compose"].iter().find_map(|key| Some((key, first(key)?))) {
        findings
            .error("drone-04", span, message!("`{}:` at the top of the file is the language of drone 0.4, which is not supported", key))
            .help(message!("put the steps under `pipeline:`; services of `compose:` belong under `services:`"));
        return Err(findings.into_sorted());
    }
    findings.extend(broken);
    if !findings.has_errors() {
        let message = if documents.is_empty() {
            message!("the file is empty")
        } else {
            message!("the file has neither `kind:` nor `pipeline:` nor `steps:`")
        };
        findings.error("no-pipeline", None, message).help(message!("a pipeline file begins with `kind: pipeline` and has a list `steps:`"));
    }
    Err(findings.into_sorted())
}

/// Only Woodpecker's early language has `settings:` in the steps of a `pipeline:` map.
fn uses_settings(root: &Arc<Node>) -> bool {
    let steps = root.get("pipeline").and_then(|steps| steps.entries());
    steps.is_some_and(|steps| steps.iter().any(|step| step.value.get("settings").is_some_and(|settings| settings.entries().is_some())))
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
