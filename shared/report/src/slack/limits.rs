//! Every limit of Slack's that a message of ours could meet, and a checker for them. Slack refuses a whole message for one long text.
//! Slack does not say whether it counts characters or UTF-16 units: everything here is counted in units, which are never fewer.

use serde_json::Value;

use crate::safe::units;

/// Blocks in a message.
pub const BLOCKS: usize = 50;
/// Text of all blocks together. Slack refuses at about 12,000 without documenting it.
pub const ALL_TEXT: usize = 10_000;
/// The message's own text: what notifications say. Slack advises this much and cuts at 40,000.
pub const FALLBACK: usize = 4_000;
/// `text` of a section.
pub const SECTION: usize = 3_000;
/// What we put into one section: a tenth below the limit.
pub const SECTION_USED: usize = 2_700;
/// A header's text, plain.
pub const HEADER: usize = 150;
/// Elements of a context block.
pub const CONTEXT_ELEMENTS: usize = 10;
/// Elements of an actions block.
pub const ACTIONS_ELEMENTS: usize = 25;
/// A button's label.
pub const BUTTON: usize = 75;
/// A button's value.
pub const BUTTON_VALUE: usize = 2_000;
/// A button's address.
pub const BUTTON_URL: usize = 3_000;
/// Options of a menu.
pub const OPTIONS: usize = 100;
/// An option's text.
pub const OPTION: usize = 75;
/// An option's value.
pub const OPTION_VALUE: usize = 150;
/// What a menu says before anything is chosen.
pub const PLACEHOLDER: usize = 150;
/// `action_id` and `block_id`.
pub const ID: usize = 255;
/// A confirmation's title.
pub const CONFIRM_TITLE: usize = 100;
/// A confirmation's text.
pub const CONFIRM_TEXT: usize = 300;
/// A confirmation's two labels.
pub const CONFIRM_LABEL: usize = 30;

/// Whether Slack takes these blocks. The error names the first block and limit that does not hold.
pub fn fits(blocks: &[Value]) -> Result<(), String> {
    at_most("blocks", blocks.len(), BLOCKS)?;
    let mut all = 0;
    for (i, block) in blocks.iter().enumerate() {
        all += one(block).map_err(|e| format!("block {i}: {e}"))?;
    }
    at_most("text of all blocks", all, ALL_TEXT)
}

/// Checks one block and gives the length of its texts.
fn one(block: &Value) -> Result<usize, String> {
    length(block, "block_id", ID)?;
    match block["type"].as_str() {
        Some("section") => text(&block["text"], SECTION),
        Some("header") => text(&block["text"], HEADER),
        Some("divider") => Ok(0),
        Some("context") => {
            let elements = block["elements"].as_array().map(Vec::as_slice).unwrap_or_default();
            at_most("context elements", elements.len(), CONTEXT_ELEMENTS)?;
            elements.iter().map(|element| text(element, SECTION)).sum()
        }
        Some("actions") => {
            let elements = block["elements"].as_array().map(Vec::as_slice).unwrap_or_default();
            at_most("buttons", elements.len(), ACTIONS_ELEMENTS)?;
            elements.iter().map(element).sum()
        }
        other => Err(format!("type {other:?} is none of ours")),
    }
}

fn element(element: &Value) -> Result<usize, String> {
    match element["type"].as_str() {
        Some("button") => button(element),
        Some("static_select") => menu(element),
        other => Err(format!("an element of type {other:?} is none of ours")),
    }
}

fn menu(menu: &Value) -> Result<usize, String> {
    length(menu, "action_id", ID)?;
    let options = menu["options"].as_array().map(Vec::as_slice).unwrap_or_default();
    if options.is_empty() {
        return Err("a menu without options".to_owned());
    }
    at_most("options", options.len(), OPTIONS)?;
    let mut all = text(&menu["placeholder"], PLACEHOLDER)?;
    for option in options {
        length(option, "value", OPTION_VALUE)?;
        all += text(&option["text"], OPTION)?;
    }
    Ok(all)
}

fn button(button: &Value) -> Result<usize, String> {
    length(button, "action_id", ID)?;
    length(button, "value", BUTTON_VALUE)?;
    length(button, "url", BUTTON_URL)?;
    let mut all = text(&button["text"], BUTTON)?;
    if let Some(confirm) = button.get("confirm") {
        for (field, most) in [
            ("title", CONFIRM_TITLE),
            ("text", CONFIRM_TEXT),
            ("confirm", CONFIRM_LABEL),
            ("deny", CONFIRM_LABEL),
        ] {
            all += text(&confirm[field], most)?;
        }
    }
    Ok(all)
}

/// A text object: neither empty nor too long.
fn text(object: &Value, most: usize) -> Result<usize, String> {
    let text = object["text"].as_str().ok_or("a text object without text")?;
    if text.trim().is_empty() {
        return Err("an empty text".to_owned());
    }
    at_most("text", units(text), most)?;
    Ok(units(text))
}

fn length(object: &Value, field: &str, most: usize) -> Result<(), String> {
    object.get(field).and_then(Value::as_str).map_or(Ok(()), |text| at_most(field, units(text), most))
}

fn at_most(what: &str, is: usize, most: usize) -> Result<(), String> {
    if is <= most { Ok(()) } else { Err(format!("{what}: {is} where Slack takes {most}")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(blocks: Value, error: Option<&str>) {
        let result = fits(blocks.as_array().map(Vec::as_slice).unwrap_or_default());
        match error {
            None => assert_eq!(result, Ok(())),
            Some(part) => assert!(result.as_ref().is_err_and(|e| e.contains(part)), "{result:?}"),
        }
    }

    #[test]
    fn limits_are_checked_by_units() {
        let section = |text: String| json!({"type": "section", "text": {"type": "mrkdwn", "text": text}});
        check(json!([section("a".repeat(3000))]), None);
        check(json!([section("a".repeat(3001))]), Some("3001"));
        check(json!([section("🚀".repeat(1501))]), Some("3002"));
        check(json!([section(" ".to_owned())]), Some("empty"));
        check(Value::from(vec![section("a".repeat(2600)); 4]), Some("all blocks"));
        check(Value::from(vec![section("a".to_owned()); 51]), Some("blocks: 51"));
        check(json!([{"type": "video"}]), Some("none of ours"));
    }
}
