use super::Format;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `letterpress data`.
#[derive(Debug, Args)]
pub struct Data {
    /// What to do with it.
    #[command(subcommand)]
    pub action: DataAction,
}

/// What to do with the data folder.
#[derive(Debug, Subcommand)]
pub enum DataAction {
    /// Show what the data folder takes.
    Size {
        /// How to print.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Copy history, logs and sealed secrets into one file, also while runs go on. The key of the secrets is not in it.
    Backup {
        /// The file to be made, e.g. `letterpress.tar.gz`.
        file: PathBuf,
        /// How to print.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Put a backup in the place of the data, while no Letterpress is open. What was there is kept beside it.
    Restore {
        /// The file that `letterpress data backup` has made.
        file: PathBuf,
    },
    /// Move the data folder to another place, while no Letterpress is open. The old place leads to the new one.
    Move {
        /// The new folder, which must not be there or be empty.
        folder: PathBuf,
    },
    /// Remove old runs with their logs and kept files: without `--yes`, only say which.
    #[command(
        after_help = "A run goes that is beyond any of the limits. Runs that are under way stay, those to a production target, and of each target the                       newest one that passed."
    )]
    Clean(Clean),
    /// Show or set the targets of a project whose runs `clean` never removes; `production` and `prod` always are.
    Protect {
        /// The project: its name or its folder.
        project: String,
        /// Targets that are production; in place of those that were set before.
        #[arg(long = "target", value_name = "NAME")]
        targets: Vec<String>,
        /// Forget those that were set.
        #[arg(long, conflicts_with = "targets")]
        none: bool,
    },
}

/// `letterpress data clean`.
#[derive(Debug, Args)]
pub struct Clean {
    /// Only runs of this project: its name or its folder.
    #[arg(long, value_name = "PROJECT")]
    pub project: Option<String>,
    /// Only runs to this target environment.
    #[arg(long, visible_alias = "target", value_name = "NAME")]
    pub environment: Option<String>,
    /// Runs that were over longer ago than so many days go.
    #[arg(long, value_name = "DAYS")]
    pub older_than: Option<u32>,
    /// So many of the newest runs of each project stay.
    #[arg(long, value_name = "RUNS")]
    pub keep: Option<u32>,
    /// The logs of the runs that stay may take so many megabytes together.
    #[arg(long, value_name = "MEGABYTES")]
    pub keep_mb: Option<u64>,
    /// Remove them.
    #[arg(long)]
    pub yes: bool,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}
