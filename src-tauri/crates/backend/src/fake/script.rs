//! What the environment of a step says about its program.

use super::world::{Chunk, Program};
use crate::{EnvText, StepContext, StepExit};
use lp_model::StepKey;
use std::collections::BTreeMap;
use std::time::Duration;

/// What the environment of a step says.
pub(super) struct Script {
    key: StepKey,
    pub variables: BTreeMap<String, String>,
}

impl Script {
    pub fn read(step: &StepContext) -> Self {
        let variables = step.env.iter().map(|(name, value)| (name.clone(), text_of(value))).collect();
        Self { key: step.key, variables }
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    pub fn is(&self, name: &str) -> bool {
        self.text(name) == Some("true")
    }

    pub fn number(&self, name: &str) -> Option<i32> {
        self.text(name).map(|text| text.parse().unwrap_or_else(|_| panic!("step {}: `{name}={text}` is not a number", self.key)))
    }

    pub fn duration(&self, name: &str) -> Option<Duration> {
        let text = self.text(name)?;
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let number: u64 = digits.parse().unwrap_or_else(|_| panic!("step {}: `{name}={text}` is not a duration", self.key));
        Some(match &text[digits.len()..] {
            "ms" => Duration::from_millis(number),
            "s" => Duration::from_secs(number),
            "m" => Duration::from_secs(number * 60),
            unit => panic!("step {}: `{name}={text}` has the unknown unit `{unit}`", self.key),
        })
    }

    pub fn exit(&self) -> StepExit {
        if self.is("STEP_OOM_KILLED") {
            return StepExit::OutOfMemory;
        }
        match self.number("STEP_SIGNAL") {
            Some(signal) => StepExit::Signal(signal),
            None => StepExit::Code(self.number("STEP_EXIT_CODE").unwrap_or(0)),
        }
    }

    /// After what time nobody answers about it, and for how long.
    pub fn gone(&self) -> Option<(Duration, Duration)> {
        Some((self.duration("STEP_GONE_AFTER")?, self.duration("STEP_GONE_FOR").unwrap_or(Duration::MAX)))
    }

    pub fn program(&self, is_detached: bool) -> Program {
        let mut program = Program { bytes: Vec::new(), chunks: Vec::new(), end: None };
        let mut at = Duration::ZERO;
        let mut write = |at: Duration, is_error: bool, text: &[u8]| {
            let from = program.bytes.len();
            program.bytes.extend_from_slice(text);
            program.chunks.push(Chunk { at, is_error, range: from..program.bytes.len() });
        };
        if let Some(line) = self.text("STEP_LOG") {
            write(at, false, format!("{line}\n").as_bytes());
        }
        for line in 1..=self.number("STEP_LOG_LINES").unwrap_or(0) {
            write(at, self.is("STEP_MIX") && line % 2 == 0, format!("line {line}\n").as_bytes());
            at += self.duration("STEP_LOG_PAUSE").unwrap_or_default();
        }
        if let Some(name) = self.text("STEP_ECHO") {
            for byte in self.text(name).unwrap_or("").bytes() {
                write(at, false, &[byte]);
            }
            write(at, false, b"\n");
        }
        if let Some(text) = self.text("STEP_LOG_END") {
            write(at, false, text.as_bytes());
        }
        program.end = match self.text("SLEEP") {
            _ if self.is("STEP_HANG") => None,
            Some("forever") => None,
            None if is_detached => None,
            _ => Some(at + self.duration("SLEEP").unwrap_or_default()),
        };
        program
    }
}

pub(super) fn text_of(value: &EnvText) -> String {
    value.text("(workspace base)", "(workspace dir)").into_owned()
}
