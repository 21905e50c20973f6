//! Typed decoding by hand: each function takes a node and either returns the value or reports what it found instead.
//! `what` names the thing in messages, e.g. `` `image` of step `build` ``.
//!
//! A value of a wrong shape is one finding: the value does not count as missing as well, so that five mistakes are five findings.

use crate::findings::Findings;
use crate::node::{Entry, Node, Value};
use crate::parse::clip;
use crate::scalar::{bool_of, is_null};
use crate::suggest::closest;
use crate::typography::odd_character;
use lp_model::{Code, Severity, Span, What, message, what};
use std::sync::Arc;

fn wrong(node: &Node, what: What<'_>, expected: What<'_>, findings: &mut Findings<'_>) {
    findings.error(Code::WrongType, node.span, message!("{} must be {}, not {}", what, expected, node.kind()));
}

/// The entries of a map. Nothing (`key:` without a value) counts as an empty map.
pub fn map<'n>(node: &'n Node, what: What<'_>, findings: &mut Findings<'_>) -> Option<&'n [Entry]> {
    match &node.value {
        Value::Map(entries) => Some(entries),
        _ if node.is_null() => Some(&[]),
        _ => {
            wrong(node, what, what!("a map"), findings);
            None
        }
    }
}

/// The items of a list. Nothing counts as an empty list.
pub fn list<'n>(node: &'n Node, what: What<'_>, findings: &mut Findings<'_>) -> Option<&'n [Arc<Node>]> {
    match &node.value {
        Value::Seq(items) => Some(items),
        _ if node.is_null() => Some(&[]),
        _ => {
            wrong(node, what, what!("a list"), findings);
            None
        }
    }
}

/// A text; numbers and bools count as the text that was written. Nothing is `None` without a finding.
pub fn text(node: &Node, what: What<'_>, findings: &mut Findings<'_>) -> Option<String> {
    match &node.value {
        Value::Scalar { text, .. } if !node.is_null() => Some(text.clone()),
        Value::Scalar { .. } => None,
        _ => {
            wrong(node, what, what!("a text"), findings);
            None
        }
    }
}

/// A list of texts with their places.
pub fn texts(node: &Node, what: What<'_>, findings: &mut Findings<'_>) -> Option<Vec<(String, Span)>> {
    let items = list(node, what, findings)?;
    Some(items.iter().filter_map(|item| Some((text(item, what!("an item of {}", what), findings)?, item.span))).collect())
}

/// A text, or a list of texts.
pub fn text_or_texts(node: &Node, what: What<'_>, findings: &mut Findings<'_>) -> Option<Vec<(String, Span)>> {
    match &node.value {
        Value::Scalar { .. } => Some(text(node, what, findings).map(|text| (text, node.span)).into_iter().collect()),
        Value::Seq(_) => texts(node, what, findings),
        Value::Map(_) => {
            wrong(node, what, what!("a text or a list of texts"), findings);
            None
        }
    }
}

/// `true` or `false` in any of the spellings of YAML 1.1. Nothing is `None` without a finding.
pub fn boolean(node: &Node, what: What<'_>, findings: &mut Findings<'_>) -> Option<bool> {
    match &node.value {
        Value::Scalar { text, plain: true } if is_null(text) => None,
        Value::Scalar { text, plain: true } if bool_of(text).is_some() => bool_of(text),
        Value::Scalar { text, .. } => {
            findings.error(Code::WrongType, node.span, message!("{} must be `true` or `false`, not `{}`", what, clip(text)));
            None
        }
        _ => {
            wrong(node, what, what!("`true` or `false`"), findings);
            None
        }
    }
}

/// A whole number of at least 0. Nothing is `None` without a finding.
pub fn number(node: &Node, what: What<'_>, findings: &mut Findings<'_>) -> Option<u64> {
    let text = text(node, what, findings)?;
    let value = text.replace('_', "").parse().ok();
    if value.is_none() {
        findings.error(Code::WrongType, node.span, message!("{} must be a whole number, not `{}`", what, clip(&text)));
    }
    value
}

/// A size in bytes: a number, or a number with a unit of 1024 (`512mb`, `512m`, `1.5g`, `64kib`).
pub fn bytes(node: &Node, what: What<'_>, findings: &mut Findings<'_>) -> Option<u64> {
    let text = text(node, what, findings)?;
    let size = size(&text);
    if size.is_none() {
        findings
            .error(Code::InvalidSize, node.span, message!("{} must be a size, not `{}`", what, clip(&text)))
            .help(message!("write bytes, or a number with a unit such as `512mb` or `1g`"));
    }
    size
}

fn size(text: &str) -> Option<u64> {
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
    let factor: f64 = match lower[digits.len()..].trim() {
        "" | "b" => 1.0,
        "k" | "kb" | "kib" => 1024.0,
        "m" | "mb" | "mib" => 1024.0 * 1024.0,
        "g" | "gb" | "gib" => 1024.0 * 1024.0 * 1024.0,
        "t" | "tb" | "tib" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    if !digits.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return None;
    }
    let value = digits.parse::<f64>().ok()? * factor;
    (value.is_finite() && value < 9e15).then_some(value as u64)
}

/// Warns about keys that nobody reads, with the known key that was probably meant.
pub fn unknown_keys(entries: &[Entry], known: &[&str], what: What<'_>, findings: &mut Findings<'_>) {
    for entry in entries.iter().filter(|entry| !known.contains(&entry.key.text.as_str())) {
        unknown_key(entry, known, what, findings);
    }
}

/// Warns about one key that nobody reads.
pub fn unknown_key(entry: &Entry, known: &[&str], what: What<'_>, findings: &mut Findings<'_>) {
    if !findings.has_room(Severity::Warning) {
        return;
    }
    let found =
        findings.warning(Code::UnknownKey, entry.key.span, message!("{} has no key `{}`; it is ignored", what, clip(&entry.key.text)));
    match (odd_character(&entry.key.text), closest(&entry.key.text, known)) {
        (Some(c), _) => found.help(message!("the character {} in it only looks like a blank; remove it", format!("U+{:04X}", c as u32))),
        (None, Some(meant)) => found.help(message!("did you mean `{}`?", meant)),
        (None, None) => {}
    }
}

/// The value of a key.
pub fn get<'n>(entries: &'n [Entry], key: &str) -> Option<&'n Arc<Node>> {
    entries.iter().find(|entry| entry.key.text == key).map(|entry| &entry.value)
}

/// Whether a key that must be there says nothing: a value of a wrong shape is one mistake, which is reported when it is read.
pub fn lacks(entries: &[Entry], key: &str) -> bool {
    get(entries, key).is_none_or(|node| node.is_null() || node.text() == Some(""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::parse;

    #[test]
    fn sizes() {
        for (text, expected) in [
            ("1024", Some(1024)),
            ("512mb", Some(512 << 20)),
            ("1.5g", Some(3 << 29)),
            ("64 KiB", Some(65536)),
            ("lots", None),
            ("-1m", None),
            ("", None),
            ("1e300g", None),
        ] {
            assert_eq!(size(text), expected, "{text}");
        }
    }

    #[test]
    fn a_wrong_type_says_what_was_expected_and_where() {
        let root = parse("f", b"a: [1]\nb: maybe\nc: {d: e}\nimgae: x\nn: -1\n").unwrap().remove(0).root;
        let mut findings = Findings::new("f");
        let entries = map(&root, what!("the file"), &mut findings).unwrap();
        assert_eq!(text(get(entries, "a").unwrap(), what!("`{}`", "a"), &mut findings), None);
        assert_eq!(boolean(get(entries, "b").unwrap(), what!("`{}`", "b"), &mut findings), None);
        assert!(texts(get(entries, "c").unwrap(), what!("`{}`", "c"), &mut findings).is_none());
        assert_eq!(number(get(entries, "n").unwrap(), what!("`{}`", "n"), &mut findings), None);
        unknown_keys(entries, &["a", "b", "c", "image", "n"], what!("the file"), &mut findings);
        let shown: Vec<String> = findings.into_sorted().iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "f:1:4: error[wrong-type]: `a` must be a text, not a list",
                "f:2:4: error[wrong-type]: `b` must be `true` or `false`, not `maybe`",
                "f:3:4: error[wrong-type]: `c` must be a list, not a map",
                "f:4:1: warning[unknown-key]: the file has no key `imgae`; it is ignored\n  help: did you mean `image`?",
                "f:5:4: error[wrong-type]: `n` must be a whole number, not `-1`",
            ]
        );
    }
}
