//! `[CI SKIP]`: whether a message asks that nothing is run, in the words that each program understands.

use lp_model::{Dialect, EventKind};

/// Whether an event with that message (and title of a pull request) is to be skipped.
///
/// Drone 0.8 and Woodpecker look for `[ci skip]` and `[skip ci]` in any case, with any number of blanks, in the message; Woodpecker not of
/// tags and deployments. Drone 1 and 2 take exactly one blank, also `***NO_CI***`, and look at the title too, for pushes and pull requests.
// drone v0.8.10 `server/hook.go`; drone v2 `trigger/skip.go`; woodpecker v3 `server/pipeline/create.go`.
pub fn asks_to_be_skipped(dialect: Dialect, kind: EventKind, message: &str, title: &str) -> bool {
    let of_commits = matches!(kind, EventKind::Push | EventKind::PullRequest);
    match dialect {
        Dialect::Drone08 => in_brackets(message),
        Dialect::Woodpecker => of_commits && in_brackets(message),
        Dialect::Drone1 => of_commits && (plainly(message) || plainly(title)),
    }
}

fn plainly(text: &str) -> bool {
    let text = text.to_lowercase();
    ["[ci skip]", "[skip ci]", "***no_ci***"].iter().any(|words| text.contains(words))
}

fn in_brackets(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.split('[').skip(1).filter_map(|rest| rest.split_once(']')).any(|(inside, _)| {
        let two = |first: &str, second: &str| {
            inside.strip_prefix(first).and_then(|rest| rest.strip_suffix(second)).is_some_and(|between| between.bytes().all(|b| b == b' '))
        };
        two("ci", "skip") || two("skip", "ci")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Dialect::{Drone1, Drone08, Woodpecker};
    use EventKind::{PullRequest, Push, Tag};

    #[test]
    fn each_dialect_has_its_words() {
        let all = [Drone08, Drone1, Woodpecker];
        for (message, expected) in [
            ("docs [CI SKIP]\n", [true, true, true]),
            ("[skip ci] docs", [true, true, true]),
            ("[Ci   Skip]", [true, false, true]),
            ("[ciskip]", [true, false, true]),
            ("***NO_CI***", [false, true, false]),
            ("ci skip", [false, false, false]),
            ("[ci] [skip]", [false, false, false]),
            ("[[ci skip]", [true, true, true]),
            ("[ci\tskip]", [false, false, false]),
            ("[ci skip", [false, false, false]),
            ("[cİ skip]", [false, false, false]),
            ("", [false, false, false]),
        ] {
            assert_eq!(all.map(|dialect| asks_to_be_skipped(dialect, Push, message, "")), expected, "{message}");
        }
        assert_eq!(all.map(|dialect| asks_to_be_skipped(dialect, Tag, "[ci skip]", "")), [true, false, false]);
        assert_eq!(all.map(|dialect| asks_to_be_skipped(dialect, PullRequest, "", "[ci skip]")), [false, true, false]);
    }
}
