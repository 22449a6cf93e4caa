//! The App's own tokens (JWT, RS256), judged as GitHub judges them, and refused in its words.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::APP_ID;
use super::rest::Answer;

/// The longest that a token may go on from now, in seconds.
const LONGEST: i64 = 600;

/// Whether a credential has the form of such a token.
pub(crate) fn has_its_form(secret: &str) -> bool {
    secret.matches('.').count() == 2
}

/// Accepts the token or says why not: status and message. `nows` are the clocks that count: the fake's own and the machine's, because
/// clients stamp these tokens themselves; one that agrees is enough.
pub(crate) fn check(public: &[u8], jwt: &str, nows: &[i64]) -> Result<(), (u16, &'static str)> {
    let claims = decoded(public, jwt).ok_or((401, "A JSON web token could not be decoded"))?;
    let issuer = claims["iss"].as_str().map_or_else(|| claims["iss"].to_string(), str::to_owned);
    if issuer != APP_ID.to_string() {
        return Err((404, "Integration not found"));
    }
    let judged: Vec<_> = nows.iter().map(|now| in_time(&claims, *now)).collect();
    if judged.iter().any(Result::is_ok) { Ok(()) } else { judged.into_iter().last().unwrap_or(Ok(())) }
}

/// The claims, when the signature is that of the App's key.
fn decoded(public: &[u8], jwt: &str) -> Option<Value> {
    let (signed, signature) = jwt.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let json = |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
    let (header, claims) = (json(header)?, json(claims)?);
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public);
    (header["alg"] == "RS256" && key.verify(signed.as_bytes(), &signature).is_ok()).then_some(claims)
}

fn in_time(claims: &Value, now: i64) -> Result<(), (u16, &'static str)> {
    let issued = claims["iat"].as_i64().filter(|issued| *issued <= now);
    if issued.is_none() {
        return Err((
            401,
            "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
        ));
    }
    match claims["exp"].as_i64() {
        Some(ends) if ends > now + LONGEST => {
            Err((401, "'Expiration time' claim ('exp') is too far in the future"))
        }
        Some(ends) if ends > now => Ok(()),
        _ => Err((
            401,
            "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
        )),
    }
}

/// The refusal as an answer.
pub(crate) fn refusal((status, text): (u16, &'static str)) -> Answer {
    Answer::error(status, text)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may panic")]

    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA512};
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_700_000_000;

    #[test]
    fn only_a_token_in_time_and_of_the_app_is_accepted() {
        let (pair, stranger) =
            (KeyPair::generate(KeySize::Rsa2048).unwrap(), KeyPair::generate(KeySize::Rsa2048).unwrap());
        let token = |pair: &KeyPair, alg: &str, claims: Value| {
            let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
            let signed = format!("{}.{}", part(&json!({"alg": alg, "typ": "JWT"})), part(&claims));
            let padding = if alg == "RS512" { &RSA_PKCS1_SHA512 } else { &RSA_PKCS1_SHA256 };
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(padding, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
            format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
        };
        let judged = |jwt: &str, nows: &[i64]| check(pair.public_key().as_ref(), jwt, nows);
        let of = |iat: i64, exp: i64| json!({"iat": NOW + iat, "exp": NOW + exp, "iss": APP_ID});
        let right = token(&pair, "RS256", of(-60, 600));
        assert_eq!(judged(&right, &[NOW]), Ok(()));
        assert_eq!(judged(&right, &[NOW + 1_000, NOW]), Ok(()), "either clock");
        let named = json!({"iat": NOW, "exp": NOW + 1, "iss": APP_ID.to_string()});
        assert_eq!(judged(&token(&pair, "RS256", named), &[NOW]), Ok(()));
        for (jwt, status, told) in [
            (token(&pair, "RS256", of(1, 60)), 401, "'iat'"),
            (token(&pair, "RS256", of(-60, 601)), 401, "too far"),
            (token(&pair, "RS256", of(-60, 0)), 401, "future time"),
            (token(&pair, "RS256", json!({"iat": NOW, "iss": APP_ID})), 401, "future time"),
            (token(&pair, "RS256", json!({"iat": NOW, "exp": NOW + 1, "iss": 1})), 404, "not found"),
            (token(&pair, "RS512", of(-60, 60)), 401, "could not be decoded"),
            (token(&stranger, "RS256", of(-60, 60)), 401, "could not be decoded"),
            ("a.b.c".to_owned(), 401, "could not be decoded"),
        ] {
            let (found, message) = judged(&jwt, &[NOW]).unwrap_err();
            assert!(found == status && message.contains(told), "{told}: {found} {message}");
        }
    }
}
