//! Whatever a `.dockerignore` holds, it is read or refused.

use lp_model::Dockerignore;
use proptest::prelude::*;

/// Lines and paths made of what patterns are made of.
fn likely() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "*", "**", "?", "[", "]", "[^a]", "[a-c]", "-", "^", "\\", "!", "#", ".", "..", "/", "a", "b", "中", " ", "\n", "\r",
    ]);
    prop::collection::vec(word, 0..24).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_gets_an_answer(text in any::<String>(), path in any::<String>()) {
        if let Ok(file) = Dockerignore::read(&text) {
            file.verdict(&path);
            file.may_bring_back_below(&path);
        }
    }

    #[test]
    fn any_pattern_gets_an_answer(text in likely(), path in likely()) {
        if let Ok(file) = Dockerignore::read(&text) {
            let below = format!("{path}/x");
            // Without a line that brings back, what lies in a folder that is left out is left out.
            if !text.contains('!') && file.verdict(&path).left_out {
                prop_assert!(file.verdict(&below).left_out);
            }
            // A folder of which something comes back is looked into.
            if file.verdict(&path).left_out && !file.verdict(&below).left_out {
                prop_assert!(file.may_bring_back_below(&path), "{text:?} {path:?}");
            }
        }
    }
}

/// A matcher that tries every way of sharing the path out among the parts would not come to its end.
#[test]
fn a_pattern_of_many_parts_comes_to_its_end() {
    let file = Dockerignore::read(&"**/a*".repeat(400)).expect("a pattern");
    assert!(!file.verdict(&"a".repeat(4000)).left_out);
}
