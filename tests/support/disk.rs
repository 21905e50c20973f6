//! Disks that hold almost nothing, and fill up.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A disk in memory. Only root can have one. It is gone when it is dropped.
pub struct SmallDisk {
    folder: PathBuf,
    /// The folder, when it was made for the disk. It is removed after the disk.
    _own: Option<tempfile::TempDir>,
}

impl SmallDisk {
    /// A disk of that size in a folder of its own.
    ///
    /// # Panics
    /// When it cannot be mounted.
    pub fn new(kilobytes: u32) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut disk = Self::at(folder.path(), kilobytes);
        disk._own = Some(folder);
        disk
    }

    /// A disk of that size over a folder, which must be there.
    ///
    /// # Panics
    /// When it cannot be mounted.
    pub fn at(folder: &Path, kilobytes: u32) -> Self {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={kilobytes}k,mode=700"), "tmpfs"])
            .arg(folder)
            .status()
            .expect("`mount` is there");
        assert!(mounted.success(), "this test mounts a small tmpfs, which needs root");
        Self { folder: folder.to_owned(), _own: None }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Fills it up but for so much.
    ///
    /// # Panics
    /// When it cannot be written for another reason than that it is full.
    pub fn fill_but(&self, kilobytes: u64) {
        let mut ballast = File::create(self.ballast()).expect("a new file on the disk");
        let mut written: u64 = 0;
        loop {
            match ballast.write(&[0; 1024]) {
                Ok(count) => written += count as u64,
                Err(problem) if problem.kind() == ErrorKind::StorageFull => break,
                Err(problem) => panic!("the disk cannot be filled: {problem}"),
            }
        }
        let left = written.saturating_sub(kilobytes * 1024);
        ballast.set_len(left).expect("a file can be made shorter");
    }

    /// Makes room again.
    ///
    /// # Panics
    /// When it was not filled.
    pub fn make_room(&self) {
        fs::remove_file(self.ballast()).expect("the disk was filled before");
    }

    fn ballast(&self) -> PathBuf {
        self.folder.join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _unmounted = Command::new("umount").arg("-l").arg(&self.folder).status();
    }
}
