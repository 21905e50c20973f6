use super::Format;
use clap::{Args, Subcommand};
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
