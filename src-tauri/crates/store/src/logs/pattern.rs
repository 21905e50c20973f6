//! What is looked for in logs.

use super::ansi;
use crate::StoreError;
use lp_model::{Message, message};
use memchr::memmem::Finder;
use regex::bytes::{Regex, RegexBuilder};
use std::ops::Range;

/// Longest text or expression that is looked for, in bytes.
const LONGEST: usize = 4_000;
/// Most memory of a compiled expression, in bytes; its engine is linear, so that this is all that an expression can cost besides reading.
const EXPRESSION_BYTES: usize = 1 << 20;
/// How much of a line a hit shows before and behind what was found, in bytes.
const AROUND: usize = 120;
/// How much of what was found a hit shows, in bytes.
const SHOWN: usize = 400;

/// A text, or a regular expression, that lines are compared with. Control sequences of terminals are no part of a line here.
#[derive(Debug, Clone)]
pub struct Pattern {
    how: How,
}

#[derive(Debug, Clone)]
enum How {
    /// In lower case; ASCII letters in any case.
    Text(Box<Finder<'static>>),
    Expression(Regex),
}

/// A line that matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Its number, from 0.
    pub line: u64,
    /// The line up to what was found first in it, without control sequences; only the end of it.
    pub before: Vec<u8>,
    /// What was found; only the beginning of it.
    pub found: Vec<u8>,
    /// What follows; only the beginning of it.
    pub after: Vec<u8>,
}

impl Pattern {
    /// Lines that contain a text, ASCII letters in any case. [`StoreError::Pattern`] for an empty or very long one.
    pub fn text(text: &str) -> Result<Self, StoreError> {
        check(text)?;
        let wanted = text.to_ascii_lowercase();
        Ok(Self { how: How::Text(Box::new(Finder::new(wanted.as_bytes()).into_owned())) })
    }

    /// Lines in which a regular expression matches, letters in any case. [`StoreError::Pattern`] for one that is wrong, or too large.
    pub fn expression(text: &str) -> Result<Self, StoreError> {
        check(text)?;
        let built = RegexBuilder::new(text)
            .case_insensitive(true)
            .size_limit(EXPRESSION_BYTES)
            .dfa_size_limit(EXPRESSION_BYTES)
            .nest_limit(100)
            .build();
        let regex = built.map_err(|why| StoreError::Pattern { message: Message::verbatim(why) })?;
        Ok(Self { how: How::Expression(regex) })
    }

    /// What is found first in a line. The line is used up.
    pub(super) fn find(&self, number: u64, line: &mut [u8]) -> Option<Hit> {
        let text = ansi::strip(line);
        let at = match &self.how {
            How::Expression(regex) => regex.find(&text)?.range(),
            How::Text(finder) => {
                let lower = text.to_ascii_lowercase();
                let start = finder.find(&lower)?;
                start..start + finder.needle().len()
            }
        };
        Some(hit(number, &text, at))
    }
}

fn check(text: &str) -> Result<(), StoreError> {
    if text.is_empty() || text.len() > LONGEST {
        let message = message!("it must have 1 to {} bytes, and has {}", LONGEST, text.len());
        return Err(StoreError::Pattern { message });
    }
    Ok(())
}

fn hit(line: u64, text: &[u8], at: Range<usize>) -> Hit {
    let before = &text[at.start.saturating_sub(AROUND)..at.start];
    // Not through a character.
    let skipped = before.iter().take(3).take_while(|byte| at.start > AROUND && (**byte & 0xc0) == 0x80).count();
    Hit {
        line,
        before: before[skipped..].to_vec(),
        found: text[at.clone()][..at.len().min(SHOWN)].to_vec(),
        after: text[at.end..][..(text.len() - at.end).min(AROUND)].to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pattern: &Pattern, line: &str) -> Option<[String; 3]> {
        let hit = pattern.find(0, &mut line.as_bytes().to_vec())?;
        Some([hit.before, hit.found, hit.after].map(|part| String::from_utf8(part).unwrap()))
    }

    #[test]
    fn a_text_is_found_in_any_case_and_between_colours() {
        let pattern = Pattern::text("Needle").unwrap();
        assert_eq!(found(&pattern, "a \x1b[31mNEE\x1b[0mdle b"), Some(["a ".into(), "NEEdle".into(), " b".into()]));
        assert_eq!(found(&pattern, "no such thing"), None);
        assert_eq!(found(&Pattern::text("合计").unwrap(), "满减的合计"), Some(["满减的".into(), "合计".into(), String::new()]));
        let long = format!("{}needle{}", "构".repeat(100), "y".repeat(1_000));
        let [before, _, after] = found(&pattern, &long).unwrap();
        assert_eq!((before.as_str(), after.len()), ("构".repeat(40).as_str(), AROUND));
    }

    #[test]
    fn an_expression_is_linear_and_has_limits() {
        let pattern = Pattern::expression(r"(\w+\.?)+!").unwrap();
        assert_eq!(found(&pattern, &"a".repeat(100_000)), None);
        assert_eq!(found(&Pattern::expression("err(or)?: [0-9]+").unwrap(), "x ERROR: 12y").unwrap()[1], "ERROR: 12");
        for wrong in ["", "(", r"\w{1000}{1000}", &"x".repeat(LONGEST + 1)] {
            assert!(matches!(Pattern::expression(wrong), Err(StoreError::Pattern { .. })), "{wrong:.20}");
        }
        assert!(matches!(Pattern::text(""), Err(StoreError::Pattern { .. })));
    }
}
