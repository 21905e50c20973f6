use super::key_file::KeyFile;
use super::{OsKeyStore, OsStoreError, SystemKeyStore, VaultError};
use aes_gcm::aead::Generate;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The master key.
pub(super) type Key = Zeroizing<[u8; 32]>;

/// Where the master key lies.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case", tag = "place", content = "path")]
pub enum KeyPlace {
    /// In the key store of the operating system, locked with the person's login.
    OsKeyStore,
    /// In a file that only its owner may read: whoever has the data folder has the secrets.
    File(PathBuf),
}

/// The places where a master key may lie: the key store of the system and the key file.
///
/// A key file that exists is always used: it was made because the key store did not answer at the time. Without one the key
/// store is asked. A new key goes to the key store, or into the file when the key store does not answer.
#[derive(Clone)]
pub struct KeyHome {
    os: Option<Arc<dyn OsKeyStore>>,
    file: PathBuf,
}

impl KeyHome {
    /// The key store of this system under an account name (one per data folder), and the key file in the data folder.
    pub fn system(account: &str, file: impl Into<PathBuf>) -> Self {
        Self::with(Arc::new(SystemKeyStore::new(account)), file)
    }

    /// Only the key file: for tests, and for who wants it so.
    pub fn file_only(file: impl Into<PathBuf>) -> Self {
        Self { os: None, file: file.into() }
    }

    /// Another key store.
    pub fn with(os: Arc<dyn OsKeyStore>, file: impl Into<PathBuf>) -> Self {
        Self { os: Some(os), file: file.into() }
    }

    /// Where a key file lies or would lie.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Finds or makes the key. Blocks. A key store that did not answer is not asked a second time: each question may take minutes.
    pub(super) fn key(&self, sealed_values_exist: bool) -> Result<(Key, KeyPlace), VaultError> {
        let file = KeyFile::new(&self.file);
        if let Some(key) = file.read()? {
            return Ok((key, KeyPlace::File(self.file.clone())));
        }
        let silent = match self.stored()? {
            Stored::Key(key) => return Ok((key, KeyPlace::OsKeyStore)),
            Stored::Nothing if sealed_values_exist => return Err(VaultError::KeyMissing { file: self.file.clone() }),
            Stored::Silent(source) if sealed_values_exist => return Err(VaultError::KeyStoreSilent { source }),
            Stored::Nothing => false,
            Stored::Silent(_) => true,
        };
        // Desktop and terminal may get here at the same time: the second one must find the key of the first.
        let _lock = file.lock()?;
        if let Some(key) = file.read()? {
            return Ok((key, KeyPlace::File(self.file.clone())));
        }
        if !silent && let Stored::Key(key) = self.stored()? {
            return Ok((key, KeyPlace::OsKeyStore));
        }
        let key = Zeroizing::new(<[u8; 32]>::try_generate().map_err(|_| VaultError::NoRandomness)?);
        if !silent && self.store(&key) {
            return Ok((key, KeyPlace::OsKeyStore));
        }
        file.create(&key)?;
        Ok((key, KeyPlace::File(self.file.clone())))
    }

    /// What the key store of the system says.
    fn stored(&self) -> Result<Stored, VaultError> {
        let Some(os) = &self.os else { return Ok(Stored::Nothing) };
        match os.read() {
            Ok(Some(bytes)) => {
                let key = <[u8; 32]>::try_from(&bytes[..]).map_err(|_| VaultError::KeyStoreBroken { account: os.account().to_owned() })?;
                Ok(Stored::Key(Zeroizing::new(key)))
            }
            Ok(None) => Ok(Stored::Nothing),
            Err(source) => Ok(Stored::Silent(source)),
        }
    }

    /// Puts a new key into the key store of the system. It counts only when it can be read back: some stores take everything
    /// and keep nothing beyond the session.
    fn store(&self, key: &Key) -> bool {
        let Some(os) = &self.os else { return false };
        os.write(&key[..]).is_ok() && os.read().is_ok_and(|back| back.is_some_and(|back| back[..] == key[..]))
    }
}

/// The answer of a key store.
enum Stored {
    /// It has our key.
    Key(Key),
    /// It has none of ours, or there is no key store.
    Nothing,
    /// It gave no answer.
    Silent(OsStoreError),
}
