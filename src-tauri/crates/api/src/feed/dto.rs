use serde::{Deserialize, Serialize};
use std::fmt;
use ts_rs::TS;

/// What may be out of date: an answer of a use case that reads. Use cases that change something name the tags of all answers that are others now;
/// a front end asks again for what it shows under one of them, and decides nothing itself. Crosses as text, such as `run/ID`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(into = "String", try_from = "String")]
#[ts(
    type = "\"everything\" | \"projects\" | \"plans\" | \"runs\" | \"queue\" | \"kept\" | \"secrets\" | \"settings\" | \"status\" | \"activities\" | `project/${string}` | `plan/${string}` | `runs/${string}` | `run/${string}` | `log/${string}`"
)]
pub enum Tag {
    /// Every answer: notices were lost, or somebody wrote of whom it is not known what.
    Everything,
    /// The list of projects.
    Projects,
    /// One project, by id.
    Project(String),
    /// What a run would do, in every project: previews and reports.
    Plans,
    /// What a run of one project would do, by the project's id.
    Plan(String),
    /// Lists of runs.
    Runs,
    /// Lists of the runs of one project, by its id.
    RunsOf(String),
    /// One run, by id.
    Run(String),
    /// One log.
    Log {
        /// Of this run.
        run: String,
        /// Of this stage.
        stage: u32,
        /// Of this step.
        step: u32,
        /// Of this attempt of the step.
        attempt: u32,
    },
    /// What is under way, and who waits for what.
    Queue,
    /// Files that are kept for retries.
    Kept,
    /// Names of secrets, and who may have them.
    Secrets,
    /// What the user set.
    Settings,
    /// Engines, owner of the data folder, disk.
    Status,
    /// Long work.
    Activities,
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => f.write_str("everything"),
            Self::Projects => f.write_str("projects"),
            Self::Project(id) => write!(f, "project/{id}"),
            Self::Plans => f.write_str("plans"),
            Self::Plan(project) => write!(f, "plan/{project}"),
            Self::Runs => f.write_str("runs"),
            Self::RunsOf(project) => write!(f, "runs/{project}"),
            Self::Run(id) => write!(f, "run/{id}"),
            Self::Log { run, stage, step, attempt } => write!(f, "log/{run}/{stage}/{step}/{attempt}"),
            Self::Queue => f.write_str("queue"),
            Self::Kept => f.write_str("kept"),
            Self::Secrets => f.write_str("secrets"),
            Self::Settings => f.write_str("settings"),
            Self::Status => f.write_str("status"),
            Self::Activities => f.write_str("activities"),
        }
    }
}

impl From<Tag> for String {
    fn from(tag: Tag) -> Self {
        tag.to_string()
    }
}

impl TryFrom<String> for Tag {
    type Error = String;

    /// A tag of another version is an error: its reader takes everything for stale.
    fn try_from(text: String) -> Result<Self, String> {
        let parts: Vec<&str> = text.split('/').collect();
        let number = |part: &str| part.parse::<u32>().map_err(|_| format!("`{text}` is no tag"));
        Ok(match parts[..] {
            ["everything"] => Self::Everything,
            ["projects"] => Self::Projects,
            ["project", id] => Self::Project(id.to_owned()),
            ["plans"] => Self::Plans,
            ["plan", project] => Self::Plan(project.to_owned()),
            ["runs"] => Self::Runs,
            ["runs", project] => Self::RunsOf(project.to_owned()),
            ["run", id] => Self::Run(id.to_owned()),
            ["log", run, stage, step, attempt] => {
                Self::Log { run: run.to_owned(), stage: number(stage)?, step: number(step)?, attempt: number(attempt)? }
            }
            ["queue"] => Self::Queue,
            ["kept"] => Self::Kept,
            ["secrets"] => Self::Secrets,
            ["settings"] => Self::Settings,
            ["status"] => Self::Status,
            ["activities"] => Self::Activities,
            _ => return Err(format!("`{text}` is no tag")),
        })
    }
}

/// A place in the feed of one process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct FeedPlace {
    /// Which life of which process: numbers of another one say nothing here.
    pub epoch: String,
    /// Number of the last notice before this place; 0 before the first.
    #[ts(type = "number")]
    pub number: u64,
}

/// Something changed: ask again for what is shown under one of the tags. Numbers of one epoch rise by one, so that a lost notice is found by
/// its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Notice {
    /// Which life of which process.
    pub epoch: String,
    /// From 1.
    #[ts(type = "number")]
    pub number: u64,
    /// What is stale.
    pub tags: Vec<Tag>,
    /// For a log that has grown: how long it is now. At most 30 a second for each log.
    pub log: Option<LogSize>,
}

/// How long a log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct LogSize {
    /// Lines in it; a last line without a newline counts.
    #[ts(type = "number")]
    pub lines: u64,
    /// Bytes in it.
    #[ts(type = "number")]
    pub bytes: u64,
}

impl Notice {
    /// Whether an answer under this tag is stale.
    pub fn is_about(&self, tag: &Tag) -> bool {
        self.tags.iter().any(|told| *told == Tag::Everything || told == tag)
    }

    /// Whether something of this run is stale: its state, or one of its logs.
    pub fn is_about_run(&self, id: &str) -> bool {
        self.tags.iter().any(|told| match told {
            Tag::Everything => true,
            Tag::Run(run) | Tag::Log { run, .. } => run == id,
            _ => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_crosses_as_text_and_comes_back() {
        let log = Tag::Log { run: "r".into(), stage: 1, step: 2, attempt: 3 };
        for (tag, text) in [
            (Tag::Everything, "everything"),
            (Tag::Project("p".into()), "project/p"),
            (Tag::RunsOf("p".into()), "runs/p"),
            (Tag::Runs, "runs"),
            (log, "log/r/1/2/3"),
        ] {
            assert_eq!(serde_json::to_value(&tag).unwrap(), text);
            assert_eq!(serde_json::from_value::<Tag>(text.into()).unwrap(), tag);
        }
        for text in ["", "log/r/1/2", "log/r/1/2/x", "sounds", "queue/1"] {
            assert!(Tag::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
