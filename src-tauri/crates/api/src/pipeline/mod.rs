//! The text of a pipeline: one file or the workflows of a folder at a commit, and what the compiler says about it.

pub(crate) mod dto;
pub(crate) mod event;
pub(crate) mod explain;
pub(crate) mod files;
pub(crate) mod linting;
pub(crate) mod planning;
pub(crate) mod report;
pub(crate) mod shortfalls;

use crate::dto::{ApiError, ErrorCode, Finding};
use lp_git::{EntryKind, Followed, Repository};
use lp_model::{Diagnostic, EventFacts, Message, Plan, message};
use lp_pipeline::{Inputs, Outline, PipelineFile};
use std::borrow::Cow;

/// Where a pipeline is looked for when nothing names one, best first: files, and the folder of Woodpecker's workflows, which in its own
/// program goes before its single files.
pub(crate) const PLACES: [&str; 5] = [".drone.yml", ".drone.yaml", ".woodpecker", ".woodpecker.yaml", ".woodpecker.yml"];
/// Largest file that is read, in bytes.
const LARGEST_FILE: u64 = 1 << 20;
/// Most files of one folder that are read, and their bytes together.
const MOST_FILES: usize = 100;
const LARGEST_FOLDER: usize = 4 << 20;

/// A text file of a commit.
pub(crate) struct TextFile {
    pub path: String,
    pub bytes: Vec<u8>,
}

impl TextFile {
    /// Reads it, through links; `None` when there is no such file.
    ///
    /// # Errors
    /// A link that leads to nothing, out of the repository or in a circle; a file that is too large.
    pub fn read(repository: &Repository, sha: &str, path: &str) -> Result<Option<Self>, ApiError> {
        let Some((real, EntryKind::File)) = followed(repository, sha, path)? else { return Ok(None) };
        let bytes = repository.read_file(sha, &real, LARGEST_FILE)?;
        Ok(bytes.map(|bytes| Self { path: path.to_owned(), bytes }))
    }

    pub fn findings(&self, diagnostics: &[Diagnostic]) -> Vec<Finding> {
        let text = String::from_utf8_lossy(&self.bytes);
        diagnostics.iter().map(|diagnostic| Finding::new(diagnostic, &text)).collect()
    }
}

/// The path and kind of what a path leads to, links followed; `None` when there is nothing and no link either.
fn followed(repository: &Repository, sha: &str, path: &str) -> Result<Option<(String, EntryKind)>, ApiError> {
    let broken = |why: Message| {
        let hint = message!("let the link lead to a file of the repository, or put the file in its place, and commit that");
        Err(ApiError::new(ErrorCode::PipelineMissing, message!("`{}` is a link {}", path, why)).hint(hint))
    };
    match repository.follow(sha, path)? {
        Followed::At(real, kind) => Ok(Some((real, kind))),
        Followed::Missing(target) if target.is_empty() => Ok(None),
        Followed::Missing(target) => broken(message!("to `{}`, which is not in this version", target)),
        Followed::Outside(target) => broken(message!("to `{}`, which is outside of the repository", target)),
        Followed::Loop => broken(message!("that leads back to itself")),
    }
}

/// One pipeline.
pub(crate) struct Pipeline {
    /// The file, or the folder of its workflows.
    pub path: String,
    /// The file, or the workflows sorted by name; none for a folder that has none.
    files: Vec<TextFile>,
}

impl Pipeline {
    /// What lies at a path: a file, or a folder, whose files that end in `.yml` or `.yaml` are its workflows.
    pub fn at(repository: &Repository, sha: &str, path: &str) -> Result<Option<Self>, ApiError> {
        if let Some(file) = TextFile::read(repository, sha, path)? {
            return Ok(Some(Self { path: path.to_owned(), files: vec![file] }));
        }
        let Some((real, EntryKind::Folder)) = followed(repository, sha, path)? else { return Ok(None) };
        let Some(entries) = repository.list_files(sha, &real)? else { return Ok(None) };
        // What a link leads to is looked at when it is read.
        let is_workflow = |entry: &lp_git::Entry| {
            matches!(entry.kind, EntryKind::File | EntryKind::Link) && (entry.name.ends_with(".yml") || entry.name.ends_with(".yaml"))
        };
        let mut names: Vec<String> = entries.into_iter().filter(is_workflow).map(|entry| entry.name).collect();
        names.sort();
        let too_much = |what: Message| {
            ApiError::new(ErrorCode::PipelineInvalid, message!("the folder `{}` has {}", path, what))
                .hint(message!("move what is no workflow elsewhere"))
        };
        if names.len() > MOST_FILES {
            return Err(too_much(message!("{} workflows, more than the {} that are read", names.len(), MOST_FILES)));
        }
        let (mut files, mut bytes) = (Vec::new(), 0);
        for name in names {
            let file = TextFile::read(repository, sha, &format!("{path}/{name}"))?;
            bytes += file.as_ref().map_or(0, |file| file.bytes.len());
            if bytes > LARGEST_FOLDER {
                return Err(too_much(message!("workflows of more than the {} bytes that are read", LARGEST_FOLDER)));
            }
            files.extend(file);
        }
        Ok(Some(Self { path: path.to_owned(), files }))
    }

    /// The first of [`PLACES`] that has a pipeline; a folder without workflows only when there is nothing better.
    pub fn first(repository: &Repository, sha: &str) -> Result<Option<Self>, ApiError> {
        let mut empty = None;
        for path in PLACES {
            match Self::at(repository, sha, path)? {
                Some(found) if found.files.is_empty() => empty = Some(found),
                Some(found) => return Ok(Some(found)),
                None => {}
            }
        }
        Ok(empty)
    }

    /// Itself; a folder without workflows is an error.
    pub fn filled(&self) -> Result<&Self, ApiError> {
        if !self.files.is_empty() {
            return Ok(self);
        }
        let message = message!("the folder `{}` has no file that ends in `.yml` or `.yaml`", self.path);
        Err(ApiError::new(ErrorCode::PipelineMissing, message)
            .hint(message!("each workflow is a file of its own in the folder, e.g. `build.yml`")))
    }

    /// The plan for an event, with warnings and notes.
    pub fn compile(&self, facts: &EventFacts) -> Result<(Plan, Vec<Diagnostic>), ApiError> {
        lp_pipeline::compile(&self.files(), facts).map_err(|diagnostics| self.invalid(&diagnostics))
    }

    /// What holds for any event, with the fields of the forms.
    pub fn lint(&self, inputs: &Inputs) -> Vec<Finding> {
        self.findings(&lp_pipeline::lint(&self.files(), inputs))
    }

    /// What it contains, likewise.
    pub fn outline(&self, inputs: &Inputs) -> Result<Outline, ApiError> {
        lp_pipeline::outline(&self.files(), inputs).map_err(|diagnostics| self.invalid(&diagnostics))
    }

    /// The findings with the lines of the files that they are about.
    pub fn findings(&self, diagnostics: &[Diagnostic]) -> Vec<Finding> {
        let texts: Vec<Cow<'_, str>> = self.files.iter().map(|file| String::from_utf8_lossy(&file.bytes)).collect();
        let text = |path: &str| self.files.iter().position(|file| file.path == path).map_or("", |at| &*texts[at]);
        diagnostics.iter().map(|diagnostic| Finding::new(diagnostic, text(&diagnostic.file))).collect()
    }

    /// The files as the compiler takes them.
    pub fn files(&self) -> Vec<PipelineFile<'_>> {
        self.files.iter().map(|file| PipelineFile { path: &file.path, bytes: &file.bytes }).collect()
    }

    fn invalid(&self, diagnostics: &[Diagnostic]) -> ApiError {
        ApiError {
            findings: self.findings(diagnostics),
            ..ApiError::new(ErrorCode::PipelineInvalid, message!("`{}` has errors", self.path))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lp_git::{CommitSpec, FileSpec};

    fn found(files: &[(&str, &[u8])]) -> Result<Pipeline, String> {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("shop");
        let file = |(path, bytes): &(&str, &[u8])| FileSpec { path: (*path).into(), bytes: bytes.to_vec(), executable: false };
        let commit = CommitSpec {
            message: "add workflows".into(),
            author_name: "Lin Yue".into(),
            author_email: "lin@example.com".into(),
            time_ms: 1_000_000,
            offset_min: 0,
            branch: "main".into(),
            files: files.iter().map(file).collect(),
            deletes: vec![],
            tag: None,
        };
        lp_git::create(&root, &[commit]).unwrap();
        let repository = Repository::open(&root).unwrap();
        let sha = repository.resolve("HEAD").unwrap().sha;
        let found = Pipeline::first(&repository, &sha).map_err(|error| error.message.to_string())?.ok_or("nothing")?;
        found.filled().map_err(|error| error.message.to_string())?;
        Ok(found)
    }

    fn paths(files: &[&str]) -> Result<(String, Vec<String>), String> {
        let files: Vec<(&str, &[u8])> = files.iter().map(|path| (*path, &b"steps: []\n"[..])).collect();
        found(&files).map(|found| (found.path, found.files.into_iter().map(|file| file.path).collect()))
    }

    #[test]
    fn the_best_place_is_taken() {
        for (files, path, expected) in [
            (&[".woodpecker.yml", ".drone.yaml", ".woodpecker/a.yml", ".drone.yml"][..], ".drone.yml", &[".drone.yml"][..]),
            (
                &[".woodpecker.yml", ".woodpecker/b.yaml", ".woodpecker/a.yml", ".woodpecker/sub/c.yml", ".woodpecker/README.md"],
                ".woodpecker",
                &[".woodpecker/a.yml", ".woodpecker/b.yaml"],
            ),
            (&[".woodpecker.yml", ".woodpecker.yaml"], ".woodpecker.yaml", &[".woodpecker.yaml"]),
            // A folder without workflows is passed over.
            (&[".woodpecker.yml", ".woodpecker/README.md"], ".woodpecker.yml", &[".woodpecker.yml"]),
        ] {
            let expected = expected.iter().map(|file| (*file).to_owned()).collect();
            assert_eq!(paths(files), Ok((path.to_owned(), expected)), "{files:?}");
        }
        assert_eq!(paths(&["README.md"]), Err("nothing".into()));
        let said = paths(&[".woodpecker/README.md"]).unwrap_err();
        assert_eq!(said, "the folder `.woodpecker` has no file that ends in `.yml` or `.yaml`");
    }

    #[test]
    fn a_folder_is_read_up_to_a_limit() {
        let names: Vec<String> = (0..=MOST_FILES).map(|n| format!(".woodpecker/{n}.yml")).collect();
        let many: Vec<&str> = names.iter().map(String::as_str).collect();
        assert!(paths(&many).unwrap_err().contains("101 workflows"));
        assert_eq!(paths(&many[1..]).unwrap().1.len(), MOST_FILES);

        let large = vec![b'#'; LARGEST_FILE as usize];
        let files: Vec<(&str, &[u8])> = many[..5].iter().map(|path| (*path, large.as_slice())).collect();
        assert!(found(&files[1..]).is_ok());
        assert!(found(&files).err().unwrap().contains("workflows of more than"));
    }

    #[test]
    fn findings_have_the_lines_of_their_own_file() {
        let right = &b"steps:\n- {name: a, image: i, commands: [x]}\n"[..];
        let wrong = &b"steps:\n- {name: b, image: i, comands: [x]}\n"[..];
        let findings = found(&[(".woodpecker/a.yml", right), (".woodpecker/b.yml", wrong)]).unwrap().lint(&Inputs::new());
        let unknown = findings.iter().find(|finding| finding.code == "unknown-key").unwrap();
        assert_eq!(unknown.file, ".woodpecker/b.yml");
        assert!(unknown.excerpt.as_ref().unwrap().lines.iter().any(|line| line.contains("comands")), "{unknown:?}");
    }
}
