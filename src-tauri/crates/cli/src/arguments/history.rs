use super::Format;
use clap::{Args, ValueEnum};

/// `letterpress history`.
#[derive(Debug, Args)]
pub struct History {
    /// Folder of the project; all projects when not given.
    #[arg(conflicts_with = "project")]
    pub folder: Option<String>,
    /// Which runs.
    #[command(flatten)]
    pub filter: Filter,
    /// At most so many runs.
    #[arg(long, short = 'n', default_value_t = 20)]
    pub limit: u32,
    /// Only runs before this one (its id): where the last page has ended.
    #[arg(long, value_name = "RUN")]
    pub after: Option<String>,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Which runs are meant.
#[derive(Debug, Args)]
pub struct Filter {
    /// Only runs of this project: its name or its folder.
    #[arg(long, value_name = "PROJECT")]
    pub project: Option<String>,
    /// Only runs of the workflow with this name.
    #[arg(long, value_name = "NAME")]
    pub workflow: Option<String>,
    /// Only runs to this target environment.
    #[arg(long, visible_alias = "target", value_name = "NAME")]
    pub environment: Option<String>,
    /// Only runs with this result; may be repeated.
    #[arg(long = "result", value_enum, value_name = "RESULT")]
    pub results: Vec<RunResult>,
    /// Only runs that this person started.
    #[arg(long, value_name = "NAME")]
    pub person: Option<String>,
    /// Only runs from this time on: a date, a date and a time, or RFC 3339.
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Only runs until this time; a date has all of its day.
    #[arg(long = "to", value_name = "TIME")]
    pub until: Option<String>,
    /// Words that must all occur in version, workflow, project, person, branch, target, values, message or error; a word is found by its
    /// beginning, a Chinese one anywhere. Or the number of a run.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub text: String,
}

/// `letterpress search`.
#[derive(Debug, Args)]
pub struct Search {
    /// What is looked for; the case of letters does not matter.
    #[arg(value_name = "TEXT")]
    pub looked_for: String,
    /// The text is a regular expression.
    #[arg(long)]
    pub regex: bool,
    /// Only in the logs of this run: `last`, its number in the project of the current folder, `PROJECT#NUMBER`, or its id.
    #[arg(long, value_name = "RUN", conflicts_with_all = ["project", "workflow", "environment", "results", "person", "from", "until", "text"])]
    pub run: Option<String>,
    /// Only in the logs of these runs.
    #[command(flatten)]
    pub filter: Filter,
    /// How to print: JSON is a document for each line of the result.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// How a run is or has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum RunResult {
    /// It waits for its turn.
    Queued,
    /// It is under way.
    Running,
    /// Everything passed.
    Passed,
    /// A step failed.
    Failed,
    /// Something around the steps went wrong.
    Errored,
    /// Somebody cancelled it.
    Cancelled,
    /// It took too long.
    TimedOut,
    /// Nobody could go on with it.
    Interrupted,
}
