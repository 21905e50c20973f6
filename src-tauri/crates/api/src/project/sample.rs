//! The sample project: comes with the app, unpacked as a real repository with tags and commits. `commits.json` lists the commits in
//! order, each with a folder of files that are laid over what is there.

use crate::app::App;
use crate::dto::{ApiError, ErrorCode, ProjectSummary};
use crate::project::blocking;
use crate::time;
use include_dir::{Dir, DirEntry, include_dir};
use lp_git::{CommitSpec, FileSpec, TagSpec};
use lp_model::message;
use lp_store::ProjectKind;
use serde::Deserialize;
use std::path::{Path, PathBuf};

static SAMPLE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../sample");

/// Folder of the sample in the data folder; its last part is the project's name.
const FOLDER: &str = "sample/letterpress-sample";

impl App {
    /// Unpacks the sample, or finds the one that is there.
    ///
    /// # Errors
    /// `DiskFull`, `StoreUnavailable`.
    pub async fn create_sample(&self) -> Result<ProjectSummary, ApiError> {
        let folder = self.options.data_folder.join(FOLDER);
        let unpacked = folder.clone();
        blocking(move || unpack(&unpacked)).await?;
        let project = self.add_project(folder, ProjectKind::Sample).await?;
        let projects = self.projects().await?;
        projects
            .into_iter()
            .find(|summary| summary.id == project.id.as_str())
            .ok_or_else(|| ApiError::new(ErrorCode::ProjectNotFound, message!("the sample project was removed meanwhile")))
    }
}

/// Makes the repository beside its place and moves it there when it is complete: a half one is never found.
fn unpack(folder: &Path) -> Result<(), ApiError> {
    if folder.join(".git").is_dir() {
        return Ok(());
    }
    let half: PathBuf = folder.with_extension("unpacking");
    let _was_not_there = std::fs::remove_dir_all(&half);
    let commits = commits(time::now_ms()).map_err(|why| ApiError::new(ErrorCode::Internal, message!("the sample is damaged: {}", why)))?;
    lp_git::create(&half, &commits)?;
    let _was_not_there = std::fs::remove_dir_all(folder);
    std::fs::rename(&half, folder).map_err(|problem| {
        ApiError::new(ErrorCode::StoreUnavailable, message!("the sample cannot be put at `{}`: {}", folder.display(), problem))
    })
}

/// `commits.json`.
#[derive(Deserialize)]
struct List {
    branch: String,
    /// The authors' offset from UTC, `+08:00`.
    offset: String,
    commits: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    folder: String,
    message: String,
    author: Author,
    /// `-2d14:20`: two days before today, at 14:20 by the authors' clock.
    when: String,
    #[serde(default)]
    delete: Vec<String>,
    tag: Option<Tag>,
}

#[derive(Deserialize)]
struct Author {
    name: String,
    email: String,
}

#[derive(Deserialize)]
struct Tag {
    name: String,
    message: String,
}

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// The commits of the sample. Their times are counted back from today, so that "yesterday" is yesterday.
fn commits(now_ms: i64) -> Result<Vec<CommitSpec>, String> {
    let json = SAMPLE.get_file("commits.json").ok_or("it has no `commits.json`")?.contents();
    let list: List = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    let offset_min = minutes(&list.offset).ok_or_else(|| format!("`{}` is no offset", list.offset))?;
    let offset_ms = i64::from(offset_min) * MINUTE_MS;
    let midnight_ms = (now_ms + offset_ms).div_euclid(DAY_MS) * DAY_MS - offset_ms;
    let commit = |item: Item| {
        let when = || {
            let (days, clock) = item.when.strip_prefix('-')?.split_once('d')?;
            Some(midnight_ms - days.parse::<i64>().ok()? * DAY_MS + i64::from(minutes(clock)?) * MINUTE_MS)
        };
        let folder = SAMPLE.get_dir(&item.folder).ok_or_else(|| format!("it has no folder `{}`", item.folder))?;
        let mut files = Vec::new();
        collect(folder, Path::new(&item.folder), &mut files);
        Ok(CommitSpec {
            time_ms: when().ok_or_else(|| format!("`{}` is no time", item.when))?,
            message: item.message,
            author_name: item.author.name,
            author_email: item.author.email,
            offset_min,
            branch: list.branch.clone(),
            files,
            deletes: item.delete,
            tag: item.tag.map(|tag| TagSpec { name: tag.name, message: Some(tag.message) }),
        })
    };
    list.commits.into_iter().map(commit).collect()
}

/// All files below a folder, with paths relative to `base`.
fn collect(folder: &Dir<'_>, base: &Path, files: &mut Vec<FileSpec>) {
    for entry in folder.entries() {
        match entry {
            DirEntry::Dir(inner) => collect(inner, base, files),
            DirEntry::File(file) => {
                let path = file.path().strip_prefix(base).unwrap_or(file.path());
                files.push(FileSpec {
                    path: path.to_string_lossy().replace('\\', "/"),
                    bytes: file.contents().to_vec(),
                    executable: false,
                });
            }
        }
    }
}

/// `+08:00`, `-03:30` or `14:20` in minutes.
fn minutes(text: &str) -> Option<i32> {
    let (hours, rest) = text.trim_start_matches(['+', '-']).split_once(':')?;
    let minutes = hours.parse::<i32>().ok()? * 60 + rest.parse::<i32>().ok()?;
    Some(if text.starts_with('-') { -minutes } else { minutes })
}
