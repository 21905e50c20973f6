//! Moments as engines write them.

use std::time::Duration;

/// Nanoseconds since 1970 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(i128);

impl Moment {
    /// Reads RFC 3339 with any number of digits behind the second, in any time zone. The engine's "never" (year 1) is `None`.
    pub fn parse(text: &str) -> Option<Self> {
        let (date, rest) = text.split_once('T')?;
        let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
        let (year, month, day) = (date.next()??, date.next()??, date.next()??);
        if year <= 1 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        let zone = rest.find(['Z', '+', '-'])?;
        let (time, zone) = rest.split_at(zone);
        let mut time = time.splitn(3, ':');
        let (hour, minute, second) = (time.next()?.parse::<i64>().ok()?, time.next()?.parse::<i64>().ok()?, time.next()?);
        let (second, fraction) = second.split_once('.').unwrap_or((second, ""));
        let second = second.parse::<i64>().ok()?;
        let nanoseconds = format!("{fraction:0<9}").get(..9)?.parse::<i64>().ok()?;
        let offset = match zone.split_at(1) {
            ("Z", "") => 0,
            (sign, offset) => {
                let (hours, minutes) = offset.split_once(':')?;
                let minutes = hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?;
                if sign == "-" { -minutes * 60 } else { minutes * 60 }
            }
        };
        let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset;
        Some(Self(i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds)))
    }

    /// That much earlier.
    pub fn before(self, by: Duration) -> Self {
        Self(self.0 - i128::try_from(by.as_nanos()).unwrap_or(i128::MAX / 2))
    }
}

/// Days from 1970-01-01 to that day (Howard Hinnant's `days_from_civil`: years that begin in March have their odd day at the end).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_in_every_time_zone() {
        let table = [
            ("1970-01-01T00:00:00Z", 0),
            ("2026-11-25T01:44:13.701682825Z", 1_795_571_053_701_682_825),
            ("2026-11-25T09:44:13.701682825+08:00", 1_795_571_053_701_682_825),
            ("2026-11-24T20:14:13.7-05:30", 1_795_571_053_700_000_000),
            ("2024-02-29T23:59:59.5Z", 1_709_251_199_500_000_000),
            ("2000-03-01T00:00:00Z", 951_868_800_000_000_000),
        ];
        for (text, nanoseconds) in table {
            assert_eq!(Moment::parse(text), Some(Moment(nanoseconds)), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for text in ["", "0001-01-01T00:00:00Z", "2026-11-25", "2026-13-25T00:00:00Z", "2026-11-25T00:00Z", "2026-11-25T00:00:00", "T::Z"] {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
    }
}
