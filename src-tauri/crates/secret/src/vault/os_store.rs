use keyring::{Entry, Error};
use lp_model::{Message, message};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;
use zeroize::Zeroizing;

/// The key store did not answer, refused, or there is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct OsStoreError {
    /// What it said.
    pub message: Message,
}

/// A place of the operating system that keeps one key for us. All methods block, possibly while a person types a password.
pub trait OsKeyStore: Send + Sync {
    /// Under which name the key lies there.
    fn account(&self) -> &str;

    /// The key, or `None` when the store answers and has none.
    fn read(&self) -> Result<Option<Zeroizing<Vec<u8>>>, OsStoreError>;

    /// Keeps the key, replacing what lies under the name.
    fn write(&self, key: &[u8]) -> Result<(), OsStoreError>;
}

/// The real one: Secret Service on Linux, Keychain on macOS, Credential Manager on Windows.
///
/// Whether there is one is found out once per process (the library caches it): after unlocking or installing one the app
/// must be started again.
pub struct SystemKeyStore {
    account: String,
}

/// Under which name all our entries stand in the key store.
const SERVICE: &str = "letterpress";

/// Long enough for a person to type a password; a key store without a screen to ask on would never answer.
const PATIENCE: Duration = Duration::from_secs(120);

impl SystemKeyStore {
    /// The entry of that name, e.g. the path of the data folder.
    pub fn new(account: &str) -> Self {
        Self { account: account.to_owned() }
    }

    /// Asks on a thread of its own, because a call that nobody answers cannot be taken back. It is left behind then.
    fn ask<T: Send + 'static>(&self, question: impl FnOnce(&Entry) -> Result<T, Error> + Send + 'static) -> Result<T, OsStoreError> {
        let account = self.account.clone();
        let (sender, receiver) = channel();
        let asked = thread::Builder::new().name("key store".to_owned()).spawn(move || {
            let answer = match Entry::store_status() {
                // Asked first: without a store `Entry::new` only says that there is none, not why.
                Err(error) => Err(refusal(error)),
                Ok(()) => Entry::new(SERVICE, &account).and_then(|entry| question(&entry)).map_err(|error| refusal(&error)),
            };
            // Nobody listens any more when it took too long.
            let _ = sender.send(answer);
        });
        asked.map_err(|error| OsStoreError { message: Message::verbatim(error) })?;
        receiver.recv_timeout(PATIENCE).unwrap_or_else(|error| {
            let message = match error {
                RecvTimeoutError::Timeout => message!("no answer within {} seconds", PATIENCE.as_secs()),
                RecvTimeoutError::Disconnected => message!("the question was not answered"),
            };
            Err(OsStoreError { message })
        })
    }
}

impl OsKeyStore for SystemKeyStore {
    fn account(&self) -> &str {
        &self.account
    }

    fn read(&self) -> Result<Option<Zeroizing<Vec<u8>>>, OsStoreError> {
        self.ask(|entry| match entry.get_secret() {
            Ok(key) => Ok(Some(Zeroizing::new(key))),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(error),
        })
    }

    fn write(&self, key: &[u8]) -> Result<(), OsStoreError> {
        let key = Zeroizing::new(key.to_vec());
        self.ask(move |entry| entry.set_secret(&key))
    }
}

/// The error in words. Two variants carry what was stored, so they are not simply printed.
fn refusal(error: &Error) -> OsStoreError {
    let message = match error {
        Error::BadEncoding(_) | Error::BadDataFormat(..) => message!("the entry cannot be read"),
        error => Message::verbatim(error),
    };
    OsStoreError { message }
}
