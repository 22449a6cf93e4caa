//! A message's blocks as plain text for a terminal: what a person would read, and which buttons there are.

use serde_json::Value;

use super::state::Message;

/// The message as plain text: blocks in order, buttons in brackets, the fallback text when there are no blocks.
pub fn as_text(message: &Message) -> String {
    if message.blocks.is_empty() {
        return plain(&message.text);
    }
    let parts: Vec<String> =
        message.blocks.iter().map(block).filter(|part| !part.trim().is_empty()).collect();
    parts.join("\n")
}

fn block(block: &Value) -> String {
    let list = |name: &str| block[name].as_array().map(Vec::as_slice).unwrap_or_default();
    match block["type"].as_str().unwrap_or_default() {
        "header" => format!("== {} ==", text(&block["text"])),
        "divider" => "-".repeat(40),
        "section" => {
            let fields = list("fields").iter().map(text);
            let accessory = (!block["accessory"].is_null()).then(|| element(&block["accessory"]));
            let all: Vec<String> =
                std::iter::once(text(&block["text"])).chain(fields).chain(accessory).collect();
            all.into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join("\n")
        }
        "context" => list("elements").iter().map(element).collect::<Vec<_>>().join("  "),
        "actions" => list("elements").iter().map(element).collect::<Vec<_>>().join(" "),
        "markdown" => plain(block["text"].as_str().unwrap_or_default()),
        "table" => list("rows").iter().map(row).collect::<Vec<_>>().join("\n"),
        "rich_text" => list("elements").iter().map(rich).collect::<Vec<_>>().join("\n"),
        "image" => format!("[image: {}]", block["alt_text"].as_str().unwrap_or_default()),
        "input" => format!("{}: ____", text(&block["label"])),
        other => format!("[{other}]"),
    }
}

fn element(element: &Value) -> String {
    match element["type"].as_str().unwrap_or_default() {
        "button" => format!("[{}]", text(&element["text"])),
        "mrkdwn" | "plain_text" => text(element),
        "image" => format!("[image: {}]", element["alt_text"].as_str().unwrap_or_default()),
        "overflow" | "static_select" => {
            let options = element["options"].as_array().into_iter().flatten().map(|o| text(&o["text"]));
            format!("[{}]", options.collect::<Vec<_>>().join(" | "))
        }
        other => format!("[{other}]"),
    }
}

fn row(row: &Value) -> String {
    let cell = |cell: &Value| match cell["type"].as_str() {
        Some("raw_text") => cell["text"].as_str().unwrap_or_default().to_owned(),
        _ => block(cell),
    };
    row.as_array().into_iter().flatten().map(cell).collect::<Vec<_>>().join(" | ")
}

fn rich(part: &Value) -> String {
    let inner = |separator: &str| {
        part["elements"].as_array().into_iter().flatten().map(rich).collect::<Vec<_>>().join(separator)
    };
    match part["type"].as_str().unwrap_or_default() {
        "text" => part["text"].as_str().unwrap_or_default().to_owned(),
        "link" => part["text"].as_str().or(part["url"].as_str()).unwrap_or_default().to_owned(),
        "emoji" => format!(":{}:", part["name"].as_str().unwrap_or_default()),
        "user" => format!("@{}", part["user_id"].as_str().unwrap_or_default()),
        "rich_text_list" => part["elements"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|e| format!("- {}", rich(e)))
            .collect::<Vec<_>>()
            .join("\n"),
        "rich_text_quote" => format!("> {}", inner("")),
        _ => inner(""),
    }
}

fn text(object: &Value) -> String {
    let raw = object["text"].as_str().unwrap_or_default();
    if object["type"] == "plain_text" { raw.to_owned() } else { plain(raw) }
}

/// mrkdwn without its control sequences: links become their words, entities their characters. Done in one pass, so that an escaped
/// `&lt;` never turns into markup.
fn plain(mrkdwn: &str) -> String {
    let mut out = String::with_capacity(mrkdwn.len());
    let mut rest = mrkdwn;
    while let Some(at) = rest.find(['<', '&']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let entity = [("&lt;", '<'), ("&gt;", '>'), ("&amp;", '&')]
            .into_iter()
            .find(|(name, _)| rest.starts_with(name));
        if let Some((name, character)) = entity {
            out.push(character);
            rest = &rest[name.len()..];
        } else if let Some(end) = rest.find('>').filter(|_| rest.starts_with('<')) {
            let inside = &rest[1..end];
            out.push_str(inside.split_once('|').map_or(inside, |(_, words)| words));
            rest = &rest[end + 1..];
        } else {
            out.push_str(&rest[..1]);
            rest = &rest[1..];
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(blocks: Value, expected: &str) {
        let blocks = blocks.as_array().cloned().unwrap_or_default();
        assert_eq!(
            as_text(&Message { blocks, text: "fallback <https://x|words>".to_owned(), ..Message::default() }),
            expected
        );
    }

    #[test]
    fn blocks_read_as_text() {
        check(json!([]), "fallback words");
        check(
            json!([{"type": "header", "text": {"type": "plain_text", "text": "A & <b>"}}]),
            "== A & <b> ==",
        );
        check(
            json!([{"type": "section", "text": {"type": "mrkdwn", "text": "*x* &amp;lt; <https://a|b> &lt;c"}}]),
            "*x* &lt; b <c",
        );
        check(
            json!([{"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "Approve"}}]}]),
            "[Approve]",
        );
        check(
            json!([{"type": "table", "rows": [[{"type": "raw_text", "text": "a"}, {"type": "raw_text", "text": "b"}]]}]),
            "a | b",
        );
    }
}
