//! `letterpress images`: what images are built of, and who builds them.

use crate::arguments::{Builder, Format, ImageBuilder, ImageContext};
use crate::exit::ExitCode;
use crate::say::{bytes, name, words};
use lp_api::dto::{self, ApiError};
use lp_api::{App, Message, image_context, message};
use std::sync::Arc;

/// Says who builds the images of a project, or who is to from now on.
pub async fn builder(app: &Arc<App>, wanted: &ImageBuilder) -> Result<ExitCode, ApiError> {
    let project = app.open_project(&wanted.folder).await?;
    let project = match wanted.builder {
        Some(builder) => app.set_project_real_plugins(&project.id, builder == Builder::Plugin).await?,
        None => project,
    };
    if project.real_plugins {
        tell!("the images of `{}` are built by the containers of its plugins, with the rights that they want", project.name);
    } else {
        tell!("the images of `{}` are built by the container engine itself", project.name);
    }
    Ok(ExitCode::Passed)
}

/// Prints what is sent, then what is left out and why.
pub fn context(wanted: &ImageContext) -> Result<ExitCode, ApiError> {
    let context = image_context(&wanted.folder, &wanted.dockerfile)?;
    match wanted.format {
        Format::Json => crate::say::json(&context),
        Format::Text => print(&context),
    }
    Ok(ExitCode::Passed)
}

fn print(context: &dto::ImageContext) {
    for file in &context.files {
        say!("{:>10}  {}", bytes(file.bytes), name(&file.path));
    }
    if !context.files.is_empty() {
        say!("");
    }
    for one in &context.left_out {
        let path = if one.folder { format!("{}/", one.path) } else { one.path.clone() };
        tell!("{} is left out by line {}: {}", path, one.line, one.pattern.clone());
    }
    if !context.left_out.is_empty() {
        say!("");
    }
    say!("{}", words(&last_line(context)));
}

fn last_line(context: &dto::ImageContext) -> Message {
    let size = bytes(context.bytes);
    let sent = match context.files.len() {
        count @ 1 => message!("{} file with {} is sent", count, size),
        count => message!("{} files with {} are sent", count, size),
    };
    match &context.ignore_file {
        Some(file) => message!("{}; the patterns are those of `{}`", sent, file.clone()),
        None => message!("{}; there is no `{}`, so nothing is left out", sent, ".dockerignore"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_says_what_decides() {
        let mut context = dto::ImageContext {
            version: 1,
            folder: ".".into(),
            dockerfile: "Dockerfile".into(),
            ignore_file: None,
            files: vec![dto::SentFile { path: "a".into(), bytes: 1500 }],
            bytes: 1500,
            left_out: vec![],
        };
        let said = |context: &dto::ImageContext| last_line(context).to_string();
        assert_eq!(said(&context), "1 file with 1.5 kB is sent; there is no `.dockerignore`, so nothing is left out");
        context.ignore_file = Some("x/Dockerfile.dockerignore".into());
        assert_eq!(said(&context), "1 file with 1.5 kB is sent; the patterns are those of `x/Dockerfile.dockerignore`");
    }
}
