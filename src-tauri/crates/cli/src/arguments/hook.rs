use super::Format;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// `letterpress hook`.
#[derive(Debug, Args)]
pub struct Hook {
    /// What to do with it.
    #[command(subcommand)]
    pub action: HookAction,
}

/// What to do with webhooks.
#[derive(Debug, Subcommand)]
pub enum HookAction {
    /// Say what a delivery of a webhook means: whether it is verified, what happened, and which pipelines would start. Nothing is started.
    #[command(
        after_help = "A delivery is a JSON document with `headers` (a list of names and values, or a map) and `body_raw` (the text of the body).\n\
                      Where dialects disagree about a delivery, that of the pipeline decides."
    )]
    Explain(ExplainDelivery),
}

/// `letterpress hook explain`.
#[derive(Debug, Args)]
pub struct ExplainDelivery {
    /// The file with the delivery; `-` for standard input.
    #[arg(value_name = "DELIVERY.json", default_value = "-")]
    pub file: PathBuf,
    /// The forge that it comes from; told by its headers when not given.
    #[arg(long, value_enum)]
    pub forge: Option<ForgeName>,
    /// The secret of the webhook. Other users of this computer may see it in the list of processes: for that of a real webhook use the variable.
    #[arg(long, default_value = "", hide_default_value = true, env = "LETTERPRESS_HOOK_SECRET", hide_env_values = true)]
    pub secret: String,
    /// For pipelines of this dialect; that of the project's pipeline when not given, else `drone1`.
    #[arg(long, value_enum)]
    pub dialect: Option<DialectName>,
    /// Folder of the project whose pipelines would start; the current one, if it has a pipeline, when not given.
    #[arg(long, value_name = "FOLDER")]
    pub project: Option<PathBuf>,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// The forges whose deliveries are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ForgeName {
    /// Gogs.
    Gogs,
    /// Gitea.
    Gitea,
    /// Forgejo.
    Forgejo,
    /// GitHub and GitHub Enterprise.
    #[value(name = "github")]
    GitHub,
    /// GitLab.
    #[value(name = "gitlab")]
    GitLab,
}

/// The dialects of pipeline files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DialectName {
    /// Drone 0.5 to 0.8.
    Drone08,
    /// Drone 1.x and 2.x.
    Drone1,
    /// Woodpecker.
    Woodpecker,
}

/// The word of a value as it is typed.
pub fn word_of(value: Option<impl ValueEnum>) -> String {
    value.and_then(|value| value.to_possible_value()).map(|value| value.get_name().to_owned()).unwrap_or_default()
}
