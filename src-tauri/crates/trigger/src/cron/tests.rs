use super::missed::{Due, IN_TIME_S, MOST, Missed};
use super::*;
use proptest::prelude::*;

const DIALECTS: [Dialect; 2] = [Dialect::Drone1, Dialect::Woodpecker];

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

/// A moment as `2026-03-29T01:59:59` in a zone; the first where there are two.
fn at(text: &str, name: &str) -> Timestamp {
    let clock: jiff::civil::DateTime = text.parse().unwrap();
    zone(name).to_ambiguous_timestamp(clock).earlier().unwrap()
}

fn next_three(text: &str, dialect: Dialect, name: &str, after: &str) -> Vec<String> {
    let schedule = Schedule::parse(text, dialect, &zone(name)).unwrap_or_else(|error| panic!("{text}: {error}"));
    schedule.upcoming(at(after, name), 3).iter().map(|next| next.strftime("%Y-%m-%d %H:%M:%S %:z").to_string()).collect()
}

#[test]
fn the_same_fields_are_read_in_two_ways() {
    use Dialect::{Drone1, Woodpecker};
    // 2026-01-01 is a Thursday.
    for (text, dialect, words, next) in [
        ("0 2 * * *", Drone1, "every day in every hour at minute 2", ["01-01 00:02:00", "01-01 01:02:00", "01-01 02:02:00"]),
        ("0 2 * * *", Woodpecker, "every day at 02:00", ["01-01 02:00:00", "01-02 02:00:00", "01-03 02:00:00"]),
        ("0 0 2 * * *", Drone1, "every day at 02:00", ["01-01 02:00:00", "01-02 02:00:00", "01-03 02:00:00"]),
        ("30 0 2 * *", Drone1, "every day at 02:00:30", ["01-01 02:00:30", "01-02 02:00:30", "01-03 02:00:30"]),
        ("*/15 * * * *", Woodpecker, "every day every 15 minutes", ["01-01 00:15:00", "01-01 00:30:00", "01-01 00:45:00"]),
        ("0 */15 * * * *", Drone1, "every day every 15 minutes", ["01-01 00:15:00", "01-01 00:30:00", "01-01 00:45:00"]),
        ("* * * * *", Drone1, "every day every second", ["01-01 00:00:01", "01-01 00:00:02", "01-01 00:00:03"]),
        ("* * * * *", Woodpecker, "every day every minute", ["01-01 00:01:00", "01-01 00:02:00", "01-01 00:03:00"]),
        (
            "5/20 3 * * *",
            Woodpecker,
            "every day at hour 3, minute 5, 25, 45, second 0",
            ["01-01 03:05:00", "01-01 03:25:00", "01-01 03:45:00"],
        ),
        (
            "0 9-17/4 * * mon-FRI",
            Woodpecker,
            "on Monday, Tuesday, Wednesday, Thursday, Friday at 09:00, 13:00, 17:00",
            ["01-01 09:00:00", "01-01 13:00:00", "01-01 17:00:00"],
        ),
        (
            "0 0 13 * fri",
            Woodpecker,
            "on day 13 of the month or on Friday at 00:00",
            ["01-02 00:00:00", "01-09 00:00:00", "01-13 00:00:00"],
        ),
        ("0 0 ? * sun", Woodpecker, "on Sunday at 00:00", ["01-04 00:00:00", "01-11 00:00:00", "01-18 00:00:00"]),
        (
            "0 0 31 jan,mar *",
            Woodpecker,
            "on day 31 of the month, in January, March at 00:00",
            ["01-31 00:00:00", "03-31 00:00:00", "01-31 00:00:00"],
        ),
        ("@yearly", Woodpecker, "on day 1 of the month, in January at 00:00", ["01-01 00:00:00", "01-01 00:00:00", "01-01 00:00:00"]),
        ("@monthly", Drone1, "on day 1 of the month at 00:00", ["02-01 00:00:00", "03-01 00:00:00", "04-01 00:00:00"]),
        ("@weekly", Drone1, "on Sunday at 00:00", ["01-04 00:00:00", "01-11 00:00:00", "01-18 00:00:00"]),
        ("@midnight", Drone1, "every day at 00:00", ["01-02 00:00:00", "01-03 00:00:00", "01-04 00:00:00"]),
        ("@hourly", Woodpecker, "every day in every hour at minute 0", ["01-01 01:00:00", "01-01 02:00:00", "01-01 03:00:00"]),
        ("@every 1h30m", Drone1, "every 90 minutes", ["01-01 01:30:00", "01-01 03:00:00", "01-01 04:30:00"]),
    ] {
        let schedule = Schedule::parse(text, dialect, &zone("Asia/Shanghai")).unwrap();
        assert_eq!(schedule.words(), words, "{text} {dialect:?}");
        let found = next_three(text, dialect, "Asia/Shanghai", "2026-01-01T00:00:00");
        let found: Vec<&str> = found.iter().map(|next| &next[5..19]).collect();
        assert_eq!(found, next, "{text} {dialect:?}");
    }
}

#[test]
fn an_open_day_leaves_it_to_the_other_one() {
    // In Drone's library `*/2` is open, so both must fit; in Woodpecker's one is enough.
    let of = |dialect, text| next_three(text, dialect, "UTC", "2026-01-01T00:00:00");
    assert_eq!(of(Dialect::Drone1, "0 0 0 */2 * mon")[0][..10], *"2026-01-05");
    assert_eq!(of(Dialect::Woodpecker, "0 0 */2 * mon")[0][..10], *"2026-01-03");
    assert_eq!(of(Dialect::Woodpecker, "0 0 29 2 *")[0][..10], *"2028-02-29");
}

#[test]
fn everything_runs_once_when_clocks_are_changed() {
    // In Berlin 02:00 to 03:00 is left out on 2026-03-29, and shown twice on 2026-10-25.
    let berlin = |text, after| next_three(text, Dialect::Woodpecker, "Europe/Berlin", after);
    assert_eq!(
        berlin("30 2 * * *", "2026-03-28T12:00:00"),
        ["2026-03-29 03:00:00 +02:00", "2026-03-30 02:30:00 +02:00", "2026-03-31 02:30:00 +02:00"]
    );
    // What is due in the gap and right behind it is due once.
    assert_eq!(
        berlin("0 2,3 * * *", "2026-03-29T01:59:00"),
        ["2026-03-29 03:00:00 +02:00", "2026-03-30 02:00:00 +02:00", "2026-03-30 03:00:00 +02:00"]
    );
    assert_eq!(
        berlin("30 2 * * *", "2026-10-24T12:00:00"),
        ["2026-10-25 02:30:00 +02:00", "2026-10-26 02:30:00 +01:00", "2026-10-27 02:30:00 +01:00"]
    );
    // What runs in every hour pauses nowhere.
    assert_eq!(
        berlin("30 * * * *", "2026-10-25T01:45:00"),
        ["2026-10-25 02:30:00 +02:00", "2026-10-25 02:30:00 +01:00", "2026-10-25 03:30:00 +01:00"]
    );
    assert_eq!(
        berlin("30 * * * *", "2026-03-29T01:00:00"),
        ["2026-03-29 01:30:00 +01:00", "2026-03-29 03:30:00 +02:00", "2026-03-29 04:30:00 +02:00"]
    );
    // Half an hour on Lord Howe: 02:00 to 02:30 is left out on 2026-10-04.
    assert_eq!(
        next_three("15 * * * *", Dialect::Woodpecker, "Australia/Lord_Howe", "2026-10-04T01:00:00"),
        ["2026-10-04 01:15:00 +10:30", "2026-10-04 03:15:00 +11:00", "2026-10-04 04:15:00 +11:00"]
    );
    // A day that begins at 01:00.
    assert_eq!(next_three("@daily", Dialect::Drone1, "Africa/Cairo", "2026-04-23T12:00:00")[0], "2026-04-24 01:00:00 +03:00");
}

#[test]
fn a_zone_may_stand_in_front() {
    let schedule = Schedule::parse("TZ=Asia/Tokyo 0 9 * * *", Dialect::Woodpecker, &TimeZone::UTC).unwrap();
    assert_eq!(schedule.upcoming(at("2026-01-01T00:00:00", "UTC"), 1)[0].to_string(), "2026-01-02T09:00:00+09:00[Asia/Tokyo]");
    assert_eq!(schedule.zone().iana_name(), Some("Asia/Tokyo"));
}

#[test]
fn mistakes_are_told_with_their_field() {
    for (text, dialect, expected) in [
        ("", Dialect::Drone1, "the schedule has 0 fields, not 5 or 6"),
        ("0 0 2 * * *", Dialect::Woodpecker, "the schedule has 6 fields, not 5"),
        ("60 * * * *", Dialect::Drone1, "the second of the schedule has `60`, which is not between 0 and 59"),
        ("60 * * * *", Dialect::Woodpecker, "the minute of the schedule has `60`, which is not between 0 and 59"),
        ("0 0 * * 7", Dialect::Woodpecker, "the day of the week of the schedule has `7`, which is not between 0 and 6"),
        ("0 0 0 * *", Dialect::Woodpecker, "the day of the month of the schedule has `0`, which is not between 1 and 31"),
        ("0 x * * *", Dialect::Woodpecker, "the hour of the schedule has `x`, which is no number"),
        ("0 +1 * * *", Dialect::Woodpecker, "the hour of the schedule has `+1`, which is no number"),
        ("0 5-3 * * *", Dialect::Woodpecker, "the hour of the schedule has the range `5-3`, which ends before it begins"),
        ("*/0 * * * *", Dialect::Woodpecker, "the minute of the schedule has the step `0`, which is no number above 0"),
        ("@fortnightly", Dialect::Drone1, "there is no schedule `@fortnightly`"),
        ("@daily 3", Dialect::Drone1, "there is no schedule `@daily 3`"),
        ("@every", Dialect::Drone1, "`` is no time between two runs"),
        ("@every 1d", Dialect::Drone1, "`1d` is no time between two runs"),
        ("@every 0.5s", Dialect::Drone1, "`0.5s` is no time between two runs"),
        ("TZ=Moon/Base 0 0 * * *", Dialect::Woodpecker, "there is no time zone `Moon/Base`"),
        ("0 0 30 2 *", Dialect::Woodpecker, "the schedule is never due: no such day comes"),
    ] {
        let error = Schedule::parse(text, dialect, &TimeZone::UTC).unwrap_err();
        assert_eq!(error.to_string(), expected, "{text}");
        assert_eq!(error.told().untranslated().or(error.hint().untranslated()), None, "{text}");
    }
    let long = format!("0 0 * * {}", "1,".repeat(1000));
    assert!(Schedule::parse(&long, Dialect::Woodpecker, &TimeZone::UTC).is_err());
}

#[test]
fn five_fields_of_drone_are_remarked_upon() {
    let remark = |text, dialect| Schedule::parse(text, dialect, &TimeZone::UTC).unwrap().remark().map(|remark| remark.to_string());
    assert_eq!(
        remark("0 2 * * *", Dialect::Drone1).unwrap(),
        "the five fields begin with the second; for every day at 02:00 write `0 0 2 * * *`"
    );
    for (text, dialect) in [("0 2 * * *", Dialect::Woodpecker), ("0 0 2 * * *", Dialect::Drone1), ("@daily", Dialect::Drone1)] {
        assert_eq!(remark(text, dialect), None, "{text}");
    }
    let chinese = Schedule::parse("0 2 * * *", Dialect::Drone08, &TimeZone::UTC).unwrap().remark().unwrap();
    assert_eq!(chinese.untranslated(), None);
}

#[test]
fn what_was_missed_is_known() {
    let schedule = Schedule::parse("0 * * * *", Dialect::Woodpecker, &TimeZone::UTC).unwrap();
    let moment = |text: &str| at(text, "UTC");
    let hours = |due: &Due, missed| due.to_run(missed).iter().map(|time| time.hour()).collect::<Vec<_>>();
    let due = Due::between(&schedule, moment("2026-01-01T00:30:00"), moment("2026-01-01T04:00:30"));
    assert_eq!((due.now.as_ref().map(|now| now.hour()), due.missed.len(), due.more), (Some(4), 3, false));
    assert_eq!([hours(&due, Missed::Newest), hours(&due, Missed::All), hours(&due, Missed::Skip)], [vec![4], vec![1, 2, 3, 4], vec![4]]);
    let due = Due::between(&schedule, moment("2026-01-01T00:30:00"), moment("2026-01-01T03:30:00"));
    assert_eq!([hours(&due, Missed::Newest), hours(&due, Missed::All), hours(&due, Missed::Skip)], [vec![3], vec![1, 2, 3], vec![]]);
    // A clock that was set back, and a long sleep.
    assert_eq!(Due::between(&schedule, moment("2026-01-02T00:00:00"), moment("2026-01-01T00:00:00")), Due::default());
    let due = Due::between(&schedule, moment("2025-01-01T00:30:00"), moment("2026-01-01T00:30:00"));
    assert_eq!((due.missed.len(), due.more), (MOST, true));
    assert_eq!(due.missed.last().unwrap().timestamp(), moment("2026-01-01T00:00:00"));
    let each_second = Schedule::parse("* * * * *", Dialect::Drone1, &TimeZone::UTC).unwrap();
    let due = Due::between(&each_second, moment("2016-01-01T00:00:00"), moment("2026-01-01T00:00:00"));
    assert_eq!((due.now.map(|now| now.timestamp()), due.missed.len(), due.more), (Some(moment("2026-01-01T00:00:00")), MOST, true));
    for one in Missed::ALL {
        assert_eq!(Missed::parse(one.word()), Some(one));
    }
    const { assert!(IN_TIME_S >= 60, "what looks does so once a minute") };
}

/// Texts that are mostly schedules.
fn texts() -> impl Strategy<Value = String> {
    let field = "(\\*|\\?|[0-9]{1,2}|[0-9]-[0-9]{1,2}|\\*/[1-9]|[1-9]/[1-9]|[1-6],[1-6])";
    proptest::string::string_regex(&format!("({field} ){{4,5}}{field}")).unwrap()
}

fn zones() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "UTC",
        "Asia/Shanghai",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Africa/Cairo",
        "Pacific/Apia",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    /// The next time is later than now, on a second that fits but for a gap, and nothing that fits is left out between.
    #[test]
    fn the_next_time_is_the_first_that_fits(
        text in texts(), of in prop::sample::select(DIALECTS.to_vec()), name in zones(), now in 0_i64..4_000_000_000,
    ) {
        let zone = zone(name);
        let now = Timestamp::from_second(now).unwrap();
        if let Ok(schedule) = Schedule::parse(&text, of, &zone)
            && let Some(next) = schedule.next(now)
        {
            prop_assert!(next.timestamp() > now, "{text} {now}: {next}");
            let Rule::Calendar(calendar) = schedule.rule.clone() else { return Ok(()) };
            let fits = |time: &Zoned| {
                let bit = |bits: u64, value: i8| bits >> value & 1 == 1;
                bit(calendar.seconds, time.second()) && bit(calendar.minutes, time.minute()) && bit(calendar.hours, time.hour()) && calendar.has_day(time.date())
            };
            let before = next.timestamp() - jiff::SignedDuration::from_secs(1);
            let behind_a_gap = zone.following(before).next().is_some_and(|change| change.timestamp() == next.timestamp());
            prop_assert!(fits(&next) || behind_a_gap, "{text} {now}: {next}");
            // The first hour, second by second, but for times that were shown before.
            for ahead in 1..3600 {
                let time = (now + jiff::SignedDuration::from_secs(ahead)).to_zoned(zone.clone());
                if time.timestamp() >= next.timestamp() {
                    break;
                }
                let shown_before = zone.to_ambiguous_timestamp(time.datetime()).earlier().unwrap() != time.timestamp();
                prop_assert!(!fits(&time) || shown_before, "{text} {now}: {time} is before {next}");
            }
            prop_assert!(schedule.words().untranslated().is_none());
        }
    }

    /// Whatever is written: no panic, and what is said of it is translated.
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,40}", of in prop::sample::select(DIALECTS.to_vec())) {
        match Schedule::parse(&text, of, &TimeZone::UTC) {
            Ok(schedule) => drop(schedule.remark()),
            Err(error) => prop_assert!(error.told().untranslated().is_none()),
        }
    }
}
