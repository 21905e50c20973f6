//! The next time that a calendar fits, with clocks that are changed.

use super::Calendar;
use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp, Zoned};

/// How many days are looked through: 29 February may be 8 years away (1896 to 1904), and on a certain weekday 40.
const MOST_DAYS: u32 = 366 * 41;
const ALL_HOURS: u64 = (1 << 24) - 1;

impl Calendar {
    /// The first time after a moment.
    pub(super) fn next(&self, after: Timestamp, zone: &TimeZone) -> Option<Zoned> {
        // Whole seconds: what is due at a second is due at its beginning.
        let after = Timestamp::from_second(after.as_second()).ok()?;
        let next = if self.hours == ALL_HOURS { self.next_by_time(after, zone) } else { self.next_by_clock(after, zone) };
        next.map(|next| next.to_zoned(zone.clone()))
    }

    /// Whether it is due on that day.
    pub(super) fn has_day(&self, date: Date) -> bool {
        let bit = |bits: u64, at: i8| bits >> at & 1 == 1;
        let of_month = bit(self.days, date.day());
        let of_week = bit(self.weekdays, date.weekday().to_sunday_zero_offset());
        let day = if self.open_days || self.open_weekdays { of_month && of_week } else { of_month || of_week };
        bit(self.months, date.month()) && day
    }

    /// For certain hours: the next time on the clock, then the moment at which the clock shows it.
    fn next_by_clock(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let mut clock = zone.to_datetime(after);
        // A clock that was set back shows times again that have been; there are 3 hours of them at most.
        for _ in 0..=3 * 3600 {
            clock = self.next_on_clock(clock)?;
            let moment = moment_of(clock, zone)?;
            if moment > after {
                return Some(moment);
            }
        }
        None
    }

    /// The first time on the clock that fits, after another.
    fn next_on_clock(&self, after: DateTime) -> Option<DateTime> {
        let from = after.checked_add(SignedDuration::from_secs(1)).ok()?;
        let mut date = from.date();
        let mut earliest = (from.hour(), from.minute(), from.second());
        for _ in 0..MOST_DAYS {
            if self.has_day(date)
                && let Some((hour, minute, second)) = self.time_from(earliest)
            {
                return Some(date.at(hour, minute, second, 0));
            }
            date = date.tomorrow().ok()?;
            earliest = (0, 0, 0);
        }
        None
    }

    /// The first time of a day that fits, not before another.
    fn time_from(&self, (hour, minute, second): (i8, i8, i8)) -> Option<(i8, i8, i8)> {
        let first_hour = from_bit(self.hours, hour)?;
        if first_hour == hour {
            let first_minute = from_bit(self.minutes, minute);
            if first_minute == Some(minute)
                && let Some(second) = from_bit(self.seconds, second)
            {
                return Some((hour, minute, second));
            }
            if let Some(minute) = from_bit(self.minutes, minute + 1) {
                return Some((hour, minute, from_bit(self.seconds, 0)?));
            }
            let hour = from_bit(self.hours, hour + 1)?;
            return Some((hour, from_bit(self.minutes, 0)?, from_bit(self.seconds, 0)?));
        }
        Some((first_hour, from_bit(self.minutes, 0)?, from_bit(self.seconds, 0)?))
    }

    /// For every hour: through the time that passes, so that the hour that the clock shows twice has all its times twice.
    fn next_by_time(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let mut moment = after.checked_add(SignedDuration::from_secs(1)).ok()?;
        // A day that does not fit is left in one step, an hour in another.
        for _ in 0..MOST_DAYS + 48 {
            let clock = zone.to_datetime(moment);
            if !self.has_day(clock.date()) {
                let tomorrow = clock.date().tomorrow().ok()?.at(0, 0, 0, 0);
                moment = moment_of(tomorrow, zone).filter(|next| *next > moment)?;
                continue;
            }
            let now = i64::from(clock.minute()) * 60 + i64::from(clock.second());
            let found = from_bit(self.minutes, clock.minute()).and_then(|minute| {
                let second = if minute == clock.minute() { from_bit(self.seconds, clock.second()) } else { from_bit(self.seconds, 0) };
                match second {
                    Some(second) => Some((minute, second)),
                    None => Some((from_bit(self.minutes, minute + 1)?, from_bit(self.seconds, 0)?)),
                }
            });
            let at = found.map_or(3600, |(minute, second)| i64::from(minute) * 60 + i64::from(second));
            let next = moment.checked_add(SignedDuration::from_secs(at - now)).ok()?;
            // The clock may have been changed on the way there, by a part of an hour.
            let shows = zone.to_datetime(next);
            match found {
                Some((minute, second)) if (shows.minute(), shows.second()) == (minute, second) && self.has_day(shows.date()) => {
                    return Some(next);
                }
                Some(_) => moment = change_between(moment, next, zone)?,
                None => moment = change_between(moment, next, zone).unwrap_or(next),
            }
        }
        None
    }
}

/// The lowest value of a field from another on.
fn from_bit(bits: u64, from: i8) -> Option<i8> {
    let rest = bits.checked_shr(u32::try_from(from).ok()?)?;
    let ahead = i8::try_from(rest.trailing_zeros()).ok().filter(|_| rest != 0)?;
    from.checked_add(ahead)
}

/// The moment at which a clock shows that time: the first, if it does so twice; the one behind the gap, if it jumps over it.
fn moment_of(clock: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(clock);
    match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => ambiguous.earlier().ok(),
        AmbiguousOffset::Gap { .. } => {
            let (earlier, later) = (ambiguous.earlier().ok()?, ambiguous.later().ok()?);
            change_between(earlier, later, zone).or(Some(later))
        }
    }
}

/// The moment behind the first and not behind the second at which the clock is changed.
fn change_between(first: Timestamp, last: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    zone.following(first).next().map(|change| change.timestamp()).filter(|change| *change <= last)
}
