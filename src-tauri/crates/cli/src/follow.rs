use crate::render;
use lp_api::LogLines;
use lp_api::dto::{RunDetail, StepDetail, StepStateWord};
use std::collections::HashMap;
use std::io::Write;

/// Prints a run while it goes on: output of steps on standard output, everything about them on standard error.
#[derive(Debug, Default)]
pub struct Printer {
    shown: HashMap<(u32, u32), (StepStateWord, String)>,
    last_speaker: Option<(u32, u32)>,
}

impl Printer {
    /// Says which steps changed their state since the last call, and news about them.
    pub fn show_states(&mut self, detail: &RunDetail) {
        for stage in &detail.stages {
            for step in &stage.steps {
                let key = (stage.number, step.number);
                let before = self.shown.get(&key).cloned();
                let (state_before, note_before) = before.unwrap_or((StepStateWord::Pending, String::new()));
                // Its first line may have come before the news that it runs: what was announced is not taken back.
                let state = if step.state == StepStateWord::Starting { state_before } else { step.state };
                self.shown.insert(key, (state, step.note.clone()));
                if step.note != note_before && !step.note.is_empty() {
                    remark!("{}", render::paint("2", &format!("  {}: {}", detail.label(stage, step), step.note)));
                }
                if state != state_before {
                    self.show_state(&detail.label(stage, step), step);
                }
            }
        }
    }

    fn show_state(&mut self, name: &str, step: &StepDetail) {
        let word = render::step_state(step.state);
        let line = match step.state {
            StepStateWord::Pending | StepStateWord::Starting => return,
            StepStateWord::Running => render::paint("1", &format!("▸ {name}")),
            StepStateWord::Passed => render::paint("32", &format!("✓ {name} {word}{}", took(step))),
            StepStateWord::Skipped => render::paint("2", &format!("– {name} {word}{}", why(step))),
            StepStateWord::Failed | StepStateWord::Errored | StepStateWord::Cancelled | StepStateWord::Interrupted => {
                render::paint("31", &format!("✗ {name} {word}{}{}", why(step), took(step)))
            }
        };
        remark!("{line}");
        self.last_speaker = None;
    }

    /// Prints output. When several steps speak in turn, each change is announced.
    pub fn show_lines(&mut self, lines: &LogLines) {
        let speaker = (lines.stage, lines.step);
        let (state, _) = self.shown.entry(speaker).or_insert((StepStateWord::Pending, String::new()));
        if matches!(state, StepStateWord::Pending | StepStateWord::Starting) {
            *state = StepStateWord::Running;
            remark!("{}", render::paint("1", &format!("▸ {}", lines.label)));
            self.last_speaker = None;
        }
        if self.last_speaker.is_some_and(|last| last != speaker) {
            remark!("{}", render::paint("2", &format!("· {}", lines.label)));
        }
        self.last_speaker = Some(speaker);
        let mut out = std::io::stdout().lock();
        for line in &lines.lines {
            // A reader that went away (`| head`) is no reason to stop the run.
            let _reader_gone = writeln!(out, "{line}");
        }
        let _reader_gone = out.flush();
    }

    /// Says how it ended.
    pub fn show_end(&mut self, detail: &RunDetail) {
        self.show_states(detail);
        for stage in detail.stages.iter().filter(|stage| !stage.message.is_empty()) {
            remark!("{}: stage `{}`: {}", render::paint("1;31", "error"), stage.name, stage.message);
            if !stage.hint.is_empty() {
                remark!("  {}: {}", render::paint("1;36", "help"), stage.hint);
            }
        }
        let steps = detail.stages.iter().flat_map(|stage| stage.steps.iter().map(move |step| (stage, step)));
        for (stage, step) in steps.filter(|(_, step)| !step.message.is_empty()) {
            remark!("{}: step `{}`: {}", render::paint("1;31", "error"), detail.label(stage, step), step.message);
            if !step.hint.is_empty() {
                remark!("  {}: {}", render::paint("1;36", "help"), step.hint);
            }
        }
        let took = detail.run.duration_ms().map(|ms| format!(" in {}", render::duration(ms))).unwrap_or_default();
        remark!("run {} {}{took}", detail.run.number, render::run_state(detail.run.state));
    }
}

fn took(step: &StepDetail) -> String {
    step.duration_ms().map(|ms| format!(" in {}", render::duration(ms))).unwrap_or_default()
}

fn why(step: &StepDetail) -> String {
    let reason = match step.reason.as_str() {
        "" => match step.exit_code {
            Some(code) if code != 0 => return format!(" with exit code {code}"),
            _ => return String::new(),
        },
        "out_of_memory" => "out of memory",
        "timed_out" => "time limit reached",
        "after_failure" => "something failed before it",
        "nothing_failed" => "runs only after a failure",
        "ended_early" => "the stage was ended early",
        "cancelled" => "cancelled",
        "stage_errored" => "the stage could not be prepared",
        "lost" => "lost",
        "unattended" => "the app ended in the middle of it",
        other => other,
    };
    format!(" ({reason})")
}
