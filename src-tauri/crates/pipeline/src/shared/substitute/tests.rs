use super::*;

fn value(name: &str) -> Option<Known> {
    fact(name).map(Known::Fact)
}

fn fact(name: &str) -> Option<String> {
    match name {
        "B" => Some("feature/foo".into()),
        "E" => Some(String::new()),
        "M" => Some("one\n\"two\" 中".into()),
        "Z" => Some("发布".into()),
        "L" => Some("a".repeat(MAX_TRIMMED + 1)),
        _ => None,
    }
}

fn show(text: &str, backslashes: Backslashes) -> String {
    match substitute(text, backslashes, &value) {
        Ok(out) => out.text,
        Err(wrong) => format!("error {}", wrong[0].message),
    }
}

#[test]
fn operators() {
    for (text, expected) in [
        ("a ${B} $B $", "a feature/foo $B $"),
        ("${NOPE}|${E}", "|"),
        ("$${B} $$$${B} $$$", "${B} $${B} $$"),
        ("${B^} ${B^^} ${B,} ${#B}", "Feature/foo FEATURE/FOO feature/foo 11"),
        ("${B:8} ${B:0:7} ${B:100:2}| ${B: -8} ${B:a:b}", "foo feature | feature/foo feature/foo"),
        ("${Z:0:3}${Z:1}", "发布"),
        ("${B:${B:100}0:${#Z}}", "featur"),
        ("${E:-d} ${E=d} ${B:-d} ${E:?d} ${B:+d}", "d d feature/foo d feature/foo"),
        ("${E:-} ${E:-x${B^^}y}", " xFEATURE/FOOy"),
        ("${B#*/} ${B##*/} ${B%/*} ${B%%o*} ${B#nope}", "foo foo feature feature/f feature/foo"),
        ("${B/o/0} ${B//o/0} ${B/#fea/x} ${B/%foo/x} ${B/\\//-}", "feature/f0o feature/f00 xture/foo feature/x feature-foo"),
        ("${M}", "\"one\\n\\\"two\\\" 中\""),
        ("${E:=a}b}", "ab}"),
        // Any letter, over several lines, and a backslash that means nothing in a default.
        ("${版本}|${E:-a\nb}|${E:-a\\/b}|${B#*\\/}", "|a\nb|a\\/b|foo"),
    ] {
        assert_eq!(show(text, Backslashes::Keep), expected, "{text}");
    }
    assert_eq!(show("a\\\\b \\/ \\n", Backslashes::Keep), "a\\\\b \\/ \\n");
    assert_eq!(show("a\\\\b \\/ \\n", Backslashes::Eat), "a\\b / \\n");
}

#[test]
fn all_wrong_expressions_are_found_with_their_places() {
    let wrong = substitute("${} ok\n# ${B-x}\n${arr[@]} ${B/o} ${B", Backslashes::Keep, &value).unwrap_err();
    let ranges: Vec<_> = wrong.iter().map(|w| w.range.clone()).collect();
    assert_eq!(ranges, [0..3, 9..15, 16..25, 26..32, 33..36]);
}

#[test]
fn unknown_names_are_told_but_not_those_in_comments_or_with_a_default() {
    let out = substitute("# ${X}\na: ${Y} ${W:-d} ${E}", Backslashes::Keep, &value).unwrap();
    assert_eq!(out.unknown, [("Y".to_owned(), 10..14)]);
}

#[test]
fn what_was_entered_is_sealed_and_what_is_not_known_yet_stands_for_itself() {
    use crate::shared::entered::opened;
    let value = |name: &str| match name {
        "IN" => Some(Known::Entered("it's: \"x\"\n# y".into())),
        "NONE" => Some(Known::Entered(String::new())),
        "LATER" => Some(Known::Later),
        name => fact(name).map(Known::Fact),
    };
    for (text, expected, plain) in [
        ("a ${IN} b", "a it's: \"x\"\n# y b", "a b"),
        ("${IN:0:4}${IN^}", "it'sIt's: \"x\"\n# y", ""),
        ("${NONE:-d} ${NONE}|", "d |", "d |"),
        ("${E:-${IN:0:2}x} ${B:-${IN}}", "itx feature/foo", " feature/foo"),
        ("${LATER} ${LATER##*/} ${LATER:-1} ${LATER:-}", "${LATER} ${LATER##*/} 1 ${LATER:-}", "  1 "),
    ] {
        let out = substitute(text, Backslashes::Keep, &value).unwrap();
        assert_eq!(opened(&out.text), expected, "{text}");
        // What is not sealed is all that YAML sees.
        let mut seen = out.text.clone();
        for replaced in out.replaced.iter().rev().filter(|replaced| replaced.sealed) {
            seen.replace_range(replaced.at.clone(), "");
        }
        assert_eq!(seen.replace("a  b", "a b"), plain, "{text}");
    }
}

#[test]
fn bombs_end_in_an_error() {
    let nested = format!("{}x{}", "${E:-".repeat(50), "}".repeat(50));
    assert!(show(&nested, Backslashes::Keep).contains("nested too deep"));
    let growing = "${L}".repeat(400);
    assert!(show(&growing, Backslashes::Keep).contains("grows beyond"));
    assert!(show("${L//a/${L//a/${L}}}", Backslashes::Keep).contains("too large"));
    assert!(show("${L##*b}", Backslashes::Keep).contains("too long"));
}
