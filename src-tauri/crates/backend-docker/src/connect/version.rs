//! Agreeing with an engine on a version of its API.

use lp_model::{Message, message};
use std::fmt;
use std::str::FromStr;

/// The oldest that works: that of Docker 20.10 and of Podman 3.
const OLDEST: ApiVersion = ApiVersion { major: 1, minor: 41 };

/// The newest whose answers we know; that of the library.
const NEWEST: ApiVersion =
    ApiVersion { major: bollard::API_DEFAULT_VERSION.major_version, minor: bollard::API_DEFAULT_VERSION.minor_version };

/// A version of the engine's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ApiVersion {
    pub major: usize,
    pub minor: usize,
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for ApiVersion {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (major, minor) = text.trim().split_once('.').ok_or(())?;
        Ok(Self { major: major.parse().map_err(drop)?, minor: minor.parse().map_err(drop)? })
    }
}

/// The newest version that both sides speak. `engine` is its name and version, for the message; the others are what it says about itself.
pub(super) fn agree(engine: &str, newest: &str, oldest: Option<&str>) -> Result<ApiVersion, Message> {
    let Ok(theirs) = ApiVersion::from_str(newest) else {
        return Err(message!(
            "what answers there says `{}` for the version of its API: it is no container engine; check the address",
            newest
        ));
    };
    // Engines before 1.24 of the API did not say it.
    let their_oldest = oldest.and_then(|text| text.parse().ok()).unwrap_or(ApiVersion { major: 0, minor: 0 });
    if theirs < OLDEST {
        return Err(message!(
            "{} is too old: it speaks API {}, Letterpress needs {} or newer; install Docker 20.10 or newer there",
            engine,
            format_args!("{theirs}"),
            format_args!("{OLDEST}")
        ));
    }
    if their_oldest > NEWEST {
        return Err(message!(
            "{} is too new: it speaks API {} or newer, Letterpress {} or older; install the newest Letterpress",
            engine,
            format_args!("{their_oldest}"),
            format_args!("{NEWEST}")
        ));
    }
    Ok(theirs.min(NEWEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_that_both_speak() {
        let table =
            [("1.41", Some("1.12"), "1.41"), ("1.41", None, "1.41"), ("1.52", Some("1.44"), "1.52"), ("1.99", Some("1.44"), "1.53")];
        for (newest, oldest, expected) in table {
            assert_eq!(agree("Docker", newest, oldest).map(|version| version.to_string()).as_deref(), Ok(expected), "{newest}");
        }
    }

    #[test]
    fn a_reason_names_both_sides_and_what_to_do() {
        let table = [
            ("1.40", Some("1.12"), ["Docker 19.03.15", "1.40", "1.41", "install Docker 20.10"]),
            ("1.24", None, ["Docker 19.03.15", "1.24", "1.41", "install Docker 20.10"]),
            ("2.4", Some("2.0"), ["Docker 19.03.15", "2.0", "1.53", "newest Letterpress"]),
            ("1.60", Some("1.54"), ["Docker 19.03.15", "1.54", "1.53", "newest Letterpress"]),
            ("", None, ["``", "no container engine", "version", "check the address"]),
        ];
        for (newest, oldest, parts) in table {
            let reason = agree("Docker 19.03.15", newest, oldest).unwrap_err();
            for part in parts {
                assert!(reason.to_string().contains(part), "{part} is not in {reason}");
            }
        }
    }
}
