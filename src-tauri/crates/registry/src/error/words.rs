//! The sentences of [`RegistryError`].

use super::{Action, Asker, ErrorKind, RegistryError};
use lp_model::{Message, message};

impl Asker {
    fn told(self) -> Message {
        match self {
            Self::App => message!("this program"),
            Self::Engine => message!("the container engine"),
        }
    }
}

/// `what`, with what the registry said behind it where it said anything.
fn with(what: Message, said: &str) -> Message {
    if said.is_empty() { what } else { message!("{}: {}", what, said) }
}

impl RegistryError {
    /// Host and repository, as far as they are known.
    fn place(&self) -> String {
        self.repository.as_ref().map_or_else(|| self.host.clone(), |repository| format!("{}/{repository}", self.host))
    }

    /// The image of a tag or digest, as it is written.
    fn image(&self, reference: &str) -> String {
        let sign = if reference.contains(':') { '@' } else { ':' };
        format!("{}{sign}{reference}", self.place())
    }

    /// What happened, for people: who asked, where, what.
    pub fn told(&self) -> Message {
        let (host, asker) = (&self.host, self.asker.told());
        match &*self.kind {
            ErrorKind::Unreachable { reason } => message!("{} cannot reach `{}`: {}", asker, host, reason),
            ErrorKind::Silent { limit } => message!("`{}` gave no answer within {} seconds", host, limit.as_secs()),
            ErrorKind::UnknownAuthority => {
                message!("{} does not know the authority that signed the certificate of `{}`", asker, host)
            }
            ErrorKind::WrongName { reason } => message!("the certificate of `{}` is made for another name: {}", host, reason),
            ErrorKind::Certificate { reason } => message!("{} does not trust the certificate of `{}`: {}", asker, host, reason),
            ErrorKind::PlainRefused => message!("`{}` would be spoken to without encryption, which is not allowed for it", host),
            ErrorKind::PlainAnswer => message!("`{}` answers {} without encryption", host, asker),
            ErrorKind::EncryptionWanted => message!("`{}` wants an encrypted connection, and {} asked without", host, asker),
            ErrorKind::Unauthorized { with_login: true } => message!("`{}` does not accept the login", host),
            ErrorKind::Unauthorized { with_login: false } => message!("`{}` wants a login, and there is none", host),
            ErrorKind::Denied { action, said } => {
                let place = self.place();
                let told = match action {
                    Action::Pull => message!("the login may not read from `{}`", place),
                    Action::Push => message!("the login may not push to `{}`", place),
                    Action::Delete => message!("the login may not delete in `{}`", place),
                    Action::Manage => message!("the login may not do this at `{}`", place),
                };
                with(told, said)
            }
            ErrorKind::NoRepository => message!("`{}` is not there, or is not shown to this login", self.place()),
            ErrorKind::NoManifest { reference } => message!("there is no image `{}`", self.image(reference)),
            ErrorKind::NoBlob { digest } => message!("a part of an image is missing in `{}`: {}", self.place(), digest),
            ErrorKind::NoPlatform { wanted, available } => {
                message!("an image in `{}` is not made for {}, only for {}", self.place(), wanted, available.join(", "))
            }
            ErrorKind::TooManyRequests { limits } => {
                let told = message!("`{}` was asked too often", host);
                if limits.is_empty() { told } else { message!("{}: {}", told, limits.told()) }
            }
            ErrorKind::Quota { said } => with(message!("there is no room left for `{}`", self.place()), said),
            ErrorKind::ImmutableTag { tag } if tag.is_empty() => message!("a tag in `{}` is immutable and stays as it is", self.place()),
            ErrorKind::ImmutableTag { tag } => message!("the tag `{}` in `{}` is immutable and stays as it is", tag, self.place()),
            ErrorKind::Policy { said } => with(message!("a rule of `{}` forbids this", host), said),
            ErrorKind::DeleteOff => message!("`{}` deletes nothing: deleting is switched off there", host),
            ErrorKind::Exists { said } => with(message!("`{}` has this already", self.place()), said),
            ErrorKind::Missing { said } => with(message!("`{}` does not know this", host), said),
            ErrorKind::OtherDigest { expected, found } => {
                message!("`{}` gave `{}` where `{}` was expected", self.place(), found, expected)
            }
            ErrorKind::TooLarge { limit_bytes } => message!("an answer of `{}` is larger than {} bytes", host, limit_bytes),
            ErrorKind::BadAnswer { reason } => message!("an answer of `{}` cannot be used: {}", host, reason),
            ErrorKind::OtherHost { other } => message!("`{}` points to `{}`, where the login does not belong", host, other),
            ErrorKind::Refused { status, said } => with(message!("`{}` answered with status {}", host, status), said),
            ErrorKind::BadAuthority { reason } => message!("the certificate of an authority cannot be read: {}", reason),
        }
    }

    /// What to do about it; empty where nothing general can be said.
    pub fn hint(&self) -> Message {
        let of_app = self.asker == Asker::App;
        match &*self.kind {
            ErrorKind::Unreachable { .. } | ErrorKind::Silent { .. } => {
                message!("check the name of the registry, the network and the proxy, and try again")
            }
            ErrorKind::UnknownAuthority if of_app => message!("add the certificate of the registry's authority to the registry here"),
            ErrorKind::UnknownAuthority => {
                message!("put the authority's certificate into `/etc/docker/certs.d/{}/ca.crt` on the engine's computer", self.host)
            }
            ErrorKind::WrongName { .. } => {
                message!("use the name that the certificate is made for, or let one be made with this name in subjectAltName")
            }
            ErrorKind::Certificate { .. } => message!("let the registry get a new certificate, and check the clock of this computer"),
            ErrorKind::PlainRefused | ErrorKind::PlainAnswer if of_app => {
                message!(
                    "give the registry a certificate; or allow this one host without encryption, where everybody on the way can read the login"
                )
            }
            ErrorKind::PlainRefused | ErrorKind::PlainAnswer => {
                message!("give the registry a certificate; or put it into `insecure-registries` of the engine's `daemon.json`")
            }
            ErrorKind::EncryptionWanted => message!("take this host from the list of those without encryption"),
            ErrorKind::Unauthorized { with_login: true } => {
                message!("check name and password; a robot or a token may have expired or been switched off")
            }
            ErrorKind::Unauthorized { with_login: false } => message!("log in to the registry once on this computer with `docker login`"),
            ErrorKind::Denied { .. } => {
                message!("let somebody who manages the registry give this login the right; where the project is missing, let it be made")
            }
            ErrorKind::NoRepository | ErrorKind::NoManifest { .. } | ErrorKind::Missing { .. } => {
                message!("check the spelling; some registries hide what a login may not see")
            }
            ErrorKind::NoBlob { .. } => message!("push the image again"),
            ErrorKind::NoPlatform { .. } => message!("choose one of the platforms that are there, or build for the other one too"),
            ErrorKind::TooManyRequests { .. } => message!("wait, log in (more is allowed then), or use a mirror"),
            ErrorKind::Quota { .. } => message!("delete images that nobody needs, or let the quota be raised"),
            ErrorKind::ImmutableTag { .. } => message!("use another tag, or let the rule for immutable tags be changed"),
            ErrorKind::Policy { .. } => message!("look at the findings of the scan, or ask whoever manages the project"),
            ErrorKind::DeleteOff => message!("whoever runs the registry can switch it on"),
            ErrorKind::OtherDigest { .. } => {
                message!("nothing of it was used: a proxy or the registry changes images on the way, which whoever runs it should know")
            }
            ErrorKind::TooLarge { .. } | ErrorKind::BadAnswer { .. } => {
                message!("check that the address is that of a registry, not of its web pages")
            }
            ErrorKind::OtherHost { .. } => {
                message!("check the address that the registry has for itself (behind a proxy it is often wrong)")
            }
            ErrorKind::Refused { status, .. } if *status >= 500 => message!("the registry itself has a problem; try again later"),
            ErrorKind::BadAuthority { .. } => message!("it has to be in PEM form, beginning with `-----BEGIN CERTIFICATE-----`"),
            ErrorKind::Exists { .. } | ErrorKind::Refused { .. } => Message::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::RateLimits;
    use super::*;
    use std::time::Duration;

    fn all() -> Vec<ErrorKind> {
        let said = || "北".to_owned();
        let reason = || Message::verbatim("北");
        let mut all = vec![
            ErrorKind::Unreachable { reason: reason() },
            ErrorKind::Silent { limit: Duration::from_secs(3) },
            ErrorKind::UnknownAuthority,
            ErrorKind::WrongName { reason: reason() },
            ErrorKind::Certificate { reason: reason() },
            ErrorKind::PlainRefused,
            ErrorKind::PlainAnswer,
            ErrorKind::EncryptionWanted,
            ErrorKind::Unauthorized { with_login: true },
            ErrorKind::Unauthorized { with_login: false },
            ErrorKind::NoRepository,
            ErrorKind::NoManifest { reference: said() },
            ErrorKind::NoBlob { digest: said() },
            ErrorKind::NoPlatform { wanted: said(), available: vec![said(), said()] },
            ErrorKind::TooManyRequests { limits: RateLimits::default() },
            ErrorKind::TooManyRequests { limits: RateLimits { remaining: Some(1), ..RateLimits::default() } },
            ErrorKind::Quota { said: said() },
            ErrorKind::ImmutableTag { tag: said() },
            ErrorKind::ImmutableTag { tag: String::new() },
            ErrorKind::Policy { said: said() },
            ErrorKind::DeleteOff,
            ErrorKind::Exists { said: said() },
            ErrorKind::Missing { said: said() },
            ErrorKind::OtherDigest { expected: said(), found: said() },
            ErrorKind::TooLarge { limit_bytes: 4 },
            ErrorKind::BadAnswer { reason: reason() },
            ErrorKind::OtherHost { other: said() },
            ErrorKind::Refused { status: 400, said: said() },
            ErrorKind::Refused { status: 503, said: String::new() },
            ErrorKind::BadAuthority { reason: reason() },
        ];
        let actions = [Action::Pull, Action::Push, Action::Delete, Action::Manage];
        all.extend(actions.map(|action| ErrorKind::Denied { action, said: said() }));
        all
    }

    #[test]
    fn every_error_is_said_in_both_languages_and_says_what_to_do() {
        for asker in [Asker::App, Asker::Engine] {
            for kind in all() {
                let without = matches!(kind, ErrorKind::Exists { .. } | ErrorKind::Refused { status: 400, .. });
                let error = RegistryError { asker, ..RegistryError::new("r.example.com", Some("team/app"), kind) };
                for message in [error.told(), error.hint()] {
                    assert_eq!(message.untranslated(), None);
                }
                assert_eq!(error.hint().is_empty(), without, "{error:?}");
            }
        }
    }

    #[test]
    fn the_place_of_a_fault_is_named() {
        let mut error = RegistryError::new("r.example.com:5000", None, ErrorKind::UnknownAuthority);
        assert_eq!(error.to_string(), "this program does not know the authority that signed the certificate of `r.example.com:5000`");
        error.asker = Asker::Engine;
        assert_eq!(
            error.to_string(),
            "the container engine does not know the authority that signed the certificate of `r.example.com:5000`"
        );
        assert!(error.hint().to_string().contains("`/etc/docker/certs.d/r.example.com:5000/ca.crt`"));
    }

    #[test]
    fn images_are_written_as_people_write_them() {
        let told = |reference: &str| {
            RegistryError::new("a.example.com", Some("b/c"), ErrorKind::NoManifest { reference: reference.into() }).to_string()
        };
        assert_eq!(told("1.2"), "there is no image `a.example.com/b/c:1.2`");
        assert_eq!(told("sha256:ab"), "there is no image `a.example.com/b/c@sha256:ab`");
    }
}
