//! What has to be known of a Dockerfile before it is sent: the images that it begins with, and whether the classic builder can read it.

use std::collections::HashMap;

/// What was read of a Dockerfile.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Dockerfile {
    /// Images of `FROM` and `COPY --from`, as far as they are known, each once.
    pub images: Vec<String>,
    /// What only BuildKit can read, as it is written, with its line from 1.
    pub needs_buildkit: Option<(usize, String)>,
}

/// Flags that the classic builder does not know, by instruction (moby `builder/dockerfile`, Docker 20.10).
const FLAGS: [(&str, &[&str]); 3] = [
    ("RUN", &["--mount", "--network", "--security", "--device"]),
    ("COPY", &["--chmod", "--link", "--parents", "--exclude"]),
    ("ADD", &["--chmod", "--link", "--checksum", "--keep-git-dir", "--exclude", "--unpack"]),
];

impl Dockerfile {
    /// Reads its text. `args` are the build arguments that are given.
    pub fn read(text: &str, args: &HashMap<String, String>) -> Self {
        let mut all = Self::default();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let escape = directives(text, &mut all);
        let (mut stages, mut defaults) = (Vec::<String>::new(), HashMap::<String, String>::new());
        let mut is_before_from = true;
        for (number, line) in instructions(text, escape) {
            let (instruction, rest) = line.split_once(char::is_whitespace).unwrap_or((&line, ""));
            let instruction = instruction.to_ascii_uppercase();
            let words: Vec<&str> = rest.split_whitespace().collect();
            let flags = words.iter().take_while(|word| word.starts_with("--"));
            let known = FLAGS.iter().find(|(name, _)| *name == instruction).map_or(&[][..], |(_, flags)| flags);
            for flag in flags.clone() {
                let name = flag.split('=').next().unwrap_or(flag);
                if known.contains(&name) {
                    all.needs_buildkit.get_or_insert((number, format!("{instruction} {name}")));
                }
            }
            let begins_document = |word: &str| {
                let rest = word.trim_start_matches('-').trim_matches(['"', '\'']);
                rest.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_')
            };
            if ["RUN", "COPY", "ADD"].contains(&instruction.as_str())
                && let Some((_, word)) =
                    rest.match_indices("<<").map(|(at, _)| (at, &rest[at + 2..])).find(|(_, word)| begins_document(word))
            {
                // A shell has them too, but reads them over several lines, which the classic builder does not give it.
                let word = word.split_whitespace().next().unwrap_or_default();
                all.needs_buildkit.get_or_insert((number, format!("{instruction} <<{word}")));
            }
            let value = |name: &str| args.get(name).or_else(|| defaults.get(name)).cloned();
            match instruction.as_str() {
                "ARG" if is_before_from => {
                    let given = words.iter().filter_map(|word| word.split_once('='));
                    let given: Vec<_> = given.map(|(name, value)| (name.to_owned(), value.trim_matches(['"', '\'']).to_owned())).collect();
                    defaults.extend(given);
                }
                "FROM" => {
                    is_before_from = false;
                    let mut rest = words.iter().skip(flags.count());
                    let image = rest.next().and_then(|image| expanded(image, &value));
                    if let Some(image) = image.filter(|image| image != "scratch" && !stages.contains(image)) {
                        all.add(image);
                    }
                    if rest.next().is_some_and(|word| word.eq_ignore_ascii_case("as")) {
                        stages.extend(rest.next().map(|name| name.to_ascii_lowercase()));
                    }
                }
                "COPY" => {
                    let from = flags.clone().find_map(|flag| flag.strip_prefix("--from="));
                    let is_stage = |name: &str| name.parse::<usize>().is_ok() || stages.contains(&name.to_ascii_lowercase());
                    if let Some(from) = from.filter(|from| !is_stage(from) && !from.contains('$')) {
                        all.add(from.to_owned());
                    }
                }
                _ => {}
            }
        }
        all
    }

    fn add(&mut self, image: String) {
        if !self.images.contains(&image) {
            self.images.push(image);
        }
    }
}

/// Reads the comments at the top that tell a builder something; returns what joins lines.
fn directives(text: &str, all: &mut Dockerfile) -> char {
    let mut escape = '\\';
    for (n, line) in text.lines().enumerate() {
        let Some((key, value)) = line.trim().strip_prefix('#').and_then(|line| line.split_once('=')) else { break };
        let value = value.trim();
        match key.trim().to_ascii_lowercase().as_str() {
            // The parsers of BuildKit itself read what every builder reads.
            "syntax" if !is_usual_syntax(value) => all.needs_buildkit = Some((n + 1, format!("# syntax={value}"))),
            "escape" if value == "`" => escape = '`',
            "syntax" | "escape" | "check" => {}
            _ => break,
        }
    }
    escape
}

fn is_usual_syntax(value: &str) -> bool {
    let name = value.strip_prefix("docker.io/").unwrap_or(value);
    name.split([':', '@']).next() == Some("docker/dockerfile") && !name.contains("labs") && !name.contains("experimental")
}

/// The instructions, each with its first line's number from 1 and in one line.
fn instructions(text: &str, escape: char) -> Vec<(usize, String)> {
    let mut all: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (n, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        if trimmed.starts_with('#') || (trimmed.is_empty() && open) {
            continue;
        }
        let (part, goes_on) = match trimmed.strip_suffix(escape) {
            Some(part) => (part, true),
            None => (trimmed, false),
        };
        match all.last_mut().filter(|_| open) {
            Some((_, whole)) => {
                whole.push(' ');
                whole.push_str(part);
            }
            None if part.is_empty() => {}
            None => all.push((n + 1, part.to_owned())),
        }
        open = goes_on;
    }
    all
}

/// The text with `$NAME`, `${NAME}` and `${NAME:-default}` filled in; `None` where one of them is not known.
fn expanded(text: &str, value: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let Some(at) = text.find('$') else { return Some(text.to_owned()) };
    let (before, rest) = (&text[..at], &text[at + 1..]);
    let (filled, after) = match rest.strip_prefix('{') {
        Some(rest) => {
            let (inside, after) = rest.split_once('}')?;
            let (name, default) = inside.split_once(":-").map_or((inside, None), |(name, default)| (name, Some(default)));
            let filled = value(name).filter(|value| !value.is_empty());
            (filled.or_else(|| default.map(str::to_owned))?, after)
        }
        None => {
            let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(rest.len());
            (value(&rest[..end])?, &rest[end..])
        }
    };
    Some(format!("{before}{filled}{}", expanded(after, value)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Dockerfile {
        Dockerfile::read(text, &HashMap::from([("TAG".to_owned(), "20".to_owned())]))
    }

    #[test]
    fn images_are_those_that_are_no_stages() {
        let text = "# escape=\\\nARG BASE=alpine\nARG TAG=18\nFROM --platform=$BUILDPLATFORM node:${TAG} AS Build\nRUN a \\\n  # a comment\n  && b\nCOPY --from=build /a /\n\
            FROM build\nfrom ${BASE}:${V:-3.19} as final\nCOPY --from=0 /a /\nCOPY --from=ghcr.io/x/y:1 /a /\nCOPY --from=nginx / /\nFROM scratch\nFROM $NOWHERE\n";
        assert_eq!(read(text).images, ["node:20", "alpine:3.19", "ghcr.io/x/y:1", "nginx"]);
        assert_eq!(read(text).needs_buildkit, None);
    }

    #[test]
    fn what_the_classic_builder_cannot_read_is_found() {
        let table = [
            ("FROM a\nRUN --mount=type=cache,target=/x npm ci", Some((2, "RUN --mount"))),
            ("FROM a\nRUN echo \\\n  --mount", None),
            ("FROM a\ncopy --from=x --chmod=755 a b", Some((2, "COPY --chmod"))),
            ("FROM a\nCOPY --chown=a a b", None),
            ("FROM a\nRUN <<EOF\nnpm ci\nEOF", Some((2, "RUN <<EOF"))),
            ("FROM a\nRUN cat <<-'END' > x\nEND", Some((2, "RUN <<-'END'"))),
            ("FROM a\nRUN echo $((1<<2))", None),
            ("# syntax=docker/dockerfile:1.4\nFROM a", None),
            ("# syntax = docker/dockerfile:1-labs\nFROM a", Some((1, "# syntax=docker/dockerfile:1-labs"))),
            ("FROM a\n# syntax=other\nRUN b", None),
        ];
        for (text, expected) in table {
            assert_eq!(read(text).needs_buildkit, expected.map(|(line, what)| (line, what.to_owned())), "{text}");
        }
    }
}
