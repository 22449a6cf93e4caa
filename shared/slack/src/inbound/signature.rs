//! Slack's request signature: HMAC-SHA256 over `v0:<timestamp>:<raw body>`, within five minutes of now, compared in constant time.

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// Bytes of a body that are looked at. Slack's own are far smaller.
pub const BODY_LIMIT: usize = 1 << 20;
/// How far a timestamp may be from now, in either direction, in seconds.
pub const WINDOW_S: u64 = 300;
/// Digits of a timestamp.
const DIGITS: std::ops::RangeInclusive<usize> = 1..=12;
/// Hexadecimal digits of a signature.
const HEX: usize = 64;

/// Why a request is not taken for Slack's. Nothing of the request is in it, so it may be logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// The body is longer than [`BODY_LIMIT`].
    #[error("the body is longer than 1 MiB")]
    TooLong,
    /// There is no timestamp, or it is not 1 to 12 digits.
    #[error("the timestamp is missing or malformed")]
    Timestamp,
    /// The timestamp is more than [`WINDOW_S`] seconds from now: a replay, or one of the clocks is wrong.
    #[error("the timestamp is more than 300 s from now")]
    OutsideWindow,
    /// There is no signature, it is malformed, or it is not that of this body and timestamp.
    #[error("the signature is missing or wrong")]
    Signature,
}

/// Checks that a request is Slack's: `body` are the raw bytes as received, the headers their values as received, `now` in seconds since
/// 1970. Any of `secrets` may have signed, so that a secret can be replaced without a gap; empty ones never match.
pub fn verify(
    secrets: &[SecretString],
    timestamp_header: Option<&str>,
    signature_header: Option<&str>,
    body: &[u8],
    now: i64,
) -> Result<(), Rejected> {
    if body.len() > BODY_LIMIT {
        return Err(Rejected::TooLong);
    }
    let timestamp = timestamp_header.filter(|text| is_timestamp(text)).ok_or(Rejected::Timestamp)?;
    let at: i64 = timestamp.parse().map_err(|_| Rejected::Timestamp)?;
    if now.abs_diff(at) > WINDOW_S {
        return Err(Rejected::OutsideWindow);
    }
    let signature = signature_header.and_then(bytes_of).ok_or(Rejected::Signature)?;
    let signed = secrets.iter().any(|secret| signed_by(secret, timestamp, body, &signature));
    if signed { Ok(()) } else { Err(Rejected::Signature) }
}

fn is_timestamp(text: &str) -> bool {
    DIGITS.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

/// The bytes of `v0=<64 lower-case hexadecimal digits>`, and of no other spelling.
fn bytes_of(header: &str) -> Option<Vec<u8>> {
    let digits = header.strip_prefix("v0=")?;
    let lower = digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if digits.len() == HEX && lower { hex::decode(digits).ok() } else { None }
}

fn signed_by(secret: &SecretString, timestamp: &str, body: &[u8], signature: &[u8]) -> bool {
    let secret = secret.expose_secret().trim();
    if secret.is_empty() {
        return false;
    }
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return false };
    for part in [b"v0:", timestamp.as_bytes(), b":", body] {
        mac.update(part);
    }
    mac.verify_slice(signature).is_ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "an error is the test's failure")]
    use super::*;
    use proptest::prelude::*;

    /// Slack's published example.
    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const TIMESTAMP: &str = "1531420618";
    const NOW: i64 = 1_531_420_618;
    const SIGNATURE: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
    const BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";

    fn secrets(all: &[&str]) -> Vec<SecretString> {
        all.iter().map(|text| SecretString::from(*text)).collect()
    }

    fn sign(secret: &str, timestamp: &str, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        for part in [b"v0:", timestamp.as_bytes(), b":", body] {
            mac.update(part);
        }
        format!("v0={}", hex::encode(mac.finalize().into_bytes()))
    }

    fn check(
        timestamp: Option<&str>,
        signature: Option<&str>,
        body: &[u8],
        now: i64,
        expected: Result<(), Rejected>,
    ) {
        assert_eq!(
            verify(&secrets(&[SECRET]), timestamp, signature, body, now),
            expected,
            "{timestamp:?} {signature:?}"
        );
    }

    #[test]
    fn slacks_own_example_passes() {
        check(Some(TIMESTAMP), Some(SIGNATURE), BODY.as_bytes(), NOW, Ok(()));
    }

    #[test]
    fn the_window_is_closed_on_both_sides() {
        for (now, expected) in [
            (NOW - 300, Ok(())),
            (NOW + 300, Ok(())),
            (NOW - 301, Err(Rejected::OutsideWindow)),
            (NOW + 301, Err(Rejected::OutsideWindow)),
            (0, Err(Rejected::OutsideWindow)),
            (i64::MIN, Err(Rejected::OutsideWindow)),
            (i64::MAX, Err(Rejected::OutsideWindow)),
        ] {
            check(Some(TIMESTAMP), Some(SIGNATURE), BODY.as_bytes(), now, expected);
        }
    }

    #[test]
    fn odd_timestamps_are_refused_even_when_signed() {
        for odd in [
            "",
            " 1531420618",
            "1531420618 ",
            "+1531420618",
            "-1",
            "1531420618.0",
            "0x5B47",
            "1.5e9",
            "١٢٣",
            "1531420618000",
        ] {
            check(Some(odd), Some(&sign(SECRET, odd, b"x")), b"x", NOW, Err(Rejected::Timestamp));
        }
        check(None, Some(SIGNATURE), BODY.as_bytes(), NOW, Err(Rejected::Timestamp));
        // The header's own bytes are signed: another spelling of the same number needs its own signature.
        check(Some("01531420618"), Some(SIGNATURE), BODY.as_bytes(), NOW, Err(Rejected::Signature));
    }

    #[test]
    fn odd_signatures_are_refused() {
        let upper = SIGNATURE.to_uppercase().replace("V0", "v0");
        let v1 = SIGNATURE.replace("v0", "v1");
        let short = &SIGNATURE[..SIGNATURE.len() - 2];
        for odd in [
            "",
            "v0=",
            &upper,
            &v1,
            short,
            &SIGNATURE[3..],
            &format!("{SIGNATURE}00"),
            &format!(" {SIGNATURE}"),
        ] {
            check(Some(TIMESTAMP), Some(odd), BODY.as_bytes(), NOW, Err(Rejected::Signature));
        }
        check(Some(TIMESTAMP), None, BODY.as_bytes(), NOW, Err(Rejected::Signature));
    }

    #[test]
    fn any_of_the_secrets_may_have_signed_but_never_none() {
        let all = |secrets: &[SecretString]| {
            verify(secrets, Some(TIMESTAMP), Some(SIGNATURE), BODY.as_bytes(), NOW)
        };
        assert_eq!(all(&secrets(&["new", SECRET])), Ok(()));
        assert_eq!(all(&secrets(&["new"])), Err(Rejected::Signature));
        assert_eq!(all(&[]), Err(Rejected::Signature));
        for empty in ["", "\n"] {
            let forged = sign(empty.trim(), TIMESTAMP, b"x");
            assert_eq!(
                verify(&secrets(&[empty]), Some(TIMESTAMP), Some(&forged), b"x", NOW),
                Err(Rejected::Signature)
            );
        }
    }

    #[test]
    fn bodies_are_bytes_and_bounded() {
        let bytes = [0xff, 0xfe, 0x00, 0x80, b'a'];
        check(Some(TIMESTAMP), Some(&sign(SECRET, TIMESTAMP, &bytes)), &bytes, NOW, Ok(()));
        let most = vec![b'a'; BODY_LIMIT];
        check(Some(TIMESTAMP), Some(&sign(SECRET, TIMESTAMP, &most)), &most, NOW, Ok(()));
        let more = vec![b'a'; BODY_LIMIT + 1];
        check(Some(TIMESTAMP), Some(&sign(SECRET, TIMESTAMP, &more)), &more, NOW, Err(Rejected::TooLong));
    }

    #[test]
    fn every_flipped_bit_of_a_signature_or_body_is_noticed() {
        let flips = |bytes: &[u8]| {
            let bytes = bytes.to_vec();
            (0..bytes.len() * 8).map(move |bit| {
                let mut flipped = bytes.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                flipped
            })
        };
        for body in flips(BODY.as_bytes()) {
            check(Some(TIMESTAMP), Some(SIGNATURE), &body, NOW, Err(Rejected::Signature));
        }
        for signature in flips(SIGNATURE.as_bytes()).filter_map(|bytes| String::from_utf8(bytes).ok()) {
            check(Some(TIMESTAMP), Some(&signature), BODY.as_bytes(), NOW, Err(Rejected::Signature));
        }
        for timestamp in flips(TIMESTAMP.as_bytes()).filter_map(|bytes| String::from_utf8(bytes).ok()) {
            let result = verify(&secrets(&[SECRET]), Some(&timestamp), Some(SIGNATURE), BODY.as_bytes(), NOW);
            assert!(result.is_err(), "{timestamp}");
        }
    }

    proptest! {
        #[test]
        fn what_is_signed_passes_and_anything_else_does_not(
            body in prop::collection::vec(any::<u8>(), 0..300),
            other in prop::collection::vec(any::<u8>(), 0..300),
            offset in -300i64..=300,
        ) {
            let timestamp = (NOW + offset).to_string();
            let signature = sign(SECRET, &timestamp, &body);
            let all = secrets(&[SECRET]);
            prop_assert_eq!(verify(&all, Some(&timestamp), Some(&signature), &body, NOW), Ok(()));
            let foreign = verify(&all, Some(&timestamp), Some(&signature), &other, NOW);
            prop_assert_eq!(foreign.is_ok(), body == other);
        }

        #[test]
        fn any_headers_are_survived(timestamp in "\\PC{0,20}", signature in "\\PC{0,80}") {
            prop_assert!(verify(&secrets(&[SECRET]), Some(&timestamp), Some(&signature), b"x", NOW).is_err());
        }
    }
}
