//! Stores values encrypted: AES-256-GCM under one master key of 32 bytes, which lies in the key store of the operating system
//! or, where there is none, in a file that only its owner may read ([`KeyHome`]).
//!
//! The vault keeps nothing itself: it turns a value into sealed bytes for a database and back.

mod error;
mod key;
mod key_file;
mod os_store;

pub use error::VaultError;
pub use key::{KeyHome, KeyPlace};
pub use os_store::{OsKeyStore, OsStoreError, SystemKeyStore};

use crate::SecretValue;
use aes_gcm::aead::{Aead, Generate, Nonce, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use std::fmt;
use zeroize::Zeroizing;

/// First byte of sealed bytes. A new scheme gets a new number; old ones stay readable.
const SCHEME: u8 = 1;
const NONCE_BYTES: usize = 12;

/// Goes into the authenticated data before the context, so that the master key can later serve other purposes too.
const PURPOSE: &[u8] = b"letterpress secret 1\0";

/// Seals and unseals values. One per process and data folder; safe to share between tasks.
pub struct Vault {
    cipher: Aes256Gcm,
    place: KeyPlace,
}

impl Vault {
    /// Finds the master key, or makes one when there is none **and** nothing is sealed yet: a key is never replaced, because
    /// what it sealed would be lost. `sealed_values_exist` is what the caller's database says.
    ///
    /// May ask the person to unlock the system's key store, which takes as long as they take: call it when the vault is
    /// needed, not on the way to the first window.
    pub async fn open(home: KeyHome, sealed_values_exist: bool) -> Result<Self, VaultError> {
        // The key store speaks D-Bus synchronously and files are read: neither belongs on a worker of the runtime.
        let opened = tokio::task::spawn_blocking(move || home.key(sealed_values_exist)).await;
        let (key, place) = opened.expect("finding the key does not panic, and nobody aborts it")?;
        let cipher = Aes256Gcm::new_from_slice(&key[..]).expect("the key type has the cipher's length");
        Ok(Self { cipher, place })
    }

    /// Where the master key lies: the window says it.
    pub fn place(&self) -> &KeyPlace {
        &self.place
    }

    /// Encrypts a value. `context` says what the value is for (e.g. `project/ID/NAME`): it is not stored in the result, and only
    /// the same context opens it again, so that sealed values cannot be swapped in the database.
    pub fn seal(&self, context: &str, value: &SecretValue) -> Vec<u8> {
        let nonce = Nonce::<Aes256Gcm>::generate();
        let aad = aad(context);
        let payload = Payload { msg: value.expose().as_bytes(), aad: &aad };
        let sealed = self.cipher.encrypt(&nonce, payload).expect("a value is far shorter than the cipher's limit of 64 GiB");
        let mut out = Vec::with_capacity(1 + NONCE_BYTES + sealed.len());
        out.push(SCHEME);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&sealed);
        out
    }

    /// Decrypts what [`Vault::seal`] gave for the same context.
    ///
    /// # Errors
    /// [`VaultError::Newer`] when a newer app sealed it; [`VaultError::NotOpened`] when the key or the context is another or the
    /// bytes are damaged, which cannot be told apart.
    pub fn unseal(&self, context: &str, sealed: &[u8]) -> Result<SecretValue, VaultError> {
        let not_opened = || VaultError::NotOpened { context: context.to_owned() };
        let (&scheme, rest) = sealed.split_first().ok_or_else(not_opened)?;
        if scheme > SCHEME {
            return Err(VaultError::Newer { context: context.to_owned() });
        }
        let (nonce, sealed) = rest.split_at_checked(NONCE_BYTES).filter(|_| scheme == SCHEME).ok_or_else(not_opened)?;
        let nonce = Nonce::<Aes256Gcm>::try_from(nonce).map_err(|_| not_opened())?;
        let aad = aad(context);
        let plain = self.cipher.decrypt(&nonce, Payload { msg: sealed, aad: &aad }).map_err(|_| not_opened())?;
        let plain = Zeroizing::new(plain);
        let text = std::str::from_utf8(&plain).map_err(|_| not_opened())?;
        Ok(SecretValue::new(text))
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("place", &self.place).finish_non_exhaustive()
    }
}

fn aad(context: &str) -> Vec<u8> {
    [PURPOSE, context.as_bytes()].concat()
}

#[cfg(test)]
mod tests;
