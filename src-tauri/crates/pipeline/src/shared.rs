//! What pipelines of all languages are made of: the mechanics of variables, conditions, clones, steps and stages.
//!
//! No module here knows which languages there are, and a test holds it to that. Where languages differ, a front end hands the difference over
//! as data: [`when::Flavour`] and [`when::Keys`], `expand::Flavour`, `clone::Form`, `rights::Escalation`, [`matrix::Nothing`], `draft::Lines`.
//! Comments may name the original that a rule comes from.

pub(crate) mod clone;
pub(crate) mod compose;
pub(crate) mod draft;
pub(crate) mod entered;
pub mod environment;
pub(crate) mod expand;
pub(crate) mod extent;
pub mod glob;
pub(crate) mod graph;
pub(crate) mod image;
pub mod matrix;
pub mod params;
pub(crate) mod reasons;
pub(crate) mod rights;
pub mod script;
pub(crate) mod shell;
pub mod substitute;
pub mod volume;
pub mod when;
pub(crate) mod workspace;

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// Names of dialects as code spells them; comments may name the original that a rule comes from.
    const NAMES: [&str; 9] = ["drone08", "drone_08", "drone 0.8", "drone1", "drone_1", "drone 1", "drone 2", "woodpecker", "generation"];

    /// Lines of the files below a folder that know of dialects.
    fn knowing(path: &Path, found: &mut Vec<String>) {
        if path.is_dir() {
            for entry in std::fs::read_dir(path).unwrap() {
                knowing(&entry.unwrap().path(), found);
            }
            return;
        }
        if path.ends_with("tests.rs") {
            return;
        }
        let text = std::fs::read_to_string(path).unwrap().to_lowercase();
        let shipped = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (n, line) in shipped.lines().enumerate() {
            let comment = line.trim_start().starts_with("//");
            if line.contains("dialect") || (!comment && NAMES.iter().any(|name| line.contains(name))) {
                found.push(format!("{}:{}: {}", path.display(), n + 1, line.trim()));
            }
        }
    }

    #[test]
    fn nothing_here_knows_that_there_are_dialects() {
        let mut found = Vec::new();
        knowing(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/shared"), &mut found);
        assert_eq!(found, Vec::<String>::new(), "hand what differs over as data (see `dialect.rs`)");
    }
}
