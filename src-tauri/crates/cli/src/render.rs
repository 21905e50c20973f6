//! How things look in a terminal: errors with the file's lines underlined, states in words, times.

use crate::language::Language;
use crate::say::{Styled, clean, paint, to_terminal};
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use lp_api::dto::{ApiError, Finding, FindingSeverity, LeftOut, RunStateWord, StepStateWord};
use lp_api::{Message, message};

/// Prints an error with its findings and its hint on standard error.
pub fn error(error: &ApiError, language: Language) {
    findings(&error.findings, language);
    problem("", &error.message, &error.hint, language);
}

/// Prints what is wrong, with its subject if it is not the message's own, and what to do about it.
pub fn problem(subject: &str, message: &Message, hint: &Message, language: Language) {
    paragraph(&format_args!("{}: {subject}", paint("1;31", language.words(&message!("error")))), &language.words(message));
    if !hint.is_empty() {
        paragraph(&format_args!("  {}: ", paint("1;36", language.words(&message!("help")))), &language.words(hint));
    }
}

/// Prints a text of several lines behind a heading: the further ones are indented, so that none of them looks like a line of ours.
pub fn paragraph(heading: &dyn std::fmt::Display, text: &str) {
    let mut lines = text.trim_end().lines();
    remark!("{heading}{}", lines.next().unwrap_or_default());
    lines.for_each(|line| remark!("    {line}"));
}

/// Prints findings on standard error, each with its lines underlined.
pub fn findings(findings: &[Finding], language: Language) {
    for finding in findings {
        remark!("{}", self::finding(finding, language, to_terminal(&std::io::stderr())));
        remark!("");
    }
}

/// Most things left out that are printed.
const MOST_LEFT_OUT: usize = 8;

/// Prints on standard error what a condition keeps out of a run.
pub fn left_out(left_out: &[LeftOut], language: Language) {
    for one in left_out.iter().take(MOST_LEFT_OUT) {
        let said = message!("{} left out: {}", one.name, one.reason);
        remark!("{} {}", paint("2", "–"), language.words(&said));
    }
    if left_out.len() > MOST_LEFT_OUT {
        let said = message!("{} more are left out; `letterpress plan` names them", left_out.len() - MOST_LEFT_OUT);
        remark!("{} {}", paint("2", "–"), language.words(&said));
    }
}

/// A finding with its lines underlined.
pub fn finding(finding: &Finding, language: Language, colours: bool) -> Styled {
    let level = match finding.severity {
        FindingSeverity::Error => Level::ERROR.with_name(language.words(&message!("error"))),
        FindingSeverity::Warning => Level::WARNING.with_name(language.words(&message!("warning"))),
        FindingSeverity::Note => Level::NOTE.with_name(language.words(&message!("note"))),
    };
    let renderer = if colours { Renderer::styled() } else { Renderer::plain() };
    let title = level.primary_title(clean(&language.words(&finding.message))).id(&finding.code);
    let file = clean(&finding.file);
    let mut group = match &finding.excerpt {
        Some(excerpt) => {
            let source = excerpt.lines.iter().map(|line| visible(line)).collect::<Vec<_>>().join("\n");
            let range = offset(&source, excerpt.first_line, excerpt.line, excerpt.column)
                ..offset(&source, excerpt.first_line, excerpt.end_line, excerpt.end_column);
            let snippet = Snippet::source(source).path(&file).line_start(excerpt.first_line as usize);
            title.element(snippet.annotation(AnnotationKind::Primary.span(range)))
        }
        None => title.element(annotate_snippets::Origin::path(&file)),
    };
    if let Some(words) = &finding.help {
        group = group.element(Level::HELP.with_name(language.words(&message!("help"))).message(clean(&language.words(words))));
    }
    Styled(renderer.render(&[group]))
}

/// A line of a file with each hidden character as one that can be seen, so that columns stay what they are. Tabs are the renderer's.
fn visible(line: &str) -> String {
    line.chars().map(|c| if c == '\t' || clean(c.encode_utf8(&mut [0; 4])).chars().nth(1).is_none() { c } else { '\u{fffd}' }).collect()
}

/// Byte offset of a line and column (both from 1, columns in characters) in a text whose first line has that number.
fn offset(text: &str, first_line: u32, line: u32, column: u32) -> usize {
    let mut start = 0;
    for (index, content) in text.split_inclusive('\n').enumerate() {
        if first_line + index as u32 == line {
            let inside = content.trim_end_matches('\n');
            let bytes = inside.char_indices().nth(column.saturating_sub(1) as usize).map_or(inside.len(), |(at, _)| at);
            return start + bytes;
        }
        start += content.len();
    }
    text.len()
}

/// The word for a run's state.
pub fn run_state(state: RunStateWord) -> Message {
    match state {
        RunStateWord::Queued => message!("queued"),
        RunStateWord::Running => message!("running"),
        RunStateWord::Passed => message!("passed"),
        RunStateWord::Failed => message!("failed"),
        RunStateWord::Errored => message!("errored"),
        RunStateWord::Cancelled => message!("cancelled"),
        RunStateWord::TimedOut => message!("timed out"),
        RunStateWord::Interrupted => message!("interrupted"),
    }
}

/// The word for a step's state.
pub fn step_state(state: StepStateWord) -> Message {
    match state {
        StepStateWord::Pending => message!("pending"),
        StepStateWord::Starting => message!("starting"),
        StepStateWord::Running => message!("running"),
        StepStateWord::Passed => message!("passed"),
        StepStateWord::Failed => message!("failed"),
        StepStateWord::Errored => message!("errored"),
        StepStateWord::Skipped => message!("skipped"),
        StepStateWord::Cancelled => message!("cancelled"),
        StepStateWord::Interrupted => message!("interrupted"),
    }
}

/// A duration in words: `0.4 s`, `12 s`, `3 min 05 s`.
pub fn duration(milliseconds: i64) -> Message {
    let seconds = milliseconds.max(0) / 1000;
    match seconds {
        0..10 => message!("{} s", format_args!("{:.1}", milliseconds.max(0) as f64 / 1000.0)),
        10..60 => message!("{} s", seconds),
        _ => message!("{} min {} s", seconds / 60, format_args!("{:02}", seconds % 60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lp_api::dto::Excerpt;

    #[test]
    fn the_range_is_underlined_also_after_chinese_text() {
        let finding = Finding {
            code: "wrong-type".into(),
            severity: FindingSeverity::Error,
            message: message!("{} must be {}, not {}", "`commands`", message!("a list"), message!("a text")),
            help: Some(message!("did you mean `{}`?", "- npm test")),
            file: ".drone.yml".into(),
            excerpt: Some(Excerpt {
                first_line: 3,
                lines: vec!["steps:".into(), "- name: 构建".into(), "  commands: 7".into()],
                line: 4,
                column: 9,
                end_line: 4,
                end_column: 11,
            }),
        };
        let text = self::finding(&finding, Language::En, false).0;
        assert!(text.contains("error[wrong-type]"), "{text}");
        assert!(text.contains("--> .drone.yml:4:9"), "{text}");
        assert!(text.contains("^^^^"), "two wide characters are underlined: {text}");
        assert!(text.contains("did you mean `- npm test`?"), "{text}");
        let text = self::finding(&finding, Language::Zh, false).0;
        assert!(text.contains("错误[wrong-type]") && text.contains("`commands` 应为列表，而不是文本") && text.contains("建议"), "{text}");
    }

    /// In columns of a terminal: where the underline begins behind the margin, and how long it is.
    fn underline(line: &str, columns: std::ops::Range<u32>) -> (usize, usize) {
        let excerpt =
            Excerpt { first_line: 1, lines: vec![line.into()], line: 1, column: columns.start, end_line: 1, end_column: columns.end };
        let (code, severity) = ("x".into(), FindingSeverity::Error);
        let message = Message::verbatim("x");
        let finding = Finding { code, severity, message, help: None, file: "f".into(), excerpt: Some(excerpt) };
        let text = self::finding(&finding, Language::En, false).0;
        let margin = "1 | ".len();
        let marked = text.lines().find(|line| line.contains('^')).unwrap_or_else(|| panic!("no underline:\n{text}"));
        (marked.find('^').expect("just found") - margin, marked.matches('^').count())
    }

    #[test]
    fn wide_characters_count_as_the_terminal_shows_them() {
        for (line, columns, expected) in [
            ("a: xy", 4..6, (3, 2)),
            ("构建: xy", 5..7, (6, 2)),
            ("a: 构建", 4..6, (3, 4)),
            ("{名: 好, 值: 错}", 11..12, (13, 2)),
            ("Ａ: ｱ", 4..5, (4, 1)),
            ("한국: 値", 5..6, (6, 2)),
            ("🚀: x", 4..5, (4, 1)),
            ("a: 🚀🚀", 4..6, (3, 4)),
            // An accent of its own, and what joins two pictures, take no place.
            ("e\u{301}: x", 5..6, (3, 1)),
            ("👩\u{200d}💻: x", 6..7, (6, 1)),
            // A tab is printed as four blanks.
            ("a:\tx", 4..5, (6, 1)),
            ("a:\t构\tx", 6..7, (12, 1)),
            // Nothing is underlined by one mark: something is missing there.
            ("构建:", 4..4, (5, 1)),
        ] {
            assert_eq!(underline(line, columns.clone()), expected, "{line} {columns:?}");
        }
    }

    #[test]
    fn a_range_far_to_the_right_is_shown() {
        let line = format!("a: {}, b: 错错", "x".repeat(500));
        let text = self::finding(
            &Finding {
                code: "x".into(),
                severity: FindingSeverity::Note,
                message: Message::verbatim("x"),
                help: None,
                file: "f".into(),
                excerpt: Some(Excerpt { first_line: 1, lines: vec![line], line: 1, column: 509, end_line: 1, end_column: 511 }),
            },
            Language::En,
            false,
        )
        .0;
        assert!(text.contains("错错") && text.contains("^^^^") && text.lines().all(|line| line.len() < 200), "{text}");
    }

    #[test]
    fn durations_are_words() {
        assert_eq!(duration(420), "0.4 s");
        assert_eq!(duration(12_900), "12 s");
        assert_eq!(duration(185_000), "3 min 05 s");
        assert_eq!(duration(-5), "0.0 s");
    }
}
