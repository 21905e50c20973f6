//! The order of tags of one moment: numbers as numbers, `1.0-rc1` and `1.0rc1` before `1.0`, `1.0` before `1.0.1`. By a key that is compared part by
//! part, so that the order is total whatever the names are. (Crates for natural order know no pre-releases, and those for versions refuse
//! names that are none.)

/// The place of a tag among others: the higher one is the newer version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TagOrder {
    parts: Vec<Part>,
    /// Decides between names that mean the same: `v1.02` and `1.2`.
    name: String,
}

/// A part of a name; in the order of their rank. What comes after the end of a name decides whether it is a pre-release of the other one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// A pre-release: what follows a dash, or letters.
    Words(String),
    /// The end of the name.
    End,
    /// A dot or anything else.
    Sign(String),
    /// A number: how many digits, and the digits.
    Number(usize, String),
}

impl TagOrder {
    pub fn of(name: &str) -> Self {
        let plain = name.strip_prefix(['v', 'V']).filter(|rest| rest.starts_with(|first: char| first.is_ascii_digit())).unwrap_or(name);
        let mut parts = Vec::new();
        let mut rest = plain;
        while let Some(first) = rest.chars().next() {
            let same = |letter: char| kind(letter) == kind(first);
            let (part, tail) = rest.split_at(rest.find(|letter| !same(letter)).unwrap_or(rest.len()));
            parts.push(match kind(first) {
                Kind::Digit => {
                    let digits = part.trim_start_matches('0');
                    Part::Number(digits.len(), digits.to_owned())
                }
                Kind::Word => Part::Words(part.to_owned()),
                Kind::Sign => Part::Sign(part.to_owned()),
            });
            rest = tail;
        }
        parts.push(Part::End);
        Self { parts, name: name.to_owned() }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Digit,
    Word,
    Sign,
}

fn kind(letter: char) -> Kind {
    match letter {
        '0'..='9' => Kind::Digit,
        '-' | '~' => Kind::Word,
        letter if letter.is_alphabetic() => Kind::Word,
        _ => Kind::Sign,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::cmp::Ordering;

    #[test]
    fn names_rise_as_people_read_them() {
        let rising =
            ["release-7", "release-12", "0.9", "1.0.0-alpha", "1.0.0-rc.2", "1.0.0-rc.10", "1.0.0", "1.0.1", "1.9", "v1.10", "1.10.1", "2"];
        for pair in rising.windows(2) {
            assert!(TagOrder::of(pair[0]) < TagOrder::of(pair[1]), "{pair:?}");
        }
        for (lower, higher) in [("1.0rc1", "1.0"), ("1.0", "1.0.1"), ("1.0rc1", "1.0.1"), ("1.0-1", "1.0"), ("v1", "v1.0"), ("a", "a1")] {
            assert!(TagOrder::of(lower) < TagOrder::of(higher), "{lower} {higher}");
        }
        assert_eq!(TagOrder::of("v1.02").parts, TagOrder::of("1.2").parts);
    }

    proptest! {
        #[test]
        fn the_order_is_total(names in proptest::collection::vec("[v0-2.a-b~_/-]{0,6}", 3)) {
            let [a, b, c] = [&names[0], &names[1], &names[2]].map(|name| TagOrder::of(name));
            prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
            prop_assert!(!(a <= b && b <= c) || a <= c);
            prop_assert_eq!(a.cmp(&b) == Ordering::Equal, names[0] == names[1]);
        }
    }
}
