//! A delivery as a receiver gets it: headers and the bytes of the body.
//!
//! Gogs and its family sign the JSON also where they send it as a field of a form; GitHub and GitLab sign the body. So the payload is cut
//! out of the form before anything is verified, and nothing is parsed before.

use crate::{Forge, ForgeError};
use lp_model::message;
use percent_encoding::percent_decode;
use std::borrow::Cow;

/// Largest body, in bytes. Pushes of thousands of commits stay below it; GitHub alone would send up to 25 MB.
pub const LARGEST_BODY: usize = 10 << 20;
/// Most headers, and most bytes of them together.
const MOST_HEADERS: usize = 100;
const LARGEST_HEADERS: usize = 32 << 10;

/// One delivery.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'d> {
    headers: &'d [(String, String)],
    body: &'d [u8],
}

impl<'d> Delivery<'d> {
    /// Of the headers in the order sent and the very bytes of the body.
    ///
    /// # Errors
    /// `TooLarge`.
    pub fn new(headers: &'d [(String, String)], body: &'d [u8]) -> Result<Self, ForgeError> {
        let size: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        if headers.len() > MOST_HEADERS {
            return Err(ForgeError::TooLarge { what: message!("headers"), limit: MOST_HEADERS });
        }
        if size > LARGEST_HEADERS {
            return Err(ForgeError::TooLarge { what: message!("bytes of headers"), limit: LARGEST_HEADERS });
        }
        if body.len() > LARGEST_BODY {
            return Err(ForgeError::TooLarge { what: message!("bytes"), limit: LARGEST_BODY });
        }
        Ok(Self { headers, body })
    }

    /// The value of a header, its name compared without case.
    ///
    /// # Errors
    /// `Malformed` when it is there twice with different values: two readers would see different ones.
    pub fn header(&self, name: &str) -> Result<Option<&'d str>, ForgeError> {
        let mut values = self.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim());
        let first = values.next();
        if values.any(|other| Some(other) != first) {
            return Err(ForgeError::malformed(message!("the header `{}` is there twice", name)));
        }
        Ok(first)
    }

    /// The forge that it comes from, by the headers. Those who came later send the headers of their ancestors too.
    ///
    /// # Errors
    /// `Unknown`.
    pub fn forge(&self) -> Result<Forge, ForgeError> {
        for forge in [Forge::Forgejo, Forge::Gitea, Forge::Gogs, Forge::GitLab, Forge::GitHub] {
            if self.header(forge.event_header())?.is_some() {
                return Ok(forge);
            }
        }
        Err(ForgeError::Unknown)
    }

    /// The name of the event as the forge calls it.
    ///
    /// # Errors
    /// `OtherForge` when the forge would have named it.
    pub fn event(&self, forge: Forge) -> Result<&'d str, ForgeError> {
        let header = forge.event_header();
        self.header(header)?.filter(|event| !event.is_empty()).ok_or(ForgeError::OtherForge { forge, header })
    }

    /// What names the delivery, so that a second one is noticed. It is not signed: whoever replays a delivery can change it.
    ///
    /// # Errors
    /// As [`Self::header`].
    pub fn id(&self, forge: Forge) -> Result<Option<&'d str>, ForgeError> {
        for header in forge.id_headers() {
            if let Some(id) = self.header(header)? {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// The bytes of the body.
    pub fn body(&self) -> &'d [u8] {
        self.body
    }

    /// The bytes of the JSON: the body, or the field `payload` of a form.
    ///
    /// # Errors
    /// `Malformed` for a body of another kind.
    pub fn json(&self) -> Result<Cow<'d, [u8]>, ForgeError> {
        if let Some(encoding) = self.header("Content-Encoding")?.filter(|encoding| !encoding.is_empty() && *encoding != "identity") {
            return Err(ForgeError::malformed(message!("its body is packed with `{}`, which no forge does", encoding)));
        }
        let kind = self.header("Content-Type")?.unwrap_or("application/json");
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if kind.eq_ignore_ascii_case("application/json") {
            Ok(Cow::Borrowed(self.body))
        } else if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            payload_of_form(self.body).map(Cow::Owned)
        } else {
            Err(ForgeError::malformed(message!("its body is `{}`, neither JSON nor a form", kind)))
        }
    }
}

fn payload_of_form(body: &[u8]) -> Result<Vec<u8>, ForgeError> {
    let mut found = None;
    for field in body.split(|byte| *byte == b'&') {
        let Some(value) = field.strip_prefix(b"payload=") else { continue };
        if found.replace(value).is_some() {
            return Err(ForgeError::malformed(message!("its form has the field `payload` twice")));
        }
    }
    let value = found.ok_or_else(|| ForgeError::malformed(message!("its form has no field `payload`")))?;
    // A blank is a plus; a plus is `%2B`.
    let spaced: Vec<u8> = value.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    Ok(percent_decode(&spaced).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(of: &[(&str, &str)]) -> Vec<(String, String)> {
        of.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_youngest_of_the_family_is_taken() {
        for (names, expected) in [
            (&["X-GitHub-Event"][..], Ok(Forge::GitHub)),
            (&["x-github-event", "x-gogs-event"], Ok(Forge::Gogs)),
            (&["X-GitHub-Event", "X-Gogs-Event", "X-Gitea-Event"], Ok(Forge::Gitea)),
            (&["X-GitHub-Event", "X-Gogs-Event", "X-Gitea-Event", "X-Forgejo-Event"], Ok(Forge::Forgejo)),
            (&["X-Gitlab-Event"], Ok(Forge::GitLab)),
            (&["Content-Type"], Err(ForgeError::Unknown)),
        ] {
            let headers: Vec<_> = names.iter().map(|name| ((*name).to_owned(), "push".to_owned())).collect();
            assert_eq!(Delivery::new(&headers, b"").unwrap().forge(), expected, "{names:?}");
        }
    }

    #[test]
    fn a_header_has_one_value() {
        let twice = headers(&[("X-Gogs-Event", "push"), ("x-gogs-event", "create"), ("A", "1"), ("a", " 1 ")]);
        let delivery = Delivery::new(&twice, b"").unwrap();
        assert!(matches!(delivery.header("X-GOGS-EVENT"), Err(ForgeError::Malformed { .. })));
        assert_eq!(delivery.header("A"), Ok(Some("1")));
        assert_eq!(delivery.event(Forge::GitLab), Err(ForgeError::OtherForge { forge: Forge::GitLab, header: "X-Gitlab-Event" }));
    }

    #[test]
    fn the_json_comes_out_of_a_form() {
        let form = headers(&[("Content-Type", "application/X-www-form-urlencoded; charset=utf-8")]);
        let json = |headers: &[(String, String)], body: &[u8]| {
            Delivery::new(headers, body).unwrap().json().map(Cow::into_owned).map_err(|error| error.told().to_string())
        };
        assert_eq!(json(&form, b"a=1&payload=%7B%22a%22%3A+%22b%2Bc%22%7D"), Ok(br#"{"a": "b+c"}"#.to_vec()));
        assert!(json(&form, b"payload=1&payload=2").unwrap_err().contains("twice"));
        assert!(json(&form, b"{}").unwrap_err().contains("no field `payload`"));
        assert_eq!(json(&[], b"{}"), Ok(b"{}".to_vec()));
        assert!(json(&headers(&[("content-type", "text/xml")]), b"").unwrap_err().contains("`text/xml`"));
        assert!(json(&headers(&[("Content-Encoding", "gzip")]), b"").unwrap_err().contains("`gzip`"));
    }

    #[test]
    fn what_is_too_large_is_not_looked_at() {
        let many = vec![("a".to_owned(), "b".to_owned()); MOST_HEADERS + 1];
        let long = [("a".to_owned(), "b".repeat(LARGEST_HEADERS))];
        let body = vec![b' '; LARGEST_BODY + 1];
        assert!(Delivery::new(&many, b"").is_err() && Delivery::new(&long, b"").is_err() && Delivery::new(&[], &body).is_err());
        assert!(Delivery::new(&[], &body[1..]).is_ok());
    }
}
