//! Times: milliseconds inside, RFC 3339 text outside.

use crate::dto::{RunSummary, StepDetail};
use jiff::Timestamp;

/// Milliseconds since 1970 UTC.
pub fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

/// RFC 3339 in UTC with milliseconds, e.g. `2026-11-23T14:20:00.123Z`. A time outside of the calendar becomes its nearest end.
pub fn to_text(milliseconds: i64) -> String {
    let time = Timestamp::from_millisecond(milliseconds).unwrap_or(if milliseconds < 0 { Timestamp::MIN } else { Timestamp::MAX });
    format!("{time:.3}")
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
    fn times_are_text_that_sorts() {
        assert_eq!(to_text(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(to_text(1_763_907_600_123), "2025-11-23T14:20:00.123Z");
        assert_eq!(between(Some("1970-01-01T00:00:01.500Z"), Some("1970-01-01T00:00:03.000Z")), Some(1500));
        assert_eq!(between(Some("1970-01-01T00:00:03.000Z"), Some("1970-01-01T00:00:01.500Z")), Some(0));
        assert_eq!(between(Some("1970-01-01T00:00:01.500Z"), None), None);
        assert!(to_text(i64::MAX) > to_text(0));
    }
}
