//! "Did you mean": the known word that is closest to what was written.

/// Most words that are looked at.
const MAX_KNOWN: usize = 300;

/// The word of `known` with the smallest edit distance (swapped neighbours count as one), if it is close enough to be a
/// slip of the finger.
pub fn closest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let count = word.chars().count();
    if !(2..=40).contains(&count) {
        return None;
    }
    let (written, limit) = (word.to_lowercase(), (count / 3).max(1));
    known
        .iter()
        // Thousands of names come from a generated file, in which nobody's finger slips.
        .take(MAX_KNOWN)
        // Every character too many is at least one step.
        .filter(|candidate| candidate.chars().count().abs_diff(count) <= limit)
        .map(|&candidate| (strsim::osa_distance(&written, &candidate.to_lowercase()), candidate))
        .filter(|&(distance, candidate)| distance <= limit && candidate != word)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_strangers_are_not() {
        let known = ["image", "environment", "commands", "when"];
        for (word, expected) in [
            ("enviroment", Some("environment")),
            ("imgae", Some("image")),
            ("command", Some("commands")),
            ("Image", Some("image")),
            ("repo", None),
            ("x", None),
        ] {
            assert_eq!(closest(word, &known), expected, "{word}");
        }
        assert_eq!(closest(&"x".repeat(100_000), &known), None);
    }
}
