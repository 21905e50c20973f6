//! The history: pages of runs by filter.
//!
//! A filter that is not set is not in the query, so that each combination has its own plan and its index. Where several states are wanted, each is
//! read from its index for itself and the newest of them are taken; how a text is found stands in [`crate::search`]. The page ends where the next
//! one begins: a cursor is the key of a row, never a number of rows to be skipped.

use super::read::{self, Row, select_runs};
use super::{Run, RunState};
use crate::search::{LOOKED_AT, Words};
use crate::{Store, StoreError};
use lp_model::ProjectId;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

/// Longest page of [`Store::runs`].
const PAGE: u32 = 500;
/// Milliseconds of a day, as `run_day` counts them.
const DAY_MS: i64 = 86_400_000;

/// Where a page of runs ended: give it back for the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunCursor {
    key: i64,
}

impl From<&Run> for RunCursor {
    fn from(run: &Run) -> Self {
        Self { key: run.key }
    }
}

/// Which runs to list. The default lists all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Only those of this project.
    pub project: Option<ProjectId>,
    /// Only those of the workflow with this name.
    pub workflow: Option<String>,
    /// Only those with this target environment.
    pub target: Option<String>,
    /// Only those that this person started.
    pub actor: Option<String>,
    /// Only those in one of these states; empty: in any.
    pub states: Vec<RunState>,
    /// Only those that were asked for then or later, milliseconds since 1970 UTC.
    pub from_ms: Option<i64>,
    /// Only those that were asked for before then, milliseconds since 1970 UTC.
    pub until_ms: Option<i64>,
    /// Only those in which every word of this text begins a word (Chinese: is contained) of version, workflow, project, person, branch, target,
    /// value, message, note or excerpt; or with this number (`7` or `#7`).
    pub text: Option<String>,
}

/// The rows of some keys.
const OF_KEYS: &str = select_runs!(
    "FROM json_each(?1) AS wanted CROSS JOIN run ON run.key = wanted.value CROSS JOIN project ON project.key = run.project_key \
     ORDER BY run.key DESC"
);

/// A text that is looked for: the words of it, and the number that it may be.
struct Sought {
    words: Option<Words>,
    number: Option<i64>,
}

impl RunFilter {
    fn sought(&self) -> Option<Sought> {
        let text = self.text.as_deref().map(str::trim).filter(|text| !text.is_empty())?;
        Some(Sought { words: Words::of(text), number: text.trim_start_matches('#').parse().ok() })
    }
}

impl Store {
    /// Runs, newest first, at most `limit` (and never more than 500), after `after`.
    pub async fn runs(&self, filter: &RunFilter, after: Option<&RunCursor>, limit: u32) -> Result<Vec<Run>, StoreError> {
        let before = after.map_or(i64::MAX, |cursor| cursor.key);
        let limit = i64::from(limit.min(PAGE));
        let rows: Vec<Row> = match filter.sought() {
            None => page(filter, before, limit).build_query_as().fetch_all(&self.readers).await?,
            Some(sought) => {
                let mut moment = self.readers.begin().await?;
                let keys = found(&mut moment, filter, &sought, before, limit).await?;
                let keys = serde_json::json!(keys).to_string();
                let rows = sqlx::query_as(OF_KEYS).bind(keys).fetch_all(&mut *moment).await?;
                moment.commit().await?;
                rows
            }
        };
        read::all(rows)
    }
}

/// The keys of the newest runs before `before` in which a text is found.
async fn found(
    connection: &mut SqliteConnection,
    filter: &RunFilter,
    sought: &Sought,
    before: i64,
    limit: i64,
) -> Result<Vec<i64>, StoreError> {
    let mut keys: Vec<i64> = Vec::new();
    if let Some(number) = sought.number {
        keys.extend(with_number(filter, number, before, limit).build_query_scalar::<i64>().fetch_all(&mut *connection).await?);
    }
    if let Some(words) = &sought.words {
        let oldest: Option<i64> = oldest_looked_at(filter, before).build_query_scalar().fetch_optional(&mut *connection).await?;
        let mut with_words: Vec<i64> = looked_at(filter, words, before, limit).build_query_scalar().fetch_all(&mut *connection).await?;
        let left = limit - with_words.len() as i64;
        if let Some(oldest) = oldest.filter(|_| left > 0) {
            with_words.extend(indexed(filter, words, oldest, left).build_query_scalar::<i64>().fetch_all(connection).await?);
        }
        keys.extend(with_words);
    }
    keys.sort_unstable_by(|a, b| b.cmp(a));
    keys.dedup();
    keys.truncate(usize::try_from(limit).unwrap_or_default());
    Ok(keys)
}

/// A page of runs that are not looked for by a text.
fn page(filter: &RunFilter, before: i64, limit: i64) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(select_runs!("FROM ("));
    newest(&mut query, filter, before, limit);
    query.push(") AS page CROSS JOIN run ON run.key = page.key CROSS JOIN project ON project.key = run.project_key ORDER BY page.key DESC");
    query
}

/// The runs with a number.
fn with_number(filter: &RunFilter, number: i64, before: i64, limit: i64) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new("");
    rows(&mut query, filter, before, limit, |query| {
        query.push(" AND run.number = ").push_bind(number);
        states(query, filter);
    });
    query
}

/// The last of the newest runs that are looked at one by one; nothing where these are all.
fn oldest_looked_at(filter: &RunFilter, before: i64) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new("SELECT key FROM (");
    newest(&mut query, filter, before, LOOKED_AT);
    query.push(") AS page ORDER BY key DESC LIMIT 1 OFFSET ").push_bind(LOOKED_AT - 1);
    query
}

/// Those of the newest runs that have the words.
fn looked_at(filter: &RunFilter, words: &Words, before: i64, limit: i64) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new("SELECT key FROM (");
    newest(&mut query, filter, before, LOOKED_AT);
    query.push(") AS page CROSS JOIN run_text ON run_text.run_key = page.key WHERE ");
    for (place, part) in words.parts().into_iter().enumerate() {
        query.push(if place > 0 { " AND instr(words, " } else { "instr(words, " }).push_bind(part).push(") > 0");
    }
    query.push(" ORDER BY key DESC LIMIT ").push_bind(limit);
    query
}

/// The runs that have the words, from the index of words.
fn indexed(filter: &RunFilter, words: &Words, before: i64, limit: i64) -> QueryBuilder<Sqlite> {
    let mut query =
        QueryBuilder::new("SELECT run.key FROM run_search CROSS JOIN run ON run.key = run_search.rowid WHERE run_search MATCH ");
    query.push_bind(words.expression()).push(" AND run_search.rowid < ");
    end(&mut query, filter, before);
    if filter.from_ms.is_some() {
        query.push(" AND run_search.rowid >= ");
        beginning(&mut query, filter);
    }
    conditions(&mut query, filter);
    states(&mut query, filter);
    query.push(" ORDER BY run_search.rowid DESC LIMIT ").push_bind(limit);
    query
}

/// The newest keys, in any of the wanted states: each state is read for itself, in the order of its index.
fn newest(query: &mut QueryBuilder<Sqlite>, filter: &RunFilter, before: i64, limit: i64) {
    let in_state = |query: &mut QueryBuilder<Sqlite>, state: Option<&RunState>| {
        rows(query, filter, before, limit, |query| {
            if let Some(state) = state {
                query.push(" AND run.state = ").push_bind(state.as_str());
            }
        });
    };
    if filter.states.len() < 2 {
        return in_state(query, filter.states.first());
    }
    query.push("SELECT key FROM (");
    for (place, state) in filter.states.iter().enumerate() {
        query.push(if place > 0 { " UNION SELECT key FROM (" } else { "SELECT key FROM (" });
        in_state(query, Some(state));
        query.push(")");
    }
    query.push(") ORDER BY key DESC LIMIT ").push_bind(limit);
}

/// The newest keys before `before` that a filter lets through, from the index that fits best.
fn rows<'a>(
    query: &mut QueryBuilder<Sqlite>,
    filter: &'a RunFilter,
    before: i64,
    limit: i64,
    more: impl FnOnce(&mut QueryBuilder<Sqlite>) + 'a,
) {
    query.push("SELECT run.key FROM run WHERE run.key < ");
    end(query, filter, before);
    if filter.from_ms.is_some() {
        query.push(" AND run.key >= ");
        beginning(query, filter);
    }
    conditions(query, filter);
    more(query);
    query.push(" ORDER BY run.key DESC LIMIT ").push_bind(limit);
}

/// The key that all keys are below: one bound for page and time together, because SQLite uses only one.
fn end(query: &mut QueryBuilder<Sqlite>, filter: &RunFilter, before: i64) {
    match filter.until_ms {
        None => query.push_bind(before),
        Some(until) => {
            query.push("min(").push_bind(before);
            query.push(", (SELECT max(last_key) + 1 FROM run_day WHERE day <= ").push_bind(until / DAY_MS).push("))")
        }
    };
}

/// The lowest key of the days that are meant.
fn beginning(query: &mut QueryBuilder<Sqlite>, filter: &RunFilter) {
    let from = filter.from_ms.unwrap_or(i64::MIN);
    query.push("(SELECT min(first_key) FROM run_day WHERE day >= ").push_bind(from / DAY_MS).push(")");
}

fn conditions(query: &mut QueryBuilder<Sqlite>, filter: &RunFilter) {
    if let Some(project) = &filter.project {
        query.push(" AND run.project_key = (SELECT key FROM project WHERE id = ").push_bind(project.as_str().to_owned()).push(")");
    }
    let words =
        [(" AND run.workflow_name = ", &filter.workflow), (" AND run.target = ", &filter.target), (" AND run.actor = ", &filter.actor)];
    for (condition, word) in words {
        if let Some(word) = word {
            query.push(condition).push_bind(word.clone());
        }
    }
    if let Some(from) = filter.from_ms {
        query.push(" AND run.created_ms >= ").push_bind(from);
    }
    if let Some(until) = filter.until_ms {
        query.push(" AND run.created_ms < ").push_bind(until);
    }
}

/// One of the wanted states, for rows that were found by something else.
fn states(query: &mut QueryBuilder<Sqlite>, filter: &RunFilter) {
    if let Some((first, others)) = filter.states.split_first() {
        // Not by an index: the rows are few, or in the order of another one.
        query.push(" AND +run.state IN (").push_bind(first.as_str());
        for state in others {
            query.push(", ").push_bind(state.as_str());
        }
        query.push(")");
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The queries of all combinations of filters.
    pub fn every_list() -> Vec<String> {
        let states = [vec![], vec![RunState::Failed], vec![RunState::Failed, RunState::Errored]];
        let words = Words::of("修复 7x").unwrap();
        let mut all = vec![OF_KEYS.to_owned()];
        for states in &states {
            for bits in 0..64_u32 {
                let set = |bit: u32| bits & (1 << bit) != 0;
                let word = |bit| set(bit).then(|| "word".to_owned());
                let filter = RunFilter {
                    project: set(0).then(|| ProjectId::parse("p").unwrap()),
                    workflow: word(1),
                    target: word(2),
                    actor: word(3),
                    states: states.clone(),
                    from_ms: set(4).then_some(5),
                    until_ms: set(5).then_some(6),
                    text: None,
                };
                let queries = [
                    page(&filter, 9, 50),
                    with_number(&filter, 7, 9, 50),
                    oldest_looked_at(&filter, 9),
                    looked_at(&filter, &words, 9, 50),
                    indexed(&filter, &words, 9, 50),
                ];
                all.extend(queries.map(QueryBuilder::into_string));
            }
        }
        all
    }
}
