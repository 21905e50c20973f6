//! Four readings of a version: that of CoreOS' library (plugins/docker, drone-kaniko), HashiCorp's (Woodpecker), Masterminds' strict one
//! (the geeklab) and that of Go's modules (`expand_tag`).

use std::fmt;

/// A version as one of the readings took it apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The numbers, at least three.
    pub numbers: Vec<u64>,
    /// The same as they are written, where leading zeros matter.
    pub written: Vec<String>,
    /// Behind the `-`.
    pub pre: String,
    /// Behind the `+`.
    pub metadata: String,
}

impl fmt::Display for Version {
    /// With the numbers, not as written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.numbers.iter().map(u64::to_string).collect();
        f.write_str(&texts.join("."))?;
        if !self.pre.is_empty() {
            write!(f, "-{}", self.pre)?;
        }
        if !self.metadata.is_empty() {
            write!(f, "+{}", self.metadata)?;
        }
        Ok(())
    }
}

/// Takes what is behind the first `delimiter` off.
fn cut(text: &str, delimiter: char) -> (&str, &str) {
    text.split_once(delimiter).unwrap_or((text, ""))
}

fn digits(text: &str) -> Option<u64> {
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

/// CoreOS: three numbers, leading zeros allowed, anything behind `-` and `+`.
pub fn dotted(text: &str) -> Option<Version> {
    let (rest, metadata) = cut(text, '+');
    let (rest, pre) = cut(rest, '-');
    let written: Vec<&str> = rest.splitn(3, '.').collect();
    if written.len() != 3 {
        return None;
    }
    let numbers = written.iter().map(|part| digits(part).filter(|number| i64::try_from(*number).is_ok())).collect::<Option<Vec<u64>>>()?;
    let written = written.into_iter().map(str::to_owned).collect();
    Some(Version { numbers, written, pre: pre.to_owned(), metadata: metadata.to_owned() })
}

/// HashiCorp: any count of numbers, missing ones are 0; what is behind `-` and `+` is letters, digits, `-`, `~` between dots, and not empty.
pub fn lenient(text: &str) -> Option<Version> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let (rest, metadata) = text.split_once('+').map_or((text, None), |(rest, metadata)| (rest, Some(metadata)));
    let (rest, pre) = rest.split_once('-').map_or((rest, None), |(rest, pre)| (rest, Some(pre)));
    let legal = |part: Option<&str>| {
        part.is_none_or(|part| {
            part.split('.').all(|one| !one.is_empty() && one.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '~'))
        })
    };
    if !legal(pre) || !legal(metadata) {
        return None;
    }
    let mut numbers = rest.split('.').map(digits).collect::<Option<Vec<u64>>>()?;
    numbers.resize(numbers.len().max(3), 0);
    let written = numbers.iter().map(u64::to_string).collect();
    Some(Version { numbers, written, pre: pre.unwrap_or_default().to_owned(), metadata: metadata.unwrap_or_default().to_owned() })
}

/// Whether an identifier is all digits with a 0 before them.
fn has_leading_zero(text: &str) -> bool {
    text.len() > 1 && text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit())
}

fn identifiers_are_legal(text: &str, numbers_too: bool) -> bool {
    text.split('.')
        .all(|one| !one.is_empty() && one.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') && !(numbers_too && has_leading_zero(one)))
}

/// Masterminds: three numbers without leading zeros; an empty part behind `-` or `+` is as if there were none.
pub fn strict(text: &str) -> Option<Version> {
    let mut parts: Vec<&str> = text.splitn(3, '.').collect();
    let last = parts.pop().filter(|_| parts.len() == 2)?;
    let (rest, metadata) = cut(last, '+');
    let (patch, pre) = cut(rest, '-');
    parts.push(patch);
    if parts.iter().any(|part| has_leading_zero(part)) || (!pre.is_empty() && !identifiers_are_legal(pre, true)) {
        return None;
    }
    if !metadata.is_empty() && !identifiers_are_legal(metadata, false) {
        return None;
    }
    let numbers = parts.iter().map(|part| digits(part)).collect::<Option<Vec<u64>>>()?;
    let written = parts.into_iter().map(str::to_owned).collect();
    Some(Version { numbers, written, pre: pre.to_owned(), metadata: metadata.to_owned() })
}

/// Go's modules: one to three numbers without leading zeros; what is behind `-` and `+` only after three.
pub fn of_modules(text: &str) -> Option<Version> {
    let (rest, metadata) = text.split_once('+').map_or((text, None), |(rest, metadata)| (rest, Some(metadata)));
    let (rest, pre) = rest.split_once('-').map_or((rest, None), |(rest, pre)| (rest, Some(pre)));
    let parts: Vec<&str> = rest.split('.').collect();
    let short = parts.len() < 3 && (pre.is_some() || metadata.is_some());
    if parts.len() > 3 || short || parts.iter().any(|part| has_leading_zero(part)) {
        return None;
    }
    if pre.is_some_and(|pre| !identifiers_are_legal(pre, true)) || metadata.is_some_and(|metadata| !identifiers_are_legal(metadata, false))
    {
        return None;
    }
    let mut numbers = parts.iter().map(|part| digits(part)).collect::<Option<Vec<u64>>>()?;
    numbers.resize(3, 0);
    let written = numbers.iter().map(u64::to_string).collect();
    Some(Version { numbers, written, pre: pre.unwrap_or_default().to_owned(), metadata: metadata.unwrap_or_default().to_owned() })
}
