use super::OsStoreError;
use std::io;
use std::path::PathBuf;

/// Why the vault cannot be opened, or a value not be unsealed. Messages hold no key and no value.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// Values are sealed, and the key that sealed them is nowhere. No new key is made.
    #[error("the key for the stored secrets is missing: it is neither in the key store of the system nor in `{}`", file.display())]
    KeyMissing {
        /// Where the key file would lie.
        file: PathBuf,
    },
    /// Values are sealed, there is no key file, and the key store of the system cannot be asked.
    #[error("the key for the stored secrets cannot be fetched from the key store of the system: {source}")]
    KeyStoreSilent {
        /// What the key store said.
        source: OsStoreError,
    },
    /// The key store of the system has something under our name that is no key.
    #[error("what lies in the key store of the system under `{account}` is not a key")]
    KeyStoreBroken {
        /// Name of the entry.
        account: String,
    },
    /// Others may read or write the key file.
    #[error("the key file `{}` is open to other users of this computer (mode {mode:04o})", path.display())]
    KeyFileExposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The key file holds no key.
    #[error("the key file `{}` is damaged", path.display())]
    KeyFileBroken {
        /// The file.
        path: PathBuf,
    },
    /// The key file cannot be read or made.
    #[error("the key file `{}` cannot be {action}: {source}", path.display())]
    KeyFile {
        /// `read` or `made`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The operating system gave no random numbers.
    #[error("the system gave no random numbers for a new key")]
    NoRandomness,
    /// A newer version of the app sealed the value.
    #[error("the stored secret `{context}` was written by a newer version of the app")]
    Newer {
        /// What the value is for.
        context: String,
    },
    /// Another key or another context, or damaged.
    #[error("the stored secret `{context}` cannot be opened: it was stored with another key, or it is damaged")]
    NotOpened {
        /// What the value is for.
        context: String,
    },
}

impl VaultError {
    /// What to do about it, one sentence.
    pub fn hint(&self) -> String {
        match self {
            Self::KeyMissing { file } => {
                format!("restore `{}` from a backup, or remove the stored secrets and enter them again", file.display())
            }
            Self::KeyStoreSilent { .. } => "unlock the key store, e.g. by logging in to the desktop, and start the app again".to_owned(),
            Self::KeyStoreBroken { account } => {
                format!("restore the entry `{account}`, or remove it and the stored secrets and enter them again")
            }
            Self::KeyFileExposed { path, .. } => {
                format!("run `chmod 600 {}`; if someone may have read it, change the secrets too", path.display())
            }
            Self::KeyFileBroken { .. } => "restore it from a backup, or remove it and the stored secrets and enter them again".to_owned(),
            Self::KeyFile { .. } => "check that the data folder is yours and that its disk has room".to_owned(),
            Self::NoRandomness => "start the app again".to_owned(),
            Self::Newer { .. } => "use the newer version".to_owned(),
            Self::NotOpened { .. } => "enter the secret again".to_owned(),
        }
    }
}
