//! Why nothing runs, or less than everything.

use crate::shared::when::Mismatch;
use lp_model::{Code, EventFacts, LeftOut, Message, Span, What, message};
use lp_yaml::Findings;

/// Why something does not run for this event, collected for the warning that nothing does.
#[derive(Debug, Default)]
pub(crate) struct Reasons {
    /// The first of them, for the warning.
    first: Vec<Message>,
    /// All of them, for the plan.
    left_out: Vec<LeftOut>,
    /// The file that is decided now, where there are several.
    file: String,
}

/// Most reasons, and most lines of one, that are told of a list of conditions.
const MAX_TOLD: usize = 4;
/// Most of what is left out that a plan names.
const MAX_LEFT_OUT: usize = 500;

impl Reasons {
    /// `what` names the step or stage in a sentence; of several alternatives each has its mismatch.
    pub fn add(&mut self, what: What<'_>, (stage, step): (&str, &str), mismatches: &[Mismatch]) {
        let mut told: Vec<(&Mismatch, Vec<u32>)> = Vec::new();
        for mismatch in mismatches {
            let same = |(other, _): &&mut (&Mismatch, Vec<u32>)| other.key == mismatch.key && other.found == mismatch.found;
            match told.iter_mut().find(same) {
                Some((_, lines)) => lines.push(mismatch.span.line),
                None => told.push((mismatch, vec![mismatch.span.line])),
            }
        }
        let (mut of_what, mut short) = (None, None);
        for (mismatch, lines) in told.into_iter().take(MAX_TOLD) {
            let lines: Vec<String> = lines.iter().take(MAX_TOLD).map(u32::to_string).collect();
            let (key, line) = (mismatch.key, lines.join(", "));
            let (of_this, this) = match mismatch.found.as_deref() {
                None => {
                    (message!("`{}` of {} does not hold (line {})", key, what, line), message!("`{}` does not hold (line {})", key, line))
                }
                Some("") => (
                    message!("`{}` of {} does not hold (line {}): there is none", key, what, line),
                    message!("`{}` does not hold (line {}): there is none", key, line),
                ),
                Some(found) => (
                    message!("`{}` of {} does not hold (line {}): it is `{}`", key, what, line, found),
                    message!("`{}` does not hold (line {}): it is `{}`", key, line, found),
                ),
            };
            // What it is about is said once.
            of_what = Some(of_what.map_or(of_this, |all: Message| message!("{}; {}", all, this.clone())));
            short = Some(short.map_or(this.clone(), |all: Message| message!("{}; {}", all, this)));
        }
        if let (Some(of_what), Some(short)) = (of_what, short) {
            self.push(of_what, stage, step, short);
        }
    }

    /// A workflow that cannot do without one that does not run.
    pub fn needs(&mut self, what: What<'_>, stage: &str, needed: &str, span: Span) {
        let of_what = message!("{} needs `{}`, which is left out (line {})", what, needed, span.line);
        self.push(of_what, stage, "", message!("it needs `{}`, which is left out", needed));
    }

    /// What comes next stands in that file; empty where there is only one.
    pub fn now_in(&mut self, file: &str) {
        file.clone_into(&mut self.file);
    }

    /// What the plan says about it.
    pub fn into_left_out(self) -> Vec<LeftOut> {
        self.left_out
    }

    fn push(&mut self, of_what: Message, stage: &str, step: &str, reason: Message) {
        if self.first.len() < 3 && !self.first.contains(&of_what) {
            self.first.push(of_what);
        }
        let left_out = LeftOut { stage: stage.to_owned(), step: step.to_owned(), file: self.file.clone(), reason };
        if self.left_out.len() < MAX_LEFT_OUT {
            self.left_out.push(left_out);
        }
    }

    /// Tells why the plan is empty. `event` is the word for the event.
    pub fn warn(&self, event: &str, facts: &EventFacts, findings: &mut Findings<'_>) {
        let message = match (facts.tag(), &facts.target) {
            (_, Some(target)) => message!("nothing in this file runs for the event `{}` to `{}`", event, target),
            (Some(tag), _) => message!("nothing in this file runs for the event `{}` of `{}`", event, tag),
            _ if facts.commit.branch.is_empty() => message!("nothing in this file runs for the event `{}`", event),
            _ => message!("nothing in this file runs for the event `{}` on `{}`", event, facts.commit.branch),
        };
        let found = findings.warning(Code::NothingWouldRun, None, message);
        if let Some(reasons) = self.first.iter().cloned().reduce(|all, next| message!("{}; {}", all, next)) {
            found.help(reasons);
        }
    }
}
