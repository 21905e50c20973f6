//! Table `stage_run`: the cached status of the stages of a run.
//!
//! What is there of a stage is a column (`place`), because a sweep needs it without reading all events: `kept` files are claimed, `made`
//! places belong to a run that someone has to finish.

use crate::StoreError;
use crate::words::{from_column, to_column};
use lp_model::{EngineId, Message, Plan, StageNumber, StageState};
use sqlx::SqliteConnection;

/// What there is of a stage in its backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StagePlace {
    /// Nothing yet.
    None,
    /// It may be there, whole or in part.
    Made,
    /// Only its files are there, for a retry.
    Kept,
    /// What is there nobody will ask for: the next sweep removes it.
    Left,
    /// Nothing any more.
    Removed,
}

impl StagePlace {
    fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Made => "made",
            Self::Kept => "kept",
            Self::Left => "left",
            Self::Removed => "removed",
        }
    }

    fn parse(word: &str) -> Result<Self, StoreError> {
        let places = [Self::None, Self::Made, Self::Kept, Self::Left, Self::Removed];
        places.into_iter().find(|place| place.as_str() == word).ok_or_else(|| StoreError::unreadable("place of a stage", word))
    }
}

/// A stage of a run and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageRun {
    /// Its number in the plan.
    pub stage: StageNumber,
    /// Its name as in the file.
    pub name: String,
    /// How far it is.
    pub state: StageState,
    /// When its place began to be made, milliseconds since 1970 UTC.
    pub started_ms: Option<i64>,
    /// When it ended, milliseconds since 1970 UTC.
    pub ended_ms: Option<i64>,
    /// What went wrong with the stage itself, or empty.
    pub message: Message,
    /// What to do about it, or empty.
    pub hint: Message,
    /// What there is of it in its backend.
    pub place: StagePlace,
    /// The engine that it is on; `None` before it has one, and of stages of earlier versions of the app.
    pub engine: Option<EngineId>,
    /// What a person calls that engine, or empty.
    pub engine_name: Message,
    /// What could not be removed of it, in words.
    pub leftovers: Vec<Message>,
}

impl StageRun {
    /// One that waits.
    pub(crate) fn pending(stage: StageNumber, name: &str) -> Self {
        Self {
            stage,
            name: name.to_owned(),
            state: StageState::Pending,
            started_ms: None,
            ended_ms: None,
            message: Message::default(),
            hint: Message::default(),
            place: StagePlace::None,
            engine: None,
            engine_name: Message::default(),
            leftovers: Vec::new(),
        }
    }
}

pub(crate) async fn insert(connection: &mut SqliteConnection, run: i64, plan: &Plan) -> Result<(), StoreError> {
    for stage in &plan.stages {
        let (number, state) = (i64::from(stage.number.0), StageState::Pending.as_str());
        sqlx::query!("INSERT INTO stage_run (run_key, stage, name, state) VALUES (?1, ?2, ?3, ?4)", run, number, stage.name, state)
            .execute(&mut *connection)
            .await
            .map_err(|error| StoreError::from(error).about("stage"))?;
    }
    Ok(())
}

pub(crate) async fn read(connection: &mut SqliteConnection, run: i64) -> Result<Vec<StageRun>, StoreError> {
    let query = sqlx::query!(
        "SELECT stage, name, state, started_ms, ended_ms, message, hint, place, engine, engine_name, leftovers
         FROM stage_run WHERE run_key = ?1 ORDER BY stage",
        run
    );
    let rows = query.fetch_all(connection).await?;
    rows.into_iter()
        .map(|row| {
            Ok(StageRun {
                stage: StageNumber(u32::try_from(row.stage).map_err(|why| StoreError::unreadable("stage number", why))?),
                name: row.name,
                state: StageState::parse(&row.state).ok_or_else(|| StoreError::unreadable("stage state", &row.state))?,
                started_ms: row.started_ms,
                ended_ms: row.ended_ms,
                message: from_column(&row.message),
                hint: from_column(&row.hint),
                place: StagePlace::parse(&row.place)?,
                engine: row.engine.map(EngineId::new),
                engine_name: from_column(&row.engine_name),
                leftovers: serde_json::from_str(&row.leftovers).map_err(|why| StoreError::unreadable("leftovers", why))?,
            })
        })
        .collect()
}

pub(crate) async fn update(connection: &mut SqliteConnection, run: i64, stage: &StageRun) -> Result<(), StoreError> {
    let (number, state, place) = (i64::from(stage.stage.0), stage.state.as_str(), stage.place.as_str());
    let engine = stage.engine.as_ref().map(EngineId::as_str);
    let leftovers = serde_json::to_string(&stage.leftovers).map_err(|why| StoreError::unreadable("leftovers", why))?;
    let engine_name = to_column(&stage.engine_name);
    let (message, hint) = (to_column(&stage.message), to_column(&stage.hint));
    let query = sqlx::query!(
        "UPDATE stage_run SET state = ?3, started_ms = ?4, ended_ms = ?5, message = ?6, hint = ?7, place = ?8,
             engine = ?9, engine_name = ?10, leftovers = ?11
         WHERE run_key = ?1 AND stage = ?2",
        run,
        number,
        state,
        stage.started_ms,
        stage.ended_ms,
        message,
        hint,
        place,
        engine,
        engine_name,
        leftovers
    );
    query.execute(connection).await?;
    Ok(())
}

/// Leaves what is there of a run to the next sweep.
pub(crate) async fn leave(connection: &mut SqliteConnection, run: i64) -> Result<(), StoreError> {
    sqlx::query!("UPDATE stage_run SET place = 'left', leftovers = '[]' WHERE run_key = ?1 AND place IN ('made', 'kept')", run)
        .execute(connection)
        .await?;
    Ok(())
}
