//! Keys that some languages took over from Docker Compose: command lines, lists of variables, volumes as
//! `host:container`, and their lists of secrets.

use crate::shared::draft::{Draft, need_secret};
use crate::shared::environment::Environment;
use crate::shared::extent::MAX_VOLUMES;
use crate::shared::volume;
use lp_model::{Code, EnvValue, Mount, Span, Volume, VolumeKind, What, message, what};
use lp_yaml::{Findings, Node, Schema, Typed, Value, decode, scalar};

/// Keys of a secret that gets a variable of another name.
pub(crate) const SECRET_KEYS: [&str; 2] = ["source", "target"];

/// What holds for the whole file while its containers are read.
#[derive(Debug)]
pub(crate) struct Reading {
    pub trusted: bool,
    pub volumes: Vec<Volume>,
}

/// A command line: a list, or a text that is split like a shell splits it.
pub(crate) fn words(node: &Node, what: What<'_>, findings: &mut Findings<'_>) -> Option<Vec<String>> {
    match &node.value {
        Value::Scalar { text, .. } => {
            let words = split(text);
            if words.is_none() {
                findings.error(Code::OpenQuote, node.span, message!("a quote in {} is not closed", what));
            }
            words.filter(|words| !words.is_empty())
        }
        _ => Some(decode::texts(node, what, findings)?.into_iter().map(|(text, _)| text).collect()),
    }
}

/// Splits a command line as the originals do, which is not quite as a shell does it: within double quotes a backslash goes before any
/// character, and a word that begins with `#` ends the line. Crates for POSIX shells keep such a backslash.
// 0.8 and Woodpecker 0.15: libcompose `yaml/command.go` with flynn/go-shlex.
fn split(text: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut quote, mut open) = (Vec::new(), String::new(), None, false);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', None | Some('"')) => word.push(chars.next()?),
            (c, Some(q)) if c == q => quote = None,
            (c, Some(_)) => word.push(c),
            ('#', None) if word.is_empty() && !open => {
                chars.by_ref().find(|&c| c == '\n');
            }
            ('\'' | '"', None) => {
                quote = Some(c);
                open = true;
            }
            (c, None) if c.is_whitespace() => {
                if open || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                open = false;
            }
            (c, None) => word.push(c),
        }
    }
    if open || !word.is_empty() {
        words.push(word);
    }
    quote.is_none().then_some(words)
}

/// A list of `NAME=value`; without `=` the value is empty.
pub(crate) fn environment_list(node: &Node, what: What<'_>, findings: &mut Findings<'_>) -> Environment {
    let mut environment = Environment::new();
    for (text, _) in decode::texts(node, what, findings).unwrap_or_default() {
        let (name, value) = text.split_once('=').unwrap_or((&text, ""));
        environment.insert(name.to_owned(), EnvValue::Text(value.to_owned()));
    }
    environment
}

/// A map, or a list of `NAME=value`. `program` refuses values that YAML, by the rules of `schema`, reads as numbers or bools; we
/// take the text as written.
pub(crate) fn environment(node: &Node, program: &str, schema: Schema, what: What<'_>, findings: &mut Findings<'_>) -> Environment {
    if let Value::Seq(_) = node.value {
        return environment_list(node, what, findings);
    }
    let mut environment = Environment::new();
    for entry in decode::map(node, what, findings).unwrap_or_default() {
        let name = &entry.key.text;
        let value = decode::text(&entry.value, what!("`{}` in {}", name, what), findings).unwrap_or_default();
        if matches!(scalar::typed(&entry.value, schema), Some(typed) if !matches!(typed, Typed::Text(_) | Typed::Null | Typed::Binary(_))) {
            findings
                .warning(
                    Code::EnvironmentNotText,
                    entry.value.span,
                    message!("{} refuses `{}` as value of `{}`, because YAML does not read it as a text", program, value, name),
                )
                .help(message!("write it in quotes: `{}: \"{}\"`", name, value));
        }
        environment.insert(name.clone(), EnvValue::Text(value));
    }
    environment
}

/// Names, or `{source, target}`; the variable is the target (or the name) in upper case.
pub(crate) fn secrets(node: &Node, what: What<'_>, findings: &mut Findings<'_>) -> Environment {
    let mut secrets = Environment::new();
    for item in decode::list(node, what, findings).unwrap_or_default() {
        if let Some(name) = item.text() {
            need_secret(name, item.span, findings);
            secrets.insert(name.to_uppercase(), EnvValue::Secret(name.to_owned()));
            continue;
        }
        let Some(entries) = decode::map(item, what!("an item of {}", what), findings) else { continue };
        decode::unknown_keys(entries, &SECRET_KEYS, what!("an item of {}", what), findings);
        let mut text = |key: &str| decode::get(entries, key).and_then(|node| decode::text(node, what!("`{}` in {}", key, what), findings));
        match (text("source"), text("target")) {
            (Some(source), target) => {
                need_secret(&source, decode::get(entries, "source").map_or(item.span, |node| node.span), findings);
                secrets.insert(target.unwrap_or_else(|| source.clone()).to_uppercase(), EnvValue::Secret(source));
            }
            (None, _) if !decode::lacks(entries, "source") => {}
            (None, _) => {
                findings.error(Code::MissingSource, item.span, message!("an item of {} has no `source`", what));
            }
        }
    }
    secrets
}

/// `host:container[:mode]`, `name:container[:mode]` or `container`.
pub(crate) fn mount(text: &str, span: Span, draft: &mut Draft, reading: &mut Reading, findings: &mut Findings<'_>) {
    let (source, path, mode) = match volume::parts(text).as_deref() {
        Some(&[path]) => (None, path, ""),
        Some(&[source, path]) => (Some(source), path, ""),
        Some(&[source, path, mode]) => (Some(source), path, mode),
        _ => (None, "", ""),
    };
    if !path.starts_with('/') {
        findings
            .error(Code::InvalidVolume, span, message!("`{}` is no volume", text))
            .help(message!("write `/path/on/the/machine:/path/in/the/container`"));
        return;
    }
    let kind = match source {
        Some(source) if source.starts_with('/') || source.as_bytes().get(1) == Some(&b':') => VolumeKind::Host(source.to_owned()),
        Some(source) => {
            findings.warning(Code::NamedVolume, span, message!("the volume `{}` is empty at the start of every run", source));
            VolumeKind::Temp
        }
        None => VolumeKind::Temp,
    };
    let name = source.filter(|_| kind == VolumeKind::Temp);
    add_volume(kind, name, path.to_owned(), mode.split(',').any(|m| m == "ro"), draft, reading);
}

/// Steps share a folder of the machine and a named volume; any other volume is their own.
pub(crate) fn add_volume(kind: VolumeKind, name: Option<&str>, path: String, read_only: bool, draft: &mut Draft, reading: &mut Reading) {
    // One more than there may be is enough to notice it.
    if reading.volumes.len() > MAX_VOLUMES {
        return;
    }
    let shared = |volume: &&Volume| match &kind {
        VolumeKind::Host(_) => volume.kind == kind,
        _ => name.is_some_and(|name| volume.name == name),
    };
    let name = match reading.volumes.iter().find(shared) {
        Some(volume) => volume.name.clone(),
        None => {
            let name = name.map_or_else(|| format!("volume-{}", reading.volumes.len() + 1), str::to_owned);
            reading.volumes.push(Volume { name: name.clone(), kind });
            name
        }
    };
    draft.step.mounts.push(Mount { volume: name, path, read_only });
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn command_lines_are_split_like_a_shell_does() {
        for (text, expected) in [
            ("redis-server --x \"a b\"", Some(vec!["redis-server", "--x", "a b"])),
            ("a '' b\\ c 'd\"e'", Some(vec!["a", "", "b c", "d\"e"])),
            ("\"a\\nb\" c#d # e f\n g", Some(vec!["anb", "c#d", "g"])),
            ("", Some(vec![])),
            ("a 'b", None),
        ] {
            assert_eq!(split(text), expected.map(|w| w.into_iter().map(str::to_owned).collect()), "{text}");
        }
    }
}
