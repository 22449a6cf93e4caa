//! Slack's limits on blocks and views: everything that makes it answer `invalid_blocks` or `msg_blocks_too_long`, with its messages.

use std::collections::BTreeSet;

use serde_json::Value;

/// Most blocks in a message.
pub const MESSAGE_BLOCKS: usize = 50;
/// Most blocks in a modal.
pub const VIEW_BLOCKS: usize = 100;
/// Most text over all blocks of a message, in characters. Undocumented: about 12 000, and 11 341 has been seen refused.
pub const TOTAL_TEXT: usize = 11_300;
/// Where Slack cuts a message's `text`, in characters.
pub const TEXT_CUT: usize = 40_000;
/// Most characters over all `markdown` blocks.
pub const MARKDOWN_TEXT: usize = 12_000;

/// Why Slack refuses: its error code, and its messages with JSON pointers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// `invalid_blocks`, `msg_blocks_too_long`, `invalid_arguments`.
    pub error: String,
    /// Such as `must be less than 3001 characters [json-pointer:/blocks/0/text/text]`.
    pub messages: Vec<String>,
}

/// Checks a message's blocks as Slack does.
pub fn check_blocks(blocks: &Value) -> Result<(), Refusal> {
    let errors = checked(blocks, "/blocks", MESSAGE_BLOCKS);
    if !errors.is_empty() {
        return Err(Refusal { error: "invalid_blocks".to_owned(), messages: errors });
    }
    let total = text_length(blocks);
    if total > TOTAL_TEXT {
        let text = format!("the blocks hold {total} characters of text");
        return Err(Refusal { error: "msg_blocks_too_long".to_owned(), messages: vec![text] });
    }
    Ok(())
}

/// Checks a modal's view as `views.open` does.
pub fn check_view(view: &Value) -> Result<(), Refusal> {
    let mut check = Check::default();
    if view["type"] != "modal" {
        check.fail("/view/type", "must be a valid enum value");
    }
    check.text(&view["title"], "/view/title", &["plain_text"], 24);
    for name in ["submit", "close"] {
        if !view[name].is_null() {
            check.text(&view[name], &format!("/view/{name}"), &["plain_text"], 24);
        }
    }
    let blocks = view["blocks"].as_array().map(Vec::as_slice).unwrap_or_default();
    if view["submit"].is_null() && blocks.iter().any(|block| block["type"] == "input") {
        check.fail("/view/submit", "missing required field: submit");
    }
    check.longest(&view["private_metadata"], "/view/private_metadata", 3000);
    check.longest(&view["callback_id"], "/view/callback_id", 255);
    check.longest(&view["external_id"], "/view/external_id", 255);
    let mut errors = check.errors;
    errors.extend(checked(&view["blocks"], "/view/blocks", VIEW_BLOCKS));
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Refusal { error: "invalid_arguments".to_owned(), messages: errors })
    }
}

fn checked(blocks: &Value, at: &str, most: usize) -> Vec<String> {
    let mut check = Check::default();
    let Some(list) = blocks.as_array() else {
        return vec![format!("must be an array [json-pointer:{at}]")];
    };
    if list.len() > most {
        check.fail(at, &format!("no more than {most} items allowed"));
    }
    for (i, block) in list.iter().enumerate() {
        check.block(block, &format!("{at}/{i}"));
    }
    if check.markdown > MARKDOWN_TEXT {
        check.fail(at, &format!("markdown text must be less than {} characters", MARKDOWN_TEXT + 1));
    }
    if check.tables > 1 {
        check.fail(at, "only one table is allowed");
    }
    check.errors
}

/// Characters of all displayed text in blocks: `text` strings wherever they are.
pub(crate) fn text_length(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(text_length).sum(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| match value {
                Value::String(text) if name == "text" => text.chars().count(),
                other => text_length(other),
            })
            .sum(),
        _ => 0,
    }
}

#[derive(Default)]
struct Check {
    errors: Vec<String>,
    block_ids: BTreeSet<String>,
    markdown: usize,
    tables: usize,
}

const INTERACTIVE: [&str; 14] = [
    "button",
    "overflow",
    "static_select",
    "multi_static_select",
    "users_select",
    "multi_users_select",
    "conversations_select",
    "channels_select",
    "external_select",
    "datepicker",
    "timepicker",
    "checkboxes",
    "radio_buttons",
    "workflow_button",
];

impl Check {
    fn fail(&mut self, at: &str, text: &str) {
        self.errors.push(format!("{text} [json-pointer:{at}]"));
    }

    fn longest(&mut self, value: &Value, at: &str, most: usize) {
        match value {
            Value::Null => {}
            Value::String(text) if text.chars().count() > most => {
                self.fail(at, &format!("must be less than {} characters", most + 1));
            }
            Value::String(_) => {}
            _ => self.fail(at, "must be a string"),
        }
    }

    fn required(&mut self, value: &Value, at: &str, most: usize) {
        match value.as_str() {
            None => self.fail(at, "missing required field"),
            Some("") => self.fail(at, "must be more than 0 characters"),
            Some(_) => self.longest(value, at, most),
        }
    }

    fn text(&mut self, value: &Value, at: &str, kinds: &[&str], most: usize) {
        let kind = value["type"].as_str().unwrap_or_default();
        if !kinds.contains(&kind) {
            self.fail(&format!("{at}/type"), "must be a valid enum value");
        }
        self.only(value, at, &["type", "text", "emoji", "verbatim"]);
        if kind == "mrkdwn" && !value["emoji"].is_null() {
            self.fail(at, "invalid additional property: emoji");
        }
        self.required(&value["text"], &format!("{at}/text"), most);
    }

    fn only(&mut self, value: &Value, at: &str, fields: &[&str]) {
        for name in value.as_object().into_iter().flat_map(|o| o.keys()) {
            if !fields.contains(&name.as_str()) {
                self.fail(at, &format!("invalid additional property: {name}"));
            }
        }
    }

    fn count<'v>(&mut self, value: &'v Value, at: &str, least: usize, most: usize) -> &'v [Value] {
        let items = value.as_array().map(Vec::as_slice);
        match items {
            None => self.fail(at, "missing required field"),
            Some(items) if items.len() > most => self.fail(at, &format!("no more than {most} items allowed")),
            Some(items) if items.len() < least => {
                self.fail(at, &format!("no fewer than {least} items allowed"))
            }
            Some(_) => {}
        }
        items.unwrap_or_default()
    }

    fn block(&mut self, block: &Value, at: &str) {
        self.longest(&block["block_id"], &format!("{at}/block_id"), 255);
        if let Some(id) = block["block_id"].as_str()
            && !self.block_ids.insert(id.to_owned())
        {
            self.fail(&format!("{at}/block_id"), &format!("\"{id}\" already exists"));
        }
        match block["type"].as_str().unwrap_or_default() {
            "section" => self.section(block, at),
            "header" => {
                self.only(block, at, &["type", "block_id", "text", "level"]);
                self.text(&block["text"], &format!("{at}/text"), &["plain_text"], 150);
            }
            "divider" => self.only(block, at, &["type", "block_id"]),
            "context" => self.context(block, at),
            "actions" => {
                self.only(block, at, &["type", "block_id", "elements"]);
                let elements = self.count(&block["elements"], &format!("{at}/elements"), 1, 25).to_vec();
                self.elements(&elements, at);
            }
            "markdown" => {
                self.only(block, at, &["type", "block_id", "text"]);
                self.required(&block["text"], &format!("{at}/text"), MARKDOWN_TEXT);
                self.markdown += block["text"].as_str().map_or(0, |t| t.chars().count());
            }
            "image" => self.image(block, at),
            "table" => self.table(block, at),
            "rich_text" => self.rich_text(block, at),
            "input" => self.input(block, at),
            other => self.fail(&format!("{at}/type"), &format!("unsupported type: {other}")),
        }
    }

    fn section(&mut self, block: &Value, at: &str) {
        self.only(block, at, &["type", "block_id", "text", "fields", "accessory", "expand"]);
        if block["text"].is_null() && block["fields"].is_null() {
            self.fail(at, "missing required field: text");
        }
        if !block["text"].is_null() {
            self.text(&block["text"], &format!("{at}/text"), &["plain_text", "mrkdwn"], 3000);
        }
        if !block["fields"].is_null() {
            for (i, field) in
                self.count(&block["fields"], &format!("{at}/fields"), 1, 10).to_vec().iter().enumerate()
            {
                self.text(field, &format!("{at}/fields/{i}"), &["plain_text", "mrkdwn"], 2000);
            }
        }
        match &block["accessory"] {
            Value::Null => {}
            image if image["type"] == "image" => self.image(image, &format!("{at}/accessory")),
            accessory => self.element(accessory, &format!("{at}/accessory")),
        }
    }

    fn context(&mut self, block: &Value, at: &str) {
        self.only(block, at, &["type", "block_id", "elements"]);
        for (i, element) in
            self.count(&block["elements"], &format!("{at}/elements"), 1, 10).to_vec().iter().enumerate()
        {
            let at = format!("{at}/elements/{i}");
            match element["type"].as_str() {
                Some("image") => self.image(element, &at),
                _ => self.text(element, &at, &["plain_text", "mrkdwn"], 3000),
            }
        }
    }

    fn image(&mut self, image: &Value, at: &str) {
        self.required(&image["image_url"], &format!("{at}/image_url"), 3000);
        self.required(&image["alt_text"], &format!("{at}/alt_text"), 2000);
        if !image["title"].is_null() {
            self.text(&image["title"], &format!("{at}/title"), &["plain_text"], 2000);
        }
    }

    fn elements(&mut self, elements: &[Value], at: &str) {
        let mut ids = BTreeSet::new();
        for (i, element) in elements.iter().enumerate() {
            self.element(element, &format!("{at}/elements/{i}"));
            if let Some(id) = element["action_id"].as_str()
                && !ids.insert(id.to_owned())
            {
                self.fail(
                    &format!("{at}/elements/{i}/action_id"),
                    &format!("`action_id` \"{id}\" already exists"),
                );
            }
        }
    }

    fn element(&mut self, element: &Value, at: &str) {
        let kind = element["type"].as_str().unwrap_or_default();
        if !INTERACTIVE.contains(&kind) {
            return self.fail(&format!("{at}/type"), &format!("unsupported type: {kind}"));
        }
        self.longest(&element["action_id"], &format!("{at}/action_id"), 255);
        if !element["confirm"].is_null() {
            self.confirm(&element["confirm"], &format!("{at}/confirm"));
        }
        if !element["placeholder"].is_null() {
            self.text(&element["placeholder"], &format!("{at}/placeholder"), &["plain_text"], 150);
        }
        match kind {
            "button" => self.button(element, at),
            "overflow" => self.options(element, at, 1, 5),
            "radio_buttons" | "checkboxes" => self.options(element, at, 1, 10),
            "static_select" | "multi_static_select" => self.select(element, at),
            _ => {}
        }
    }

    fn button(&mut self, button: &Value, at: &str) {
        self.only(
            button,
            at,
            &["type", "text", "action_id", "url", "value", "style", "confirm", "accessibility_label"],
        );
        self.text(&button["text"], &format!("{at}/text"), &["plain_text"], 75);
        self.longest(&button["value"], &format!("{at}/value"), 2000);
        self.longest(&button["url"], &format!("{at}/url"), 3000);
        self.longest(&button["accessibility_label"], &format!("{at}/accessibility_label"), 75);
        if let Some(url) = button["url"].as_str()
            && !(url.starts_with("https://") || url.starts_with("http://"))
        {
            self.fail(&format!("{at}/url"), "invalid url");
        }
        if !button["style"].is_null() && button["style"] != "primary" && button["style"] != "danger" {
            self.fail(&format!("{at}/style"), "must be a valid enum value");
        }
    }

    fn select(&mut self, element: &Value, at: &str) {
        if element["option_groups"].is_null() {
            return self.options(element, at, 1, 100);
        }
        for (i, group) in self
            .count(&element["option_groups"], &format!("{at}/option_groups"), 1, 100)
            .to_vec()
            .iter()
            .enumerate()
        {
            let at = format!("{at}/option_groups/{i}");
            self.text(&group["label"], &format!("{at}/label"), &["plain_text"], 75);
            self.options(group, &at, 1, 100);
        }
    }

    fn options(&mut self, holder: &Value, at: &str, least: usize, most: usize) {
        for (i, option) in
            self.count(&holder["options"], &format!("{at}/options"), least, most).to_vec().iter().enumerate()
        {
            let at = format!("{at}/options/{i}");
            self.text(&option["text"], &format!("{at}/text"), &["plain_text", "mrkdwn"], 75);
            self.required(&option["value"], &format!("{at}/value"), 150);
            if !option["description"].is_null() {
                self.text(
                    &option["description"],
                    &format!("{at}/description"),
                    &["plain_text", "mrkdwn"],
                    75,
                );
            }
        }
    }

    fn confirm(&mut self, confirm: &Value, at: &str) {
        self.only(confirm, at, &["title", "text", "confirm", "deny", "style"]);
        self.text(&confirm["title"], &format!("{at}/title"), &["plain_text"], 100);
        self.text(&confirm["text"], &format!("{at}/text"), &["plain_text", "mrkdwn"], 300);
        for name in ["confirm", "deny"] {
            self.text(&confirm[name], &format!("{at}/{name}"), &["plain_text"], 30);
        }
    }

    fn table(&mut self, block: &Value, at: &str) {
        self.tables += 1;
        self.only(block, at, &["type", "block_id", "rows", "column_settings"]);
        for (i, row) in self.count(&block["rows"], &format!("{at}/rows"), 1, 100).to_vec().iter().enumerate()
        {
            let at = format!("{at}/rows/{i}");
            for (j, cell) in self.count(row, &at, 1, 20).to_vec().iter().enumerate() {
                match cell["type"].as_str() {
                    Some("raw_text") => self.required(&cell["text"], &format!("{at}/{j}/text"), 3000),
                    Some("rich_text") => self.rich_text(cell, &format!("{at}/{j}")),
                    _ => self.fail(&format!("{at}/{j}/type"), "must be a valid enum value"),
                }
            }
        }
    }

    fn rich_text(&mut self, block: &Value, at: &str) {
        const PARTS: [&str; 4] =
            ["rich_text_section", "rich_text_preformatted", "rich_text_list", "rich_text_quote"];
        for (i, part) in
            self.count(&block["elements"], &format!("{at}/elements"), 1, 1000).to_vec().iter().enumerate()
        {
            let at = format!("{at}/elements/{i}");
            let kind = part["type"].as_str().unwrap_or_default();
            if !PARTS.contains(&kind) {
                self.fail(&format!("{at}/type"), &format!("unsupported type: {kind}"));
            } else if kind == "rich_text_list" {
                self.rich_text(part, &at);
            } else {
                self.rich_elements(part, &at);
            }
        }
    }

    fn rich_elements(&mut self, part: &Value, at: &str) {
        for (i, element) in
            self.count(&part["elements"], &format!("{at}/elements"), 0, 1000).to_vec().iter().enumerate()
        {
            let at = format!("{at}/elements/{i}");
            match element["type"].as_str().unwrap_or_default() {
                "text" => self.required(&element["text"], &format!("{at}/text"), usize::MAX - 1),
                "link" => self.required(&element["url"], &format!("{at}/url"), 3000),
                "emoji" | "user" | "channel" | "usergroup" | "broadcast" | "date" | "color" => {}
                other => self.fail(&format!("{at}/type"), &format!("unsupported type: {other}")),
            }
        }
    }

    fn input(&mut self, block: &Value, at: &str) {
        self.text(&block["label"], &format!("{at}/label"), &["plain_text"], 2000);
        if !block["hint"].is_null() {
            self.text(&block["hint"], &format!("{at}/hint"), &["plain_text"], 2000);
        }
        match block["element"]["type"].as_str() {
            Some("plain_text_input") => {
                let at = format!("{at}/element");
                self.longest(&block["element"]["action_id"], &format!("{at}/action_id"), 255);
                for bound in ["min_length", "max_length"] {
                    let given = &block["element"][bound];
                    if !given.is_null() && given.as_u64().is_none_or(|n| n > 3000) {
                        self.fail(&format!("{at}/{bound}"), "must be less than or equal to 3000");
                    }
                }
            }
            _ => self.element(&block["element"], &format!("{at}/element")),
        }
    }
}
