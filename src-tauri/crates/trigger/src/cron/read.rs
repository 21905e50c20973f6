//! The text of a schedule: fields, names, words after `@`.
// robfig/cron v1 `parser.go` (Drone) and its offspring gdgvda/cron (Woodpecker 3).

use super::{Calendar, CronError, Rule};
use jiff::tz::TimeZone;
use lp_model::{Dialect, Message, message};

/// The words after `@`, but for `@every`.
pub(super) const WORDS: [&str; 8] = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly", "@every 1h30m"];
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
/// Longest time of `@every`, in seconds: a year.
const LONGEST: u64 = 366 * 86_400;
/// Longest text, in bytes.
const LONGEST_TEXT: usize = 1000;

/// What a field may hold.
struct Bounds {
    name: fn() -> Message,
    least: u32,
    most: u32,
    names: &'static [&'static str],
}

const SECOND: Bounds = Bounds { name: || message!("second"), least: 0, most: 59, names: &[] };
const MINUTE: Bounds = Bounds { name: || message!("minute"), least: 0, most: 59, names: &[] };
const HOUR: Bounds = Bounds { name: || message!("hour"), least: 0, most: 23, names: &[] };
const DAY: Bounds = Bounds { name: || message!("day of the month"), least: 1, most: 31, names: &[] };
const MONTH: Bounds = Bounds { name: || message!("month"), least: 1, most: 12, names: &MONTHS };
/// Sunday is 0, and not 7.
const WEEKDAY: Bounds = Bounds { name: || message!("day of the week"), least: 0, most: 6, names: &WEEKDAYS };

/// The fields of a text without the time zone in front.
pub(super) fn fields(text: &str) -> Vec<&str> {
    let mut fields: Vec<&str> = text.split_whitespace().collect();
    if fields.first().is_some_and(|first| zone_name(first).is_some()) {
        fields.remove(0);
    }
    fields
}

fn zone_name(field: &str) -> Option<&str> {
    field.strip_prefix("CRON_TZ=").or_else(|| field.strip_prefix("TZ="))
}

/// The time zone that the text names, and the rule.
pub(super) fn schedule(text: &str, dialect: Dialect) -> Result<(Option<TimeZone>, Rule), CronError> {
    let allowed = if dialect == Dialect::Woodpecker { "5" } else { "5 or 6" };
    if text.len() > LONGEST_TEXT {
        return Err(CronError::Fields { found: text.split_whitespace().count(), allowed });
    }
    let zone = match text.split_whitespace().next().and_then(zone_name) {
        Some(name) => Some(TimeZone::get(name).map_err(|_| CronError::Zone { name: name.to_owned() })?),
        None => None,
    };
    let fields = fields(text);
    if let Some(word) = fields.first().filter(|first| first.starts_with('@')) {
        return Ok((zone, word_after_at(word, &fields[1..])?));
    }
    // Drone: the seconds are first, and the day of the week may be left out. Woodpecker has no seconds.
    let (seconds, rest, weekdays) = match (dialect, fields.as_slice()) {
        (Dialect::Woodpecker, [minute, hour, day, month, weekday]) => ("0", [*minute, *hour, *day, *month], *weekday),
        (Dialect::Drone08 | Dialect::Drone1, [second, minute, hour, day, month]) => (*second, [*minute, *hour, *day, *month], "*"),
        (Dialect::Drone08 | Dialect::Drone1, [second, minute, hour, day, month, weekday]) => {
            (*second, [*minute, *hour, *day, *month], *weekday)
        }
        _ => return Err(CronError::Fields { found: fields.len(), allowed }),
    };
    let [minutes, hours, days, months] = rest;
    // In the older library `*/2` leaves a day as open as `*`.
    let steps_are_open = dialect != Dialect::Woodpecker;
    let (days, open_days) = field(days, &DAY, steps_are_open)?;
    let (weekdays, open_weekdays) = field(weekdays, &WEEKDAY, steps_are_open)?;
    let calendar = Calendar {
        seconds: field(seconds, &SECOND, true)?.0,
        minutes: field(minutes, &MINUTE, true)?.0,
        hours: field(hours, &HOUR, true)?.0,
        days,
        months: field(months, &MONTH, true)?.0,
        weekdays,
        open_days,
        open_weekdays,
    };
    Ok((zone, Rule::Calendar(calendar)))
}

/// All values of a field.
fn all(bounds: &Bounds) -> u64 {
    (bounds.least..=bounds.most).fold(0, |bits, value| bits | 1 << value)
}

fn word_after_at(word: &str, rest: &[&str]) -> Result<Rule, CronError> {
    let daily = Calendar {
        seconds: 1,
        minutes: 1,
        hours: 1,
        days: all(&DAY),
        months: all(&MONTH),
        weekdays: all(&WEEKDAY),
        open_days: true,
        open_weekdays: true,
    };
    let first_day = Calendar { days: 1 << 1, open_days: false, ..daily };
    let calendar = match (word, rest) {
        ("@every", [time]) => {
            return every(time).map(Rule::Every).ok_or_else(|| CronError::Every { text: (*time).to_owned() });
        }
        ("@every", _) => return Err(CronError::Every { text: rest.join(" ") }),
        (_, [_, ..]) => return Err(CronError::Word { word: format!("{word} {}", rest.join(" ")) }),
        ("@yearly" | "@annually", _) => Calendar { months: 1 << 1, ..first_day },
        ("@monthly", _) => first_day,
        ("@weekly", _) => Calendar { weekdays: 1, open_weekdays: false, ..daily },
        ("@daily" | "@midnight", _) => daily,
        ("@hourly", _) => Calendar { hours: all(&HOUR), ..daily },
        _ => return Err(CronError::Word { word: word.to_owned() }),
    };
    Ok(Rule::Calendar(calendar))
}

/// A time as Go writes it: `1h30m`, `90s`, `1.5h`; in whole seconds.
fn every(text: &str) -> Option<u32> {
    let mut rest = text;
    let mut total = 0.0_f64;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(end);
        let number: f64 = number.parse().ok()?;
        let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        total += number
            * match unit {
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 1e-3,
                "us" | "µs" => 1e-6,
                "ns" => 1e-9,
                _ => return None,
            };
        rest = tail;
    }
    let whole = total.floor();
    // No cast before it is known to fit.
    (whole >= 1.0 && whole <= LONGEST as f64).then_some(whole as u32)
}

/// The values of a field, and whether it is left open.
fn field(text: &str, bounds: &Bounds, steps_are_open: bool) -> Result<(u64, bool), CronError> {
    let mut bits = 0;
    let mut open = false;
    for part in text.split(',') {
        let (of_part, is_open) = part_of_field(part, bounds, steps_are_open)?;
        bits |= of_part;
        open |= is_open;
    }
    Ok((bits, open))
}

fn part_of_field(part: &str, bounds: &Bounds, steps_are_open: bool) -> Result<(u64, bool), CronError> {
    let wrong = |message: Message| CronError::Field { field: (bounds.name)(), message };
    let value = |text: &str| {
        let named = bounds.names.iter().position(|name| text.eq_ignore_ascii_case(name));
        let named = named.and_then(|at| u32::try_from(at).ok()).map(|at| at + bounds.least);
        let number = || text.parse::<u32>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
        let value = named.or_else(number).ok_or_else(|| wrong(message!("has `{}`, which is no number", text)))?;
        if (bounds.least..=bounds.most).contains(&value) {
            Ok(value)
        } else {
            Err(wrong(message!("has `{}`, which is not between {} and {}", text, bounds.least, bounds.most)))
        }
    };
    let (range, step) = match part.split_once('/') {
        None => (part, None),
        Some((range, step)) => match step.parse::<u32>() {
            Ok(step) if step > 0 => (range, Some(step)),
            _ => return Err(wrong(message!("has the step `{}`, which is no number above 0", step))),
        },
    };
    let is_open = matches!(range, "*" | "?");
    let (from, to) = match range.split_once('-') {
        _ if is_open => (bounds.least, bounds.most),
        Some((from, to)) => (value(from)?, value(to)?),
        // `5/15` goes on to the end.
        None if step.is_some() => (value(range)?, bounds.most),
        None => (value(range)?, value(range)?),
    };
    if from > to {
        return Err(wrong(message!("has the range `{}`, which ends before it begins", range)));
    }
    let mut bits = 0;
    let mut at = from;
    while at <= to {
        bits |= 1 << at;
        at = at.saturating_add(step.unwrap_or(1));
    }
    Ok((bits, is_open && (steps_are_open || step.is_none_or(|step| step == 1))))
}
