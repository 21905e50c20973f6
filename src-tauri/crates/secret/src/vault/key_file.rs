use super::VaultError;
use super::key::Key;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// First word of the file, so that a person who finds it knows what it is, and a later format can tell.
const HEADING: &str = "letterpress-key-1";

/// The file that holds the key where the system has no key store: one line, `letterpress-key-1 BASE64`, mode 0600.
pub(super) struct KeyFile<'a>(&'a Path);

impl<'a> KeyFile<'a> {
    pub(super) fn new(path: &'a Path) -> Self {
        Self(path)
    }

    /// The key, or `None` when there is no file. Refuses a file that others may read or write.
    pub(super) fn read(&self) -> Result<Option<Key>, VaultError> {
        let mut file = match File::open(self.0) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed("read", error)),
        };
        self.check_mode(&file)?;
        let mut text = Zeroizing::new(String::new());
        // A key file is 62 bytes; what is longer is something else, and not worth reading.
        (&mut file).take(1000).read_to_string(&mut text).map_err(|error| match error.kind() {
            ErrorKind::InvalidData => self.broken(),
            _ => self.failed("read", error),
        })?;
        let code = text.trim().strip_prefix(HEADING).map(str::trim).ok_or_else(|| self.broken())?;
        let bytes = Zeroizing::new(BASE64_STANDARD.decode(code).map_err(|_| self.broken())?);
        let key = <[u8; 32]>::try_from(&bytes[..]).map_err(|_| self.broken())?;
        Ok(Some(Zeroizing::new(key)))
    }

    /// Writes the key. The caller holds the lock and has seen that there is no file.
    pub(super) fn create(&self, key: &Key) -> Result<(), VaultError> {
        let line = Zeroizing::new(format!("{HEADING} {}\n", BASE64_STANDARD.encode(&key[..])));
        let write = || -> io::Result<()> {
            // Complete before it has its name: a crash or a full disk leaves no half key that would count as damaged.
            let new = self.beside(".new");
            match fs::remove_file(&new) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file = private().write(true).create_new(true).open(&new)?;
            let written = file.write_all(line.as_bytes()).and_then(|()| file.sync_all());
            let named = written.and_then(|()| fs::rename(&new, self.0));
            if named.is_err() {
                // The first error is the one that matters.
                let _ = fs::remove_file(&new);
            }
            named?;
            match self.0.parent() {
                Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
                _ => Ok(()),
            }
        };
        write().map_err(|error| self.failed("made", error))
    }

    /// Waits until this process alone may make a key. The lock ends when the file is dropped, also by a crash.
    pub(super) fn lock(&self) -> Result<File, VaultError> {
        let lock = || -> io::Result<File> {
            if let Some(folder) = self.0.parent() {
                fs::create_dir_all(folder)?;
            }
            let file = private().write(true).create(true).truncate(false).open(self.beside(".lock"))?;
            file.lock()?;
            Ok(file)
        };
        lock().map_err(|error| self.failed("made", error))
    }

    #[cfg(unix)]
    fn check_mode(&self, file: &File) -> Result<(), VaultError> {
        use std::os::unix::fs::PermissionsExt;
        let mode = file.metadata().map_err(|error| self.failed("read", error))?.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(VaultError::KeyFileExposed { path: self.0.to_owned(), mode });
        }
        Ok(())
    }

    #[cfg(not(unix))]
    fn check_mode(&self, _file: &File) -> Result<(), VaultError> {
        // A profile folder is private by its access list, which files in it inherit.
        Ok(())
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut path = self.0.as_os_str().to_owned();
        path.push(ending);
        PathBuf::from(path)
    }

    fn broken(&self) -> VaultError {
        VaultError::KeyFileBroken { path: self.0.to_owned() }
    }

    fn failed(&self, action: &'static str, source: io::Error) -> VaultError {
        VaultError::KeyFile { action, path: self.0.to_owned(), source }
    }
}

fn private() -> OpenOptions {
    #[allow(unused_mut, reason = "changed on unix only")]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
