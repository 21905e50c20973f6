//! What a build would send of a folder: the files that `.dockerignore` leaves in it, and which line leaves out the rest.

use crate::dto::{ApiError, ErrorCode, ImageContext, LeftOutPath, SentFile};
use lp_model::{Dockerignore, Message, dockerignore, message};
use std::path::Path;

/// Lists the context of a folder. `dockerfile` is relative to the folder.
///
/// # Errors
/// `FolderNotFound` for a folder that is none or cannot be read, `BadRequest` for a line of `.dockerignore` that is no pattern.
pub fn image_context(folder: &Path, dockerfile: &str) -> Result<ImageContext, ApiError> {
    if !folder.is_dir() {
        return Err(ApiError::new(ErrorCode::FolderNotFound, message!("`{}` is no folder", folder.display()))
            .hint(message!("name the folder that the build sends: its context")));
    }
    let (ignore_file, mut ignore) = read_ignore_file(folder, dockerfile)?;
    // A builder needs both, whatever they say.
    ignore.always_send(dockerignore::NAME);
    ignore.always_send(dockerfile);
    let mut context = ImageContext {
        version: 1,
        folder: folder.display().to_string(),
        dockerfile: dockerfile.to_owned(),
        ignore_file,
        files: Vec::new(),
        bytes: 0,
        left_out: Vec::new(),
    };
    walk(folder, &ignore, &mut context)?;
    context.files.sort_by(|a, b| a.path.cmp(&b.path));
    context.left_out.sort_by(|a, b| a.path.cmp(&b.path));
    context.bytes = context.files.iter().map(|file| file.bytes).sum();
    Ok(context)
}

/// The patterns that count: those of the Dockerfile's own file, else those of the folder.
fn read_ignore_file(folder: &Path, dockerfile: &str) -> Result<(Option<String>, Dockerignore), ApiError> {
    for name in [format!("{dockerfile}{}", dockerignore::NAME), dockerignore::NAME.to_owned()] {
        let path = folder.join(&name);
        match std::fs::read(&path) {
            Ok(bytes) => {
                let read = Dockerignore::read(&String::from_utf8_lossy(&bytes));
                let ignore = read.map_err(|error| {
                    let at = message!("`{}`: {}", path.display(), error.told());
                    ApiError::new(ErrorCode::BadRequest, at).hint(error.help())
                })?;
                return Ok((Some(name), ignore));
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(unreadable(&path, &error)),
        }
    }
    Ok((None, Dockerignore::default()))
}

fn unreadable(path: &Path, error: &std::io::Error) -> ApiError {
    let said = Message::of_error(error);
    ApiError::new(ErrorCode::FolderNotFound, message!("`{}` cannot be read: {}", path.display(), said))
}

/// Adds everything that lies in the folder.
fn walk(root: &Path, ignore: &Dockerignore, context: &mut ImageContext) -> Result<(), ApiError> {
    // Folders in folders without end would use up the stack, so what is still to be looked at is a list.
    let mut folders = vec![String::new()];
    while let Some(below) = folders.pop() {
        let here = root.join(&below);
        let entries = std::fs::read_dir(&here).map_err(|error| unreadable(&here, &error))?;
        for entry in entries {
            let entry = entry.map_err(|error| unreadable(&here, &error))?;
            let path = format!("{below}{}", entry.file_name().to_string_lossy());
            let kind = entry.file_type().map_err(|error| unreadable(&entry.path(), &error))?;
            let verdict = ignore.verdict(&path);
            let go_into = kind.is_dir() && (!verdict.left_out || ignore.may_bring_back_below(&path));
            if go_into {
                folders.push(format!("{path}/"));
            }
            match verdict.rule.filter(|_| verdict.left_out) {
                // Of a folder into which one goes, each file is told by itself.
                Some(_) if go_into => {}
                Some(rule) => {
                    let (pattern, line) = (rule.text.clone(), rule.line);
                    context.left_out.push(LeftOutPath { path, folder: kind.is_dir(), pattern, line });
                }
                None if kind.is_dir() => {}
                None => {
                    let bytes = if kind.is_file() { entry.metadata().map_err(|error| unreadable(&entry.path(), &error))?.len() } else { 0 };
                    context.files.push(SentFile { path, bytes });
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    fn paths(context: &ImageContext) -> (Vec<&str>, Vec<(&str, bool, u32)>) {
        let left_out = context.left_out.iter().map(|one| (one.path.as_str(), one.folder, one.line)).collect();
        (context.files.iter().map(|file| file.path.as_str()).collect(), left_out)
    }

    #[test]
    fn what_is_left_out_says_which_line_does_it() {
        let folder = folder(&[
            (".dockerignore", "node_modules\n*.log\n!keep.log\nsecret\n!secret/public.pem\nDockerfile\n"),
            ("Dockerfile", "FROM scratch\n"),
            ("a.log", "x"),
            ("keep.log", "12345"),
            ("node_modules/a/b.js", ""),
            ("secret/key", ""),
            ("secret/public.pem", ""),
            ("src/main.js", "123"),
        ]);
        let context = image_context(folder.path(), "Dockerfile").unwrap();
        let (sent, left_out) = paths(&context);
        assert_eq!(sent, [".dockerignore", "Dockerfile", "keep.log", "secret/public.pem", "src/main.js"]);
        assert_eq!(left_out, [("a.log", false, 2), ("node_modules", true, 1), ("secret/key", false, 4)]);
        assert_eq!(context.ignore_file.as_deref(), Some(".dockerignore"));
    }

    #[test]
    fn the_file_of_the_dockerfile_comes_first_and_none_is_all() {
        let folder = folder(&[("a", "1"), ("docker/Dockerfile", ""), ("docker/Dockerfile.dockerignore", "a\n"), (".dockerignore", "*\n")]);
        let context = image_context(folder.path(), "docker/Dockerfile").unwrap();
        assert_eq!(context.ignore_file.as_deref(), Some("docker/Dockerfile.dockerignore"));
        assert_eq!(paths(&context).1, [("a", false, 1)]);
        std::fs::remove_file(folder.path().join(".dockerignore")).unwrap();
        let context = image_context(folder.path(), "Dockerfile").unwrap();
        assert_eq!((context.ignore_file.as_deref(), context.left_out.len(), context.files.len()), (None, 0, 3));
    }

    #[test]
    fn bad_input_is_told() {
        let folder = folder(&[(".dockerignore", "a\n[b\n")]);
        let error = image_context(folder.path(), "Dockerfile").unwrap_err();
        assert_eq!(error.code, ErrorCode::BadRequest);
        assert!(error.message.to_string().contains("line 2 of `.dockerignore` is no pattern: `[b`"), "{}", error.message);
        let error = image_context(&folder.path().join("nowhere"), "Dockerfile").unwrap_err();
        assert_eq!(error.code, ErrorCode::FolderNotFound);
    }
}
