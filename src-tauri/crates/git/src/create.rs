use crate::GitError;
use git2::build::CheckoutBuilder;
use git2::{Oid, RepositoryInitOptions, Signature, Time, TreeBuilder};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A commit to be made.
#[derive(Debug, Clone)]
pub struct CommitSpec {
    /// The whole message.
    pub message: String,
    /// Name of the author, who is the committer as well.
    pub author_name: String,
    /// E-mail address of the author.
    pub author_email: String,
    /// When, milliseconds since 1970 UTC (git keeps seconds).
    pub time_ms: i64,
    /// The author's offset from UTC in minutes.
    pub offset_min: i32,
    /// The branch; a new one starts from the commit before in the list.
    pub branch: String,
    /// Files that are added or replaced.
    pub files: Vec<FileSpec>,
    /// Paths that are removed.
    pub deletes: Vec<String>,
    /// A tag for the commit.
    pub tag: Option<TagSpec>,
}

/// A file of a [`CommitSpec`].
#[derive(Debug, Clone)]
pub struct FileSpec {
    /// Path from the root, with `/`.
    pub path: String,
    /// What is in it.
    pub bytes: Vec<u8>,
    /// Whether it may be executed.
    pub executable: bool,
}

/// A tag of a [`CommitSpec`].
#[derive(Debug, Clone)]
pub struct TagSpec {
    /// Its name.
    pub name: String,
    /// With a message the tag is an annotated one, made by the author at the time of the commit.
    pub message: Option<String>,
}

/// Makes a repository at `root` with these commits and the files of the last commit of the first branch as working copy. `root` must not exist or be
/// empty; it appears as a whole or not at all.
pub fn create(root: &Path, commits: &[CommitSpec]) -> Result<(), GitError> {
    let io = |action| move |source| GitError::io(action, root, source);
    let is_free = match fs::read_dir(root) {
        Ok(mut entries) => entries.next().is_none(),
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => true,
        Err(source) => return Err(io("list")(source)),
    };
    let (Some(parent), Some(name), true) = (root.parent(), root.file_name(), is_free) else {
        return Err(GitError::Exists { path: root.display().to_string() });
    };
    let mut half = name.to_owned();
    half.push(".new");
    let half = parent.join(half);
    match fs::remove_dir_all(&half) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => return Err(GitError::io("remove", &half, source)),
        _ => {}
    }
    fs::create_dir_all(&half).map_err(|source| GitError::io("create", &half, source))?;
    if let Err(error) = fill(&half, commits) {
        // The error that stopped us is the one to tell.
        let _ = fs::remove_dir_all(&half);
        return Err(error);
    }
    if root.exists() {
        fs::remove_dir(root).map_err(io("replace"))?;
    }
    fs::rename(&half, root).map_err(io("create"))
}

fn fill(root: &Path, commits: &[CommitSpec]) -> Result<(), GitError> {
    let first_branch = commits.first().map_or("main", |commit| commit.branch.as_str());
    let mut options = RepositoryInitOptions::new();
    // No template: the user's own could bring hooks.
    options.initial_head(first_branch).external_template(false);
    let git = git2::Repository::init_opts(root, &options).map_err(|error| full_or(error, root))?;
    // The files are what the app brings, byte for byte, whatever the user's git is set to.
    git.config()?.set_bool("core.autocrlf", false)?;

    let mut branches: BTreeMap<&str, (Oid, Files)> = BTreeMap::new();
    let mut last: Option<(Oid, Files)> = None;
    for spec in commits {
        let (parent, mut files) = match branches.get(spec.branch.as_str()).or(last.as_ref()) {
            Some((parent, files)) => (Some(*parent), files.clone()),
            None => (None, Files::new()),
        };
        for path in &spec.deletes {
            files.remove(path);
        }
        for file in &spec.files {
            let blob = git.blob(&file.bytes).map_err(|error| full_or(error, root))?;
            files.insert(file.path.clone(), (blob, if file.executable { 0o100_755 } else { 0o100_644 }));
        }
        let tree = git.find_tree(write_tree(&git, &files, "")?)?;
        let time = Time::new(spec.time_ms.div_euclid(1_000), spec.offset_min);
        let author = Signature::new(&spec.author_name, &spec.author_email, &time)?;
        let parent = parent.map(|id| git.find_commit(id)).transpose()?;
        let parents: Vec<&git2::Commit<'_>> = parent.iter().collect();
        let id = git.commit(None, &author, &author, &spec.message, &tree, &parents).map_err(|error| full_or(error, root))?;
        git.reference(&format!("refs/heads/{}", spec.branch), id, true, "commit")?;
        if let Some(tag) = &spec.tag {
            let commit = git.find_object(id, None)?;
            match &tag.message {
                Some(message) => git.tag(&tag.name, &commit, &author, message, false)?,
                None => git.tag_lightweight(&tag.name, &commit, false)?,
            };
        }
        branches.insert(&spec.branch, (id, files.clone()));
        last = Some((id, files));
    }
    if !commits.is_empty() {
        git.checkout_head(Some(CheckoutBuilder::new().force())).map_err(|error| full_or(error, root))?;
    }
    Ok(())
}

/// Path to blob and mode.
type Files = BTreeMap<String, (Oid, i32)>;

fn write_tree(git: &git2::Repository, files: &Files, prefix: &str) -> Result<Oid, GitError> {
    let mut tree: TreeBuilder<'_> = git.treebuilder(None)?;
    let mut folder: Option<&str> = None;
    for (path, (blob, mode)) in files.range(prefix.to_owned()..).take_while(|(path, _)| path.starts_with(prefix)) {
        let name = &path[prefix.len()..];
        match name.split_once('/') {
            None => {
                tree.insert(name, *blob, *mode)?;
            }
            // All paths of a folder follow one another, but for names that sort between them: seeing one twice does no harm.
            Some((below, _)) if folder != Some(below) => {
                folder = Some(below);
                tree.insert(below, write_tree(git, files, &format!("{prefix}{below}/"))?, 0o040_000)?;
            }
            Some(_) => {}
        }
    }
    Ok(tree.write()?)
}

/// libgit2 tells of a full disk only in the text of the system.
fn full_or(error: git2::Error, root: &Path) -> GitError {
    if error.class() == git2::ErrorClass::Os && error.message().contains("No space left") {
        return GitError::DiskFull { path: root.display().to_string() };
    }
    GitError::from(error)
}
