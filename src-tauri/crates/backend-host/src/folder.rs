//! What is on the disk: `root/lp-RUN-STAGE/{work,home,tmp,steps}`, readable by its owner alone.

use crate::mark;
use lp_model::message;
use lp_model::{RunId, StageNumber, Workspace};
use std::collections::HashSet;
use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

/// Says that the working copy is complete. Without it a crash in the middle of `prepare` would leave half of one to be used.
const READY: &str = "ready";

/// Says that the stage was destroyed and its working copy kept.
const KEPT: &str = "kept";

/// Blocks that the system counts in are of this size, whatever the disk's own are.
const BLOCK_BYTES: u64 = 512;

/// The folder of all stages, with symbolic links resolved: it also identifies our processes.
#[derive(Debug, Clone)]
pub(crate) struct Root(PathBuf);

/// The folder of one stage.
#[derive(Debug, Clone)]
pub(crate) struct StageFolder {
    path: PathBuf,
    name: String,
}

impl Root {
    pub(crate) fn find(path: &Path) -> io::Result<Self> {
        match fs::canonicalize(path) {
            Ok(path) => Ok(Self(path)),
            // Not made yet: its name must still be the one that it will have, or marks would not match later.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                make_private(path)?;
                Ok(Self(fs::canonicalize(path)?))
            }
            Err(error) => Err(error),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn stage(&self, name: &str) -> StageFolder {
        StageFolder { path: self.0.join(name), name: name.to_owned() }
    }

    /// All folders of stages with what they are of; other things in the root are not ours.
    pub(crate) fn stages(&self) -> io::Result<Vec<(RunId, StageNumber, StageFolder)>> {
        let mut stages = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Some((run, number)) = mark::parse_stage(&name)
                && entry.file_type()?.is_dir()
            {
                stages.push((run, number, self.stage(&name)));
            }
        }
        stages.sort_by(|a, b| a.2.name.cmp(&b.2.name));
        Ok(stages)
    }
}

impl StageFolder {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What the steps see as [`Workspace::base`].
    pub(crate) fn base(&self) -> PathBuf {
        self.path.join("work")
    }

    /// What the steps see as [`Workspace::dir`]: the working copy.
    pub(crate) fn dir(&self, workspace: &Workspace) -> PathBuf {
        // A path that leaves the base was refused by `create`.
        self.map(workspace, &workspace.dir()).unwrap_or_else(|| self.base())
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.path.join("home")
    }

    pub(crate) fn tmp(&self) -> PathBuf {
        self.path.join("tmp")
    }

    /// Where the records of its steps lie.
    pub(crate) fn steps(&self) -> PathBuf {
        self.path.join("steps")
    }

    /// Where a path of the plan (absolute, below the workspace's base) lies on this computer; `None` when it is outside.
    pub(crate) fn map(&self, workspace: &Workspace, planned: &str) -> Option<PathBuf> {
        let base = Path::new("/").join(&workspace.base);
        let below = Path::new(planned).strip_prefix(&base).ok()?;
        let inside = below.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        // Part by part: joining an empty path would leave a slash at the end, which shows in what programs print.
        inside.then(|| self.base().components().chain(below.components()).collect())
    }

    /// Makes the folders, in place of what there is of the stage.
    pub(crate) fn create(&self, workspace: &Workspace) -> io::Result<()> {
        let Some(dir) = self.map(workspace, &workspace.dir()) else {
            let message = message!("the working copy `{}` lies outside `{}`", workspace.dir(), workspace.base);
            return Err(io::Error::new(ErrorKind::InvalidInput, message));
        };
        self.remove()?;
        for folder in [&self.path, &self.base(), &self.home(), &self.tmp(), &dir] {
            make_private(folder)?;
        }
        Ok(())
    }

    /// Takes the working copy as it is, also when it was kept since its stage was destroyed. False when it is not there, or was never finished.
    pub(crate) fn take(&self) -> io::Result<bool> {
        if !self.path.join(READY).exists() || !self.base().exists() {
            return Ok(false);
        }
        for folder in [&self.home(), &self.tmp()] {
            make_private(folder)?;
        }
        remove_file(&self.path.join(KEPT))?;
        Ok(true)
    }

    pub(crate) fn set_ready(&self) -> io::Result<()> {
        fs::write(self.path.join(READY), "")
    }

    /// Removes it with everything inside. What is gone already counts as removed.
    pub(crate) fn remove(&self) -> io::Result<()> {
        with_open_folders(&self.path, || {
            // First, so that half of a working copy is never taken for a whole one.
            remove_file(&self.path.join(READY))?;
            remove_tree(&self.path)
        })
    }

    /// Removes everything but the working copy; all of it when the working copy was never finished.
    pub(crate) fn keep(&self) -> io::Result<()> {
        if !self.path.join(READY).exists() {
            return self.remove();
        }
        fs::write(self.path.join(KEPT), "")?;
        for folder in [self.steps(), self.home(), self.tmp()] {
            with_open_folders(&folder, || remove_tree(&folder))?;
        }
        Ok(())
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.path.join(KEPT).exists()
    }

    /// Bytes that it takes on the disk; `None` when there are more than `most` files, or one that cannot be looked at.
    pub(crate) fn bytes(&self, most: usize) -> Option<u64> {
        let mut bytes = 0;
        let mut files = 0;
        let mut seen = HashSet::new();
        let mut folders = vec![self.path.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).ok()? {
                let entry = entry.ok()?;
                let metadata = entry.metadata().ok()?;
                files += 1;
                if files > most {
                    return None;
                }
                if metadata.is_dir() {
                    folders.push(entry.path());
                } else if metadata.nlink() > 1 && !seen.insert((metadata.dev(), metadata.ino())) {
                    continue;
                }
                bytes += metadata.blocks() * BLOCK_BYTES;
            }
        }
        Some(bytes)
    }
}

/// Removes something below `path`. Module caches are often read-only: only then all folders are opened first, because the walk costs
/// as much as the removal.
fn with_open_folders(path: &Path, remove: impl Fn() -> io::Result<()>) -> io::Result<()> {
    match remove() {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            open_folders(path)?;
            remove()
        }
        done => done,
    }
}

fn remove_tree(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Lets the owner into all folders below. Never follows a symbolic link.
fn open_folders(path: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_dir() {
        return Ok(());
    }
    let mode = metadata.permissions().mode();
    if mode & 0o700 != 0o700 {
        fs::set_permissions(path, Permissions::from_mode(mode | 0o700))?;
    }
    for entry in fs::read_dir(path)? {
        open_folders(&entry?.path())?;
    }
    Ok(())
}

pub(crate) fn make_private(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    // Also when it was there before.
    fs::set_permissions(path, Permissions::from_mode(0o700))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn workspace(base: &str, path: &str) -> Workspace {
        Workspace { base: base.into(), path: path.into() }
    }

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn paths_of_the_plan_lie_below_the_base() {
        let temp = tempfile::tempdir().unwrap();
        let stage = Root::find(temp.path()).unwrap().stage("lp-a-1");
        let go = workspace("/go", "src/app");
        assert_eq!(stage.dir(&go), stage.base().join("src/app"));
        assert_eq!(stage.map(&go, "/go/src/app/ui"), Some(stage.base().join("src/app/ui")));
        assert_eq!(stage.map(&go, "/go/").unwrap().as_os_str(), stage.base().as_os_str());
        assert_eq!(stage.map(&workspace("/", ""), "/x"), Some(stage.base().join("x")));
        for outside in ["/gone", "/etc", "relative", "/go/../etc", "/go/a/../../.."] {
            assert_eq!(stage.map(&go, outside), None, "{outside}");
        }
        let error = stage.create(&workspace("/go", "../..")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn folders_are_private_and_the_files_are_fresh_or_kept() {
        let temp = tempfile::tempdir().unwrap();
        let root = Root::find(&temp.path().join("a/host")).unwrap();
        assert_eq!(mode(root.path()), 0o700);
        let stage = root.stage("lp-a-1");
        let workspace = workspace("/drone/src", "");
        assert!(!stage.take().unwrap(), "nothing there");
        stage.create(&workspace).unwrap();
        fs::write(stage.base().join("half"), "").unwrap();
        assert!(!stage.take().unwrap(), "never finished");
        stage.create(&workspace).unwrap();
        assert!(!stage.base().join("half").exists());
        for folder in [stage.path(), &stage.base(), &stage.home(), &stage.tmp()] {
            assert_eq!(mode(folder), 0o700, "{}", folder.display());
        }
        stage.set_ready().unwrap();
        fs::write(stage.base().join("kept"), "").unwrap();
        assert!(stage.take().unwrap());
        assert!(stage.base().join("kept").exists());
        assert_eq!(root.stages().unwrap().len(), 1);
        stage.create(&workspace).unwrap();
        assert!(!stage.base().join("kept").exists(), "another beginning");
        assert!(!stage.take().unwrap());
    }

    #[test]
    fn what_is_kept_is_the_working_copy() {
        let temp = tempfile::tempdir().unwrap();
        let stage = Root::find(temp.path()).unwrap().stage("lp-a-1");
        let workspace = workspace("/drone/src", "");
        stage.create(&workspace).unwrap();
        stage.keep().unwrap();
        assert!(!stage.path().exists(), "half a working copy is not kept");

        stage.create(&workspace).unwrap();
        stage.set_ready().unwrap();
        fs::create_dir(stage.steps()).unwrap();
        fs::write(stage.home().join("cache"), [1; 100_000]).unwrap();
        fs::write(stage.base().join("file"), [1; 100_000]).unwrap();
        fs::hard_link(stage.base().join("file"), stage.base().join("same")).unwrap();
        for _twice in 0..2 {
            stage.keep().unwrap();
            assert!(stage.is_kept() && !stage.steps().exists() && !stage.home().exists() && !stage.tmp().exists());
        }
        let bytes = stage.bytes(100).unwrap();
        assert!((100_000..200_000).contains(&bytes), "{bytes}");
        assert_eq!(stage.bytes(4), None);

        assert!(stage.take().unwrap());
        assert!(!stage.is_kept() && stage.base().join("same").exists());
        assert_eq!((mode(&stage.home()), mode(&stage.tmp())), (0o700, 0o700));
        stage.remove().unwrap();
        assert!(!stage.path().exists());
    }

    #[test]
    fn removing_goes_through_closed_folders_but_not_through_links() {
        let temp = tempfile::tempdir().unwrap();
        let outside = temp.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::set_permissions(&outside, Permissions::from_mode(0o500)).unwrap();
        let stage = Root::find(&temp.path().join("host")).unwrap().stage("lp-a-1");
        let closed = stage.path().join("work/closed");
        fs::create_dir_all(closed.join("inner")).unwrap();
        symlink(&outside, stage.path().join("work/link")).unwrap();
        fs::set_permissions(&closed, Permissions::from_mode(0o500)).unwrap();
        open_folders(stage.path()).unwrap();
        assert_eq!((mode(&closed), mode(&outside)), (0o700, 0o500));
        fs::set_permissions(&closed, Permissions::from_mode(0o500)).unwrap();
        stage.remove().unwrap();
        assert!(!stage.path().exists() && outside.exists());
        stage.remove().unwrap();
    }
}
