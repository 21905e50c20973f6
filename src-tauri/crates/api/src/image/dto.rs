//! What `letterpress images context --format json` prints. Keys are added, never changed or removed.

use serde::Serialize;

/// What a build of a folder sends, and what it leaves out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageContext {
    /// Version of this format.
    pub version: u32,
    /// The folder as it was named.
    pub folder: String,
    /// Path of the Dockerfile, relative to the folder.
    pub dockerfile: String,
    /// Path of the file whose patterns count, relative to the folder; nothing where there is none.
    pub ignore_file: Option<String>,
    /// Files and links that are sent, sorted by their paths.
    pub files: Vec<SentFile>,
    /// How many bytes the files have together.
    pub bytes: u64,
    /// What is left out, sorted by path; a folder of which nothing is sent stands once.
    pub left_out: Vec<LeftOutPath>,
}

/// A file that is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SentFile {
    /// Its path, relative to the folder.
    pub path: String,
    /// Its size.
    pub bytes: u64,
}

/// Something that is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOutPath {
    /// Its path, relative to the folder.
    pub path: String,
    /// Whether it is a folder, with everything in it.
    pub folder: bool,
    /// The pattern that leaves it out.
    pub pattern: String,
    /// The line of the pattern, from 1.
    pub line: u32,
}
