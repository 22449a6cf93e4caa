//! Quantities (`500m`, `1.5Gi`, `1e3`) and their canonical form, as Kubernetes writes them back. Odd spellings that it
//! keeps, such as `+5` and `1.500`, are kept here too. Digits are text, so that no length of them overflows.

use serde_json::Number;

/// The longest quantity that is read.
const MAX_BYTES: usize = 4096;
/// Decimal digits that surely fit into 64 bits.
const SAFE_DIGITS: i64 = 18;
/// The smallest power of ten that is kept.
const NANO: i64 = -9;

/// How a quantity writes its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// `Ki`, `Mi` and so on.
    Binary,
    /// `m`, `k`, `M` and so on.
    Decimal,
    /// `e3`.
    Exponent,
}

/// A quantity in its parts: `-1.50Gi` is negative, whole `1`, fraction `50`, with the suffix `Gi`.
#[derive(Debug, Clone, Copy)]
struct Parts<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
    suffix: &'a str,
    /// Whether there is any zero, which tells `0e-20` from `e-20`.
    zeros: bool,
}

/// A text without the white space around it that the controller passes over.
pub(super) fn trimmed(text: &str) -> &str {
    // Control characters and the two separators are escaped in JSON, so that they are no white space there.
    let space =
        |c: char| c.is_whitespace() && !(c.is_ascii_control() || matches!(c, '\u{2028}' | '\u{2029}'));
    text.trim_matches(space)
}

/// A number as Go writes it into JSON.
pub(super) fn printed(number: &Number) -> String {
    if let Some(int) = number.as_i64() {
        return int.to_string();
    }
    let float = number.as_f64().unwrap_or_default();
    let size = float.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return format!("{float}");
    }
    let text = format!("{float:e}");
    if text.contains("e-") { text } else { text.replace('e', "e+") }
}

/// The canonical form; `None` for what is no quantity.
pub(super) fn canonical(text: &str) -> Option<String> {
    if text.is_empty() || text.len() > MAX_BYTES {
        return None;
    }
    let parts = split(text)?;
    let (exponent, format) = suffix(parts.suffix)?;
    quick(text, parts, exponent, format).or_else(|| exact(parts, exponent, format))
}

fn split(text: &str) -> Option<Parts<'_>> {
    let (negative, rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let rest = rest.trim_start_matches('0');
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let (whole, rest) = rest.split_at(digits(rest));
    let (fraction, suffix) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(digits(rest)),
        None => ("", rest),
    };
    let letters = suffix.trim_start_matches(|c| "eEinumkKMGTP".contains(c));
    let power = letters.strip_prefix(['-', '+']).unwrap_or(letters);
    let well = power.bytes().all(|byte| byte.is_ascii_digit());
    let zeros = text.strip_suffix(suffix).is_some_and(|number| number.contains('0'));
    let whole = if whole.is_empty() { "0" } else { whole };
    well.then_some(Parts { negative, whole, fraction, suffix, zeros })
}

/// The exponent of a suffix, of ten or of two.
fn suffix(text: &str) -> Option<(i64, Format)> {
    let listed = [
        ("", 0),
        ("n", -9),
        ("u", -6),
        ("m", -3),
        ("k", 3),
        ("M", 6),
        ("G", 9),
        ("T", 12),
        ("P", 15),
        ("E", 18),
    ];
    if let Some((_, exponent)) = listed.iter().find(|(suffix, _)| *suffix == text) {
        return Some((*exponent, Format::Decimal));
    }
    let binary = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].iter().zip(1..).find(|(suffix, _)| **suffix == text);
    if let Some((_, thousands)) = binary {
        return Some((thousands * 10, Format::Binary));
    }
    let power: i64 = text.strip_prefix(['e', 'E'])?.parse().ok()?;
    // A power that is too long is cut to its low bits.
    #[expect(clippy::cast_possible_truncation, reason = "Go's conversion cuts too")]
    Some((i64::from(power as i32), Format::Exponent))
}

/// Short quantities that are canonical enough already are kept as they are written.
fn quick(text: &str, parts: Parts<'_>, exponent: i64, format: Format) -> Option<String> {
    let length = |text: &str| i64::try_from(text.len()).unwrap_or(i64::MAX);
    let (whole, fraction) = (length(parts.whole), length(parts.fraction));
    if format == Format::Binary {
        let precision = 15 - whole - exponent * 3 / 10 - 1;
        let value: i64 = parts.whole.parse().ok()?;
        let fits = value.checked_mul(1_i64.checked_shl(u32::try_from(exponent).ok()?)?).is_some();
        let kept = fraction == 0 && precision >= 0 && fits && value & 7 != 0 && exponent % 10 == 0;
        return kept.then(|| text.to_owned());
    }
    let scale = exponent - fraction;
    let digits = format!("{}{}", parts.whole, parts.fraction);
    let kept = SAFE_DIGITS >= whole + fraction
        && scale >= NANO
        && scale % 3 == 0
        && !digits.ends_with("000")
        && !digits.starts_with('0');
    kept.then(|| text.to_owned())
}

/// Decimal digits, the first not zero, times a power of ten. Zero has no digits.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Amount {
    digits: Vec<u8>,
    exponent: i64,
}

fn exact(parts: Parts<'_>, exponent: i64, mut format: Format) -> Option<String> {
    let digits = [parts.whole, parts.fraction].concat();
    let digits: Vec<u8> = digits.bytes().map(|byte| byte - b'0').skip_while(|digit| *digit == 0).collect();
    let fraction = i64::try_from(parts.fraction.len()).unwrap_or(i64::MAX);
    let mut amount = Amount { digits, exponent: -fraction };
    if format == Format::Binary {
        amount.double(exponent);
    } else {
        amount.exponent += exponent;
    }
    if amount.digits.is_empty() {
        return (parts.zeros || amount.exponent >= NANO).then(|| "0".into());
    }
    amount.round_up(NANO);
    amount.strip_zeros();
    if format == Format::Binary {
        amount.cap();
        match amount.binary() {
            Some(value) => return Some(signed(parts.negative, &in_1024(value))),
            // Below 1024 and with a fraction it is written as a decimal.
            None => format = Format::Decimal,
        }
    }
    Some(signed(parts.negative, &amount.in_1000(format)))
}

fn signed(negative: bool, text: &str) -> String {
    if negative { format!("-{text}") } else { text.to_owned() }
}

impl Amount {
    /// Multiplied by a power of two, up to 2^60.
    fn double(&mut self, times: i64) {
        let factor = 1_u128 << times.clamp(0, 60);
        let mut carry = 0_u128;
        for digit in self.digits.iter_mut().rev() {
            let product = u128::from(*digit) * factor + carry;
            (*digit, carry) = (u8::try_from(product % 10).unwrap_or_default(), product / 10);
        }
        let head = if carry == 0 { String::new() } else { carry.to_string() };
        self.digits.splice(0..0, head.bytes().map(|byte| byte - b'0'));
    }

    /// Without digits below a power of ten; what is cut off rounds away from zero.
    fn round_up(&mut self, power: i64) {
        let cut = usize::try_from(power - self.exponent).unwrap_or_default();
        if cut == 0 {
            return;
        }
        let lost = self.digits.split_off(self.digits.len().saturating_sub(cut));
        self.exponent = power;
        if lost.iter().all(|digit| *digit == 0) {
            return;
        }
        let nines = self.digits.iter().rev().take_while(|digit| **digit == 9).count();
        let keep = self.digits.len() - nines;
        self.digits[keep..].fill(0);
        match keep.checked_sub(1).and_then(|last| self.digits.get_mut(last)) {
            Some(last) => *last += 1,
            None => self.digits.insert(0, 1),
        }
    }

    fn strip_zeros(&mut self) {
        while self.digits.last() == Some(&0) {
            self.digits.pop();
            self.exponent += 1;
        }
    }

    /// Binary quantities end at 2^63 - 1.
    fn cap(&mut self) {
        let places = i64::try_from(self.digits.len()).unwrap_or(i64::MAX).saturating_add(self.exponent);
        let whole = || self.text(0).parse::<u128>();
        if places > 19 || (places == 19 && whole().is_ok_and(|whole| whole >= i64::MAX.unsigned_abs().into()))
        {
            let digits = i64::MAX.to_string().bytes().map(|byte| byte - b'0').collect();
            *self = Self { digits, exponent: 0 };
        }
    }

    /// The digits from the first down to a power of ten.
    fn text(&self, power: i64) -> String {
        let mut digits = self.digits.clone();
        let end = i64::try_from(digits.len()).unwrap_or(i64::MAX).saturating_add(self.exponent - power);
        digits.resize(usize::try_from(end).unwrap_or_default().min(MAX_BYTES * 2), 0);
        digits.iter().map(|digit| char::from(b'0' + digit)).collect()
    }

    /// The value, when it is whole and has 1024 or more.
    fn binary(&self) -> Option<i64> {
        let whole = self.exponent >= 0;
        whole.then(|| self.text(0).parse().ok()).flatten().filter(|value| *value >= 1024)
    }

    /// With the largest power of a thousand that leaves no fraction.
    fn in_1000(&self, format: Format) -> String {
        let power = self.exponent - self.exponent.rem_euclid(3);
        let number = self.text(power);
        let suffix = match (format, power) {
            (_, 0) => String::new(),
            (Format::Exponent, _) => format!("e{power}"),
            _ => {
                let listed = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
                let at = usize::try_from(power / 3 + 3).ok();
                // Beyond the last suffix Kubernetes writes none, and so loses the size.
                at.and_then(|at| listed.get(at)).copied().unwrap_or_default().to_owned()
            }
        };
        number + &suffix
    }
}

/// With the largest power of 1024 that leaves no fraction.
fn in_1024(mut value: i64) -> String {
    let mut power = 0;
    while value % 1024 == 0 && value >= 1024 {
        (value, power) = (value / 1024, power + 1);
    }
    let suffix = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].get(power).copied().unwrap_or_default();
    format!("{value}{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_take_their_canonical_form() {
        for (given, expected) in [
            ("1000m", "1"),
            ("0.5", "500m"),
            ("1.5Gi", "1536Mi"),
            ("1024Mi", "1Gi"),
            ("100m", "100m"),
            ("1.500", "1.500"),
            ("+5", "+5"),
            ("0", "0"),
            ("-0.0", "0"),
            ("00.10", "100m"),
            ("1e3", "1e3"),
            ("1000e0", "1e3"),
            ("0.1n", "1n"),
            ("1.5", "1500m"),
            ("512Ki", "512Ki"),
            ("0.5Ki", "512"),
            ("99999999999999999999Ki", "9223372036854775807"),
            ("-1.5Gi", "-1536Mi"),
            ("1E", "1E"),
            ("1000E", "1"),
            ("5.", "5."),
            (".5Gi", "512Mi"),
            ("e3", "0"),
            ("0e-20", "0"),
            ("-", "0"),
            ("1e-2000000000", "1e-9"),
        ] {
            assert_eq!(canonical(given).as_deref(), Some(expected), "{given}");
        }
    }

    #[test]
    fn what_is_no_quantity_has_no_form() {
        for given in ["", "x", "1x", "1 Gi", "1.2.3", "e-20", "1e", "1ee3", "1Ki2", "--1", "1m5"] {
            assert_eq!(canonical(given), None, "{given}");
        }
        assert_eq!(canonical(&"1".repeat(MAX_BYTES + 1)), None);
        assert!(canonical("1e2000000000").is_some() && canonical(&"9".repeat(MAX_BYTES)).is_some());
    }

    #[test]
    fn white_space_around_is_passed_over() {
        assert_eq!([trimmed(" 1Gi\u{a0}"), trimmed("\t1"), trimmed("\u{2003}2 ")], ["1Gi", "\t1", "2"]);
    }

    #[test]
    fn numbers_are_printed_as_go_prints_them() {
        let of = |float: f64| Number::from_f64(float).map(|number| printed(&number));
        assert_eq!(of(0.5).as_deref(), Some("0.5"));
        assert_eq!(of(1e21).as_deref(), Some("1e+21"));
        assert_eq!(of(1.5e-7).as_deref(), Some("1.5e-7"));
        assert_eq!(printed(&Number::from(12)), "12");
    }
}
