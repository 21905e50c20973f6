use super::Format;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// `letterpress images`.
#[derive(Debug, Args)]
pub struct Images {
    /// What to look at.
    #[command(subcommand)]
    pub action: ImagesAction,
}

/// What to look at of images.
#[derive(Debug, Subcommand)]
pub enum ImagesAction {
    /// List what a build sends of a folder, and which line of `.dockerignore` leaves out the rest.
    Context(ImageContext),
    /// Say who builds the images of a project: the engine by itself, or the containers of its plugins with the rights that they want.
    Builder(ImageBuilder),
}

/// `letterpress images builder`.
#[derive(Debug, Args)]
pub struct ImageBuilder {
    /// Who builds from now on; shown as it is when nothing is given.
    #[arg(value_enum)]
    pub builder: Option<Builder>,
    /// Folder of the project (any folder inside the repository).
    #[arg(long, default_value = ".")]
    pub folder: String,
}

/// Who builds images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Builder {
    /// The engine by itself; a plugin only where a setting needs it, without special rights.
    Engine,
    /// The containers of plugins.
    Plugin,
}

/// `letterpress images context`.
#[derive(Debug, Args)]
pub struct ImageContext {
    /// The folder that a build sends: its context.
    #[arg(default_value = ".")]
    pub folder: PathBuf,
    /// The Dockerfile, relative to the folder; one with a `.dockerignore` of its own (`Dockerfile.dockerignore`) is heeded.
    #[arg(long, default_value = "Dockerfile", value_name = "FILE")]
    pub dockerfile: String,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}
