use crate::language::Language;
use crate::render;
use crate::say::{name, paint, words};
use lp_api::dto::{RunDetail, StepDetail, StepStateWord};
use lp_api::{LogLines, Message, StepNews, message};
use std::collections::HashMap;
use std::io::{IsTerminal, Write};

/// Prints a run while it goes on: output of steps on standard output, everything about them on standard error.
#[derive(Debug, Default)]
pub struct Printer {
    shown: HashMap<(u32, u32), (StepStateWord, Message)>,
    last_speaker: Option<(u32, u32)>,
    /// Standard output stands in the middle of a line.
    in_a_line: bool,
}

impl Printer {
    /// Says which steps changed their state since the last call, and news about them.
    pub fn show_states(&mut self, detail: &RunDetail) {
        for stage in &detail.stages {
            for step in &stage.steps {
                let earlier = detail.is_of_an_earlier_attempt(stage.number, step);
                self.show_step(stage.number, &detail.label(stage, step), step, earlier);
            }
        }
    }

    /// The same of one step of this attempt of the run.
    pub fn show_news(&mut self, news: &StepNews) {
        self.show_step(news.stage, &news.label, &news.step, false);
    }

    fn show_step(&mut self, stage: u32, label: &str, step: &StepDetail, earlier: bool) {
        let key = (stage, step.number);
        let before = self.shown.get(&key).cloned();
        let (state_before, note_before) = before.unwrap_or((StepStateWord::Pending, Message::default()));
        // Its first line may have come before the news that it runs: what was announced is not taken back.
        let state = if step.state == StepStateWord::Starting { state_before } else { step.state };
        self.shown.insert(key, (state, step.note.clone()));
        if step.note != note_before && !step.note.is_empty() {
            self.leave_line();
            remark!("{}", paint("2", format_args!("  {}: {}", name(label), words(&step.note))));
        }
        if state != state_before {
            self.show_state(label, step, earlier);
        }
    }

    fn show_state(&mut self, label: &str, step: &StepDetail, earlier: bool) {
        let word = render::step_state(step.state);
        let label = name(label);
        let when = if earlier { message!(" in an earlier attempt") } else { Message::default() };
        let (code, mark, said) = match step.state {
            StepStateWord::Pending | StepStateWord::Starting => return,
            StepStateWord::Running => ("1", "▸", Message::default()),
            StepStateWord::Passed => ("32", "✓", message!(" {}{}{}", word, when, took(step))),
            StepStateWord::Skipped => ("2", "–", message!(" {}{}{}", word, when, why(step))),
            StepStateWord::Failed | StepStateWord::Errored | StepStateWord::Cancelled | StepStateWord::Interrupted => {
                ("31", "✗", message!(" {}{}{}{}", word, when, why(step), took(step)))
            }
        };
        self.leave_line();
        remark!("{}", paint(code, format_args!("{mark} {label}{}", words(&said))));
        self.last_speaker = None;
    }

    /// Prints output. When several steps speak in turn, each change is announced.
    pub fn show_lines(&mut self, lines: &LogLines) {
        let speaker = (lines.stage, lines.step);
        let (state, _) = self.shown.entry(speaker).or_insert((StepStateWord::Pending, Message::default()));
        let is_new = matches!(state, StepStateWord::Pending | StepStateWord::Starting);
        if is_new && !lines.earlier {
            *state = StepStateWord::Running;
        }
        let changes = self.last_speaker.is_some_and(|last| last != speaker);
        if is_new && lines.earlier {
            self.leave_line();
            remark!("{}", paint("2", format_args!("· {}", words(&message!("{}: output of an earlier attempt", lines.label)))));
        } else if is_new {
            self.leave_line();
            remark!("{}", paint("1", format_args!("▸ {}", name(&lines.label))));
        } else if changes {
            self.leave_line();
            remark!("{}", paint("2", format_args!("· {}", name(&lines.label))));
        }
        let mut out = std::io::stdout().lock();
        if self.in_a_line && changes {
            // The other step's line was not at its end.
            let _reader_gone = writeln!(out);
        }
        self.last_speaker = Some(speaker);
        for (place, line) in lines.lines.iter().enumerate() {
            let missing = lines.cut.iter().find(|(of, _)| *of == place);
            let rest = missing.map(|(_, bytes)| message!(" … ({} more bytes: see the log)", bytes)).unwrap_or_default();
            // A reader that went away (`| head`) is no reason to stop the run.
            let _reader_gone = writeln!(out, "{line}{}", words(&rest));
        }
        let _reader_gone = write!(out, "{}", lines.begun);
        self.in_a_line = !lines.begun.is_empty() || self.in_a_line && lines.lines.is_empty() && !changes;
        let _reader_gone = out.flush();
    }

    /// Begins a new line where both streams are one terminal and a step's line is not at its end.
    fn leave_line(&mut self) {
        if self.in_a_line && std::io::stdout().is_terminal() && std::io::stderr().is_terminal() {
            let _reader_gone = writeln!(std::io::stdout());
            self.in_a_line = false;
        }
    }

    /// Says how it ended.
    pub fn show_end(&mut self, detail: &RunDetail) {
        self.show_states(detail);
        self.leave_line();
        for stage in detail.stages.iter().filter(|stage| !stage.message.is_empty()) {
            wrong(&message!("stage `{}`", stage.name), &stage.message, &stage.hint);
        }
        let steps = detail.stages.iter().flat_map(|stage| stage.steps.iter().map(move |step| (stage, step)));
        for (stage, step) in steps.filter(|(_, step)| !step.message.is_empty()) {
            wrong(&message!("step `{}`", detail.label(stage, step)), &step.message, &step.hint);
        }
        let took = detail.run.duration_ms().map(|ms| message!(" in {}", render::duration(ms))).unwrap_or_default();
        mention!("run {} {}{}", detail.run.number, render::run_state(detail.run.state), took);
    }
}

fn wrong(what: &Message, message: &Message, hint: &Message) {
    let language = Language::spoken();
    render::problem(&format!("{}: ", language.words(what)), message, hint, language);
}

fn took(step: &StepDetail) -> Message {
    step.duration_ms().map(|ms| message!(" in {}", render::duration(ms))).unwrap_or_default()
}

fn why(step: &StepDetail) -> Message {
    let reason = match step.reason.as_str() {
        "" => match step.exit_code {
            Some(code) if code != 0 => return message!(" with exit code {}", code),
            _ => return Message::default(),
        },
        "out_of_memory" => message!("out of memory"),
        "timed_out" => message!("time limit reached"),
        "after_failure" => message!("something failed before it"),
        "nothing_failed" => message!("runs only after a failure"),
        "ended_early" => message!("the stage was ended early"),
        "cancelled" => message!("cancelled"),
        "stage_errored" => message!("the stage could not be prepared"),
        "lost" => message!("lost"),
        "unattended" => message!("the app ended in the middle of it"),
        other => Message::verbatim(other),
    };
    message!(" ({})", reason)
}
