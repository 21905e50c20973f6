use super::*;
use proptest::prelude::*;

fn masker(secrets: &[&str]) -> Masker {
    Masker::new(&secrets.iter().map(|s| SecretValue::new(*s)).collect::<Vec<_>>())
}

fn masked(secrets: &[&str], text: &str) -> String {
    masker(secrets).mask_text(text)
}

/// What `push` gives for each write, and then `finish`.
fn writes(secrets: &[&str], writes: &[&str]) -> Vec<String> {
    let mut stream = masker(secrets).stream();
    let mut outs: Vec<String> = Vec::new();
    for write in writes {
        let mut out = Vec::new();
        stream.push(write.as_bytes(), &mut out);
        outs.push(String::from_utf8(out).unwrap());
    }
    let mut out = Vec::new();
    stream.finish(&mut out);
    outs.push(String::from_utf8(out).unwrap());
    outs
}

#[test]
fn a_text_without_secrets_passes() {
    assert_eq!(masked(&[], "hello"), "hello");
    assert_eq!(masked(&["hunter2"], "hello"), "hello");
    assert_eq!(masked(&["", "   ", "abc", "****"], "abc ****"), "abc ****");
}

#[test]
fn every_occurrence_is_masked() {
    assert_eq!(masked(&["hunter2"], "a hunter2 b hunter2hunter2"), "a ******** b ****************");
    assert_eq!(masked(&["密码是四字"], "口令:密码是四字。"), "口令:********。");
}

#[test]
fn overlapping_secrets_are_masked_together() {
    assert_eq!(masked(&["abcd", "cdef"], "xabcdefx"), "x********x");
    assert_eq!(masked(&["abcd", "xabcdy"], "xabcdy xabcd"), "******** x********");
    assert_eq!(masked(&["aaaa"], "aaaaaaa"), "********");
}

#[test]
fn the_lines_of_a_secret_are_secrets() {
    let key = "-----BEGIN KEY-----\n  first line\r\n}\nlast line\n";
    assert_eq!(masked(&[key], "x first line y"), "x ******** y");
    assert_eq!(masked(&[key], "{ } last line"), "{ } ********");
    assert_eq!(masked(&[key], &format!("<{}>", key.trim())), "<********>");
    // A terminal turned the line breaks into others: its lines are still found.
    assert_eq!(masked(&["first\nother"], "first\r\nother\r\n"), "********\r\n********\r\n");
}

#[test]
fn encodings_are_masked() {
    let secret = "p@ss/w?rd >~x";
    for text in [
        "cEBzcy93P3JkID5+eA==",
        "cEBzcy93P3JkID5-eA",
        "p%40ss%2Fw%3Frd%20%3E~x",
        "p%40ss%2fw%3frd%20%3e~x",
        "p%40ss%2Fw%3Frd+%3E~x",
        "p@ss/w?rd%20%3E~x",
    ] {
        let out = masked(&[secret], &format!("<{text}>"));
        assert!(["<********>", "<********==>"].contains(&out.as_str()), "{text}: {out}");
    }
}

#[test]
fn base64_is_masked_inside_a_longer_text() {
    use base64::prelude::*;
    let secret = "s3cr3t-t0ken!";
    for before in ["", "u", "us", "usr", "user:"] {
        for after in ["", "\n", "ab", "abc"] {
            let encoded = BASE64_STANDARD.encode(format!("{before}{secret}{after}"));
            let out = masked(&[secret], &encoded);
            let decodable = out.split(MASK).any(|part| part.len() > 8);
            assert!(out.contains(MASK) && !decodable, "{before:?} {after:?}: {encoded} -> {out}");
        }
    }
}

#[test]
fn a_secret_over_several_writes_is_masked() {
    assert_eq!(writes(&["hunter2"], &["a h", "unt", "er2 b"]), ["a ", "", "******** b", ""]);
    assert_eq!(writes(&["hunter2"], &["a h", "unt", "ers b"]), ["a ", "", "hunters b", ""]);
}

#[test]
fn nothing_is_held_back_that_cannot_become_a_secret() {
    assert_eq!(writes(&["hunter2"], &["line 1\n", "50 %", "\rh", "i"]), ["line 1\n", "50 %", "\r", "hi", ""]);
    // The end of a secret that cannot go on is no reason to wait.
    assert_eq!(writes(&["hunter2"], &["hunter2"]), ["********", ""]);
    // A prompt that ends in the beginning of a secret waits for the next byte, or for the end.
    assert_eq!(writes(&["hunter2"], &["> hunter"]), ["> ", "hunter"]);
}

#[test]
fn a_mask_is_shown_while_its_secret_may_still_grow() {
    let mut stream = masker(&["aaaa"]).stream();
    let mut out = Vec::new();
    for _ in 0..1000 {
        stream.push(b"aaaaaaa", &mut out);
        assert!(stream.held() <= 4);
    }
    assert_eq!(out, MASK.as_bytes());
    stream.push(b"b", &mut out);
    assert_eq!(out, format!("{MASK}b").as_bytes());
}

#[test]
fn a_stream_begins_again_after_its_end() {
    let mut stream = masker(&["hunter2"]).stream();
    let mut out = Vec::new();
    stream.push(b"hunter", &mut out);
    stream.finish(&mut out);
    stream.push(b"2 hunter2", &mut out);
    stream.finish(&mut out);
    assert_eq!(out, format!("hunter2 {MASK}").as_bytes());
}

#[test]
fn bytes_that_are_no_text_pass() {
    let mut stream = masker(&["hunter2"]).stream();
    let mut out = Vec::new();
    stream.push(b"\xff\x00hunter2\xfe", &mut out);
    stream.finish(&mut out);
    assert_eq!(out, b"\xff\x00********\xfe");
}

#[test]
fn debug_shows_nothing() {
    assert_eq!(format!("{:?}", masker(&["hunter2"])), "Masker(…)");
}

/// The definition, slowly: all ranges where any form stands, overlapping ones joined, each replaced by one mask.
fn by_definition(forms: &[String], text: &str) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for form in forms {
        for start in 0..text.len() {
            if text.as_bytes()[start..].starts_with(form.as_bytes()) {
                ranges.push((start, start + form.len()));
            }
        }
    }
    ranges.sort();
    let mut joined: Vec<(usize, usize)> = Vec::new();
    for (start, end) in ranges {
        match joined.last_mut() {
            Some(last) if start < last.1 => last.1 = last.1.max(end),
            _ => joined.push((start, end)),
        }
    }
    let mut out = String::new();
    let mut at = 0;
    for (start, end) in joined {
        out.push_str(&text[at..start]);
        out.push_str(MASK);
        at = end;
    }
    out + &text[at..]
}

/// Few letters, so that secrets overlap, repeat and begin inside one another.
fn text(len: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    proptest::collection::vec(prop_oneof![4 => Just('a'), 4 => Just('b'), 2 => Just('c'), 1 => Just('\n'), 1 => Just('密')], len)
        .prop_map(|chars| chars.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_split_gives_what_the_definition_says(
        values in proptest::collection::vec(text(1..12), 1..5),
        pieces in proptest::collection::vec(prop_oneof![text(0..12).prop_map(Ok), any::<prop::sample::Index>().prop_map(Err)], 0..20),
        cuts in proptest::collection::vec(0usize..9, 1..40),
    ) {
        let secrets: Vec<SecretValue> = values.iter().map(|v| SecretValue::new(v.as_str())).collect();
        let forms: Vec<String> = forms::forms(&secrets).iter().map(|f| f.to_string()).collect();
        let whole: String = pieces.iter().map(|piece| match piece {
            Ok(text) => text.clone(),
            Err(index) => values[index.index(values.len())].clone(),
        }).collect();
        let masker = Masker::new(&secrets);
        let expected = by_definition(&forms, &whole);
        prop_assert_eq!(&masker.mask_text(&whole), &expected);
        for form in &forms {
            prop_assert!(!expected.contains(form.as_str()));
        }

        let longest = forms.iter().map(|f| f.len()).max().unwrap_or(0);
        let (mut stream, mut out, mut rest) = (masker.stream(), Vec::new(), whole.as_bytes());
        for cut in cuts.iter().cycle() {
            if rest.is_empty() || cuts.iter().all(|c| *c == 0) {
                break;
            }
            let (write, after) = rest.split_at((*cut).min(rest.len()));
            stream.push(write, &mut out);
            prop_assert!(stream.held() <= longest);
            rest = after;
        }
        stream.push(rest, &mut out);
        stream.finish(&mut out);
        prop_assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    // Without asterisks: a value made of them can come about again beside a mask.
    #[test]
    fn encodings_of_any_value_never_get_through(value in " ?[!-)+-~][ -)+-~]{2,40}[!-)+-~] ?", before in "[ -~]{0,10}", after in "[ -~]{0,10}") {
        use base64::prelude::*;
        let out = masker(&[&value]).mask_text(&format!("{before}{value}{after} {}", BASE64_STANDARD_NO_PAD.encode(&value)));
        prop_assert!(!out.contains(value.trim()));
        prop_assert!(!out.contains(&BASE64_STANDARD_NO_PAD.encode(value.trim())));
    }
}

#[test]
fn the_value_between_the_quotes_of_json_is_masked() {
    let masker = Masker::new(&[SecretValue::new("pa\"ss<wo\\rd")]);
    for written in [r#"{"k":"pa\"ss\u003cwo\\rd"}"#, r#"{"k":"pa\"ss<wo\\rd"}"#] {
        assert_eq!(masker.mask_text(written), r#"{"k":"********"}"#, "{written}");
    }
}
