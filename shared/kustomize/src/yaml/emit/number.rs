//! Numbers as Go prints them.

use serde_json::Number;

/// A number as Go writes it into YAML.
pub(in crate::yaml) fn number(n: &Number) -> String {
    match n.as_f64() {
        Some(f) if n.is_f64() => go_float(f),
        _ => n.to_string(),
    }
}

/// Go's shortest `%g`: an exponent below 1e-4 and from 1e6, of two digits at least.
pub(crate) fn go_float(f: f64) -> String {
    general(&serde_json::to_string(&f).unwrap_or_default())
}

/// The same for a 32-bit float, which is how `sigs.k8s.io/yaml` prints keys.
pub(in crate::yaml) fn go_float_32(f: f64) -> String {
    let f = f as f32;
    if f.is_nan() {
        return ".nan".to_owned();
    }
    if f.is_infinite() {
        return if f > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    general(&serde_json::to_string(&f).unwrap_or_default())
}

/// A decimal number with the digits that JSON has for it, in Go's form.
fn general(json: &str) -> String {
    let (sign, json) = match json.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", json),
    };
    let (mantissa, exponent) = json.split_once('e').unwrap_or((json, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let digits = all.trim_start_matches('0');
    let zeros = i64::try_from(all.len() - digits.len()).unwrap_or(0);
    let digits = digits.trim_end_matches('0');
    if digits.is_empty() {
        return format!("{sign}0");
    }
    let places = i64::try_from(whole.len()).unwrap_or(0) - 1 - zeros;
    let exponent = exponent.parse::<i64>().unwrap_or(0) + places;
    format!("{sign}{}", place(digits, exponent))
}

/// Digits of which the first counts `10^exponent`.
fn place(digits: &str, exponent: i64) -> String {
    if !(-4..6).contains(&exponent) {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        let direction = if exponent < 0 { '-' } else { '+' };
        return format!("{first}{point}{rest}e{direction}{:02}", exponent.abs());
    }
    let Ok(exponent) = usize::try_from(exponent) else {
        let zeros = "0".repeat(usize::try_from(-exponent - 1).unwrap_or(0));
        return format!("0.{zeros}{digits}");
    };
    match digits.split_at_checked(exponent + 1) {
        Some((whole, fraction)) if !fraction.is_empty() => format!("{whole}.{fraction}"),
        _ => format!("{digits}{}", "0".repeat(exponent + 1 - digits.len())),
    }
}
