//! Looks for secrets in what left the product: whole or cut, plain or in any of the forms that encodings give them.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// So many bytes of a planted secret give it away.
const PLANTED: usize = 8;
/// So many of a credential: those begin with words that are no secret.
const CREDENTIAL: usize = 16;
/// Bytes by which pieces are found before they are compared.
const HEAD: usize = 4;

/// What is looked for.
#[derive(Default)]
pub(crate) struct Sought {
    pieces: HashMap<[u8; HEAD], Vec<(Vec<u8>, String)>>,
}

impl Sought {
    /// Looks for a secret that was made up to be found: any eight bytes of it.
    pub(crate) fn planted(&mut self, name: &str, value: &str) {
        self.add(name, value, PLANTED);
    }

    /// Looks for a real credential: any sixteen bytes of it.
    pub(crate) fn credential(&mut self, name: &str, value: &str) {
        self.add(name, value, CREDENTIAL);
    }

    fn add(&mut self, name: &str, value: &str, length: usize) {
        assert!(value.len() >= length && value.is_ascii(), "`{name}` is too short to be looked for");
        for at in 0..=value.len() - length {
            for form in forms(&value[at..at + length]) {
                let head = form.first_chunk::<HEAD>().copied().expect("no form is that short");
                let known = self.pieces.entry(head).or_default();
                if !known.iter().any(|(piece, _)| *piece == form) {
                    known.push((form, name.to_owned()));
                }
            }
        }
    }

    /// The secrets that are in there, each with what stands around its first piece.
    pub(crate) fn found(&self, text: &[u8]) -> Vec<String> {
        let mut names = Vec::new();
        let mut seen = Vec::new();
        for (at, head) in text.windows(HEAD).enumerate() {
            let head = head.first_chunk::<HEAD>().expect("windows are that long");
            for (piece, name) in self.pieces.get(head).into_iter().flatten() {
                if text[at..].starts_with(piece) && !names.contains(name) {
                    names.push(name.clone());
                    let around = &text[at.saturating_sub(200)..(at + 100).min(text.len())];
                    seen.push(format!("{name}: {}", String::from_utf8_lossy(around)));
                }
            }
        }
        seen
    }
}

/// A piece as it is, and what encodings make of it.
fn forms(piece: &str) -> Vec<Vec<u8>> {
    let json = escaped(piece);
    let go = json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
    let html = piece.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut all = vec![
        piece.to_owned(),
        piece.chars().rev().collect(),
        html.replace('"', "&quot;"),
        html,
        escaped(&json),
        escaped(&go),
        json,
        go,
    ];
    let hex =
        |upper: bool| piece.bytes().map(move |b| if upper { format!("{b:02X}") } else { format!("{b:02x}") });
    all.extend([hex(false).collect::<String>(), hex(true).collect()]);
    all.extend([percent(piece, false), percent(piece, true)]);
    all.extend((0..3).flat_map(|before| base64(piece, before)));
    all.into_iter().map(String::into_bytes).collect()
}

/// What stands in a JSON string for the text.
fn escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn percent(piece: &str, lower: bool) -> String {
    let one = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ if lower => format!("%{byte:02x}"),
        _ => format!("%{byte:02X}"),
    };
    piece.bytes().map(one).collect()
}

/// What base64 makes of the piece behind so many other bytes, without the characters that those and what follows decide.
fn base64(piece: &str, before: usize) -> [String; 2] {
    let padded = [vec![0; before], piece.as_bytes().to_vec()].concat();
    let (from, to) = ([0, 2, 3][before], padded.len() * 8 / 6);
    [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)].map(|text| text[from..to].to_owned())
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use serde_json::json;

    use super::*;

    const SECRET: &str = "Zq4v&Tn8b\"Lw2x<Rk6m";

    fn sought() -> Sought {
        let mut sought = Sought::default();
        sought.planted("it", SECRET);
        sought
    }

    #[test]
    fn a_leak_is_found_in_every_form_and_cut() {
        let twice = json!({ "log": json!({ "dsn": SECRET }).to_string() }).to_string();
        let mut leaks = vec![
            format!("dsn: {SECRET}"),
            format!("cut: {}…", &SECRET[..9]),
            format!("tail: {}", &SECRET[SECRET.len() - 8..]),
            SECRET.chars().rev().collect(),
            SECRET.bytes().map(|b| format!("{b:02x}")).collect(),
            SECRET.bytes().map(|b| format!("{b:02X}")).collect(),
            "payload=Zq4v%26Tn8b%22Lw2x%3CRk6m".to_owned(),
            "payload=Zq4v%26tn8b%22Lw2x%3cRk6m".to_owned(),
            "Zq4v&amp;Tn8b\"Lw2x&lt;Rk6m".to_owned(),
            "Zq4v\\u0026Tn8b\\\"Lw2x\\u003cRk6m".to_owned(),
            json!({ "dsn": SECRET }).to_string(),
            twice,
        ];
        for around in ["", "a", "ab"] {
            let text = format!("{around}{SECRET}{around}");
            leaks.extend([STANDARD.encode(&text), URL_SAFE.encode(&text)]);
        }
        for leak in leaks {
            assert_eq!(sought().found(leak.as_bytes()).len(), 1, "{leak}");
        }
    }

    #[test]
    fn what_is_no_leak_is_not_found() {
        for text in ["", "Zq4", "Zq4v&Tn ‹hidden›", "an ordinary line of a log, with a0b1c2d3e4f5 in it"]
        {
            assert_eq!(sought().found(text.as_bytes()), Vec::<String>::new(), "{text}");
        }
    }
}
