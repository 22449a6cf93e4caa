//! Plain scalars to values, as go-yaml v3 (resources) and v2 (everything that passes through `sigs.k8s.io/yaml`).

use serde_json::{Number, Value};

use crate::node::Tag;

/// A resolved plain scalar.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Resolved {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    /// A date or time in RFC 3339.
    Timestamp(String),
    Str,
}

impl Resolved {
    pub(crate) fn tag(&self) -> Tag {
        match self {
            Resolved::Null => Tag::Null,
            Resolved::Bool(_) => Tag::Bool,
            Resolved::Int(_) | Resolved::Uint(_) => Tag::Int,
            Resolved::Float(_) => Tag::Float,
            Resolved::Timestamp(_) => Tag::Timestamp,
            Resolved::Str => Tag::Str,
        }
    }

    /// The JSON value; `None` for infinities and not-a-number, which JSON lacks.
    pub(crate) fn to_json(&self, text: &str) -> Option<Value> {
        Some(match self {
            Resolved::Null => Value::Null,
            Resolved::Bool(b) => Value::Bool(*b),
            Resolved::Int(i) => Value::from(*i),
            Resolved::Uint(u) => Value::from(*u),
            Resolved::Float(f) => Value::Number(float_number(*f)?),
            Resolved::Timestamp(at) => Value::String(at.clone()),
            Resolved::Str => Value::String(text.to_owned()),
        })
    }
}

/// A float as it comes back from Go's JSON text: whole numbers that fit become integers.
pub(crate) fn float_number(f: f64) -> Option<Number> {
    if !f.is_finite() {
        return None;
    }
    // 2^63 and 2^64 are exact as floats; the comparisons keep the casts lossless.
    if f.fract() == 0.0 && f.abs() < 18_446_744_073_709_551_616.0 {
        if f.abs() < 9_223_372_036_854_775_808.0 {
            return Some(Number::from(f as i64));
        }
        if f > 0.0 {
            // Go prints the shortest digits and pads with zeros, which is not always the exact value.
            return match format!("{f}").parse::<u64>() {
                Ok(u) => Some(Number::from(u)),
                Err(_) => Number::from_f64(f),
            };
        }
    }
    Number::from_f64(f)
}

/// Resolves as go-yaml v3.
pub(crate) fn resolve_v3(text: &str) -> Resolved {
    resolve(text, true)
}

/// Resolves as go-yaml v2: YAML 1.1 booleans, no `0o` with a sign.
pub(crate) fn resolve_v2(text: &str) -> Resolved {
    resolve(text, false)
}

fn resolve(text: &str, v3: bool) -> Resolved {
    let Some(first) = text.bytes().next() else {
        return Resolved::Null;
    };
    match first {
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => {
            word(text, v3).unwrap_or(Resolved::Str)
        }
        b'.' => word(text, v3).or_else(|| dotted_float(text)).unwrap_or(Resolved::Str),
        b'+' | b'-' | b'0'..=b'9' => word(text, v3).unwrap_or_else(|| number(text, v3)),
        _ => Resolved::Str,
    }
}

fn word(text: &str, v3: bool) -> Option<Resolved> {
    Some(match text {
        "true" | "True" | "TRUE" => Resolved::Bool(true),
        "false" | "False" | "FALSE" => Resolved::Bool(false),
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" if !v3 => Resolved::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" if !v3 => Resolved::Bool(false),
        "~" | "null" | "Null" | "NULL" => Resolved::Null,
        ".nan" | ".NaN" | ".NAN" => Resolved::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Resolved::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Resolved::Float(f64::NEG_INFINITY),
        _ => return None,
    })
}

fn dotted_float(text: &str) -> Option<Resolved> {
    looks_like_float(text).then(|| finite(text)).flatten()
}

fn finite(text: &str) -> Option<Resolved> {
    let f: f64 = text.parse().ok()?;
    f.is_finite().then_some(Resolved::Float(f))
}

fn number(text: &str, v3: bool) -> Resolved {
    if let Some(at) = timestamp(text) {
        return Resolved::Timestamp(at);
    }
    let plain = text.replace('_', "");
    go_integer(&plain)
        .or_else(|| looks_like_float(&plain).then(|| finite(&plain)).flatten())
        .or_else(|| signed_prefix(&plain, v3))
        .unwrap_or(Resolved::Str)
}

/// What go-yaml tries after Go's own parser: `-0b` and `-0o` with digits that may carry a second sign.
fn signed_prefix(plain: &str, v3: bool) -> Option<Resolved> {
    let (rest, radix, negative) = [("0b", 2, false), ("-0b", 2, true), ("0o", 8, false), ("-0o", 8, true)]
        .into_iter()
        .filter(|(_, radix, _)| v3 || *radix == 2)
        .find_map(|(prefix, radix, negative)| {
            plain.strip_prefix(prefix).map(|rest| (rest, radix, negative))
        })?;
    let digits = if negative { format!("-{rest}") } else { rest.to_owned() };
    // Rust's parser takes a leading sign as Go's does.
    i64::from_str_radix(&digits, radix).ok().map(Resolved::Int)
}

/// Go's `ParseInt(text, 0, 64)`, then `ParseUint`: prefixes `0x`, `0b`, `0o`, `0`.
fn go_integer(text: &str) -> Option<Resolved> {
    let (negative, signed, digits) = match text.as_bytes().first()? {
        b'-' => (true, true, text.get(1..)?),
        b'+' => (false, true, text.get(1..)?),
        _ => (false, false, text),
    };
    let lower = digits.get(..2).map(str::to_ascii_lowercase);
    let (radix, digits) = match lower.as_deref() {
        Some("0x") => (16, digits.get(2..)?),
        Some("0b") => (2, digits.get(2..)?),
        Some("0o") => (8, digits.get(2..)?),
        _ if digits.len() > 1 && digits.starts_with('0') => (8, digits.get(1..)?),
        _ => (10, digits),
    };
    if digits.is_empty() || !digits.bytes().all(|b| char::from(b).is_digit(radix)) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    if negative {
        return 0_i64.checked_sub_unsigned(magnitude).map(Resolved::Int);
    }
    match i64::try_from(magnitude) {
        Ok(i) => Some(Resolved::Int(i)),
        // ParseUint takes no sign.
        Err(_) => (!signed).then_some(Resolved::Uint(magnitude)),
    }
}

/// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`
fn looks_like_float(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let mantissa_ok = match mantissa.split_once('.') {
        Some(("", fraction)) => digits(fraction),
        Some((whole, fraction)) => digits(whole) && (fraction.is_empty() || digits(fraction)),
        None => digits(mantissa),
    };
    mantissa_ok && exponent.is_none_or(|e| digits(e.strip_prefix(['-', '+']).unwrap_or(e)))
}

/// A date or time in one of go-yaml's four layouts, as RFC 3339 with the shortest fraction.
pub(crate) fn timestamp(text: &str) -> Option<String> {
    let mut p = Cursor(text);
    let year = p.digits(4, 4)?;
    p.take('-')?;
    let month = p.digits(1, 2)?;
    p.take('-')?;
    let day = p.digits(1, 2)?;
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return None;
    }
    if p.0.is_empty() {
        return Some(format!("{year:04}-{month:02}-{day:02}T00:00:00Z"));
    }
    let zoned = match p.next()? {
        'T' | 't' => true,
        ' ' => false,
        _ => return None,
    };
    // Go's layout skips extra spaces before a field.
    while !zoned && p.take(' ').is_some() {}
    let hour = p.digits(1, 2)?;
    p.take(':')?;
    let minute = p.digits(1, 2)?;
    p.take(':')?;
    let second = p.digits(1, 2)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let fraction = p.fraction()?;
    let zone = if zoned { p.zone()? } else { "Z".to_owned() };
    p.0.is_empty()
        .then(|| format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}{zone}"))
}

fn days_in(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

struct Cursor<'a>(&'a str);

impl Cursor<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.0.chars().next()?;
        self.0 = self.0.get(c.len_utf8()..)?;
        Some(c)
    }

    fn take(&mut self, c: char) -> Option<()> {
        self.0 = self.0.strip_prefix(c)?;
        Some(())
    }

    fn digits(&mut self, least: usize, most: usize) -> Option<u32> {
        let count = self.0.bytes().take(most).take_while(u8::is_ascii_digit).count();
        if count < least {
            return None;
        }
        let value = self.0.get(..count)?.parse().ok()?;
        self.0 = self.0.get(count..)?;
        Some(value)
    }

    /// An optional fraction of at most nine digits, without trailing zeros.
    fn fraction(&mut self) -> Option<String> {
        let Some(rest) = self.0.strip_prefix(['.', ',']) else {
            return Some(String::new());
        };
        let count = rest.bytes().take_while(u8::is_ascii_digit).count();
        if count == 0 {
            return None;
        }
        let digits = rest.get(..count.min(9))?.trim_end_matches('0');
        self.0 = rest.get(count..)?;
        Some(if digits.is_empty() { String::new() } else { format!(".{digits}") })
    }

    fn zone(&mut self) -> Option<String> {
        if self.take('Z').is_some() {
            return Some("Z".to_owned());
        }
        let sign = self.next().filter(|c| matches!(c, '+' | '-'))?;
        let hours = self.digits(2, 2)?;
        self.take(':')?;
        let minutes = self.digits(2, 2)?;
        if hours > 24 || minutes > 60 {
            return None;
        }
        if hours == 0 && minutes == 0 {
            return Some("Z".to_owned());
        }
        Some(format!("{sign}{hours:02}:{minutes:02}"))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn check(text: &str, v3: &str, v2: &str) {
        let json = |r: Resolved| r.to_json(text).map_or("none".to_owned(), |v| v.to_string());
        assert_eq!(json(resolve_v3(text)), v3, "v3 {text}");
        assert_eq!(json(resolve_v2(text)), v2, "v2 {text}");
    }

    #[test]
    fn words_differ_between_the_versions() {
        check("yes", r#""yes""#, "true");
        check("N", r#""N""#, "false");
        check("true", "true", "true");
        check("~", "null", "null");
        check("", "null", "null");
        check(".inf", "none", "none");
        check("nope", r#""nope""#, r#""nope""#);
    }

    #[test]
    fn numbers_are_those_of_go() {
        for (text, json) in [
            ("0777", "511"),
            ("0o17", "15"),
            ("08", "8"),
            ("0x1F", "31"),
            ("0b11", "3"),
            ("-0b11", "-3"),
            ("1_000", "1000"),
            ("+1", "1"),
            ("-0", "0"),
            ("1e3", "1000"),
            ("1.0", "1"),
            ("1.10", "1.1"),
            ("1e400", "\"1e400\""),
            ("12345678901234567890", "12345678901234567890"),
            ("190:20:30", "\"190:20:30\""),
            ("0x", "\"0x\""),
            ("1,000", "\"1,000\""),
        ] {
            check(text, json, json);
        }
        assert_eq!(
            resolve_v3("123456789012345678901234567890").to_json("").unwrap().to_string(),
            "1.2345678901234568e+29"
        );
    }

    #[test]
    fn timestamps_take_four_layouts() {
        let check =
            |text: &str, expected: Option<&str>| assert_eq!(timestamp(text).as_deref(), expected, "{text}");
        check("2020-01-01", Some("2020-01-01T00:00:00Z"));
        check("2024-1-2", Some("2024-01-02T00:00:00Z"));
        check("2020-02-30", None);
        check("2020-01-01T1:2:3.500Z", Some("2020-01-01T01:02:03.5Z"));
        check("2020-01-01t01:02:03+02:00", Some("2020-01-01T01:02:03+02:00"));
        check("2020-01-01 01:02:03", Some("2020-01-01T01:02:03Z"));
        check("2020-01-01 01:02:03Z", None);
        check("20-01-01", None);
    }
}
