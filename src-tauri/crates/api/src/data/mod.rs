//! The data folder as a person sees it: what it takes, a backup, another place, and old runs that go.

mod clean;
pub(crate) mod dto;
pub(crate) mod kept;
mod production;

use crate::app::App;
use crate::dto::{ActivityKind, ApiError, BackupMade, DataSize, ErrorCode};
use crate::project::blocking;
use lp_model::message;
use lp_store::{StoreError, folder};
use std::path::{Path, PathBuf};

impl App {
    /// What the data folder takes.
    ///
    /// # Errors
    /// `StoreUnavailable` when it cannot be read.
    pub async fn data_size(&self) -> Result<DataSize, ApiError> {
        let place = self.options.data_folder.clone();
        let measuring = self.activities.start(ActivityKind::Measure, |handle| async move {
            let measured = blocking(move || {
                let size = folder::Size::of(&place)?;
                Ok(DataSize {
                    folder: place.display().to_string(),
                    database: size.database,
                    logs: size.logs,
                    copies: size.copies,
                    other: size.other,
                    total: size.total(),
                })
            });
            handle.unless_cancelled(measured).await
        });
        measuring.result().await
    }

    /// Copies history, logs and sealed secrets into a file, while runs go on. The key of the secrets is not in it. An activity; one that is stopped
    /// leaves no file.
    ///
    /// # Errors
    /// `BadRequest` when the file is there already; `DiskFull`; `StoreUnavailable`; `Cancelled`.
    pub async fn back_up(&self, file: &Path) -> Result<BackupMade, ApiError> {
        let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        if file.exists() {
            return Err(ApiError::new(ErrorCode::BadRequest, message!("`{}` is there already", file.display()))
                .hint(message!("give the backup another name; an older one is not overwritten")));
        }
        let store = self.store.clone();
        let copying = self.activities.start(ActivityKind::Backup, |handle| async move {
            let course = handle.clone();
            let go_on = move |done, total| {
                course.progress(done, Some(total));
                !course.is_cancelled()
            };
            match store.back_up(&file, go_on).await {
                Ok(made) => {
                    let path = made.path.display().to_string();
                    handle.conclude(&message!("the backup `{}` is made", path));
                    Ok(BackupMade { file: path, bytes: made.bytes })
                }
                Err(StoreError::Stopped) => handle.check().and(Err(StoreError::Stopped.into())),
                Err(error) => Err(error.into()),
            }
        });
        copying.result().await
    }
}

/// Puts a backup in the place of the data of a folder that no Letterpress has open. Returns the folder with what was there before.
///
/// # Errors
/// `NotOwner` while another Letterpress has the folder; `BadRequest` for a file that is no backup; `NewerData`; `DiskFull`. Nothing has changed
/// then.
pub async fn restore_data(data_folder: &Path, file: &Path) -> Result<Option<PathBuf>, ApiError> {
    Ok(folder::restore(&folder::resolve(data_folder), file).await?)
}

/// Moves a data folder that no Letterpress has open. Whoever opens the old place is led to the new one.
///
/// # Errors
/// `NotOwner` while another Letterpress has the folder; `BadRequest` while runs are under way, and where the new place is not empty; `DiskFull`.
/// Nothing has changed then.
pub async fn move_data(data_folder: &Path, to: &Path) -> Result<PathBuf, ApiError> {
    let to = std::path::absolute(to).unwrap_or_else(|_| to.to_owned());
    folder::move_to(&folder::resolve(data_folder), &to).await?;
    Ok(to)
}
