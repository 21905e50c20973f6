//! Whether a delivery comes from who knows the secret of the webhook.
//!
//! One scheme for each forge: the family of Gogs sends up to five signatures, of which the SHA-1 one must not be enough. Signatures are
//! compared on their decoded bytes in constant time, and over the bytes that were received, never over JSON that was written anew.

use crate::{Delivery, Forge, ForgeError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use lp_model::{Message, message};
use lp_secret::SecretValue;
use sha2::Sha256;

/// How far the time of a signature may be from ours, in seconds (Standard Webhooks).
pub const SIGNED_AT_MOST_APART_S: i64 = 300;
/// What the newer secrets of GitLab begin with; the rest is the key as base64.
const SIGNING_TOKEN: &str = "whsec_";

/// What was found out about a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verification {
    /// Who sent it knows the secret.
    Verified {
        /// When it was signed, in seconds since 1970, where the signature covers that. A receiver compares it with its clock by
        /// [`SIGNED_AT_MOST_APART_S`].
        signed_s: Option<i64>,
    },
    /// Nobody can tell, or it is a forgery; why.
    Refused(Message),
}

impl Verification {
    /// Whether who sent it knows the secret.
    pub fn is_verified(&self) -> bool {
        matches!(self, Self::Verified { .. })
    }

    /// Why it is not verified.
    pub fn why_not(&self) -> Option<&Message> {
        match self {
            Self::Verified { .. } => None,
            Self::Refused(why) => Some(why),
        }
    }
}

/// Verifies a delivery. Without a secret, or with an empty one, nothing is ever verified: everybody could have sent it.
///
/// # Errors
/// `Malformed` for headers or a form that cannot be read.
pub fn verify(delivery: &Delivery<'_>, forge: Forge, secret: Option<&SecretValue>) -> Result<Verification, ForgeError> {
    let Some(secret) = secret.map(SecretValue::expose).filter(|secret| !secret.is_empty()) else {
        return Ok(refused(message!("there is no secret to verify it with, so everybody could have sent it")));
    };
    match forge {
        Forge::Gogs => of_hex(delivery, "X-Gogs-Signature", "", secret, &delivery.json()?),
        Forge::Gitea => of_hex(delivery, "X-Gitea-Signature", "", secret, &delivery.json()?),
        Forge::Forgejo => of_hex(delivery, "X-Forgejo-Signature", "", secret, &delivery.json()?),
        Forge::GitHub => of_hex(delivery, "X-Hub-Signature-256", "sha256=", secret, delivery.body()),
        Forge::GitLab => match secret.strip_prefix(SIGNING_TOKEN) {
            Some(key) => of_standard_webhooks(delivery, key),
            None => of_token(delivery, secret),
        },
    }
}

fn refused(why: Message) -> Verification {
    Verification::Refused(why)
}

fn not_signed(header: &str) -> Verification {
    refused(message!("it is not signed: the header `{}` is missing or empty", header))
}

fn wrong() -> Verification {
    refused(message!("its signature does not fit: it was made with another secret, or something was changed on the way"))
}

fn keyed(secret: &[u8]) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(secret).expect("a key may have any length")
}

fn of_hex(delivery: &Delivery<'_>, header: &str, prefix: &str, secret: &str, signed: &[u8]) -> Result<Verification, ForgeError> {
    let given = delivery.header(header)?.unwrap_or_default();
    let digits = given.strip_prefix(prefix).unwrap_or_default();
    if digits.is_empty() {
        return Ok(not_signed(header));
    }
    let Some(given) = bytes_of_hex(digits) else { return Ok(wrong()) };
    let mut mac = keyed(secret.as_bytes());
    mac.update(signed);
    Ok(if mac.verify_slice(&given).is_ok() { Verification::Verified { signed_s: None } } else { wrong() })
}

/// Pairs of hexadecimal digits in either case.
fn bytes_of_hex(digits: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| if let [high, low] = pair { Some(digit(*high)? << 4 | digit(*low)?) } else { None }).collect()
}

/// GitLab sends the secret itself. Both are hashed before they are compared, so that not even their lengths can be measured.
fn of_token(delivery: &Delivery<'_>, secret: &str) -> Result<Verification, ForgeError> {
    let header = "X-Gitlab-Token";
    let Some(given) = delivery.header(header)?.filter(|given| !given.is_empty()) else { return Ok(not_signed(header)) };
    let hash = |text: &str| {
        let mut mac = keyed(b"letterpress");
        mac.update(text.as_bytes());
        mac
    };
    let fits = hash(secret).verify_slice(&hash(given).finalize().into_bytes()).is_ok();
    Ok(if fits { Verification::Verified { signed_s: None } } else { refused(message!("the token in `{}` is not the secret", header)) })
}

/// The newer signature of GitLab, by the Standard Webhooks specification: over id, time and body; several may stand in one header.
fn of_standard_webhooks(delivery: &Delivery<'_>, key: &str) -> Result<Verification, ForgeError> {
    let Ok(key) = STANDARD.decode(key) else {
        return Ok(refused(message!("the secret begins with `{}`, but what follows is not base64", SIGNING_TOKEN)));
    };
    let mut parts = [""; 3];
    for (part, header) in parts.iter_mut().zip(["webhook-id", "webhook-timestamp", "webhook-signature"]) {
        match delivery.header(header)?.filter(|value| !value.is_empty()) {
            Some(value) => *part = value,
            None => return Ok(not_signed(header)),
        }
    }
    let [id, time, signatures] = parts;
    let Ok(signed_s) = time.parse::<i64>() else { return Ok(wrong()) };
    let mut mac = keyed(&key);
    for part in [id.as_bytes(), b".", time.as_bytes(), b".", delivery.body()] {
        mac.update(part);
    }
    // Each is looked at, so that the time tells nothing about which one fits.
    let fits = |signature: &str| {
        let given = signature.strip_prefix("v1,").and_then(|given| STANDARD.decode(given).ok());
        given.is_some_and(|given| mac.clone().verify_slice(&given).is_ok())
    };
    let verified = signatures.split(' ').take(16).map(fits).fold(false, |any, fits| any | fits);
    Ok(if verified { Verification::Verified { signed_s: Some(signed_s) } } else { wrong() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verified(forge: Forge, headers: &[(&str, &str)], body: &str, secret: &str) -> Result<Option<i64>, String> {
        let headers: Vec<_> = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let delivery = Delivery::new(&headers, body.as_bytes()).unwrap();
        match verify(&delivery, forge, Some(&SecretValue::new(secret))).unwrap() {
            Verification::Verified { signed_s } => Ok(signed_s),
            Verification::Refused(why) => Err(why.to_string()),
        }
    }

    // HMAC-SHA-256 of `{}` with the key `s3cret`.
    const HEX: &str = "f2e8e5d5b05d2ac4b0a9a3f0d8fd3bb8b8dbb1b3a1a0a1f4a2a0c0b1d2e3f4a5";

    fn sign(secret: &str, signed: &str) -> String {
        let mut mac = keyed(secret.as_bytes());
        mac.update(signed.as_bytes());
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_test_vector_of_the_standard_fits() {
        // RFC 4231, case 2.
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(sign("Jefe", "what do ya want for nothing?"), expected);
    }

    #[test]
    fn each_forge_has_its_header() {
        let good = sign("s3cret", "{}");
        let upper = good.to_uppercase();
        let hub = format!("sha256={good}");
        for (forge, header, value) in [
            (Forge::Gogs, "X-Gogs-Signature", &good),
            (Forge::Gitea, "X-Gitea-Signature", &upper),
            (Forge::Forgejo, "x-forgejo-signature", &good),
            (Forge::GitHub, "X-Hub-Signature-256", &hub),
        ] {
            assert_eq!(verified(forge, &[(header, value)], "{}", "s3cret"), Ok(None), "{header}");
            for (body, secret) in [("{ }", "s3cret"), ("{}", "S3cret"), ("", "s3cret")] {
                assert!(verified(forge, &[(header, value)], body, secret).unwrap_err().contains("does not fit"), "{header}");
            }
            for value in ["", "sha256=", "sha1="] {
                assert!(verified(forge, &[(header, value)], "{}", "s3cret").is_err(), "{header} {value}");
            }
            assert!(verified(forge, &[(header, HEX)], "{}", "s3cret").is_err());
            assert!(verified(forge, &[(header, &value[..value.len() - 1])], "{}", "s3cret").is_err());
            assert!(verified(forge, &[], "{}", "s3cret").unwrap_err().contains("not signed"));
            assert!(verified(forge, &[(header, value)], "{}", "").unwrap_err().contains("no secret"));
        }
        // The signature of an ancestor is not enough.
        assert!(verified(Forge::Gitea, &[("X-Gogs-Signature", &good)], "{}", "s3cret").is_err());
    }

    #[test]
    fn a_form_is_signed_in_two_ways() {
        let form = "payload=%7B%7D";
        let kind = ("Content-Type", "application/x-www-form-urlencoded");
        let (inner, outer) = (sign("k", "{}"), sign("k", form));
        assert!(verified(Forge::Gogs, &[kind, ("X-Gogs-Signature", &inner)], form, "k").is_ok());
        assert!(verified(Forge::Gogs, &[kind, ("X-Gogs-Signature", &outer)], form, "k").is_err());
        assert!(verified(Forge::GitHub, &[kind, ("X-Hub-Signature-256", &format!("sha256={outer}"))], form, "k").is_ok());
        assert!(verified(Forge::GitHub, &[kind, ("X-Hub-Signature-256", &format!("sha256={inner}"))], form, "k").is_err());
    }

    #[test]
    fn a_token_is_compared_as_a_whole() {
        let token = |given: &str| verified(Forge::GitLab, &[("X-Gitlab-Token", given)], "{}", "s3cret");
        assert_eq!(token("s3cret"), Ok(None));
        for wrong in ["", "s3cre", "s3crets", "S3CRET"] {
            assert!(token(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_signing_token_covers_id_and_time() {
        let secret = format!("whsec_{}", STANDARD.encode("a key of some bytes"));
        let mut mac = keyed(b"a key of some bytes");
        mac.update(b"msg_1.1764400000.{}");
        let signature = format!("v1,AAAA v1a,x v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        let headers = |id: &'static str, time: &'static str, signature| {
            [("webhook-id", id), ("webhook-timestamp", time), ("webhook-signature", signature)]
        };
        assert_eq!(verified(Forge::GitLab, &headers("msg_1", "1764400000", &signature), "{}", &secret), Ok(Some(1_764_400_000)));
        for (id, time) in [("msg_2", "1764400000"), ("msg_1", "1764400001"), ("msg_1", "x")] {
            assert!(verified(Forge::GitLab, &headers(id, time, &signature), "{}", &secret).is_err(), "{id} {time}");
        }
        // Who knows how the secret is written cannot send it as a token.
        assert!(verified(Forge::GitLab, &[("X-Gitlab-Token", &secret)], "{}", &secret).unwrap_err().contains("not signed"));
        assert!(verified(Forge::GitLab, &headers("a", "1", "v1,x"), "{}", "whsec_%").unwrap_err().contains("base64"));
    }
}
