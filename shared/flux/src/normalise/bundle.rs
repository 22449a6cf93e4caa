//! The certificates of a CRD's conversion webhook. The controller takes a bundle away that holds no certificate, since
//! the API server would refuse the whole CRD for it.

use serde_json::Value;

use crate::variables::decode_base64;

const CLIENT_CONFIG: &str = "/spec/conversion/webhook/clientConfig";
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Takes `caBundle` away when no certificate is in it; a placeholder of cert-manager is `Cg==`, an empty line.
pub(super) fn drop_invalid(definition: &mut Value) {
    let Some(config) = definition.pointer_mut(CLIENT_CONFIG).and_then(Value::as_object_mut) else { return };
    let Some(bundle) = config.get("caBundle").and_then(Value::as_str).filter(|text| !text.is_empty()) else {
        return;
    };
    // What decodes to nothing is no bundle, and so none that is wrong.
    let valid = decode_base64(bundle).is_some_and(|pem| pem.is_empty() || holds_certificate(&pem));
    if !valid {
        config.remove("caBundle");
    }
}

/// Whether one of the PEM blocks has the outline of a certificate: what is signed, by what, and the signature.
fn holds_certificate(pem: &[u8]) -> bool {
    let text = String::from_utf8_lossy(pem);
    let blocks = text.split(BEGIN).skip(1).filter_map(|rest| rest.split_once(END));
    { blocks }.any(|(base64, _)| {
        let base64: String = base64.chars().filter(|c| !c.is_whitespace()).collect();
        decode_base64(&base64).is_some_and(|der| is_certificate(&der))
    })
}

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;

fn is_certificate(der: &[u8]) -> bool {
    let Some((SEQUENCE, body, [])) = element(der) else { return false };
    let Some((SEQUENCE, signed, rest)) = element(body) else { return false };
    let Some((SEQUENCE, _, rest)) = element(rest) else { return false };
    matches!(element(rest), Some((BIT_STRING, [_, ..], [])))
        && elements(signed).is_some_and(|count| count >= 6)
}

/// How many elements follow one another.
fn elements(mut der: &[u8]) -> Option<usize> {
    let mut count = 0;
    while !der.is_empty() {
        (der, count) = (element(der)?.2, count + 1);
    }
    Some(count)
}

/// The first element of DER: its tag, its content, and what follows.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (short, rest) = rest.split_first()?;
    let (length, rest) = if *short < 0x80 {
        (usize::from(*short), rest)
    } else {
        let (bytes, rest) =
            rest.split_at_checked(usize::from(*short & 0x7f)).filter(|(b, _)| b.len() <= 4)?;
        (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    fn is_kept(bundle: &str) -> bool {
        let mut crd =
            json!({"spec": {"conversion": {"webhook": {"clientConfig": {"caBundle": bundle, "url": "u"}}}}});
        drop_invalid(&mut crd);
        let config = crd.pointer(CLIENT_CONFIG);
        assert!(config.is_some_and(|config| config["url"] == "u"));
        config.is_some_and(|config| config["caBundle"] == bundle)
    }

    fn pem(der: &[u8]) -> String {
        STANDARD.encode(format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode(der)))
    }

    #[test]
    fn bundles_without_a_certificate_go() {
        assert!(!is_kept("Cg==") && !is_kept("no base64!") && !is_kept(&STANDARD.encode("text")));
        assert!(!is_kept(&pem(b"0")) && !is_kept(&pem(&[0x30, 0x82])));
        assert!(is_kept(""));
    }

    #[test]
    fn a_certificate_stays() {
        let signed = [&[0x30, 12][..], &[5, 0].repeat(6)].concat();
        let body = [signed.as_slice(), &[0x30, 0], &[3, 1, 0]].concat();
        let length = u8::try_from(body.len()).unwrap_or_default();
        assert!(is_kept(&pem(&[&[0x30, length][..], &body].concat())));
    }
}
