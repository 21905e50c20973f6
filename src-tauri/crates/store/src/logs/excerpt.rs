//! What a log says about a failure, for people who look for it later: a few lines, as text.

use super::{LogReader, MarkKind, ansi};
use crate::StoreError;

/// Most lines.
const LINES: usize = 5;
/// Most bytes of a line, and of all.
const LONGEST_LINE: usize = 300;
const LONGEST: usize = 1_000;

impl LogReader {
    /// The last lines that look like errors, else the last lines at all; without control sequences, long ones cut. Empty for an empty log.
    pub fn excerpt(&mut self) -> Result<String, StoreError> {
        let errors = self.marks().iter().rev().filter(|mark| mark.kind == MarkKind::Error).take(LINES);
        let mut numbers: Vec<u64> = errors.map(|mark| mark.line).collect();
        numbers.reverse();
        if numbers.is_empty() {
            let lines = self.summary().lines;
            numbers.extend(lines.saturating_sub(LINES as u64)..lines);
        }
        let mut text = String::new();
        for number in numbers {
            let range = self.range(number, 1, 1)?;
            for line in range.lines {
                let words = String::from_utf8_lossy(&ansi::strip(&line.bytes)).replace(|c: char| c.is_control(), " ");
                let words = words.trim();
                text += &words[..words.floor_char_boundary(LONGEST_LINE)];
                text.push('\n');
            }
        }
        text.truncate(text.floor_char_boundary(LONGEST));
        Ok(text.trim_end().to_owned())
    }
}
