//! `letterpress history`.

use crate::arguments::{Filter, Format, History, RunResult};
use crate::exit::ExitCode;
use crate::language::Language;
use crate::render;
use crate::say::{name, words};
use lp_api::App;
use lp_api::dto::{ApiError, RunFilter, RunPage, RunStateWord, RunSummary};
use std::sync::Arc;

/// Most runs of one page.
const PAGE: u32 = 200;

/// Prints runs, newest first.
pub async fn carry_out(app: &Arc<App>, wanted: History) -> Result<ExitCode, ApiError> {
    let project = match &wanted.folder {
        Some(folder) => Some(app.find_project(folder).await?.id),
        None => None,
    };
    let mut filter = RunFilter { after: wanted.after, ..filter_of(app, wanted.filter, project).await? };
    let is_filtered = filter != RunFilter::default();
    let mut left = wanted.limit.max(1);
    let mut found = RunPage { runs: Vec::new(), next: None };
    while left > 0 {
        filter.limit = left.min(PAGE);
        let page = app.runs(&filter).await?;
        left = left.saturating_sub(filter.limit);
        found.runs.extend(page.runs);
        found.next = page.next;
        let Some(next) = found.next.clone() else { break };
        filter.after = Some(next);
    }
    match wanted.format {
        Format::Json => crate::say::json(&found),
        Format::Text if found.runs.is_empty() && is_filtered => tell!("no such runs"),
        Format::Text if found.runs.is_empty() => tell!("no runs yet; start one with `letterpress run`"),
        Format::Text => found.runs.iter().for_each(print),
    }
    if let (Format::Text, Some(next)) = (wanted.format, &found.next) {
        mention!("there are more: add `--after {}` for what comes next, or `-n` for more at once", next);
    }
    Ok(ExitCode::Passed)
}

/// The filter that was written, for a project that is named already or by it.
pub async fn filter_of(app: &Arc<App>, wanted: Filter, named: Option<String>) -> Result<RunFilter, ApiError> {
    let project = match (named, &wanted.project) {
        (None, Some(word)) => Some(app.project_called(word).await?),
        (named, _) => named,
    };
    let moment = |text: Option<String>, to_its_end| text.map(|text| lp_api::moment(&text, to_its_end)).transpose();
    Ok(RunFilter {
        project,
        workflow: wanted.workflow,
        target: wanted.environment,
        actor: wanted.person,
        states: wanted.results.into_iter().map(state).collect(),
        from: moment(wanted.from, false)?,
        until: moment(wanted.until, true)?,
        text: wanted.text,
        after: None,
        limit: 0,
    })
}

fn state(result: RunResult) -> RunStateWord {
    match result {
        RunResult::Queued => RunStateWord::Queued,
        RunResult::Running => RunStateWord::Running,
        RunResult::Passed => RunStateWord::Passed,
        RunResult::Failed => RunStateWord::Failed,
        RunResult::Errored => RunStateWord::Errored,
        RunResult::Cancelled => RunStateWord::Cancelled,
        RunResult::TimedOut => RunStateWord::TimedOut,
        RunResult::Interrupted => RunStateWord::Interrupted,
    }
}

/// `shop #12  passed  1.1.0  Build and test  2026-11-23 22:20 +08:00  41 s  Fix the cart total`
fn print(run: &RunSummary) {
    let in_language = |wanted: &str| {
        let mut titles = run.workflow_title.iter();
        titles.find(|(tag, _)| tag.split('-').next() == Some(wanted)).map(|(_, title)| title)
    };
    let title = in_language(Language::spoken().tag()).or_else(|| in_language("en")).or_else(|| in_language("")).unwrap_or(&run.workflow);
    let version = if run.version_name.is_empty() { lp_api::local_date(&run.version_time) } else { run.version_name.clone() };
    let took = run.duration_ms().map(render::duration).unwrap_or_default();
    say!(
        "{} #{}  {}  {}  {}  {}  {}  {}",
        name(&run.project_name),
        run.number,
        words(&render::run_state(run.state)),
        name(&version),
        name(title),
        lp_api::local_time(&run.created),
        words(&took),
        name(&run.version_title)
    );
}
