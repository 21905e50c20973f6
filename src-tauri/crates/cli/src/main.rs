//! `letterpress`: the headless front end. The same use cases as the window, over the same data folder.
//!
//! It knows nothing about pipelines, containers, git or SQLite: everything goes through `lp-api`.
//!
//! Read in this order: [`arguments`], this file, one module per command.

#[macro_use]
mod say;

mod arguments;
mod data;
mod doctor;
mod exit;
mod explain;
mod files;
mod follow;
mod generate;
mod history;
mod hook;
mod images;
mod language;
mod logs;
mod queue;
mod render;
mod report;
mod run;
mod search;
mod secrets;
mod settings;
mod trust;

use arguments::{Arguments, Command, Data, DataAction, Hook, HookAction, Images, ImagesAction};
use clap::Parser;
use exit::ExitCode;
use language::Language;
use lp_api::dto::ApiError;
use lp_api::{App, AppOptions};
use std::sync::Arc;

fn main() -> std::process::ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(usage) => {
            // Help and version are asked for and go to standard output with code 0; anything else is bad usage.
            let code = if usage.use_stderr() { ExitCode::BadUsage } else { ExitCode::Passed };
            // What was typed may have been copied from a repository.
            let text = usage.render().to_string();
            if usage.use_stderr() {
                say::usage(&text)
            } else {
                say::document(&text)
            }
            return code.into();
        }
    };
    init_tracing();
    let language = arguments.language.unwrap_or_else(Language::of_system);
    language.speak();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(problem) => {
            mention!("error: no threads can be started: {}", problem);
            return ExitCode::Failed.into();
        }
    };
    let code = runtime.block_on(async {
        match carry_out(arguments, language).await {
            Ok(code) => code,
            Err(error) => {
                render::error(&error, Language::spoken());
                ExitCode::of(&error)
            }
        }
    });
    // A blocked read of standard input (a secret being piped) must not keep the process.
    runtime.shutdown_background();
    code.into()
}

async fn carry_out(arguments: Arguments, language: Language) -> Result<ExitCode, ApiError> {
    let (data, is_named) = (arguments.data, arguments.language.is_some());
    // One that only looks or sets something does not drive runs: it would take them up only to leave them again.
    let drives =
        matches!(arguments.command, Command::Run(_) | Command::Attach(_) | Command::Retry(_) | Command::Cancel(_) | Command::Kill(_));
    let options = || {
        let options = AppOptions::from_environment()?;
        let data_folder = match data.as_ref().filter(|folder| !folder.as_os_str().is_empty()) {
            Some(folder) => std::path::absolute(folder).unwrap_or_else(|_| folder.clone()),
            None => options.data_folder.clone(),
        };
        Ok::<_, ApiError>(AppOptions { data_folder, drives, ..options })
    };
    let open = async || {
        let app = App::open(options()?).await?;
        if let Some(language) = Language::of_settings(&app).await.filter(|_| !is_named) {
            language.speak();
        }
        Ok::<_, ApiError>(app)
    };
    match arguments.command {
        Command::Run(wanted) => run::carry_out(open().await?, wanted).await,
        Command::Lint(wanted) if wanted.report => report::carry_out(&wanted, language),
        Command::Lint(wanted) => files::lint(&wanted, language),
        Command::Plan(wanted) => files::plan(wanted, language),
        Command::Images(Images { action: ImagesAction::Context(wanted) }) => images::context(&wanted),
        Command::Images(Images { action: ImagesAction::Builder(wanted) }) => {
            closing(open().await?, async |app| images::builder(app, &wanted).await).await
        }
        Command::Explain(wanted) => explain::carry_out(&wanted, language),
        Command::Schema(wanted) => Ok(files::schema(&wanted)),
        Command::Hook(Hook { action: HookAction::Explain(wanted) }) => hook::explain(wanted, language),
        Command::GenerateFiles(wanted) => Ok(generate::carry_out(&wanted, language)),
        Command::Attach(wanted) => closing(open().await?, async |app| run::attach(app, &wanted).await).await,
        Command::Retry(wanted) => closing(open().await?, async |app| run::retry(app, &wanted).await).await,
        Command::Cancel(wanted) => closing(open().await?, async |app| run::cancel(app, &wanted).await).await,
        Command::Kill(wanted) => closing(open().await?, async |app| run::kill(app, &wanted).await).await,
        Command::Queue(wanted) => closing(open().await?, async |app| queue::carry_out(app, &wanted).await).await,
        Command::Settings(wanted) => closing(open().await?, async |app| settings::carry_out(app, &wanted).await).await,
        Command::Trust(wanted) => closing(open().await?, async |app| trust::carry_out(app, &wanted).await).await,
        Command::History(wanted) => closing(open().await?, async |app| history::carry_out(app, wanted).await).await,
        Command::Logs(wanted) => closing(open().await?, async |app| logs::carry_out(app, wanted).await).await,
        Command::Search(wanted) => closing(open().await?, async |app| search::carry_out(app, wanted).await).await,
        Command::Secret(wanted) => closing(open().await?, async |app| secrets::carry_out(app, wanted).await).await,
        // Without an app: these need that nobody has the folder open.
        Command::Data(Data { action: DataAction::Restore { file } }) => data::restore(&options()?.data_folder, &file).await,
        Command::Data(Data { action: DataAction::Move { folder } }) => data::move_to(&options()?.data_folder, &folder).await,
        Command::Data(wanted) => closing(open().await?, async |app| data::carry_out(app, wanted.action).await).await,
        Command::Doctor(wanted) => closing(open().await?, async |app| doctor::carry_out(app, wanted).await).await,
    }
}

/// Does something with the app, then lets go of the data folder.
async fn closing(app: Arc<App>, act: impl AsyncFnOnce(&Arc<App>) -> Result<ExitCode, ApiError>) -> Result<ExitCode, ApiError> {
    let result = act(&app).await;
    app.shutdown().await;
    result
}

fn init_tracing() {
    use tracing_subscriber::{EnvFilter, fmt};
    let filter = EnvFilter::try_from_env("LETTERPRESS_LOG").unwrap_or_else(|_| EnvFilter::new("error"));
    // Below `info` this library writes request bodies, in which secrets of steps stand.
    let filter = filter.add_directive("bollard=info".parse().expect("a directive"));
    fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}
