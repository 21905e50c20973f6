//! One request and its whole answer: encryption, redirects, limits.

use crate::error::{ErrorKind, RegistryError};
use bytes::Bytes;
use lp_model::{Message, message};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Method, StatusCode};
use std::collections::BTreeSet;
use std::error::Error;
use std::io;
use std::time::Duration;
use url::Url;

/// A chain of redirects that is longer leads nowhere.
const MOST_REDIRECTS: usize = 5;

/// A request without what it shows of us.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// How many bytes of the answer are read at most.
    pub limit_bytes: usize,
}

impl Call {
    pub(crate) fn new(method: Method, url: Url, limit_bytes: usize) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: Bytes::new(), limit_bytes }
    }

    pub(crate) fn accepting(mut self, types: &'static str) -> Self {
        self.headers.insert(ACCEPT, HeaderValue::from_static(types));
        self
    }

    /// With a body. A media type that cannot stand in a header is left out, and the registry refuses the request.
    pub(crate) fn with_body(mut self, media_type: &str, body: impl Into<Bytes>) -> Self {
        if let Ok(media_type) = HeaderValue::from_str(media_type) {
            self.headers.insert(CONTENT_TYPE, media_type);
        }
        self.body = body.into();
        self
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Where it came from at last.
    pub url: Url,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Makes the requests of all registries.
#[derive(Debug)]
pub(crate) struct Transport {
    pub http: reqwest::Client,
    /// Hosts with ports, in lower case, that may be spoken to without encryption.
    pub plain: BTreeSet<String>,
    pub silence: Duration,
}

impl Transport {
    /// The address of a host's API.
    pub(crate) fn base(&self, host: &str) -> Option<Url> {
        let scheme = if self.plain.contains(&host.to_ascii_lowercase()) { "http" } else { "https" };
        Url::parse(&format!("{scheme}://{}/", crate::host::api_of(host))).ok()
    }

    /// Whether an address is on the list, which may name the usual port too.
    pub(super) fn is_plain(&self, url: &Url) -> bool {
        let with_port = url.port_or_known_default().map(|port| format!("{}:{port}", url.host_str().unwrap_or_default()));
        self.plain.contains(&place(url)) || with_port.is_some_and(|host| self.plain.contains(&host))
    }

    /// Sends a request, following redirects of what only reads. `Authorization` goes to the first place alone.
    pub(crate) async fn send(&self, call: Call) -> Result<Answer, RegistryError> {
        let mut call = call;
        let first = call.url.origin();
        for _ in 0..=MOST_REDIRECTS {
            let answer = self.send_once(&call).await?;
            let follows = answer.status.is_redirection() && (call.method == Method::GET || call.method == Method::HEAD);
            let Some(target) = answer.header(LOCATION.as_str()).filter(|_| follows) else { return Ok(answer) };
            let target = call.url.join(target).map_err(|_| bad(&call.url, message!("it redirects to no address")))?;
            if target.origin() != first {
                call.headers.remove(AUTHORIZATION);
            }
            call.url = target;
        }
        Err(bad(&call.url, message!("it redirects again and again")))
    }

    async fn send_once(&self, call: &Call) -> Result<Answer, RegistryError> {
        let failed = |kind| RegistryError::new(place(&call.url), None, kind);
        match call.url.scheme() {
            "https" => {}
            "http" if self.is_plain(&call.url) => {}
            _ => return Err(failed(ErrorKind::PlainRefused)),
        }
        let request = self.http.request(call.method.clone(), call.url.clone()).headers(call.headers.clone()).body(call.body.clone());
        let mut response = request.send().await.map_err(|error| failed(self.kind(&error)))?;
        let too_large = || failed(ErrorKind::TooLarge { limit_bytes: call.limit_bytes });
        let told = response.content_length().filter(|_| call.method != Method::HEAD);
        if told.is_some_and(|told| told > call.limit_bytes as u64) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failed(self.kind(&error)))? {
            if body.len() + chunk.len() > call.limit_bytes {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            status: response.status(),
            headers: std::mem::take(response.headers_mut()),
            body: body.into(),
            url: response.url().clone(),
        })
    }

    /// What a failed request means.
    fn kind(&self, error: &reqwest::Error) -> ErrorKind {
        if let Some(error) = of_tls(error) {
            return tls_kind(error);
        }
        if error.is_timeout() {
            return if error.is_connect() {
                ErrorKind::Unreachable { reason: message!("no answer in time") }
            } else {
                ErrorKind::Silent { limit: self.silence }
            };
        }
        // "error sending request" says nothing: the innermost cause does, and no address stands in it.
        let mut innermost: &dyn Error = error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        ErrorKind::Unreachable { reason: Message::verbatim(innermost) }
    }
}

/// The host of an address as names of images have it: with the port where it is not the usual one.
pub(crate) fn place(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn bad(url: &Url, reason: Message) -> RegistryError {
    RegistryError::new(place(url), None, ErrorKind::BadAnswer { reason })
}

fn of_tls(error: &reqwest::Error) -> Option<&rustls::Error> {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        // What an `io::Error` was made of is not its source; only the source of that is.
        let made_of = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = made_of.map(|made_of| made_of as &(dyn Error + 'static)).or_else(|| error.source());
    }
    None
}

fn tls_kind(error: &rustls::Error) -> ErrorKind {
    use rustls::CertificateError as Wrong;
    match error {
        rustls::Error::InvalidCertificate(Wrong::UnknownIssuer) => ErrorKind::UnknownAuthority,
        rustls::Error::InvalidCertificate(wrong @ (Wrong::NotValidForName | Wrong::NotValidForNameContext { .. })) => {
            ErrorKind::WrongName { reason: Message::verbatim(wrong) }
        }
        // What is no message of TLS at all was said by something that speaks without.
        rustls::Error::InvalidMessage(_) => ErrorKind::PlainAnswer,
        other => ErrorKind::Certificate { reason: Message::verbatim(other) },
    }
}

/// An address that a registry gave for its next page or an upload, for a request with the login: only at the same place. A registry behind a proxy
/// that ends the encryption often gives its own address without; then the path counts.
pub(crate) fn at_same_place(base: &Url, current: &Url, text: &str) -> Result<Url, ErrorKind> {
    let target = current.join(text).map_err(|_| ErrorKind::BadAnswer { reason: message!("it points to no address") })?;
    if target.origin() == base.origin() {
        return Ok(target);
    }
    let behind_proxy = base.scheme() == "https" && target.scheme() == "http" && target.port().is_none();
    if behind_proxy && target.host_str() == base.host_str() {
        let mut url = base.clone();
        url.set_path(target.path());
        url.set_query(target.query());
        return Ok(url);
    }
    Err(ErrorKind::OtherHost { other: place(&target) })
}

/// The header by which Harbor gives the findings of scanners.
pub(crate) const VULNERABILITIES: HeaderName = HeaderName::from_static("x-accept-vulnerabilities");

#[cfg(test)]
mod tests {
    use super::*;

    fn same_place(base: &str, text: &str) -> Result<String, ErrorKind> {
        let base = Url::parse(base).unwrap();
        at_same_place(&base, &base.join("/v2/a/tags/list?n=1").unwrap(), text).map(String::from)
    }

    #[test]
    fn an_address_is_followed_at_the_same_place_only() {
        let base = "https://r.example.com/";
        let expected = "https://r.example.com/v2/a/tags/list?last=x";
        for text in ["/v2/a/tags/list?last=x", "?last=x", expected, "http://r.example.com/v2/a/tags/list?last=x"] {
            assert_eq!(same_place(base, text).unwrap(), expected, "{text}");
        }
        let table = [
            ("https://evil.example.com/v2/", "evil.example.com"),
            ("//evil.example.com/v2/", "evil.example.com"),
            ("https://r.example.com:8443/v2/", "r.example.com:8443"),
            ("http://r.example.com:8080/v2/", "r.example.com:8080"),
            ("https://r.example.com@evil.example.com/", "evil.example.com"),
        ];
        for (text, other) in table {
            assert_eq!(same_place(base, text), Err(ErrorKind::OtherHost { other: other.into() }), "{text}");
        }
        assert!(same_place("http://localhost:5000/", "https://localhost:5000/").is_err());
    }

    #[test]
    fn errors_of_tls_are_told_apart() {
        use rustls::{CertificateError, Error, InvalidMessage};
        assert_eq!(tls_kind(&Error::InvalidCertificate(CertificateError::UnknownIssuer)), ErrorKind::UnknownAuthority);
        assert!(matches!(tls_kind(&Error::InvalidCertificate(CertificateError::NotValidForName)), ErrorKind::WrongName { .. }));
        assert!(matches!(tls_kind(&Error::InvalidCertificate(CertificateError::Expired)), ErrorKind::Certificate { .. }));
        assert_eq!(tls_kind(&Error::InvalidMessage(InvalidMessage::InvalidContentType)), ErrorKind::PlainAnswer);
    }
}
