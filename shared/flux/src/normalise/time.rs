//! Points in time as Go reads them by RFC 3339, leniently in places, and writes them back: in UTC, with seconds or
//! microseconds. The first second of year one is Go's zero time, and is written as null.

use serde_json::Value;

/// The zero time: 1 January of year one, in seconds from 1970.
const ZERO: i64 = -62_135_596_800;
const DAY: i64 = 86_400;

/// Seconds from 1970 and nanoseconds.
type Instant = (i64, u32);

/// A time to the second, in UTC; `None` for what is no time.
pub(super) fn seconds(text: &str) -> Option<Value> {
    let instant = parse(text, None)?;
    Some(if instant == (ZERO, 0) { Value::Null } else { format!("{}Z", written(instant.0)).into() })
}

/// A time to the microsecond, in UTC; it must be given with exactly six digits.
pub(super) fn microseconds(text: &str) -> Option<Value> {
    let instant = parse(text, Some(6))?;
    let micros = instant.1 / 1000;
    Some(match instant == (ZERO, 0) {
        true => Value::Null,
        false => format!("{}.{micros:06}Z", written(instant.0)).into(),
    })
}

/// `2006-01-02T15:04:05Z`, with an hour of one or two digits, a fraction after a point or a comma, and a zone as `Z` or `+01:00`.
fn parse(text: &str, fraction: Option<usize>) -> Option<Instant> {
    let mut rest = Rest(text.as_bytes());
    let year = rest.number(4, 4)?;
    rest.one(b"-")?;
    let month = rest.number(2, 2).filter(|month| (1..=12).contains(month))?;
    rest.one(b"-")?;
    let day = rest.number(2, 2)?;
    rest.one(b"T")?;
    let hour = rest.number(1, 2).filter(|hour| *hour < 24)?;
    rest.one(b":")?;
    let minute = rest.number(2, 2).filter(|minute| *minute < 60)?;
    rest.one(b":")?;
    let second = rest.number(2, 2).filter(|second| *second < 60)?;
    let nanos = rest.fraction(fraction)?;
    let offset = rest.zone()?;
    if !rest.0.is_empty() || day < 1 || day > days_in(month, year) {
        return None;
    }
    Some((days(year, month, day) * DAY + hour * 3600 + minute * 60 + second - offset, nanos))
}

/// What is left to read.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn one(&mut self, of: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first().filter(|(first, _)| of.contains(first))?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self, least: usize, most: usize) -> Option<i64> {
        let count = self.0.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at_checked(count).filter(|_| count >= least)?;
        self.0 = rest;
        std::str::from_utf8(digits).ok()?.parse().ok()
    }

    /// The digits after the second, as nanoseconds; of a set number, or any, or none.
    fn fraction(&mut self, exactly: Option<usize>) -> Option<u32> {
        let count = self.0.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count();
        let begins = matches!(self.0.first(), Some(b'.' | b','));
        let count = match exactly {
            Some(exactly) if begins && count >= exactly => exactly,
            None if begins && count > 0 => count,
            None => return Some(0),
            Some(_) => return None,
        };
        let digits = self.0.get(1..=count)?;
        self.0 = self.0.get(count + 1..)?;
        let nanos = (0..9).map(|i| u32::from(digits.get(i).map_or(0, |digit| digit - b'0')));
        Some(nanos.fold(0, |sum, digit| sum * 10 + digit))
    }

    /// The zone's offset from UTC, in seconds.
    fn zone(&mut self) -> Option<i64> {
        let sign = match self.one(b"Z+-")? {
            b'Z' => return Some(0),
            b'+' => 1,
            _ => -1,
        };
        let hours = self.number(2, 2).filter(|hours| *hours <= 24)?;
        self.one(b":")?;
        let minutes = self.number(2, 2).filter(|minutes| *minutes <= 60)?;
        Some(sign * (hours * 3600 + minutes * 60))
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(month: i64, year: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970, by the Gregorian calendar for all times. Years are counted from March, so that the leap day is last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The inverse of [`days`].
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// `2006-01-02T15:04:05` in UTC.
fn written(seconds: i64) -> String {
    let (year, month, day) = date(seconds.div_euclid(DAY));
    let of_day = seconds.rem_euclid(DAY);
    let sign = if year < 0 { "-" } else { "" };
    let (year, hour, minute, second) = (year.abs(), of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{sign}{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(given: &str, expected: &str) {
        assert_eq!(seconds(given), Some(expected.into()), "{given}");
    }

    #[test]
    fn times_are_written_in_utc() {
        check("2024-02-29T12:30:45Z", "2024-02-29T12:30:45Z");
        check("2024-02-29T00:30:45+01:00", "2024-02-28T23:30:45Z");
        check("1969-12-31T23:59:59.999999999999-00:30", "1970-01-01T00:29:59Z");
        check("2024-01-01T5:00:00,5Z", "2024-01-01T05:00:00Z");
        check("9999-12-31T23:00:00-01:00", "10000-01-01T00:00:00Z");
        check("0000-01-01T00:00:00+00:01", "-0001-12-31T23:59:00Z");
        assert_eq!(seconds("0001-01-01T00:00:00Z"), Some(Value::Null));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "2024-02-30T00:00:00Z",
            "2023-02-29T00:00:00Z",
            "2024-1-01T00:00:00Z",
            "2024-01-01 00:00:00Z",
            "2024-01-01T24:00:00Z",
            "2024-01-01T00:00:00",
            "2024-01-01T00:00:00Zx",
            "2024-01-01T00:00:00+0100",
            "2024-01-01T00:00:00+25:00",
            "2024-01-01T00:00:00.Z",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn microseconds_need_six_digits() {
        let expected = Some("2024-01-01T00:00:00.120000Z".into());
        assert_eq!(microseconds("2024-01-01T01:00:00.120000+01:00"), expected);
        assert_eq!(microseconds("2024-01-01T00:00:00Z"), None);
        assert_eq!(microseconds("2024-01-01T00:00:00.1200001Z"), None);
    }

    #[test]
    fn every_day_has_one_number() {
        (-800_000..800_000).step_by(37).for_each(|number| {
            let (year, month, day) = date(number);
            assert_eq!(days(year, month, day), number);
        });
    }
}
