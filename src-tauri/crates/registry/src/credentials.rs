//! Who we are for a registry.

use lp_secret::SecretValue;

/// What a registry knows us by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A name and a password, or a token that stands for one.
    Password {
        /// May be shown.
        username: String,
        /// May not.
        password: SecretValue,
    },
    /// A token that the registry's login service changes into others (`az acr login`): it is no password, and no name belongs to it.
    IdentityToken(SecretValue),
    /// A token that the registry itself takes as it is.
    RegistryToken(SecretValue),
}

impl Credentials {
    /// A name and a password.
    pub fn password(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self::Password { username: username.into(), password: SecretValue::new(password.into()) }
    }
}
