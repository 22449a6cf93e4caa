//! The forms that a value takes on its way through manifests, addresses and messages: a mask has to know all of them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Pieces of an encoding that are shorter than this are found in texts that have nothing to do with the value.
const SHORTEST_PIECE: usize = 8;

/// The value itself, every line of it, and what encodings make of it.
pub(super) fn of(value: &str, shortest_line: usize) -> Vec<String> {
    let mut all = vec![value.to_owned(), value.trim().to_owned(), value.replace('\n', "")];
    let lines = value.lines().map(str::trim).filter(|line| line.len() >= shortest_line);
    all.extend(lines.map(str::to_owned));
    all.push(STANDARD.encode(value));
    // Somebody who writes `echo "$VALUE" | base64` encodes a line feed too.
    all.push(STANDARD.encode(format!("{}\n", value.trim())));
    let long: Vec<String> = all.iter().take(3).filter(|v| v.len() >= shortest_line).cloned().collect();
    for text in long {
        encoded(&text, &mut all);
    }
    all
}

fn encoded(text: &str, all: &mut Vec<String>) {
    all.push(hex::encode(text));
    all.push(hex::encode_upper(text));
    all.push(percent(text, false));
    all.push(percent(text, true));
    all.push(percent(text, false).replace("%20", "+"));
    let once = json(text);
    all.push(json(&once));
    all.push(go_json(&once));
    all.push(once);
    all.extend(inside_base64(text));
}

/// What stands in a JSON string for the text.
fn json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// As Go's `encoding/json` writes it, which the API server uses for messages.
fn go_json(escaped: &str) -> String {
    escaped.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

/// Everything but unreserved characters as `%XX`.
fn percent(text: &str, lower: bool) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ if lower => out.push_str(&format!("%{byte:02x}")),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// What is the same in the base64 of every text that holds this one, for each of the three places that it can begin at.
fn inside_base64(text: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    for before in 0..3_usize {
        let padded = [vec![0; before], text.as_bytes().to_vec()].concat();
        // The first character that no byte before decides, and the first that a byte behind does.
        let (from, to) = ([0, 2, 3][before], padded.len() * 8 / 6);
        for encoded in [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
            pieces.extend(encoded.get(from..to).filter(|p| p.len() >= SHORTEST_PIECE).map(str::to_owned));
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_known() {
        let forms = of("p&ss \"wörd\"-1", 6);
        for form in [
            "p&ss \"wörd\"-1",
            "cCZzcyAid8O2cmQiLTE=",
            "70267373202277c3b67264222d31",
            "p%26ss%20%22w%C3%B6rd%22-1",
            "p%26ss+%22w%C3%B6rd%22-1",
            "p&ss \\\"wörd\\\"-1",
            "p\\u0026ss \\\"wörd\\\"-1",
            "p&ss \\\\\\\"wörd\\\\\\\"-1",
        ] {
            assert!(forms.iter().any(|f| f == form || f.starts_with(form)), "{form} in {forms:#?}");
        }
    }

    #[test]
    fn base64_of_a_longer_text_gives_it_away_too() {
        let forms = of("hunter2-long", 6);
        for around in ["", "a", "ab", "abc", "user:"] {
            for behind in ["", "x", "xy", "@db"] {
                let text = STANDARD.encode(format!("{around}hunter2-long{behind}"));
                assert!(forms.iter().any(|f| text.contains(f.as_str())), "{around}…{behind}: {text}");
            }
        }
    }
}
