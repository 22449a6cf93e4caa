//! The formats of texts that the API server checks. It ignores all others.

use core::net::{Ipv4Addr, Ipv6Addr};

/// Whether a text has a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fits {
    Yes,
    No,
    /// Nobody asks: it is no format that the API server knows.
    NotAsked,
    /// The API server asks, and we cannot tell.
    Unknown,
}

/// Holds a text against a format, whose name is written without dashes.
pub(super) fn fits(format: &str, text: &str) -> Fits {
    let said = match format {
        "password" => Some(true),
        "date" => Some(is_date(text)),
        "datetime" => Some(is_date_time(text)),
        "duration" => Some(is_duration(text)),
        "ipv4" => Some(text.contains('.') && is_address(text)),
        "ipv6" => Some(text.contains(':') && is_address(text)),
        "cidr" => Some(is_cidr(text)),
        "mac" => Some(is_mac(text)),
        "byte" => Some(is_base64(text)),
        "uuid" => Some(is_uuid(text, None)),
        "uuid3" => Some(is_uuid(text, Some('3'))),
        "uuid4" => Some(is_uuid(text, Some('4'))),
        "uuid5" => Some(is_uuid(text, Some('5'))),
        "bsonobjectid" => Some(text.len() == 24 && text.bytes().all(|b| b.is_ascii_hexdigit())),
        "hexcolor" => Some(is_colour(text)),
        "ssn" => Some(text.len() == 11 && is_ssn(text)),
        "hostname" => is_hostname(text),
        "email" => is_email(text),
        "uri" => is_uri(text),
        // Old API servers do not know the last two, and nobody writes the others.
        "isbn" | "isbn10" | "isbn13" | "creditcard" | "rgbcolor" | "k8sshortname" | "k8slongname" => None,
        _ => return Fits::NotAsked,
    };
    said.map_or(Fits::Unknown, |said| if said { Fits::Yes } else { Fits::No })
}

fn digits(text: &str, count: usize) -> Option<u32> {
    (text.len() == count && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts[..] else { return false };
    let (Some(year), Some(month), Some(day)) = (digits(year, 4), digits(month, 2), digits(day, 2)) else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// A date, `T` and a time with its offset; the offset's own numbers do not matter.
fn is_date_time(text: &str) -> bool {
    let text = text.to_lowercase();
    let mut parts = text.split('t');
    let (Some(date), Some(time)) = (parts.next(), parts.next()) else { return false };
    let (Some(clock), Some(rest)) = (time.get(..8), time.get(8..)) else { return false };
    let numbers: Vec<Option<u32>> = clock.split(':').map(|part| digits(part, 2)).collect();
    let [Some(hour), Some(minute), Some(second)] = numbers[..] else { return false };
    let offset = |text: &str| {
        text == "z"
            || text
                .strip_prefix(['+', '-'])
                .and_then(|rest| rest.split_once(':'))
                .is_some_and(|(h, m)| digits(h, 2).is_some() && digits(m, 2).is_some())
    };
    // Any letter stands for the point of a fraction.
    let mut letters = rest.chars();
    let fraction = letters.next().map(|_| letters.as_str().trim_start_matches(|c: char| c.is_ascii_digit()));
    let fraction = fraction.is_some_and(|after| after.len() < letters.as_str().len() && offset(after));
    is_date(date) && hour <= 23 && minute <= 59 && second <= 59 && (offset(rest) || fraction)
}

/// As Go writes durations, or with the words for units that Scala has, with any text in between.
fn is_duration(text: &str) -> bool {
    if text == "0" || is_go_duration(text) {
        return true;
    }
    let mut found = false;
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let number = &rest[start..];
        let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
        let after = number[end..].trim_start_matches(|c: char| c.is_ascii_whitespace());
        let letters = |c: char| c.is_ascii_alphabetic() || c == 'µ';
        let unit = &after[..after.find(|c: char| !letters(c)).unwrap_or(after.len())];
        rest = after;
        if unit.is_empty() {
            continue;
        }
        if number[..end].parse::<i64>().is_err() {
            return false;
        }
        found |= is_unit(&unit.to_lowercase());
        rest = &after[unit.len()..];
    }
    found
}

fn is_unit(unit: &str) -> bool {
    const SHORT: [&str; 11] = ["ns", "us", "µs", "ms", "s", "m", "h", "hr", "d", "w", "wk"];
    const LONG: [&str; 8] = ["nano", "micro", "milli", "sec", "min", "hour", "day", "week"];
    SHORT.contains(&unit) || LONG.iter().any(|long| unit.starts_with(long))
}

fn is_go_duration(text: &str) -> bool {
    let mut rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    if rest.is_empty() {
        return false;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        let units = ["ns", "us", "µs", "μs", "ms", "s", "m", "h"];
        let end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let whole = number.split('.').next().unwrap_or_default();
        let fits = number.matches('.').count() <= 1
            && number.bytes().any(|b| b.is_ascii_digit())
            && (whole.is_empty() || whole.parse::<i64>().is_ok())
            && units.contains(&&after[..end]);
        if !fits {
            return false;
        }
        rest = &after[end..];
    }
    true
}

/// Zeros before a part of an IPv4 address do not matter.
fn is_address(text: &str) -> bool {
    text.parse::<Ipv6Addr>().is_ok() || without_zeros(text).parse::<Ipv4Addr>().is_ok()
}

fn without_zeros(text: &str) -> String {
    let part = |part: &str| match part.trim_start_matches('0') {
        "" if !part.is_empty() => "0".to_owned(),
        rest => rest.to_owned(),
    };
    text.split('.').map(part).collect::<Vec<_>>().join(".")
}

fn is_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else { return false };
    let most = if address.contains(':') { 128 } else { 32 };
    let digits = !bits.is_empty() && bits.bytes().all(|b| b.is_ascii_digit());
    is_address(address) && digits && bits.parse::<u32>().is_ok_and(|bits| bits <= most)
}

fn is_mac(text: &str) -> bool {
    let hexadecimal = |part: &str| part.bytes().all(|b| b.is_ascii_hexdigit());
    let groups = |by: char, long: usize, counts: [usize; 3]| {
        let parts: Vec<&str> = text.split(by).collect();
        counts.contains(&parts.len()) && parts.iter().all(|part| part.len() == long && hexadecimal(part))
    };
    groups(':', 2, [6, 8, 20]) || groups('-', 2, [6, 8, 20]) || groups('.', 4, [3, 4, 10])
}

fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let plain = body.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/');
    !text.is_empty() && text.len().is_multiple_of(4) && text.len() - body.len() <= 2 && plain
}

/// With dashes or without, each for itself.
fn is_uuid(text: &str, version: Option<char>) -> bool {
    let mut rest = text;
    let mut groups = Vec::new();
    for (at, length) in [8, 4, 4, 4, 12].into_iter().enumerate() {
        if at > 0 {
            rest = rest.strip_prefix('-').unwrap_or(rest);
        }
        let Some(group) = rest.get(..length) else { return false };
        if !group.bytes().all(|b| b.is_ascii_hexdigit()) {
            return false;
        }
        groups.push(group);
        rest = &rest[length..];
    }
    let variant =
        !matches!(version, Some('4' | '5')) || groups[3].starts_with(['8', '9', 'a', 'b', 'A', 'B']);
    rest.is_empty() && version.is_none_or(|version| groups[2].starts_with(version)) && variant
}

fn is_colour(text: &str) -> bool {
    let digits = text.strip_prefix('#').unwrap_or(text);
    matches!(digits.len(), 3 | 6) && digits.bytes().all(|b| b.is_ascii_hexdigit())
}

fn is_ssn(text: &str) -> bool {
    let gap = |text: &'_ str| text.strip_prefix(['-', ' ']).map_or(text.len(), str::len);
    let Some(first) = text.get(..3) else { return false };
    let rest = &text[text.len() - gap(&text[3..])..];
    let Some(second) = rest.get(..2) else { return false };
    let last = &rest[rest.len() - gap(&rest[2..])..];
    digits(first, 3).is_some() && digits(second, 2).is_some() && digits(last, 4).is_some()
}

/// A single label, in which only the second letter may be a dash, or a domain.
fn is_hostname(text: &str) -> Option<bool> {
    if !text.is_ascii() {
        return None;
    }
    // `$`, `+`, `<`, `=`, `>`, `^`, a backtick, `|` and `~` are symbols, and count as letters.
    let letter = |b: u8| b.is_ascii_alphanumeric() || b"$+<=>^`|~".contains(&b);
    let single = || {
        let rest = text.get(1..).unwrap_or_default();
        let rest = rest.strip_prefix('-').unwrap_or(rest);
        text.bytes().next().is_some_and(letter) && rest.len() <= 62 && rest.bytes().all(letter)
    };
    let labels: Vec<&str> = text.split('.').collect();
    let label = |label: &&str| {
        let bytes = label.as_bytes();
        let ends = bytes.first().is_some_and(|b| letter(*b)) && bytes.last().is_some_and(|b| letter(*b));
        ends && label.len() <= 63 && bytes.iter().all(|b| letter(*b) || *b == b'-')
    };
    let (last, others) = labels.split_last()?;
    let top = (2..=63).contains(&last.len()) && last.bytes().all(|b| b.is_ascii_alphabetic());
    let domain = !others.is_empty() && others.iter().all(label) && top;
    Some(text.len() <= 255 && labels.iter().all(|l| l.len() <= 63) && (single() || domain))
}

/// Plain addresses; of those with names, comments and quotes nothing is known.
fn is_email(text: &str) -> Option<bool> {
    let Some((local, domain)) = text.split_once('@') else { return Some(false) };
    let plain = |text: &str| {
        let part = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_{|}~".contains(&b))
        };
        text.split('.').all(part)
    };
    match plain(local) && plain(domain) {
        true => Some(true),
        false if local.is_empty() || domain.is_empty() => Some(false),
        false => None,
    }
}

/// As Go reads the address in a request: a path, or a scheme and anything.
fn is_uri(text: &str) -> Option<bool> {
    if text.is_empty() || text.bytes().any(|b| b.is_ascii_control()) {
        return Some(false);
    }
    let escapes = |path: &str| {
        let mut parts = path.split('%').skip(1);
        parts.all(|part| part.get(..2).is_some_and(|two| two.bytes().all(|b| b.is_ascii_hexdigit())))
    };
    let path = |text: &str| escapes(text.split('?').next().unwrap_or_default());
    if text.starts_with('/') {
        return Some(path(text));
    }
    if text == "*" {
        return Some(true);
    }
    let Some((scheme, rest)) = text.split_once(':') else { return Some(false) };
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
    if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !scheme.bytes().all(plain) {
        return Some(false);
    }
    let Some(rest) = rest.strip_prefix("//") else {
        return Some(!rest.starts_with('/') || path(rest));
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
    let known = host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    match known && port.bytes().all(|b| b.is_ascii_digit()) {
        true => Some(path(rest)),
        false if authority.contains(' ') => Some(false),
        false => None,
    }
}
