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

    /// Finds or makes the key. Blocks.
    pub(super) fn key(&self, sealed_values_exist: bool) -> Result<(Key, KeyPlace), VaultError> {
        let file = KeyFile::new(&self.file);
        if let Some(key) = file.read()? {
            return Ok((key, KeyPlace::File(self.file.clone())));
        }
        if let Some(found) = self.stored()? {
            return Ok(found);
        }
        if sealed_values_exist {
            return Err(self.lost());
        }
        // Desktop and terminal may get here at the same time: the second one must find the key of the first.
        let _lock = file.lock()?;
        if let Some(key) = file.read()? {
            return Ok((key, KeyPlace::File(self.file.clone())));
        }
        if let Some(found) = self.stored()? {
            return Ok(found);
        }
        let key = Zeroizing::new(<[u8; 32]>::try_generate().map_err(|_| VaultError::NoRandomness)?);
        if self.store(&key) {
            return Ok((key, KeyPlace::OsKeyStore));
        }
        file.create(&key)?;
        Ok((key, KeyPlace::File(self.file.clone())))
    }

    /// The key in the key store of the system; `None` when it has none or does not answer.
    fn stored(&self) -> Result<Option<(Key, KeyPlace)>, VaultError> {
        let Some(os) = &self.os else { return Ok(None) };
        match os.read() {
            Ok(Some(bytes)) => {
                let key = <[u8; 32]>::try_from(&bytes[..]).map_err(|_| VaultError::KeyStoreBroken { account: os.account().to_owned() })?;
                Ok(Some((Zeroizing::new(key), KeyPlace::OsKeyStore)))
            }
            Ok(None) | Err(OsStoreError { .. }) => Ok(None),
        }
    }

    /// Why there is no key though there must be one.
    fn lost(&self) -> VaultError {
        match self.os.as_ref().map(|os| os.read()) {
            Some(Err(source)) => VaultError::KeyStoreSilent { source },
            _ => VaultError::KeyMissing { file: self.file.clone() },
        }
    }

    /// Puts a new key into the key store of the system. It counts only when it can be read back: some stores take everything
    /// and keep nothing beyond the session.
    fn store(&self, key: &Key) -> bool {
        let Some(os) = &self.os else { return false };
        os.write(&key[..]).is_ok() && os.read().is_ok_and(|back| back.is_some_and(|back| back[..] == key[..]))
    }
}
