//! Schedules as the dialects write them: when one is due next, in which words a person reads it, and what was missed.
//!
//! The same five fields mean different things. Drone's library counts *seconds* first and lets the day of the week be left out, so that
//! `0 2 * * *` is minute 2 of every hour; Woodpecker reads 02:00 every day, and that is what people mostly mean. So a schedule is always
//! read with its [`Dialect`], and [`Schedule::remark`] says it where Drone's five fields are unlike what they seem.
//!
//! When the clock is changed, everything runs once: a time that the clock jumps over is due at once behind the gap, one that it shows twice
//! is due the first time. What runs in every hour goes by the time that passes, not by the clock on the wall, so that it pauses nowhere.
//!
//! Read in this order: [`Schedule`], `read` (the text), `calendar` (the next time), `words`, [`missed`].

mod calendar;
pub mod missed;
mod read;
#[cfg(test)]
mod tests;
mod words;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use lp_model::{Dialect, Message, message};

/// Why a text is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.told())]
pub enum CronError {
    /// The text has too few or too many fields.
    Fields {
        /// How many it has.
        found: usize,
        /// How many the dialect allows.
        allowed: &'static str,
    },
    /// A field is not what it should be.
    Field {
        /// Which, e.g. `minute`.
        field: Message,
        /// What is wrong.
        message: Message,
    },
    /// A word after `@` that the dialect does not know.
    Word {
        /// The word.
        word: String,
    },
    /// The time after `@every` cannot be read, or is shorter than a second or longer than a year.
    Every {
        /// The text.
        text: String,
    },
    /// There is no such time zone.
    Zone {
        /// Its name.
        name: String,
    },
    /// It is never due: there is no such day.
    Never,
}

impl CronError {
    /// What is wrong, for people.
    pub fn told(&self) -> Message {
        match self {
            Self::Fields { found, allowed } => message!("the schedule has {} fields, not {}", found, allowed),
            Self::Field { field, message } => message!("the {} of the schedule {}", field, message),
            Self::Word { word } => message!("there is no schedule `{}`", word),
            Self::Every { text } => message!("`{}` is no time between two runs", text),
            Self::Zone { name } => message!("there is no time zone `{}`", name),
            Self::Never => message!("the schedule is never due: no such day comes"),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Message {
        match self {
            Self::Word { .. } => message!("there are: {}", read::WORDS.join(", ")),
            Self::Every { .. } => message!("write e.g. `@every 1h30m`"),
            Self::Zone { .. } => message!("write e.g. `Asia/Shanghai`"),
            Self::Fields { .. } | Self::Field { .. } | Self::Never => Message::default(),
        }
    }
}

/// When something is due, again and again, in a time zone.
#[derive(Debug, Clone)]
pub struct Schedule {
    text: String,
    dialect: Dialect,
    zone: TimeZone,
    rule: Rule,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    /// By the clock and the calendar.
    Calendar(Calendar),
    /// So many seconds after the last time.
    Every(u32),
}

/// Which values of each field are meant, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Calendar {
    seconds: u64,
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Whether the day of the month, and that of the week, is left open: then the other one decides, else one of them is enough.
    open_days: bool,
    open_weekdays: bool,
}

impl Schedule {
    /// Reads a schedule of a dialect. Times are those of `zone`, unless the text names another (`TZ=Asia/Shanghai 0 0 2 * * *`).
    ///
    /// # Errors
    /// All of [`CronError`].
    pub fn parse(text: &str, dialect: Dialect, zone: &TimeZone) -> Result<Self, CronError> {
        let (named, rule) = read::schedule(text, dialect)?;
        let schedule = Self { text: text.trim().to_owned(), dialect, zone: named.unwrap_or_else(|| zone.clone()), rule };
        // A day that never comes is a mistake, which is told when it is made.
        schedule.next(Timestamp::UNIX_EPOCH).map(|_| schedule).ok_or(CronError::Never)
    }

    /// The text as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The time zone that its times are in.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The first time that it is due after a moment; `None` when the calendar ends.
    pub fn next(&self, after: Timestamp) -> Option<Zoned> {
        match &self.rule {
            Rule::Calendar(calendar) => calendar.next(after, &self.zone),
            Rule::Every(seconds) => {
                let next = after.as_second().checked_add(i64::from(*seconds))?;
                Timestamp::from_second(next).ok().map(|next| next.to_zoned(self.zone.clone()))
            }
        }
    }

    /// The next times that it is due, the first one first.
    pub fn upcoming(&self, after: Timestamp, how_many: usize) -> Vec<Zoned> {
        let first = self.next(after);
        std::iter::successors(first, |last| self.next(last.timestamp())).take(how_many).collect()
    }

    /// What it means, in words.
    pub fn words(&self) -> Message {
        match &self.rule {
            Rule::Calendar(calendar) => words::calendar(calendar),
            Rule::Every(seconds) => words::every(*seconds),
        }
    }

    /// What a person should know about it before it is kept: five fields of Drone look like those of other programs, and are not.
    pub fn remark(&self) -> Option<Message> {
        let fields = read::fields(&self.text);
        if self.dialect == Dialect::Woodpecker || fields.len() != 5 || fields[0].starts_with('@') {
            return None;
        }
        let meant = format!("0 {}", fields.join(" "));
        let meant = Self::parse(&meant, self.dialect, &self.zone).ok()?;
        (meant.rule != self.rule).then(|| message!("the five fields begin with the second; for {} write `{}`", meant.words(), &meant.text))
    }
}
