//! TLS with the certificates that an address names. Not by the library: it trusts all public authorities beside the engine's own, and
//! knows neither a connection without a certificate of ours nor one that is not verified.
//!
//! Only the `ca.pem` of the engine is trusted, as for the `docker` command, not every public authority.

use super::address::{EngineAddress, Tls};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use lp_model::{Message, message};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{Error as PemError, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Makes connections as the address says, and the `https://` form of its address. The files are read now.
pub(super) fn connector(address: &EngineAddress) -> Result<(HttpsConnector<HttpConnector>, String), Message> {
    let config = config(address.tls.as_ref())?;
    let (_, rest) = address.url.split_once("://").unwrap_or_default();
    Ok((HttpsConnectorBuilder::new().with_tls_config(config).https_only().enable_http1().build(), format!("https://{rest}")))
}

fn config(tls: Option<&Tls>) -> Result<ClientConfig, Message> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().map_err(Message::verbatim)?;
    let builder = match tls {
        Some(Tls { verify: false, .. }) => {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyEngine { provider: provider.clone() }))
        }
        _ => builder.with_root_certificates(authorities(tls)?),
    };
    let Some(Tls { folder, .. }) = tls else { return Ok(builder.with_no_client_auth()) };
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    match (certificates(&certificate)?, private_key(&key)?) {
        (Some(chain), Some(key_bytes)) => builder.with_client_auth_cert(chain, key_bytes).map_err(|problem| {
            message!("`{}` and `{}` do not fit together: {}", certificate.display(), key.display(), Message::verbatim(&problem))
        }),
        (None, None) => Ok(builder.with_no_client_auth()),
        (Some(_), None) => Err(missing(&key, &certificate)),
        (None, Some(_)) => Err(missing(&certificate, &key)),
    }
}

fn missing(one: &Path, other: &Path) -> Message {
    message!("`{}` is missing beside `{}`; copy it there", one.display(), other.display())
}

/// Who may have signed the engine's certificate: those in `ca.pem` and nobody else, as for the `docker` command.
fn authorities(tls: Option<&Tls>) -> Result<RootCertStore, Message> {
    let mut store = RootCertStore::empty();
    let file: Option<PathBuf> = tls.map(|tls| tls.folder.join("ca.pem"));
    let own = file.as_deref().map(certificates).transpose()?.flatten();
    match own {
        Some(list) => {
            for certificate in list {
                let added = store.add(certificate);
                added.map_err(|problem| {
                    message!("`{}`: {}", file.as_deref().unwrap_or(Path::new("ca.pem")).display(), Message::verbatim(&problem))
                })?;
            }
        }
        // One that cannot be read does not make the others worthless.
        None => {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    Ok(store)
}

/// The certificates in a file; `None` when there is no file.
fn certificates(path: &Path) -> Result<Option<Vec<CertificateDer<'static>>>, Message> {
    let Some(text) = read(path)? else { return Ok(None) };
    let list: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match list {
        Ok(list) if !list.is_empty() => Ok(Some(list)),
        Ok(_) => Err(message!("there is no certificate in `{}`", path.display())),
        Err(problem) => Err(unreadable(path, &problem)),
    }
}

fn private_key(path: &Path) -> Result<Option<PrivateKeyDer<'static>>, Message> {
    let Some(text) = read(path)? else { return Ok(None) };
    match PrivateKeyDer::from_pem_slice(&text) {
        Ok(key) => Ok(Some(key)),
        Err(PemError::NoItemsFound) => Err(message!("there is no private key in `{}` that can be used without a password", path.display())),
        Err(problem) => Err(unreadable(path, &problem)),
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, Message> {
    match std::fs::read(path) {
        Ok(text) => Ok(Some(text)),
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(problem) => Err(unreadable(path, &problem)),
    }
}

fn unreadable(path: &Path, problem: &dyn std::fmt::Display) -> Message {
    message!("`{}` cannot be read: {}", path.display(), Message::verbatim(problem))
}

/// Takes every engine for the right one, also somebody who poses as it: only for a person who asked for exactly that.
#[derive(Debug)]
struct AnyEngine {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyEngine {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
