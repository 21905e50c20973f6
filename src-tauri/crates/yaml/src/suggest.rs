//! "Did you mean": the known word that is closest to what was written.

/// Most words that are looked at.
const MAX_KNOWN: usize = 300;

/// The word of `known` with the smallest edit distance (swapped neighbours count as one), if it is close enough to be a
/// slip of the finger.
pub fn closest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let written: Vec<char> = word.chars().take(40).flat_map(char::to_lowercase).collect();
    if written.len() < 2 || word.chars().count() > 40 {
        return None;
    }
    let limit = (written.len() / 3).max(1);
    known
        .iter()
        // Thousands of names come from a generated file, in which nobody's finger slips.
        .take(MAX_KNOWN)
        // Every character too many is at least one step.
        .filter(|candidate| candidate.chars().count().abs_diff(written.len()) <= limit)
        .map(|&candidate| (distance(&written, &candidate.chars().flat_map(char::to_lowercase).collect::<Vec<_>>()), candidate))
        .filter(|&(distance, candidate)| distance <= limit && candidate != word)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

fn distance(a: &[char], b: &[char]) -> usize {
    let mut rows = vec![vec![0_usize; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
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
