//! Why an address does not answer, and what to do about it.

use super::address::EngineAddress;
use crate::error;
use bollard::errors::Error;
use lp_model::{Message, message};
use std::error::Error as StdError;
use std::io;

/// The reason in words. An address that simply has no engine says only so: several usual places are tried, and most are empty.
pub(super) fn of(address: &EngineAddress, error: &Error) -> Message {
    let said = error::message(error);
    let message = said.to_string();
    let folder = || address.tls.as_ref().map(|tls| tls.folder.display().to_string()).unwrap_or_default();
    let advice = match kind(error) {
        Some(io::ErrorKind::PermissionDenied) => {
            return message!("this user may not use the socket; add the user to the group `docker` and log in again");
        }
        Some(io::ErrorKind::ConnectionRefused) => {
            return message!("connection refused: nobody listens there; start the engine or mend the address");
        }
        _ if message.contains("HTTP request to an HTTPS server") => {
            return message!(
                "the engine wants a secured connection; set `DOCKER_TLS_VERIFY=1` and `DOCKER_CERT_PATH`, or make a docker context with the certificates"
            );
        }
        _ if message.contains("InvalidContentType") => {
            return message!("the engine does not speak TLS at this address; mend the port, or leave the certificates out");
        }
        // The latter when the authority was made anew under its old name.
        _ if message.contains("UnknownIssuer") || message.contains("BadSignature") => {
            message!("the engine's certificate was not signed by the authority in `{}/ca.pem`; copy the right one there", folder())
        }
        _ if message.contains("certificate not valid for name") || message.contains("NotValidForName") => {
            message!("the engine's certificate is made for another name; use the name that stands in it")
        }
        _ if message.contains("certificate expired") || message.contains("Expired") => {
            message!("the engine's certificate has expired; have a new one made")
        }
        _ if message.contains("fatal alert") => {
            message!("the engine does not accept our certificate; put the `cert.pem` and `key.pem` made for it into `{}`", folder())
        }
        _ => match error {
            Error::DockerResponseServerError { status_code, .. } => {
                return message!("what answers there is no container engine (it said {}); check the address", status_code);
            }
            Error::JsonDataError { .. } | Error::JsonSerdeError { .. } | Error::APIVersionParseError {} => {
                return message!("what answers there is no container engine; check the address");
            }
            _ => return said,
        },
    };
    message!("{} ({})", advice, said)
}

/// Whether there is simply nothing at that address: of usual places most are empty, and nobody needs to hear of them.
pub(super) fn is_absent(error: &Error) -> bool {
    matches!(error, Error::SocketNotFoundError(_)) || matches!(kind(error), Some(io::ErrorKind::NotFound | io::ErrorKind::NotADirectory))
}

/// What kind of failure of the system is at the bottom of it.
fn kind(error: &Error) -> Option<io::ErrorKind> {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    let mut found = None;
    while let Some(one) = cause {
        found = one.downcast_ref::<io::Error>().map(io::Error::kind).or(found);
        cause = one.source();
    }
    found
}
