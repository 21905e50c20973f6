//! What each finding means for someone who brings a file along.

pub use lp_model::Effect;
use lp_model::Effect::{Different, Needs, Unsupported};
use lp_model::{Code, Severity};

/// The effect of a finding. A mistake that keeps the file from running is never only different.
pub(super) fn effect(code: &str, severity: Severity) -> Option<Effect> {
    let known_code = Code::parse(code);
    let known = known_code.map(Code::effect);
    match (known, severity) {
        (Some(Some(Needs)), _) => Some(Needs),
        (_, Severity::Error) => Some(Unsupported),
        // What only chose a place is not missed.
        (_, Severity::Note) if known_code == Some(Code::KeyWithoutEffect) => Some(Different),
        // A step with a program of its own never had rights by its image.
        (_, Severity::Note) if known_code == Some(Code::NoRights) => None,
        (Some(effect), _) => effect,
        (None, _) => Some(Different),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    /// Codes that the sources below a folder name. A text in their place is refused: it may be no code at all.
    fn named(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                named(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
                let as_text = code.contains("Diagnostic {") && code.contains("code: \"");
                assert!(!as_text, "{} makes a finding with a text as its code", path.display());
                for (at, _) in code.match_indices("Code::") {
                    let own = !code[..at].ends_with(|c: char| c.is_alphanumeric());
                    let name: String = code[at + 6..].chars().take_while(char::is_ascii_alphanumeric).collect();
                    let known = Code::ALL.iter().filter(|code| own && format!("{code:?}") == name);
                    found.extend(known.map(|code| code.as_str().to_owned()));
                }
            }
        }
    }

    #[test]
    fn every_code_is_one_of_some_finding() {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut found = BTreeSet::new();
        for name in ["api", "pipeline", "workflow", "yaml"] {
            named(&crates.join(name).join("src"), &mut found);
        }
        let known: BTreeSet<String> = Code::ALL.iter().map(|code| code.as_str().to_owned()).collect();
        assert_eq!(known.difference(&found).collect::<Vec<_>>(), Vec::<&String>::new(), "codes of nothing");
    }

    #[test]
    fn a_mistake_is_never_only_different() {
        assert_eq!(effect("unknown-word", Severity::Warning), None);
        assert_eq!(effect("unknown-word", Severity::Error), Some(Unsupported));
        assert_eq!(effect("not-trusted", Severity::Error), Some(Needs));
        assert_eq!(effect("key-without-effect", Severity::Warning), Some(Unsupported));
        assert_eq!(effect("key-without-effect", Severity::Note), Some(Different));
    }
}
