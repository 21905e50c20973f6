use super::OsStoreError;
use lp_model::{Message, message};
use std::io;
use std::path::PathBuf;

/// Why the vault cannot be opened, or a value not be unsealed. Messages hold no key and no value.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.told())]
pub enum VaultError {
    /// Values are sealed, and the key that sealed them is nowhere. No new key is made.
    KeyMissing {
        /// Where the key file would lie.
        file: PathBuf,
    },
    /// Values are sealed, there is no key file, and the key store of the system cannot be asked.
    KeyStoreSilent {
        /// What the key store said.
        source: OsStoreError,
    },
    /// The key store of the system has something under our name that is no key.
    KeyStoreBroken {
        /// Name of the entry.
        account: String,
    },
    /// Others may read or write the key file.
    KeyFileExposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The key file holds no key.
    KeyFileBroken {
        /// The file.
        path: PathBuf,
    },
    /// The key file cannot be read or made.
    KeyFile {
        /// `read` or `made`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The operating system gave no random numbers.
    NoRandomness,
    /// A newer version of the app sealed the value.
    Newer {
        /// What the value is for.
        context: String,
    },
    /// Another key or another context, or damaged.
    NotOpened {
        /// What the value is for.
        context: String,
    },
}

impl VaultError {
    /// What is wrong.
    pub fn told(&self) -> Message {
        match self {
            Self::KeyMissing { file } => message!(
                "the key for the stored secrets is missing: it is neither in the key store of the system nor in `{}`",
                file.display()
            ),
            Self::KeyStoreSilent { source } => {
                message!("the key for the stored secrets cannot be fetched from the key store of the system: {}", source.message)
            }
            Self::KeyStoreBroken { account } => message!("what lies in the key store of the system under `{}` is not a key", account),
            Self::KeyFileExposed { path, mode } => {
                message!("the key file `{}` is open to other users of this computer (mode {})", path.display(), format_args!("{mode:04o}"))
            }
            Self::KeyFileBroken { path } => message!("the key file `{}` is damaged", path.display()),
            Self::KeyFile { action: "made", path, source } => message!("the key file `{}` cannot be made: {}", path.display(), source),
            Self::KeyFile { path, source, .. } => message!("the key file `{}` cannot be read: {}", path.display(), source),
            Self::NoRandomness => message!("the system gave no random numbers for a new key"),
            Self::Newer { context } => message!("the stored secret `{}` was written by a newer version of the app", context),
            Self::NotOpened { context } => {
                message!("the stored secret `{}` cannot be opened: it was stored with another key, or it is damaged", context)
            }
        }
    }

    /// What to do about it, one sentence.
    pub fn hint(&self) -> Message {
        match self {
            Self::KeyMissing { file } => {
                message!("restore `{}` from a backup, or remove the stored secrets and enter them again", file.display())
            }
            Self::KeyStoreSilent { .. } => message!("unlock the key store, e.g. by logging in to the desktop, and start the app again"),
            Self::KeyStoreBroken { account } => {
                message!("restore the entry `{}`, or remove it and the stored secrets and enter them again", account)
            }
            Self::KeyFileExposed { path, .. } => {
                message!("run `chmod 600 {}`; if someone may have read it, change the secrets too", path.display())
            }
            Self::KeyFileBroken { .. } => message!("restore it from a backup, or remove it and the stored secrets and enter them again"),
            Self::KeyFile { .. } => message!("check that the data folder is yours and that its disk has room"),
            Self::NoRandomness => message!("start the app again"),
            Self::Newer { .. } => message!("use the newer version"),
            Self::NotOpened { .. } => message!("enter the secret again"),
        }
    }
}
