//! The tables that `/flux get` answers with: the columns of the Flux CLI in code blocks, a menu to choose one of the objects from, and
//! buttons for what can be done with it.

use domain::ButtonStyle;
use serde_json::{Value, json};

use super::mrkdwn::{cost, fence, fenced_line, sentence};
use super::summary::question;
use super::{limits, section};
use crate::safe::{cut, one_line, units};

/// Characters of a cell; the last one, the message, may be longer.
const CELL: usize = 50;
const MESSAGE: usize = 120;
/// Characters of a line.
const LINE: usize = 400;
/// Characters of a value where one object is shown by itself.
const VALUE: usize = 1_200;
/// Units of all tables of a page.
const PAGE: usize = 7_500;
/// Rows of a page: a menu has so many options.
const ROWS: usize = limits::OPTIONS;
/// Sentences below the tables.
const NOTES: usize = 6;
/// Units of a sentence.
const NOTE: usize = 250;
/// Units of what stands above.
const LEAD: usize = 600;

/// Tables, and what can be done with what is in them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tables {
    /// What stands above, as a sentence of ours: `` ` `` marks names.
    pub lead: String,
    /// The tables, in order; one without rows is not shown.
    pub tables: Vec<Table>,
    /// What could not be listed, and whatever else is to say, as sentences of ours.
    pub notes: Vec<String>,
    /// Which page is shown, from 1; beyond the last, the last.
    pub page: usize,
    /// Buttons for the one object that is shown.
    pub buttons: Vec<CommandButton>,
}

/// A table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// What stands above the columns.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<TableRow>,
}

/// One object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableRow {
    /// As many as there are columns.
    pub cells: Vec<String>,
    /// How the menu calls it.
    pub label: String,
    /// What could be typed behind `/flux` to see it alone.
    pub command: String,
}

/// A button that runs a slash command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandButton {
    /// What stands on it.
    pub text: String,
    /// How it looks.
    pub style: ButtonStyle,
    /// What could be typed behind `/flux`.
    pub command: String,
    /// What is asked before; nothing where it changes nothing.
    pub confirm: Option<String>,
}

/// The page of tables: what notifications say, and the blocks. `turn` gives what could be typed behind `/flux` for another page.
pub fn tables(view: &Tables, turn: impl Fn(usize) -> String) -> (String, Vec<Value>) {
    let lead = sentence(&view.lead, LEAD);
    let mut blocks = vec![section("lead", &lead)];
    let pages = pages(&view.tables);
    let shown = view.page.clamp(1, pages.len().max(1));
    let (mut menu, mut bar) = (Vec::new(), Vec::new());
    if let Some(page) = pages.get(shown - 1) {
        blocks.extend(
            page.texts.iter().enumerate().map(|(i, text)| section(&format!("table-{i}"), &fence(text))),
        );
        menu = page.rows.iter().filter_map(|row| option(row)).collect();
    }
    if pages.len() > 1 {
        bar.extend((shown > 1).then(|| turning(&turn, "Previous", shown - 1)));
        bar.extend((shown < pages.len()).then(|| turning(&turn, "Next", shown + 1)));
        let rows: usize = view.tables.iter().map(|table| table.rows.len()).sum();
        let before: usize = pages[..shown - 1].iter().map(|page| page.rows.len()).sum();
        let here = pages[shown - 1].rows.len();
        let place = format!("Page {shown} of {}: {} to {} of {rows}", pages.len(), before + 1, before + here);
        blocks.push(section("place", &place));
    }
    let notes: Vec<String> = view.notes.iter().take(NOTES).map(|note| sentence(note, NOTE)).collect();
    if !notes.is_empty() {
        let more = view.notes.len().saturating_sub(NOTES);
        let more = (more > 0).then(|| format!("and {more} more such notes"));
        blocks.push(section("notes", &notes.into_iter().chain(more).collect::<Vec<_>>().join("\n")));
    }
    // A menu of one is none.
    if menu.len() > 1 {
        bar.insert(0, choice(menu));
    }
    bar.extend(
        view.buttons.iter().take(limits::ACTIONS_ELEMENTS - bar.len()).enumerate().map(|(i, b)| button(i, b)),
    );
    if !bar.is_empty() {
        blocks.push(json!({"type": "actions", "block_id": "actions", "elements": bar}));
    }
    (lead, blocks)
}

/// What one message shows.
#[derive(Default)]
struct Page<'a> {
    texts: Vec<String>,
    rows: Vec<&'a TableRow>,
}

fn pages(tables: &[Table]) -> Vec<Page<'_>> {
    if let [one] = tables
        && let [row] = one.rows.as_slice()
    {
        return vec![Page { texts: vec![card(&one.columns, row)], rows: vec![row] }];
    }
    let mut pages = vec![Page::default()];
    let mut size = 0;
    for table in tables.iter().filter(|table| !table.rows.is_empty()) {
        let widths = widths(table);
        let head = fenced_line(&line(&table.columns, &widths));
        let mut text = String::new();
        for row in &table.rows {
            let line = fenced_line(&line(&row.cells, &widths));
            let full = pages.last().is_some_and(|page| page.rows.len() == ROWS);
            let wide = units(&text) + cost(&line) > limits::SECTION_USED - 20;
            let last = pages.len() - 1;
            if (full || wide) && !text.is_empty() {
                pages[last].texts.push(std::mem::take(&mut text));
            }
            let label = units(&row.label).min(limits::OPTION);
            let needed = label + cost(&line) + if text.is_empty() { cost(&head) } else { 0 };
            if full || size + needed > PAGE {
                if !text.is_empty() {
                    pages[last].texts.push(std::mem::take(&mut text));
                }
                pages.push(Page::default());
                size = 0;
            }
            if text.is_empty() {
                text = format!("{head}\n");
                size += cost(&head);
            }
            size += label + cost(&line);
            text.push_str(&line);
            text.push('\n');
            pages.last_mut().into_iter().for_each(|page| page.rows.push(row));
        }
        pages.last_mut().into_iter().for_each(|page| page.texts.push(std::mem::take(&mut text)));
    }
    pages.retain(|page| !page.rows.is_empty());
    pages
}

/// One object by itself: each value on its own line, and whole, as far as it fits.
fn card(columns: &[String], row: &TableRow) -> String {
    let width = columns.iter().map(|name| name.chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    for (name, value) in columns.iter().zip(&row.cells) {
        let line = fenced_line(format!("{name:<width$}  {}", one_line(value, VALUE)).trim_end());
        let room = (limits::SECTION_USED - 20).saturating_sub(units(&text));
        if cost(&line) > room {
            let kept = fenced_line(&cut(value, room.saturating_sub(width + 10) / 6));
            text.push_str(&format!("{name:<width$}  {kept}\n"));
            continue;
        }
        text.push_str(&line);
        text.push('\n');
    }
    text
}

fn widths(table: &Table) -> Vec<usize> {
    let mut widths: Vec<usize> = table.columns.iter().map(|name| name.chars().count()).collect();
    let last = widths.len().saturating_sub(1);
    for row in &table.rows {
        for (i, (width, cell)) in widths.iter_mut().zip(&row.cells).enumerate() {
            *width = (*width).max(shown(cell, i == last).chars().count());
        }
    }
    widths
}

fn shown(cell: &str, last: bool) -> String {
    one_line(cell, if last { MESSAGE } else { CELL })
}

/// The last column is not padded: nothing comes behind it.
fn line(cells: &[String], widths: &[usize]) -> String {
    let mut out = String::new();
    for (i, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let cell = shown(cell, i + 1 == widths.len());
        out.push_str(&format!("{cell:<width$}  "));
    }
    cut(out.trim_end(), LINE)
}

/// An option of the menu; an object whose command is too long for one has none.
fn option(row: &TableRow) -> Option<Value> {
    let fits = units(&row.command) <= limits::OPTION_VALUE && !row.command.is_empty();
    let label = cut(&one_line(&row.label, limits::OPTION), limits::OPTION / 2);
    let label =
        if units(&row.label) <= limits::OPTION { one_line(&row.label, limits::OPTION) } else { label };
    fits.then(|| json!({"text": {"type": "plain_text", "text": label}, "value": row.command}))
}

fn choice(options: Vec<Value>) -> Value {
    let placeholder = json!({"type": "plain_text", "text": "Choose one…"});
    json!({"type": "static_select", "action_id": "command_choose", "placeholder": placeholder, "options": options})
}

fn turning(turn: impl Fn(usize) -> String, text: &str, page: usize) -> Value {
    let text = json!({"type": "plain_text", "text": text});
    json!({"type": "button", "action_id": format!("command_page_{page}"), "text": text, "value": turn(page)})
}

fn button(place: usize, button: &CommandButton) -> Value {
    let label = cut(&one_line(&button.text, limits::BUTTON - 1), limits::BUTTON / 2);
    let text = json!({"type": "plain_text", "text": label});
    let mut made = json!({"type": "button", "action_id": format!("command_{place}"), "text": text, "value": button.command});
    match button.style {
        ButtonStyle::Plain => {}
        ButtonStyle::Primary => made["style"] = json!("primary"),
        ButtonStyle::Danger => made["style"] = json!("danger"),
    }
    if let Some(confirm) = &button.confirm {
        made["confirm"] = question(&format!("{}?", button.text), &one_line(confirm, 280), &button.text);
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(names: impl IntoIterator<Item = String>, message: &str) -> Table {
        let columns = ["NAMESPACE", "NAME", "REVISION", "READY", "MESSAGE"].map(str::to_owned).to_vec();
        let row = |name: String| TableRow {
            cells: ["flux-system", &name, "main@sha1:01234567", "True", message].map(str::to_owned).to_vec(),
            label: format!("flux-system/{name}"),
            command: format!("get ks flux-system/{name}"),
        };
        Table { columns, rows: names.into_iter().map(row).collect() }
    }

    fn shown(view: &Tables) -> (String, Vec<Value>) {
        let (text, blocks) = tables(view, |page| format!("get ks --page {page}"));
        assert_eq!(limits::fits(&blocks), Ok(()));
        (text, blocks)
    }

    fn one(table: Table) -> Tables {
        Tables {
            lead: "2 Kustomizations in cluster `prod`".to_owned(),
            tables: vec![table],
            page: 1,
            ..Tables::default()
        }
    }

    #[test]
    fn it_looks_as_the_flux_cli_does() {
        let names = ["apps", "infrastructure"].map(str::to_owned);
        let (text, blocks) = shown(&one(table(names, "Applied revision: main@sha1:01234567")));
        assert_eq!(text, "2 Kustomizations in cluster `prod`");
        assert_eq!(
            blocks[1]["text"]["text"],
            "```\n\
             NAMESPACE    NAME            REVISION            READY  MESSAGE\n\
             flux-system  apps            main@sha1:01234567  True   Applied revision: main@sha1:01234567\n\
             flux-system  infrastructure  main@sha1:01234567  True   Applied revision: main@sha1:01234567\n\
             ```"
        );
        let menu = &blocks[2]["elements"][0];
        assert_eq!(
            (&menu["type"], &menu["options"][1]["value"]),
            (&json!("static_select"), &json!("get ks flux-system/infrastructure"))
        );
        assert_eq!(menu["options"][0]["text"]["text"], "flux-system/apps");
        assert_eq!(blocks.len(), 3);
    }

    #[test]
    fn pages_have_every_row_once_and_lead_to_each_other() {
        let names: Vec<String> = (0..431).map(|i| format!("k{i}")).collect();
        let mut view = one(table(names.clone(), "``` <!channel> & more"));
        view.tables.push(table(["last".to_owned()], "x"));
        let (mut seen, mut commands) = (Vec::new(), Vec::new());
        loop {
            let (_, blocks) = shown(&view);
            let bar = blocks.last().map(|block| block["elements"].clone()).unwrap_or_default();
            let options = bar[0]["options"].as_array().cloned().unwrap_or_default();
            let texts: String = blocks.iter().filter_map(|block| block["text"]["text"].as_str()).collect();
            assert_eq!(texts.matches("flux-system  ").count(), options.len(), "the menu has what is shown");
            seen.extend(options.iter().filter_map(|o| o["text"]["text"].as_str().map(str::to_owned)));
            let buttons: Vec<&Value> = bar.as_array().into_iter().flatten().skip(1).collect();
            commands.push(
                buttons
                    .iter()
                    .map(|b| b["value"].as_str().unwrap_or_default().to_owned())
                    .collect::<Vec<_>>(),
            );
            if !buttons.iter().any(|b| b["text"]["text"] == "Next") {
                assert!(
                    texts.contains(&format!("Page {0} of {0}", view.page)) && texts.contains("to 432 of 432"),
                    "{texts}"
                );
                break;
            }
            view.page += 1;
        }
        let expected: Vec<String> =
            names.iter().chain([&"last".to_owned()]).map(|n| format!("flux-system/{n}")).collect();
        assert_eq!(seen, expected);
        assert_eq!(commands[0], ["get ks --page 2"]);
        assert_eq!(commands[1], ["get ks --page 1", "get ks --page 3"]);
        let last = shown(&view);
        view.page = 9_999;
        assert_eq!(shown(&view), last, "beyond the last is the last");
    }

    #[test]
    fn one_object_is_shown_whole_with_what_can_be_done() {
        let message = "a long message, ".repeat(60);
        let mut view = one(table(["apps".to_owned()], message.trim_end()));
        let confirm = Some("Suspend `apps`?".to_owned());
        let command = "suspend ks flux-system/apps".to_owned();
        view.buttons =
            vec![CommandButton { text: "Suspend".to_owned(), style: ButtonStyle::Danger, command, confirm }];
        let (_, blocks) = shown(&view);
        let text = blocks[1]["text"]["text"].as_str().unwrap_or_default();
        assert!(text.starts_with("```\nNAMESPACE  flux-system\nNAME       apps\n"), "{text}");
        assert!(text.contains(message.trim_end()), "{text}");
        let button = &blocks[2]["elements"][0];
        assert_eq!(
            (&button["value"], &button["style"]),
            (&json!("suspend ks flux-system/apps"), &json!("danger"))
        );
        assert_eq!(button["confirm"]["confirm"]["text"], "Suspend");
        for hostile in ["&".repeat(5_000), "<!here> ``` 🚀".repeat(500)] {
            shown(&one(table(["apps".to_owned()], &hostile)));
            shown(&one(table([hostile.clone(), hostile.clone()], &hostile)));
        }
    }

    #[test]
    fn nothing_to_list_is_said_and_notes_are_bounded() {
        let notes = (0..9).map(|i| format!("`kind {i}` is not readable")).collect();
        let (text, blocks) = shown(&Tables {
            lead: "No Alerts in cluster `prod`".to_owned(),
            notes,
            page: 1,
            ..Tables::default()
        });
        assert_eq!((text.as_str(), blocks.len()), ("No Alerts in cluster `prod`", 2));
        assert!(blocks[1]["text"]["text"].as_str().is_some_and(|t| t.ends_with("and 3 more such notes")));
    }
}
