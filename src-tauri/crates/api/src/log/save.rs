//! A log as a file of the person's own.

use super::no_step;
use crate::app::App;
use crate::dto::{ApiError, ErrorCode, LogKey};
use crate::project::blocking;
use lp_model::message;
use std::path::Path;

impl App {
    /// Writes the log to a file, byte for byte as it is stored.
    ///
    /// # Errors
    /// As [`App::log_summary`]; `FileNotWritten`, also where the disk of that file is full: that of the data is another matter.
    pub async fn save_log(&self, key: &LogKey, path: &Path) -> Result<(), ApiError> {
        let mut reader = self.reader(key).await?.ok_or_else(no_step)?;
        let path = path.to_owned();
        blocking(move || {
            let failed = |problem: std::io::Error| {
                let message = message!("`{}` cannot be written: {}", path.display(), problem);
                ApiError::new(ErrorCode::FileNotWritten, message).hint(message!("choose another place"))
            };
            let mut target = Target { file: std::fs::File::create(&path).map_err(failed)?, problem: None };
            let copied = reader.copy_to(&mut target);
            if let Some(problem) = target.problem {
                return Err(failed(problem));
            }
            copied?;
            target.file.sync_all().map_err(failed)
        })
        .await
    }
}

/// A file that a log is copied to, and why it takes no more: the log itself may be what cannot be read.
struct Target {
    file: std::fs::File,
    problem: Option<std::io::Error>,
}

impl std::io::Write for Target {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write(bytes).inspect_err(|problem| {
            if problem.kind() != std::io::ErrorKind::Interrupted {
                self.problem = Some(problem.kind().into());
            }
        })
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AppOptions;

    #[tokio::test]
    async fn a_file_that_cannot_be_written_is_named_and_not_the_data_folder() {
        let folder = tempfile::tempdir().unwrap();
        let app = App::open(AppOptions::without_engine(folder.path().join("data"))).await.unwrap();
        let key = LogKey { run: "run-1".into(), stage: 1, step: 1, attempt: 1 };
        let (run, step) = key.parse().unwrap();
        let mut writer = app.logs.writer(&run, step, 0).unwrap();
        writer.append(b"one\ntwo\n", 0, None).unwrap();
        let saved = folder.path().join("saved.log");
        app.save_log(&key, &saved).await.unwrap();
        assert_eq!(std::fs::read(&saved).unwrap(), b"one\ntwo\n");
        // The second has room for nothing.
        for target in [folder.path().join("nowhere/saved.log"), "/dev/full".into()] {
            let error = app.save_log(&key, &target).await.unwrap_err();
            assert_eq!(error.code, ErrorCode::FileNotWritten, "{error:?}");
            let told = error.message.to_string();
            assert!(told.contains(target.to_str().unwrap()) && !told.contains("data"), "{told}");
        }
        app.shutdown().await;
    }
}
