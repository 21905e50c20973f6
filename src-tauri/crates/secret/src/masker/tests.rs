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
    proptest::collection::vec(prop_oneof![4 => Just('a'), 4 => Just('b'), 2 => Just('c'), 2 => Just('\n'), 2 => Just('密')], len)
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
        let forms: Vec<String> = forms::forms(&secrets).iter().map(|form| form.text.to_string()).collect();
        let whole: String = pieces.iter().map(|piece| match piece {
            Ok(text) => text.clone(),
            Err(index) => values[index.index(values.len())].clone(),
        }).collect();
        // Behind a long run of base64 a line break is undone, which the definition does not know.
        prop_assume!(whole.split(['\n', '密']).all(|run| run.len() < 16));
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
            // None of these letters begins or is an escape.
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

/// Letters and digits between the masks: what a reader could still use.
fn left(out: &str) -> usize {
    out.split(MASK).map(|part| part.bytes().filter(u8::is_ascii_alphanumeric).count()).max().unwrap_or(0)
}

fn in_writes(masker: &Masker, text: &str, size: usize) -> String {
    let (mut stream, mut out) = (masker.stream(), Vec::new());
    text.as_bytes().chunks(size).for_each(|write| stream.push(write, &mut out));
    stream.finish(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn what_programs_print_is_masked() {
    let mut rows = 0;
    let mut missed = Vec::new();
    for row in include_str!("programs.tsv").lines().filter(|line| !line.starts_with('#')) {
        let mut columns = row.split('\t');
        let program = columns.next().unwrap();
        let value: String = serde_json::from_str(columns.next().unwrap()).unwrap();
        let printed: String = serde_json::from_str(columns.next().unwrap()).unwrap();
        let masker = masker(&[&value]);
        let out = masker.mask_text(&printed);
        // `https://h/?k=`, `declare -x`, the first letters of another value's base64.
        if !out.contains(MASK) || left(&out) > 8 {
            missed.push(format!("{program}: {printed} -> {out}"));
        }
        for size in [1, 7] {
            assert_eq!(in_writes(&masker, &printed, size), out, "{program} in writes of {size}");
        }
        rows += 1;
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    assert!(rows > 400, "{rows} rows");
}

/// A value spelled by a program that escapes what `escaped` says and writes it in the way `way` says.
fn spelled(value: &str, way: usize, escaped: &[bool]) -> String {
    let mut escaped = escaped.iter().cycle();
    let mut text = String::new();
    for (at, c) in value.chars().enumerate() {
        let plain = c.is_ascii_alphanumeric() && (at == 0 || !escaped.next().unwrap());
        // What each kind must escape, or it could not be read back.
        let must = matches!((way, c), (0, '%') | (1 | 2, '\\' | '"') | (3 | 4, '&'));
        if plain || (!must && !c.is_ascii_alphanumeric() && c.is_ascii() && at > 0 && !escaped.next().unwrap()) {
            text.push(c);
            continue;
        }
        match way {
            0 => c.to_string().bytes().for_each(|byte| text += &format!("%{byte:02x}")),
            1 => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| text += &format!("\\u{unit:04X}")),
            2 => c.to_string().bytes().for_each(|byte| text += &format!("\\{byte:03o}")),
            3 => text += &format!("&#{};", u32::from(c)),
            _ => text += &format!("&#x{:X};", u32::from(c)),
        }
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whichever_bytes_a_program_escapes_the_value_is_masked(
        value in "[!-~密😀é]{4,30}",
        before in "[ -~]{0,10}",
        after in "[ -~]{0,10}",
        way in 0usize..5,
        escaped in proptest::collection::vec(any::<bool>(), 1..20),
        size in 1usize..9,
    ) {
        prop_assume!(value.bytes().any(|byte| byte != b'*'));
        // What stands before must not make another escape with the beginning, nor another secret.
        let before = format!("{} ", before.replace(['%', '\\', '&', '*'], ""));
        let after = format!(" {}", after.replace('*', ""));
        let text = format!("{before}{}{after}", spelled(&value, way, &escaped));
        let masker = masker(&[&value]);
        let out = masker.mask_text(&text);
        prop_assert!(out.contains(MASK), "{text} -> {out}");
        if !after.contains(value.as_str()) && !before.contains(value.as_str()) {
            prop_assert!(out.starts_with(&before), "{text} -> {out}");
        }
        prop_assert_eq!(in_writes(&masker, &text, size), out);
    }

    #[test]
    fn broken_base64_is_masked_wherever_it_breaks(
        value in "[!-~]{12,200}",
        shift in 0usize..3,
        width in prop_oneof![Just(64usize), Just(76), 20usize..100],
        between in prop_oneof![Just("\n"), Just("\r\n"), Just("\n    "), Just("\\n"), Just("\\r\\n"), Just("%0A"), Just("%0D%0A")],
        url_safe in any::<bool>(),
        size in 1usize..90,
    ) {
        use base64::prelude::*;
        prop_assume!(value.bytes().any(|byte| byte != b'*'));
        let plain = format!("{}{value}", "x".repeat(shift));
        let encoded = if url_safe { BASE64_URL_SAFE.encode(plain) } else { BASE64_STANDARD.encode(plain) };
        let lines: Vec<&str> = encoded.as_bytes().chunks(width).map(|line| std::str::from_utf8(line).unwrap()).collect();
        let text = lines.join(between);
        let masker = masker(&[&value]);
        let out = masker.mask_text(&text);
        prop_assert!(left(&out.replace(between, " ")) <= 4, "{text} -> {out}");
        prop_assert_eq!(in_writes(&masker, &text, size), out);
    }
}

#[test]
fn only_what_may_be_a_secret_is_held_back_in_a_spelling() {
    // A value that begins with a letter is not waited for at each percent sign.
    assert_eq!(writes(&["hunter2"], &["50 %", "\\", "&"]), ["50 %", "\\", "&", ""]);
    assert_eq!(writes(&["a+b/c=d"], &["x a%2", "Bb%2Fc%3Dd y"]), ["x ", "******** y", ""]);
    assert_eq!(writes(&["a+b/c=d"], &["x a%2", "0"]), ["x ", "a%20", ""]);
    assert_eq!(writes(&["a+b/c%"], &["x a%2Bb/c%"]), ["x ", "********"], "a mark at the end stands for itself");
}

#[test]
fn a_word_at_the_end_of_a_line_is_no_broken_value() {
    let out = masked(&["wordword"], "wo\nrdword it's word\"word");
    assert_eq!(out, "wo\nrdword it's word\"word");
    // Quotes are taken away only for values that have some.
    assert_eq!(masked(&["wor'dword"], "wordword 'wor'\\''dword'"), "wordword '********'");
}

#[test]
fn large_values_do_not_blow_the_automaton_up() {
    let line = |number: usize| format!("{number:08x}{}", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTU");
    let large: String = (0..4000).map(|number| line(number) + "\n").collect();
    let masker = masker(&[&large, "small+secret"]);
    let size = masker.automata().unwrap().size();
    assert!(size < 40 * large.len(), "{size} bytes for a value of {}", large.len());
    assert_eq!(masker.mask_text(&format!("a {} b", line(77))), "a ******** b");
    assert_eq!(masker.mask_text("small%2Bsecret"), MASK, "the small ones are known in every encoding all the same");
}
