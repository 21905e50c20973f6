//! The vault behind its door: opened when a value is needed, never on the way to a window, and not asked again at once after it refused.
//!
//! A key store that asks for a password, or hangs, takes up to two minutes to say no. Whoever needs a value soon after gets the same answer; a
//! person who sets a secret is waited for anew, because that is what somebody does who has just unlocked the key store.

use crate::dto::ApiError;
use lp_secret::vault::Vault;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a refusal is remembered.
const REMEMBERED: Duration = Duration::from_secs(60);

/// What is known about the vault without asking for its key.
pub(crate) enum Known {
    /// It was not needed yet.
    Nothing,
    /// It is open.
    Open(Arc<Vault>),
    /// It could not be opened the last time.
    Refused,
}

/// Opens the vault once, at its first use.
#[derive(Default)]
pub(crate) struct VaultDoor {
    open: Mutex<Option<Arc<Vault>>>,
    refused: Mutex<Option<(Instant, ApiError)>>,
    /// One at a time asks for the key.
    gate: tokio::sync::Mutex<()>,
}

impl VaultDoor {
    /// What is known, without asking.
    pub fn known(&self) -> Known {
        match (self.opened(), self.refusal().is_some()) {
            (Some(vault), _) => Known::Open(vault),
            (None, true) => Known::Refused,
            (None, false) => Known::Nothing,
        }
    }

    /// The vault; opened by `act` when it is not open yet, and when no refusal is remembered at `now` or the caller asks `anew`.
    pub async fn pass(&self, now: Instant, anew: bool, act: impl AsyncFnOnce() -> Result<Vault, ApiError>) -> Result<Arc<Vault>, ApiError> {
        let _one_asks = self.gate.lock().await;
        if let Some(vault) = self.opened() {
            return Ok(vault);
        }
        if let Some((at, error)) = self.refusal().filter(|(at, _)| !anew && now.saturating_duration_since(*at) < REMEMBERED) {
            tracing::debug!(?at, "the vault refused a moment ago");
            return Err(error);
        }
        let opened = act().await.map(Arc::new);
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = opened.as_ref().err().map(|error| (Instant::now(), error.clone()));
        if let Ok(vault) = &opened {
            *self.open.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(vault));
        }
        opened
    }

    fn opened(&self) -> Option<Arc<Vault>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn refusal(&self) -> Option<(Instant, ApiError)> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dto::ErrorCode;
    use lp_secret::vault::KeyHome;

    #[tokio::test]
    async fn a_refusal_is_remembered_for_a_while_and_an_open_vault_for_ever() {
        let door = VaultDoor::default();
        let refuse = async || Err(ApiError::new(ErrorCode::VaultUnavailable, lp_model::Message::verbatim("locked")));
        let never = async || panic!("asked again");
        assert!(matches!(door.known(), Known::Nothing));
        door.pass(Instant::now(), false, refuse).await.unwrap_err();
        assert!(matches!(door.known(), Known::Refused));
        assert_eq!(door.pass(Instant::now(), false, never).await.unwrap_err().message, "locked");
        let folder = tempfile::tempdir().unwrap();
        let open = async || Ok(Vault::open(KeyHome::file_only(folder.path().join("key")), false).await?);
        let later = Instant::now() + REMEMBERED + Duration::from_secs(1);
        door.pass(later, false, refuse).await.unwrap_err();
        door.pass(Instant::now(), true, open).await.unwrap();
        door.pass(later, false, never).await.unwrap();
        assert!(matches!(door.known(), Known::Open(_)));
    }
}
