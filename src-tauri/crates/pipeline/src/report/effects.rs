//! What each finding means for someone who brings a file along.

use lp_model::Severity;

/// What becomes of a part of a pipeline here, most pressing first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Something is needed from the user: a secret, trust, the login of a registry.
    Needs,
    /// It is not supported, or wrong.
    Unsupported,
    /// It means something different here.
    Different,
    /// It runs as it is.
    Runs,
}

use Effect::{Different, Needs, Unsupported};

/// The effect of every code of this crate and of the YAML reader. `None`: a remark that holds where the file comes from too, so that
/// nothing changes by coming here.
const EFFECTS: [(&str, Option<Effect>); 87] = [
    ("alias-loop", Some(Unsupported)),
    ("bad-expression", Some(Unsupported)),
    ("bad-substitution", Some(Unsupported)),
    ("clone-built-in", Some(Different)),
    ("command-is-list", Some(Unsupported)),
    ("command-is-map", Some(Unsupported)),
    ("command-not-allowed", Some(Unsupported)),
    ("command-not-text", Some(Different)),
    ("commands-and-parameters", Some(Unsupported)),
    ("condition-ignored", None),
    ("condition-without-effect", None),
    ("credentials-in-file", Some(Needs)),
    ("dependency-cycle", Some(Unsupported)),
    ("deprecated-form", Some(Different)),
    ("deprecated-key", Some(Different)),
    ("deprecated-variable", None),
    ("drone-04", Some(Unsupported)),
    ("duplicate-key", None),
    ("duplicate-pipeline", Some(Unsupported)),
    ("duplicate-step", None),
    ("duplicate-workflow", Some(Different)),
    ("empty-axis", Some(Unsupported)),
    ("empty-without-server", Some(Different)),
    ("environment-not-text", Some(Different)),
    ("file-too-large", Some(Unsupported)),
    ("forward-dependency", Some(Different)),
    ("instance-condition", Some(Different)),
    ("invalid-size", Some(Unsupported)),
    ("invalid-volume", Some(Unsupported)),
    ("key-not-text", Some(Unsupported)),
    ("key-without-effect", Some(Unsupported)),
    ("matrix-cut", None),
    ("matrix-exclude", Some(Unsupported)),
    ("merge-not-map", Some(Unsupported)),
    ("missing-commands", Some(Unsupported)),
    ("missing-dependency", Some(Unsupported)),
    ("missing-image", Some(Unsupported)),
    ("missing-kind", Some(Unsupported)),
    ("missing-limit", None),
    ("missing-name", Some(Unsupported)),
    ("missing-source", Some(Unsupported)),
    ("missing-workflow", Some(Different)),
    ("mixed-dialects", Some(Unsupported)),
    ("named-volume", Some(Different)),
    ("needs-login", Some(Needs)),
    ("needs-secret", Some(Needs)),
    ("never-runs", None),
    ("newer-form", Some(Different)),
    ("no-event", None),
    ("no-pipeline", Some(Unsupported)),
    ("no-rights", Some(Different)),
    ("no-steps", Some(Unsupported)),
    ("not-privileged-any-more", Some(Different)),
    ("not-trusted", Some(Needs)),
    ("not-utf8", Some(Unsupported)),
    ("nothing-would-run", None),
    ("nul-byte", Some(Unsupported)),
    ("open-quote", Some(Unsupported)),
    ("other-workflows", Some(Different)),
    ("parameter-like-key", None),
    ("platform-ignored", Some(Different)),
    ("reserved-name", Some(Unsupported)),
    ("script-too-long", Some(Unsupported)),
    ("second-document", None),
    ("secret-document", Some(Needs)),
    ("settings-and-environment", None),
    ("settings-and-program", Some(Unsupported)),
    ("template-not-supported", Some(Unsupported)),
    ("too-deep", Some(Unsupported)),
    ("too-large", Some(Unsupported)),
    ("too-many-conditions", Some(Unsupported)),
    ("too-many-needs", Some(Unsupported)),
    ("too-many-stages", Some(Unsupported)),
    ("too-many-steps", Some(Unsupported)),
    ("too-many-volumes", Some(Unsupported)),
    ("unknown-dependency", Some(Unsupported)),
    ("unknown-event", None),
    ("unknown-key", None),
    ("unknown-kind", Some(Unsupported)),
    ("unknown-step", None),
    ("unknown-variable", None),
    ("unknown-volume", Some(Unsupported)),
    ("unknown-word", None),
    ("unsupported-type", Some(Unsupported)),
    ("workspace-base", Some(Unsupported)),
    ("wrong-type", Some(Unsupported)),
    ("yaml-syntax", Some(Unsupported)),
];

/// The effect of a finding. A mistake that keeps the file from running is never only different.
pub(super) fn effect(code: &str, severity: Severity) -> Option<Effect> {
    let known = EFFECTS.iter().find(|(known, _)| *known == code).map(|(_, effect)| *effect);
    match (known, severity) {
        (Some(Some(Needs)), _) => Some(Needs),
        (_, Severity::Error) => Some(Unsupported),
        // What only chose a place is not missed.
        (_, Severity::Note) if code == "key-without-effect" => Some(Different),
        // A step with a program of its own never had rights by its image.
        (_, Severity::Note) if code == "no-rights" => None,
        (Some(effect), _) => effect,
        (None, _) => Some(Different),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    /// Codes of findings in the sources below a folder: the first text after a call that makes a finding.
    fn codes(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                codes(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("tests.rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
                for call in [".error(", ".warning(", ".note(", ".need(", ".finding(", ".finding_at(", " finding(", "[finding("] {
                    for (at, _) in code.match_indices(call) {
                        let rest = code[at + call.len()..].trim_start();
                        let rest = rest.strip_prefix("file, ").unwrap_or(rest);
                        let word = rest.strip_prefix('"').and_then(|rest| rest.split('"').next());
                        found.extend(word.map(str::to_owned));
                    }
                }
            }
        }
    }

    #[test]
    fn every_finding_has_an_effect() {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut found = BTreeSet::new();
        for name in ["pipeline", "yaml"] {
            codes(&crates.join(name).join("src"), &mut found);
        }
        let known: BTreeSet<String> = EFFECTS.iter().map(|(code, _)| (*code).to_owned()).collect();
        assert_eq!(found.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new(), "codes without an effect");
        assert_eq!(known.difference(&found).collect::<Vec<_>>(), Vec::<&String>::new(), "effects of nothing");
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
