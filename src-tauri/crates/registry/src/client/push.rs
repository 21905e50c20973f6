//! Whether one may push, proven and not guessed.

use super::challenge::Challenge;
use super::registry::Ask;
use super::transport::Call;
use super::{LARGEST_ANSWER, Repository, token};
use crate::Credentials;
use crate::error::{Action, ErrorKind, RegistryError};
use reqwest::Method;
use reqwest::header::LOCATION;

/// How the right to push was proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PushProof {
    /// The token of the login service says so. Nothing was begun.
    Token,
    /// An upload was begun, and cancelled: the registry knows it no more.
    Upload,
    /// An upload was begun, and the registry has no way to cancel one: it forgets it by itself. Nothing of it is in the repository.
    UploadLeft,
}

impl Repository {
    /// Whether whoever asks may push, which is more than that the registry answers: it makes tokens for those who have no right too, and shows lists to
    /// everybody. A token that tells its rights decides; else an upload is begun and cancelled.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] and [`ErrorKind::Unauthorized`] are the answer "no", told apart; the rest of [`RegistryError`] means that nobody knows.
    pub async fn can_push(&self) -> Result<PushProof, RegistryError> {
        let scopes = vec![self.scope("pull,push")];
        if let Err(error) = self.registry.check().await {
            // The root may be closed to those who may well push: only what it wants matters here.
            let is_no = matches!(*error.kind, ErrorKind::Unauthorized { .. } | ErrorKind::Denied { .. });
            if !is_no || self.registry.challenge().is_none() {
                return Err(RegistryError { repository: Some(self.name.clone()), ..error });
            }
        }
        if let Some(Credentials::RegistryToken(token)) = self.registry.login() {
            // No login service made it: what it does not tell may still be so.
            if token::claims(token, &self.name, "push") == Some(true) {
                return Ok(PushProof::Token);
            }
        } else if let Some(Challenge::Bearer(service)) = self.registry.challenge() {
            let (token, _) = self.registry.token(&service, &scopes, Some(&self.name), Action::Push).await?;
            match token::claims(&token, &self.name, "push") {
                Some(true) => return Ok(PushProof::Token),
                Some(false) => return Err(self.registry.lacks_right(&service, Some(&self.name), Action::Push, String::new()).await),
                None => {}
            }
        }
        self.upload_and_cancel(scopes).await
    }

    async fn upload_and_cancel(&self, scopes: Vec<String>) -> Result<PushProof, RegistryError> {
        let ask = |method: Method, url: url::Url| Ask {
            call: Call::new(method, url, LARGEST_ANSWER),
            repository: Some(&self.name),
            scopes: scopes.clone(),
            action: Action::Push,
            missing: ErrorKind::NoRepository,
            tag: None,
        };
        let begin = self.registry.address(&format!("v2/{}/blobs/uploads/", self.name))?;
        let begun = self.registry.ask(&ask(Method::POST, begin)).await?;
        let upload = begun.header(LOCATION.as_str()).and_then(|text| self.registry.next_address(&begun.url, text, None).ok());
        let Some(upload) = upload else { return Ok(PushProof::UploadLeft) };
        let cancelled = self.registry.ask(&ask(Method::DELETE, upload)).await;
        Ok(if cancelled.is_ok() { PushProof::Upload } else { PushProof::UploadLeft })
    }
}
