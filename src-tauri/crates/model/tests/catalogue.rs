//! The Chinese catalogue against the sources of all crates: whatever can be said is translated, and nothing else is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The catalogue itself has to be readable by a translator: sorted pairs of lines.
fn catalogue() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(crates().join("model/src/message/zh.txt")).expect("the catalogue is there");
    let mut pairs = BTreeMap::new();
    let mut last = String::new();
    for block in text.split("\n\n").map(|block| block.trim_matches('\n')).filter(|block| !block.is_empty()) {
        let (english, chinese) = block.split_once('\n').unwrap_or_else(|| panic!("no pair of lines: {block}"));
        assert!(!chinese.contains('\n'), "more than two lines: {block}");
        assert!(last.as_str() < english, "`{english}` does not stand in its place");
        english.clone_into(&mut last);
        pairs.insert(english.to_owned(), chinese.to_owned());
    }
    pairs
}

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("readable") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("tests.rs") {
            files.push(path);
        }
    }
}

/// The templates of a source file, without those of its tests and comments.
fn templates(source: &str) -> Vec<String> {
    // Tests in the file stand at its end; those in a file of their own are only named, anywhere.
    let tests =
        source.match_indices("#[cfg(test)]\nmod ").find(|(at, _)| source[*at..].lines().nth(1).is_some_and(|line| line.ends_with('{')));
    let code = &source[..tests.map_or(source.len(), |(at, _)| at)];
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code: String = lines.flat_map(|line| [line, "\n"]).collect();
    let mut found = Vec::new();
    for start in ["message!(", "what!(", "tell!(", "mention!("] {
        for (at, _) in code.match_indices(start) {
            let Some(literal) = code[at + start.len()..].trim_start().strip_prefix('"') else { continue };
            let (mut template, mut chars) = (String::new(), literal.chars());
            while let Some(c) = chars.next() {
                match c {
                    '"' => break,
                    '\\' => template.extend(chars.next()),
                    c => template.push(c),
                }
            }
            found.push(template);
        }
    }
    found
}

/// The arguments that a template takes, in their order in the sentence.
fn holes(template: &str) -> Vec<usize> {
    let plain = template.replace("{{", "").replace("}}", "");
    let mut next = 0;
    let mut holes = Vec::new();
    for part in plain.split('{').skip(1) {
        let (hole, _) = part.split_once('}').unwrap_or_else(|| panic!("a hole is not closed: {template}"));
        let index = if hole.is_empty() { next } else { hole.parse().unwrap_or_else(|_| panic!("no hole `{hole}`: {template}")) };
        next = index + 1;
        holes.push(index);
    }
    holes
}

#[test]
fn everything_that_is_said_is_translated_and_nothing_else() {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(crates()).expect("readable") {
        let source = entry.expect("readable").path().join("src");
        if source.is_dir() {
            sources(&source, &mut files);
        }
    }
    let mut said = BTreeSet::new();
    for file in &files {
        said.extend(templates(&std::fs::read_to_string(file).expect("UTF-8")));
    }
    assert!(said.len() > 200, "only {} templates were found in {} files", said.len(), files.len());
    let known: BTreeSet<String> = catalogue().into_keys().collect();
    let missing: Vec<_> = said.difference(&known).collect();
    let unused: Vec<_> = known.difference(&said).collect();
    assert!(missing.is_empty() && unused.is_empty(), "without Chinese: {missing:#?}\nnever said: {unused:#?}");
}

#[test]
fn a_translation_says_the_same_in_chinese() {
    for (english, chinese) in catalogue() {
        let mut of_chinese = holes(&chinese);
        of_chinese.sort_unstable();
        assert_eq!(holes(&english), of_chinese, "{english}\n{chinese}");
        let words = english
            .split('`')
            .step_by(2)
            .any(|text| text.split_whitespace().any(|word| word.len() > 1 && word.contains(char::is_alphabetic)));
        let han = chinese.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
        assert!(han || !words, "no Chinese: {chinese}");
        let code = |text: &str| text.split('`').skip(1).step_by(2).map(str::to_owned).collect::<BTreeSet<_>>();
        let (ours, theirs) = (code(&english), code(&chinese));
        let kept = ours.iter().all(|word| theirs.contains(word) || word.chars().all(|c| "{}0123456789".contains(c)) || is_prose(word));
        assert!(kept, "a word in backticks is lost:\n{english}\n{chinese}");
    }
}

/// Code in which a person's own words stand, which are translated too.
fn is_prose(code: &str) -> bool {
    ["key: value", "/path/on/the/machine:/path/in/the/container"].contains(&code)
}

#[test]
fn templates_are_found() {
    let source = "/// message!(\"not this\")\nmessage!(\"a \\\"{}\\\"\", x);\nwhat!(\n    \"b\"\n)\n#[cfg(test)]\nmod tests {\n    message!(\"nor this\");\n}";
    assert_eq!(templates(source), ["a \"{}\"", "b"]);
    assert_eq!(holes("{1} {{}} {} {0}"), [1, 2, 0]);
}
