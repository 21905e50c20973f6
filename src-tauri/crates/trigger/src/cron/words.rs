//! A schedule in words.

use super::Calendar;
use lp_model::{Message, message};

const ALL_OF_60: u64 = (1 << 60) - 1;
const ALL_HOURS: u64 = (1 << 24) - 1;
const ALL_DAYS: u64 = ((1 << 32) - 1) & !1;
const ALL_MONTHS: u64 = ((1 << 13) - 1) & !1;
const ALL_WEEKDAYS: u64 = (1 << 7) - 1;
/// Most times of a day that are named one by one.
const MOST_TIMES: usize = 6;

/// Of what is due again after so many seconds.
pub(super) fn every(seconds: u32) -> Message {
    match seconds {
        86_400 => message!("every 24 hours"),
        3600 => message!("every 60 minutes"),
        _ if seconds.is_multiple_of(3600) => message!("every {} hours", seconds / 3600),
        60 => message!("every minute"),
        _ if seconds.is_multiple_of(60) => message!("every {} minutes", seconds / 60),
        1 => message!("every second"),
        _ => message!("every {} seconds", seconds),
    }
}

/// Of what is due by the calendar: the days, then the times.
pub(super) fn calendar(calendar: &Calendar) -> Message {
    let days = days(calendar);
    let days = if calendar.months == ALL_MONTHS {
        days
    } else {
        message!("{}, in {}", days, Message::joined(values(calendar.months).map(month), ", "))
    };
    message!("{} {}", days, times(calendar))
}

fn days(calendar: &Calendar) -> Message {
    let one_is_enough = !(calendar.open_days || calendar.open_weekdays);
    let (any_day, any_weekday) = (calendar.days == ALL_DAYS, calendar.weekdays == ALL_WEEKDAYS);
    let of_week = || Message::joined(values(calendar.weekdays).map(weekday), ", ");
    match (any_day, any_weekday) {
        (true, true) => message!("every day"),
        (true, false) | (false, true) if one_is_enough => message!("every day"),
        (true, false) => message!("on {}", of_week()),
        (false, true) => message!("on day {} of the month", list(calendar.days)),
        (false, false) if one_is_enough => message!("on day {} of the month or on {}", list(calendar.days), of_week()),
        (false, false) => message!("on {} if it is day {} of the month", of_week(), list(calendar.days)),
    }
}

fn times(calendar: &Calendar) -> Message {
    let Calendar { seconds, minutes, hours, .. } = *calendar;
    let single = |bits: u64| (bits.count_ones() == 1).then(|| bits.trailing_zeros());
    match (single(seconds), single(minutes), hours == ALL_HOURS) {
        (Some(0), _, true) if minutes == ALL_OF_60 => message!("every minute"),
        (Some(second), _, true) if minutes == ALL_OF_60 => message!("every minute at second {}", second),
        (None, _, true) if minutes == ALL_OF_60 && seconds == ALL_OF_60 => message!("every second"),
        (Some(0), Some(minute), true) => message!("in every hour at minute {}", minute),
        (Some(0), None, true) if step(minutes).is_some() => message!("every {} minutes", step(minutes).unwrap_or(1)),
        (Some(second), Some(minute), false) if (hours.count_ones() as usize) <= MOST_TIMES => {
            let time = |hour: u32| match second {
                0 => format!("{hour:02}:{minute:02}"),
                _ => format!("{hour:02}:{minute:02}:{second:02}"),
            };
            message!("at {}", values(hours).map(time).collect::<Vec<_>>().join(", "))
        }
        _ => message!("at hour {}, minute {}, second {}", listed(hours, ALL_HOURS), listed(minutes, ALL_OF_60), listed(seconds, ALL_OF_60)),
    }
}

/// The step of minutes that go evenly through the hour.
fn step(minutes: u64) -> Option<u32> {
    (2..=30).find(|step| 60 % step == 0 && (0..60).step_by(*step as usize).fold(0_u64, |bits, minute| bits | 1 << minute) == minutes)
}

fn values(bits: u64) -> impl Iterator<Item = u32> {
    (0..64).filter(move |at| bits >> at & 1 == 1)
}

fn listed(bits: u64, all: u64) -> String {
    if bits == all { "*".to_owned() } else { list(bits) }
}

/// The values, those that follow each other as a range: `1-5, 10`.
fn list(bits: u64) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for value in values(bits) {
        match ranges.last_mut() {
            Some((_, to)) if *to + 1 == value => *to = value,
            _ => ranges.push((value, value)),
        }
    }
    let shown = |(from, to): (u32, u32)| match to - from {
        0 => from.to_string(),
        1 => format!("{from}, {to}"),
        _ => format!("{from}-{to}"),
    };
    ranges.into_iter().map(shown).collect::<Vec<_>>().join(", ")
}

fn weekday(day: u32) -> Message {
    match day {
        0 => message!("Sunday"),
        1 => message!("Monday"),
        2 => message!("Tuesday"),
        3 => message!("Wednesday"),
        4 => message!("Thursday"),
        5 => message!("Friday"),
        _ => message!("Saturday"),
    }
}

fn month(month: u32) -> Message {
    match month {
        1 => message!("January"),
        2 => message!("February"),
        3 => message!("March"),
        4 => message!("April"),
        5 => message!("May"),
        6 => message!("June"),
        7 => message!("July"),
        8 => message!("August"),
        9 => message!("September"),
        10 => message!("October"),
        11 => message!("November"),
        _ => message!("December"),
    }
}
