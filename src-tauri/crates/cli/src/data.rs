//! `letterpress data`.

use crate::arguments::{Clean, DataAction, Format};
use crate::exit::ExitCode;
use crate::language::Language;
use crate::say::{bytes, words};
use lp_api::dto::{ApiError, CleanRequest, DataSize};
use lp_api::{App, message};
use std::path::Path;
use std::sync::Arc;

/// Shows, copies or cleans up the data folder.
pub async fn carry_out(app: &Arc<App>, action: DataAction) -> Result<ExitCode, ApiError> {
    match action {
        DataAction::Size { format } => size(&app.data_size().await?, format),
        DataAction::Backup { file, format } => {
            let made = app.back_up(&file).await?;
            match format {
                Format::Json => crate::say::json(&made),
                Format::Text => {
                    say!("{}  {}", made.file, bytes(made.bytes));
                    mention!("it has the history, the logs and the sealed secrets, and not the key that opens them");
                }
            }
        }
        DataAction::Clean(wanted) => clean(app, wanted).await?,
        DataAction::Protect { project, targets, none } => {
            let project = app.project_called(&project).await?;
            let targets = if none || !targets.is_empty() {
                app.set_production_targets(&project, &targets).await?
            } else {
                app.production_targets(&project).await?
            };
            targets.iter().for_each(|target| say!("{target}"));
        }
        DataAction::Restore { .. } | DataAction::Move { .. } => unreachable!("done without an app"),
    }
    Ok(ExitCode::Passed)
}

/// Puts a backup in the place of the data.
pub async fn restore(data_folder: &Path, file: &Path) -> Result<ExitCode, ApiError> {
    match lp_api::restore_data(data_folder, file).await? {
        Some(replaced) => {
            mention!("restored; what was there before is in `{}`, remove it when nothing of it is needed", replaced.display())
        }
        None => mention!("restored"),
    }
    Ok(ExitCode::Passed)
}

/// Moves the data folder.
pub async fn move_to(data_folder: &Path, to: &Path) -> Result<ExitCode, ApiError> {
    let now = lp_api::move_data(data_folder, to).await?;
    mention!("the data folder is `{}` now; the old place leads there", now.display());
    Ok(ExitCode::Passed)
}

fn size(size: &DataSize, format: Format) {
    if format == Format::Json {
        return crate::say::json(size);
    }
    say!("{}", size.folder);
    let rows = [
        (message!("history"), size.database),
        (message!("logs"), size.logs),
        (message!("copies"), size.copies),
        (message!("other"), size.other),
        (message!("total"), size.total),
    ];
    for (name, taken) in rows {
        say!("{:8} {:>10}", Language::spoken().words(&name), bytes(taken));
    }
}

async fn clean(app: &Arc<App>, wanted: Clean) -> Result<(), ApiError> {
    let project = match &wanted.project {
        Some(word) => Some(app.project_called(word).await?),
        None => None,
    };
    let request = CleanRequest {
        project,
        target: wanted.environment,
        older_than_days: wanted.older_than,
        keep_runs: wanted.keep,
        keep_mb: wanted.keep_mb,
    };
    let report = if wanted.yes { app.clean(&request).await? } else { app.clean_preview(&request).await? };
    match wanted.format {
        Format::Json => crate::say::json(&report),
        Format::Text => report.words.iter().for_each(|message| say!("{}", words(message))),
    }
    if wanted.yes {
        mention!("{} removed", report.runs);
    } else if report.runs > 0 {
        mention!("nothing was removed; add `--yes` to remove them");
    }
    Ok(())
}
