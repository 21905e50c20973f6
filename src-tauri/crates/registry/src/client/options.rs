//! How registries are reached.

use super::transport::Transport;
use super::trust::Trust;
use crate::error::{ErrorKind, RegistryError};
use lp_model::{Message, message};
use reqwest::redirect::Policy;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// The way to the outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Proxy {
    /// What the system and the environment say (`HTTPS_PROXY`, `NO_PROXY`).
    #[default]
    System,
    /// Straight, whatever they say.
    None,
}

/// How registries are reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientOptions {
    /// Certificates of authorities that are trusted beside those of the system, each text in PEM form, which may hold several.
    pub authorities: Vec<String>,
    /// Hosts with ports, as before names of images, that are spoken to without encryption. No other ever is, whatever it answers; also none on this computer.
    pub plain_hosts: BTreeSet<String>,
    /// How long making a connection may take.
    pub connect_limit: Duration,
    /// How long nothing may come while an answer is awaited or read. There is no limit of the whole: whoever waits drops the future.
    pub silence_limit: Duration,
    /// The way to the outside.
    pub proxy: Proxy,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            authorities: Vec::new(),
            plain_hosts: BTreeSet::new(),
            connect_limit: Duration::from_secs(10),
            silence_limit: Duration::from_secs(30),
            proxy: Proxy::System,
        }
    }
}

pub(super) fn transport(options: &ClientOptions) -> Result<Transport, RegistryError> {
    let failed = |reason| RegistryError::new("", None, ErrorKind::BadAuthority { reason });
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls(options).map_err(failed)?)
        .redirect(Policy::none())
        .referer(false)
        .user_agent(concat!("letterpress/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(options.connect_limit)
        .read_timeout(options.silence_limit);
    if options.proxy == Proxy::None {
        builder = builder.no_proxy();
    }
    let http = builder.build().map_err(|error| failed(Message::verbatim(error)))?;
    let plain = options.plain_hosts.iter().map(|host| host.trim().to_ascii_lowercase()).collect();
    Ok(Transport { http, plain, silence: options.silence_limit })
}

/// With the provider handed in: none is installed for the process, and another library's may not become ours.
///
/// The authorities are read here and not asked of the system's own verifier, because then the reasons why a certificate is refused are the same on
/// every system.
fn tls(options: &ClientOptions) -> Result<ClientConfig, Message> {
    let mut store = RootCertStore::empty();
    // A certificate of the system that cannot be read trusts nobody, and is no reason to reach no registry.
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let mut handed_in = Vec::new();
    for text in &options.authorities {
        let mut found = false;
        for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
            let certificate = certificate.map_err(Message::verbatim)?;
            store.add(certificate.clone()).map_err(Message::verbatim)?;
            handed_in.push(certificate);
            found = true;
        }
        if !found {
            return Err(message!("no certificate is in it"));
        }
    }
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().map_err(Message::verbatim)?;
    // A system without any may still have registries on the list of those without encryption.
    if store.is_empty() {
        return Ok(builder.with_root_certificates(store).with_no_client_auth());
    }
    let trust = Trust::new(store, handed_in, provider).map_err(Message::verbatim)?;
    Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(trust)).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_refused_before_anything_is_asked() {
        let garbled = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for text in ["", "no certificate", garbled] {
            let options = ClientOptions { authorities: vec![text.to_owned()], ..ClientOptions::default() };
            let error = transport(&options).unwrap_err();
            assert!(matches!(*error.kind, ErrorKind::BadAuthority { .. }), "{text}: {error:?}");
        }
        assert!(transport(&ClientOptions::default()).is_ok());
    }

    #[test]
    fn only_hosts_of_the_list_are_asked_without_encryption() {
        let options =
            ClientOptions { plain_hosts: ["LocalHost:5000", "r.example.com:80"].map(str::to_owned).into(), ..ClientOptions::default() };
        let transport = transport(&options).unwrap();
        let base = |host: &str| transport.base(host).unwrap().to_string();
        assert_eq!(base("localhost:5000"), "http://localhost:5000/");
        assert_eq!(base("localhost:5001"), "https://localhost:5001/");
        assert_eq!(base("127.0.0.1:5000"), "https://127.0.0.1:5000/");
        assert_eq!(base("docker.io"), "https://registry-1.docker.io/");
        let is_plain = |address: &str| transport.is_plain(&url::Url::parse(address).unwrap());
        assert!(is_plain("http://localhost:5000/v2/") && is_plain("http://r.example.com/v2/") && is_plain("http://r.example.com:80/"));
        assert!(!is_plain("http://localhost/") && !is_plain("http://r.example.com:5000/") && !is_plain("http://localhost.evil:5000/"));
    }
}
