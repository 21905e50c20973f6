//! Times: milliseconds inside, RFC 3339 text outside.

use crate::dto::{ApiError, ErrorCode, RunSummary, StepDetail};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};
use lp_model::message;

/// Milliseconds since 1970 UTC.
pub fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

/// RFC 3339 in UTC with milliseconds, e.g. `2026-11-23T14:20:00.123Z`. A time outside of the calendar becomes its nearest end.
pub fn to_text(milliseconds: i64) -> String {
    let time = Timestamp::from_millisecond(milliseconds).unwrap_or(if milliseconds < 0 { Timestamp::MIN } else { Timestamp::MAX });
    format!("{time:.3}")
}

/// The milliseconds of a time in RFC 3339, in any zone.
///
/// # Errors
/// For a text that is no time.
pub fn from_text(text: &str) -> Result<i64, jiff::Error> {
    Ok(text.parse::<Timestamp>()?.as_millisecond())
}

/// A time as a person writes it, as RFC 3339: a date, a date with a time, both as the clock of this computer shows them; or RFC 3339 itself. With
/// `to_its_end`, a date alone means its end, so that a time until a day has all of it.
///
/// # Errors
/// `BadRequest` for a text that is no time.
pub fn moment(text: &str, to_its_end: bool) -> Result<String, ApiError> {
    moment_in(text, to_its_end, &TimeZone::system())
}

fn moment_in(text: &str, to_its_end: bool, zone: &TimeZone) -> Result<String, ApiError> {
    let text = text.trim();
    let local = |time: DateTime| time.to_zoned(zone.clone()).map(|time: Zoned| time.timestamp());
    let time = text
        .parse::<Timestamp>()
        .or_else(|_| match text.len() {
            // `2026-11-29`: its first moment, which is not midnight everywhere.
            ..=10 => text.parse::<Date>().and_then(|day| if to_its_end { day.checked_add(1.day()) } else { Ok(day) }).and_then(|day| local(day.into())),
            _ => text.parse::<DateTime>().and_then(local),
        })
        .map_err(|_| {
            ApiError::new(ErrorCode::BadRequest, message!("`{}` is no time", text))
                .hint(message!("write a date such as `2026-11-29`, a time such as `2026-11-29 08:30`, or one with its zone such as `2026-11-29T08:30:00+08:00`"))
        })?;
    Ok(to_text(time.as_millisecond()))
}

/// A time of ours ([`to_text`]) for people: in the time zone of this computer (`TZ`, else the system's), with that zone's distance from UTC,
/// e.g. `2026-11-23 22:20 +08:00`. What is no time is given back.
pub fn local_time(text: &str) -> String {
    in_zone(text, TimeZone::system(), "%Y-%m-%d %H:%M %:z")
}

/// The same as a date: `2026-11-23`.
pub fn local_date(text: &str) -> String {
    in_zone(text, TimeZone::system(), "%Y-%m-%d")
}

fn in_zone(text: &str, zone: TimeZone, format: &str) -> String {
    let Ok(time) = text.parse::<Timestamp>() else { return text.to_owned() };
    time.to_zoned(zone).strftime(format).to_string()
}

fn between(start: Option<&str>, end: Option<&str>) -> Option<i64> {
    let parse = |text: &str| text.parse::<Timestamp>().ok();
    // A clock that was set back between the two makes no time negative.
    Some((parse(end?)?.as_millisecond() - parse(start?)?.as_millisecond()).max(0))
}

impl RunSummary {
    /// How long it took, once it is over.
    pub fn duration_ms(&self) -> Option<i64> {
        between(self.started.as_deref(), self.ended.as_deref())
    }
}

impl StepDetail {
    /// How long it took, once it is over.
    pub fn duration_ms(&self) -> Option<i64> {
        between(self.started.as_deref(), self.ended.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_write_dates_and_times_of_their_zone() {
        let zone = TimeZone::fixed(jiff::tz::offset(8));
        let of = |text: &str, end| moment_in(text, end, &zone).unwrap();
        assert_eq!(of("2026-11-29", false), "2026-11-28T16:00:00.000Z");
        assert_eq!(of("2026-11-29", true), "2026-11-29T16:00:00.000Z");
        assert_eq!(of("2026-11-29 08:30", true), "2026-11-29T00:30:00.000Z");
        assert_eq!(of("2026-11-29T08:30:15", false), "2026-11-29T00:30:15.000Z");
        assert_eq!(of(" 2026-11-29T08:30:00+01:00 ", true), "2026-11-29T07:30:00.000Z");
        for bad in ["", "yesterday", "2026-13-01", "29.11.2026", "9999-12-31"] {
            let error = moment_in(bad, true, &zone).unwrap_err();
            assert_eq!(error.code, ErrorCode::BadRequest, "{bad}");
        }
    }

    #[test]
    fn people_see_the_time_of_their_zone() {
        let zone = |hours| TimeZone::fixed(jiff::tz::offset(hours));
        let shown = |hours| in_zone("2026-11-23T17:20:00.123Z", zone(hours), "%Y-%m-%d %H:%M %:z");
        assert_eq!(shown(8), "2026-11-24 01:20 +08:00");
        assert_eq!(shown(-3), "2026-11-23 14:20 -03:00");
        assert_eq!(shown(0), "2026-11-23 17:20 +00:00");
        assert_eq!(in_zone("", zone(8), "%Y"), "", "a run whose facts cannot be read has no time");
    }

    #[test]
    fn times_are_text_that_sorts() {
        assert_eq!(to_text(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(to_text(1_763_907_600_123), "2025-11-23T14:20:00.123Z");
        assert_eq!(between(Some("1970-01-01T00:00:01.500Z"), Some("1970-01-01T00:00:03.000Z")), Some(1500));
        assert_eq!(between(Some("1970-01-01T00:00:03.000Z"), Some("1970-01-01T00:00:01.500Z")), Some(0));
        assert_eq!(between(Some("1970-01-01T00:00:01.500Z"), None), None);
        assert!(to_text(i64::MAX) > to_text(0));
    }
}
