//! Logs of steps: pulled by ranges of lines, searched, saved.

pub(crate) mod dto;
pub(crate) mod excerpts;
mod save;
pub(crate) mod search;

use crate::app::App;
use crate::dto::{ApiError, ErrorCode, LogCursor, LogHit, LogKey, LogMark, LogMarkKind, LogPart, LogRange, LogSummary, LogTime};
use crate::project::blocking;
use crate::run::parse_run;
use crate::time;
use lp_model::{RunId, StageNumber, StepKey, StepNumber, message};
use lp_store::logs::{LogLine, LogReader, Mark, MarkKind, Pattern};

/// Most lines of one range.
const MOST_LINES: usize = 400;
/// Most bytes of one range.
const MOST_BYTES: usize = 256 * 1024;

/// Most bytes of one part.
const PART_BYTES: usize = 512 * 1024;
/// Most hits of one search.
const MOST_HITS: usize = 1000;

impl LogKey {
    pub(crate) fn parse(&self) -> Result<(RunId, StepKey), ApiError> {
        let key = StepKey { stage: StageNumber(self.stage), step: StepNumber(self.step), attempt: self.attempt };
        Ok((parse_run(&self.run)?, key))
    }
}

impl App {
    /// Size and landmarks. A step that has not written yet has an empty log.
    ///
    /// # Errors
    /// `RunNotFound`, `StepNotFound`; `StoreUnavailable` when the file cannot be read.
    pub async fn log_summary(&self, key: &LogKey) -> Result<LogSummary, ApiError> {
        let complete = self.step_is_final(key).await?;
        let reader = self.reader(key).await?;
        blocking(move || {
            let Some(reader) = reader else { return Ok(LogSummary { lines: 0, bytes: 0, complete, marks: vec![] }) };
            let summary = reader.summary();
            Ok(LogSummary { lines: summary.lines, bytes: summary.bytes, complete, marks: marks(reader.marks(), summary.lines) })
        })
        .await
    }

    /// Some lines as they are drawn, at most 400 and 256 KB, and the line that comes next.
    ///
    /// # Errors
    /// As [`App::log_summary`].
    pub async fn log_range(&self, key: &LogKey, from: u64, count: u32) -> Result<LogRange, ApiError> {
        let reader = self.reader(key).await?;
        blocking(move || {
            let Some(mut reader) = reader else {
                return Ok(LogRange { from, lines: vec![], cut: vec![], next: None, times: vec![], total: 0 });
            };
            let range = reader.range(from, (count as usize).min(MOST_LINES), MOST_BYTES)?;
            let (next, range) = (range.next, range.lines);
            let cut = range.iter().enumerate().filter(|(_, line)| line.cut > 0).map(|(index, _)| index as u32).collect();
            let lines = range.iter().map(|line| String::from_utf8_lossy(&line.bytes).into_owned()).collect();
            Ok(LogRange { from, lines, cut, next, times: times(&reader, &range), total: reader.summary().lines })
        })
        .await
    }

    /// The text from a place on, at most 512 KB of it, and where it goes on: all parts together are the whole log, however long its lines are.
    ///
    /// # Errors
    /// As [`App::log_summary`].
    pub async fn log_part(&self, key: &LogKey, from: LogCursor) -> Result<LogPart, ApiError> {
        let reader = self.reader(key).await?;
        blocking(move || {
            let Some(mut reader) = reader else { return Ok(LogPart { text: String::new(), next: None }) };
            let part = reader.part(lp_store::logs::LogCursor { line: from.line, byte: from.byte }, PART_BYTES)?;
            let next = part.next.map(|next| LogCursor { line: next.line, byte: next.byte });
            Ok(LogPart { text: String::from_utf8_lossy(&part.bytes).into_owned(), next })
        })
        .await
    }

    /// Lines from `from` on that contain `query` (case does not matter), at most `limit` and 1 000.
    ///
    /// # Errors
    /// As [`App::log_summary`]; `BadRequest` for a very long text.
    pub async fn log_find(&self, key: &LogKey, query: &str, from: u64, limit: u32) -> Result<Vec<LogHit>, ApiError> {
        let Some(mut reader) = self.reader(key).await? else { return Ok(vec![]) };
        if query.is_empty() {
            return Ok(vec![]);
        }
        let pattern = Pattern::text(query)?;
        blocking(move || {
            let most = (limit as usize).min(MOST_HITS);
            let (mut hits, mut next) = (Vec::new(), Some(from));
            // A long log is searched in parts.
            while let Some(from) = next.filter(|_| hits.len() < most) {
                let found = reader.find(&pattern, from, &|| false)?;
                next = found.next;
                let left = most - hits.len();
                hits.extend(found.hits.iter().take(left).map(LogHit::from));
            }
            Ok(hits)
        })
        .await
    }

    /// A file name for the log: `shop-12-build.log`, or `shop-12-STAGE-build.log` where there are several stages.
    ///
    /// # Errors
    /// `RunNotFound`, `StepNotFound`.
    pub async fn log_file_name(&self, key: &LogKey) -> Result<String, ApiError> {
        let detail = self.run(&key.run).await?;
        let stage = detail.stages.iter().find(|stage| stage.number == key.stage).ok_or_else(no_step)?;
        let step = stage.steps.iter().find(|step| step.number == key.step).ok_or_else(no_step)?;
        let name = format!("{}-{}-{}.log", detail.run.project_name, detail.run.number, detail.label(stage, step));
        Ok(name.chars().map(|c| if c == '/' || c == '\\' || c.is_control() { '-' } else { c }).collect())
    }

    /// Hands all bytes of the log to `write`, in chunks.
    ///
    /// # Errors
    /// As [`App::log_summary`]. An error of `write` (a reader that went away) ends it quietly.
    pub async fn copy_log(&self, key: &LogKey, write: impl FnMut(&[u8]) -> std::io::Result<()> + Send + 'static) -> Result<(), ApiError> {
        struct Calls<F>(F, bool);
        impl<F: FnMut(&[u8]) -> std::io::Result<()>> std::io::Write for Calls<F> {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.1 = self.1 || (self.0)(bytes).is_err();
                Ok(bytes.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let Some(mut reader) = self.reader(key).await? else { return Ok(()) };
        blocking(move || Ok(reader.copy_to(&mut Calls(write, false)).map(|_| ())?)).await
    }

    /// Lines in a log; 0 when there is none or it cannot be read, which the log itself then says.
    pub(crate) async fn log_lines(&self, run: &RunId, key: StepKey) -> u64 {
        if let Some(lines) = self.logs.known_lines(run, key) {
            return lines;
        }
        let (logs, run) = (self.logs.clone(), run.clone());
        blocking(move || Ok(logs.lines(&run, key)?)).await.unwrap_or(0)
    }

    /// Lines from `from` on that will not change any more, at most 400 and 256 KB, and what is there of the line after them when those are
    /// all. Once the log is `complete`, a last line without its newline is a line.
    pub(crate) async fn log_news(&self, key: &LogKey, from: u64, complete: bool) -> Result<LogNews, ApiError> {
        let ((run, key), logs) = (key.parse()?, self.logs.clone());
        blocking(move || {
            let mut reader = match logs.reader(&run, key) {
                Ok(reader) => reader,
                Err(lp_store::StoreError::NotFound { .. }) => return Ok(LogNews::default()),
                Err(error) => return Err(error.into()),
            };
            let size = reader.summary();
            let is_open = !complete && reader.ends_in_a_line()?;
            let settled = size.lines - u64::from(is_open);
            let count = usize::try_from(settled.saturating_sub(from)).unwrap_or(MOST_LINES).min(MOST_LINES);
            let mut news = LogNews::default();
            if count > 0 {
                let range = reader.range(from, count, MOST_BYTES)?.lines;
                news.cut = range.iter().enumerate().filter(|(_, line)| line.cut > 0).map(|(place, line)| (place, line.cut)).collect();
                news.lines = range.iter().map(|line| String::from_utf8_lossy(&line.bytes).into_owned()).collect();
            }
            news.more = from + (news.lines.len() as u64) < settled;
            if is_open && !news.more {
                let line = reader.range(settled, 1, MOST_BYTES)?.lines.into_iter().next();
                news.begun = line.map(|line| begun_text(&line.bytes)).unwrap_or_default();
            }
            Ok(news)
        })
        .await
    }

    async fn step_is_final(&self, key: &LogKey) -> Result<bool, ApiError> {
        let (run, key) = key.parse()?;
        let detail = self.store.run_detail(&run).await?;
        let step = detail.steps.iter().find(|row| row.key.stage == key.stage && row.key.step == key.step).ok_or_else(no_step)?;
        Ok(step.state.is_final() || detail.run.state.is_final() || step.key.attempt > key.attempt)
    }

    /// The log's reader; `None` while there is no file yet.
    async fn reader(&self, key: &LogKey) -> Result<Option<LogReader>, ApiError> {
        let (run, key) = key.parse()?;
        let logs = self.logs.clone();
        blocking(move || match logs.reader(&run, key) {
            Ok(reader) => Ok(Some(reader)),
            Err(lp_store::StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        })
        .await
    }
}

/// Landmarks with the end of each command: where the next one begins, else where the log ends.
fn marks(marks: &[Mark], lines: u64) -> Vec<LogMark> {
    let mut end = lines;
    let mut all: Vec<LogMark> = Vec::with_capacity(marks.len());
    for mark in marks.iter().rev() {
        let kind = match mark.kind {
            MarkKind::Command => LogMarkKind::Command,
            MarkKind::Error => LogMarkKind::Error,
            MarkKind::Warning => LogMarkKind::Warning,
        };
        let is_command = kind == LogMarkKind::Command;
        all.push(LogMark { line: mark.line, kind, end: is_command.then_some(end) });
        if is_command {
            end = mark.line;
        }
    }
    all.reverse();
    all
}

/// The times of lines, each once.
fn times(reader: &LogReader, lines: &[LogLine]) -> Vec<LogTime> {
    let mut known = None;
    let mut all = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let time_ms = reader.time_ms(line.number);
        if time_ms != known
            && let Some(time_ms) = time_ms
        {
            all.push(LogTime { index: index as u32, time: time::to_text(time_ms) });
        }
        known = time_ms;
    }
    all
}

/// What is new in a log.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LogNews {
    /// Lines that are over.
    pub lines: Vec<String>,
    /// Which of them are only the beginning of one, and how many bytes are missing.
    pub cut: Vec<(usize, u64)>,
    /// The text of a line that is not.
    pub begun: String,
    /// There are more lines that are over.
    pub more: bool,
}

/// The text of a line that may go on in the middle of a character: so far as it will not become another one.
fn begun_text(bytes: &[u8]) -> String {
    let mut whole = bytes;
    while let Some(last) = whole.utf8_chunks().last().filter(|chunk| !chunk.invalid().is_empty()) {
        whole = &whole[..whole.len() - last.invalid().len()];
    }
    String::from_utf8_lossy(whole).into_owned()
}

fn no_step() -> ApiError {
    ApiError::new(ErrorCode::StepNotFound, message!("there is no such step in this run"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AppOptions;

    #[tokio::test]
    async fn a_whole_line_is_settled_at_once_and_a_begun_one_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let options = AppOptions::without_engine(folder.path());
        let app = App::open(options).await.unwrap();
        let key = LogKey { run: "run-1".into(), stage: 1, step: 1, attempt: 1 };
        let (run, step) = key.parse().unwrap();
        let mut writer = app.logs.writer(&run, step, 0).unwrap();
        let news = async |from, complete| app.log_news(&key, from, complete).await.unwrap();
        let expected = |lines: &[&str], begun: &str| LogNews {
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
            cut: vec![],
            begun: begun.into(),
            more: false,
        };
        writer.append(b"waiting\n", 0, None).unwrap();
        assert_eq!(news(0, false).await, expected(&["waiting"], ""));
        writer.append("50 % 构".as_bytes().split_last().unwrap().1, 0, None).unwrap();
        assert_eq!(news(0, false).await, expected(&["waiting"], "50 % "), "half a character is not shown");
        assert_eq!(news(1, false).await, expected(&[], "50 % "));
        assert_eq!(news(1, true).await, expected(&["50 % \u{fffd}"], ""));
        writer.append(format!("\n{}\n", "x".repeat(1 << 20)).as_bytes(), 0, None).unwrap();
        let long = news(2, true).await;
        assert_eq!(long.cut, [(0, (1 << 20) - long.lines[0].len() as u64)], "a cut line says so");
        app.shutdown().await;
    }

    #[tokio::test]
    async fn each_line_has_its_second_each_command_its_end_and_no_error_hides_behind_warnings() {
        let folder = tempfile::tempdir().unwrap();
        let app = crate::testing::open(folder.path()).await;
        let pipeline = "kind: pipeline\ntype: exec\nname: default\nsteps:\n- {name: say, commands: ['true']}\n";
        let project = crate::testing::project(&app, folder.path(), pipeline).await;
        let run = app.start_run(&crate::testing::request(&app, &project).await).await.unwrap();
        crate::testing::wait_until_over(&app, &run).await;
        let key = LogKey { run, stage: 1, step: 1, attempt: 2 };
        let (id, step) = key.parse().unwrap();
        let mut writer = app.logs.writer(&id, step, 0).unwrap();
        writer.append(b"+ npm ci\nadded\n", 1_000, None).unwrap();
        writer.append(b"+ npm test\n", 61_500, None).unwrap();
        writer.append("warning: old\n".repeat(10_500).as_bytes(), 61_900, None).unwrap();
        writer.append(b"error: no\n", 3_600_000, None).unwrap();
        writer.finish().unwrap();
        let range = app.log_range(&key, 1, 4).await.unwrap();
        let at = |index, text: &str| LogTime { index, time: text.into() };
        assert_eq!(range.times, [at(0, "1970-01-01T00:00:01.000Z"), at(1, "1970-01-01T00:01:01.500Z")]);
        assert_eq!(app.log_range(&key, 10_503, 1).await.unwrap().times, [at(0, "1970-01-01T01:00:00.000Z")]);
        let marks = app.log_summary(&key).await.unwrap().marks;
        let command = |line, end| LogMark { line, kind: LogMarkKind::Command, end: Some(end) };
        assert_eq!(marks[..2], [command(0, 2), command(2, 10_504)]);
        assert_eq!(marks.last(), Some(&LogMark { line: 10_503, kind: LogMarkKind::Error, end: None }));
        app.shutdown().await;
    }

    #[tokio::test]
    async fn a_word_at_the_end_of_a_long_log_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let options = AppOptions::without_engine(folder.path());
        let app = App::open(options).await.unwrap();
        let key = LogKey { run: "run-1".into(), stage: 1, step: 1, attempt: 1 };
        let (run, step) = key.parse().unwrap();
        let mut writer = app.logs.writer(&run, step, 0).unwrap();
        let block = format!("{}\n", "x".repeat(1023)).repeat(1024);
        for _ in 0..70 {
            writer.append(block.as_bytes(), 0, None).unwrap();
        }
        writer.append(b"the needle\n", 0, None).unwrap();
        writer.finish().unwrap();
        let hits = app.log_find(&key, "NEEDLE", 0, 10).await.unwrap();
        let expected = LogHit { line: 70 * 1024, before: "the ".into(), found: "needle".into(), after: String::new() };
        assert_eq!(hits, [expected]);
        app.shutdown().await;
    }
}
