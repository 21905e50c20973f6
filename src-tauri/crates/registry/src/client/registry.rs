//! Requests to one registry, as somebody.

use super::Repository;
use super::answer::{self, Problem};
use super::challenge::{self, Challenge, Service, Wanted};
use super::token::{self, Token};
use super::transport::{Answer, Call, Transport, at_same_place, place};
use crate::error::{Action, ErrorKind, RegistryError};
use crate::{Credentials, host};
use lp_model::image::ReferenceError;
use lp_model::message;
use lp_secret::SecretValue;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Method, StatusCode};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use url::Url;

/// A registry as somebody. What it wants to be shown and the tokens that its login service made are remembered by all clones.
#[derive(Clone)]
pub struct Registry {
    inner: Arc<Inner>,
}

struct Inner {
    transport: Arc<Transport>,
    host: String,
    base: Url,
    login: Option<Credentials>,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    /// What it wanted last; `None`: not asked yet, or nothing.
    challenge: Option<Challenge>,
    /// By rights.
    tokens: HashMap<Vec<String>, Token>,
}

/// A request of a repository.
pub(crate) struct Ask<'a> {
    pub call: Call,
    pub repository: Option<&'a str>,
    /// Rights as tokens have them.
    pub scopes: Vec<String>,
    pub action: Action,
    /// What a 404 means that names nothing.
    pub missing: ErrorKind,
    /// The tag that is written or removed.
    pub tag: Option<&'a str>,
}

/// What is shown of us.
enum Shown {
    Nothing,
    /// The same every time.
    Fixed(HeaderValue),
    /// A token: whether it was made for this very request.
    Token(HeaderValue, bool),
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("host", &self.inner.host).finish_non_exhaustive()
    }
}

impl Registry {
    pub(super) fn new(transport: Arc<Transport>, host: String, base: Url, login: Option<Credentials>) -> Self {
        Self { inner: Arc::new(Inner { transport, host, base, login, memory: Mutex::default() }) }
    }

    /// Host and port, as before names of images.
    pub fn host(&self) -> &str {
        &self.inner.host
    }

    /// Whether there is a login for it.
    pub fn has_login(&self) -> bool {
        self.inner.login.is_some()
    }

    /// A repository of it; `nginx` at Docker Hub is `library/nginx`.
    ///
    /// # Errors
    /// [`ReferenceError`], which says what part of the name is wrong.
    pub fn repository(&self, name: &str) -> Result<Repository, ReferenceError> {
        let name = host::repository(self.host(), name)?;
        Ok(Repository { registry: self.clone(), name })
    }

    /// Whether a registry is there, encryption works, and the login is accepted as far as the registry tells at all without a repository. It does not show what
    /// the login may do: that is [`Repository::can_push`].
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn check(&self) -> Result<(), RegistryError> {
        let call = Call::new(Method::GET, self.address("v2/")?, super::LARGEST_ANSWER);
        let missing = ErrorKind::BadAnswer { reason: message!("no registry is there") };
        let ask = Ask { call, repository: None, scopes: Vec::new(), action: Action::Pull, missing, tag: None };
        self.ask(&ask).await.map(drop)
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.inner.transport
    }

    pub(crate) fn login(&self) -> Option<&Credentials> {
        self.inner.login.as_ref()
    }

    /// An address below the root of the host; `path` is percent-encoded already.
    pub(crate) fn address(&self, path: &str) -> Result<Url, RegistryError> {
        let reason = || message!("it points to no address");
        self.inner.base.join(path).map_err(|_| self.failed(None, ErrorKind::BadAnswer { reason: reason() }))
    }

    /// An address that an answer gave, for a request with the login.
    pub(crate) fn next_address(&self, current: &Url, text: &str, repository: Option<&str>) -> Result<Url, RegistryError> {
        at_same_place(&self.inner.base, current, text).map_err(|kind| self.failed(repository, kind))
    }

    pub(crate) fn failed(&self, repository: Option<&str>, kind: ErrorKind) -> RegistryError {
        RegistryError::new(self.host(), repository, kind)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.inner.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn challenge(&self) -> Option<Challenge> {
        self.memory().challenge.clone()
    }

    /// Sends a request with what the registry wants to be shown. The first one goes without: a registry tells where its login service is only to those who show
    /// nothing (Harbor). A token that is not accepted any more is replaced once.
    ///
    /// # Errors
    /// For every answer that is no success, too.
    pub(crate) async fn ask(&self, ask: &Ask<'_>) -> Result<Answer, RegistryError> {
        let mut scopes = ask.scopes.clone();
        let mut shown = self.shown(self.challenge(), &scopes, ask).await?;
        let mut first = true;
        loop {
            let answer = self.send(ask, &shown).await?;
            if answer.status != StatusCode::UNAUTHORIZED {
                return self.judge(answer, ask);
            }
            // Somewhere else, to which a redirect led, the login does not belong.
            if answer.url.origin() != self.inner.base.origin() {
                return Err(RegistryError::new(place(&answer.url), ask.repository, ErrorKind::Unauthorized { with_login: false }));
            }
            let wanted = challenge::read(&answer.headers);
            let again = first && !matches!(shown, Shown::Fixed(_) | Shown::Token(_, true));
            let Some(challenge) = again.then(|| self.remember(&wanted, &scopes)).flatten() else {
                return Err(self.refused(&answer, &wanted, ask).await);
            };
            scopes.extend(wanted.scopes.iter().filter(|scope| !covers(&ask.scopes, scope)).cloned());
            let next = self.shown(Some(challenge), &scopes, ask).await?;
            if matches!(next, Shown::Nothing) {
                return Err(self.refused(&answer, &wanted, ask).await);
            }
            (shown, first) = (next, false);
        }
    }

    /// Keeps what the registry wants, and forgets the token that it refused. A registry that has a login service may ask those who show a token for a password (Harbor):
    /// the service counts.
    fn remember(&self, wanted: &Wanted, scopes: &[String]) -> Option<Challenge> {
        let mut memory = self.memory();
        memory.tokens.remove(scopes);
        let knows_service = matches!(memory.challenge, Some(Challenge::Bearer(_)));
        if wanted.challenge.is_some() && !(knows_service && wanted.challenge == Some(Challenge::Basic)) {
            memory.challenge.clone_from(&wanted.challenge);
        }
        memory.challenge.clone()
    }

    async fn send(&self, ask: &Ask<'_>, shown: &Shown) -> Result<Answer, RegistryError> {
        let mut call = ask.call.clone();
        if let Shown::Fixed(header) | Shown::Token(header, _) = shown {
            call.headers.insert(AUTHORIZATION, header.clone());
        }
        self.transport().send(call).await.map_err(|error| RegistryError { repository: ask.repository.map(str::to_owned), ..error })
    }

    /// What to show where `challenge` is wanted.
    async fn shown(&self, challenge: Option<Challenge>, scopes: &[String], ask: &Ask<'_>) -> Result<Shown, RegistryError> {
        let fixed = |header: Option<HeaderValue>| header.map_or(Shown::Nothing, Shown::Fixed);
        match (challenge, self.login()) {
            (_, Some(Credentials::RegistryToken(token))) => Ok(fixed(token::bearer(token))),
            (Some(Challenge::Basic), Some(Credentials::Password { username, password })) => Ok(fixed(token::basic(username, password))),
            (Some(Challenge::Bearer(service)), _) => {
                let (token, fresh) = self.token(&service, scopes, ask.repository, ask.action).await?;
                Ok(token::bearer(&token).map_or(Shown::Nothing, |header| Shown::Token(header, fresh)))
            }
            (None | Some(Challenge::Basic), _) => Ok(Shown::Nothing),
        }
    }

    /// A token with these rights, and whether it is new.
    pub(super) async fn token(
        &self,
        service: &Service,
        scopes: &[String],
        repository: Option<&str>,
        action: Action,
    ) -> Result<(SecretValue, bool), RegistryError> {
        let known = self.memory().tokens.get(scopes).filter(|token| token.until > Instant::now()).map(|token| token.value.clone());
        if let Some(value) = known {
            return Ok((value, false));
        }
        let token = match token::fetch(self.transport(), self.host(), service, scopes, self.login()).await {
            Ok(token) => token,
            // Some services make no token without the rights (GitHub), and say the same to a wrong password.
            Err(error) if matches!(*error.kind, ErrorKind::Unauthorized { with_login: true }) && !scopes.is_empty() => {
                return Err(self.lacks_right(service, repository, action, String::new()).await);
            }
            Err(error) => return Err(RegistryError { repository: repository.map(str::to_owned), ..error }),
        };
        let value = token.value.clone();
        let mut memory = self.memory();
        memory.tokens.retain(|_, token| token.until > Instant::now());
        memory.tokens.insert(scopes.to_vec(), token);
        Ok((value, true))
    }

    /// Why an answer of 401 is the last word.
    async fn refused(&self, answer: &Answer, wanted: &Wanted, ask: &Ask<'_>) -> RegistryError {
        let said = Problem::read(answer, self.login()).said;
        let Some(Challenge::Bearer(service)) = self.challenge() else {
            // `insufficient_scope` is an answer to a token that is known.
            let kind = if wanted.insufficient && self.has_login() {
                ErrorKind::Denied { action: ask.action, said }
            } else {
                ErrorKind::Unauthorized { with_login: self.has_login() }
            };
            return self.failed(ask.repository, kind);
        };
        self.lacks_right(&service, ask.repository, ask.action, said).await
    }

    /// Whether the login is wrong or lacks a right. Login services also make tokens without rights, for a wrong password too (Harbor); without any right asked for they do
    /// not.
    pub(super) async fn lacks_right(&self, service: &Service, repository: Option<&str>, action: Action, said: String) -> RegistryError {
        if !self.has_login() {
            return self.failed(repository, ErrorKind::Unauthorized { with_login: false });
        }
        match token::fetch(self.transport(), self.host(), service, &[], self.login()).await {
            Err(error) if matches!(*error.kind, ErrorKind::Unauthorized { .. }) => {
                RegistryError { repository: repository.map(str::to_owned), ..error }
            }
            // Anything else that happens here is not what went wrong.
            _ => self.failed(repository, ErrorKind::Denied { action, said }),
        }
    }

    /// The answer, or what it means when it is no success.
    pub(crate) fn judge(&self, answer: Answer, ask: &Ask<'_>) -> Result<Answer, RegistryError> {
        if answer.status.is_success() {
            return Ok(answer);
        }
        let kind = answer::kind(&answer, &Problem::read(&answer, self.login()), ask);
        Err(self.failed(ask.repository, kind))
    }
}

/// Whether a right is among those that are asked for anyway: the same, or fewer actions on the same thing.
fn covers(scopes: &[String], wanted: &str) -> bool {
    let Some((thing, actions)) = wanted.rsplit_once(':') else { return false };
    scopes
        .iter()
        .filter_map(|scope| scope.rsplit_once(':'))
        .any(|(other, given)| other == thing && actions.split(',').all(|action| given.split(',').any(|given| given == action)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_are_asked_for_once() {
        let scopes = ["repository:a/b:pull,push".to_owned()];
        assert!(covers(&scopes, "repository:a/b:pull"));
        assert!(covers(&scopes, "repository:a/b:push,pull"));
        assert!(!covers(&scopes, "repository:a/b:delete"));
        assert!(!covers(&scopes, "repository:a/c:pull"));
        assert!(!covers(&scopes, "odd"));
    }
}
