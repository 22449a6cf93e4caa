//! The report in Slack: the one message of a pull request ([`summary`]), its thread ([`details`]), and the tables of a slash command.
//! Blocks are plain JSON; every limit is in [`limits`], every escape in `mrkdwn`.

mod details;
pub mod limits;
mod lines;
mod mrkdwn;
mod summary;
mod table;
#[cfg(test)]
mod tests;
mod typed;

use serde_json::{Value, json};

use crate::safe::one_line;
use domain::report::Report;
use domain::{Acts, ButtonStyle, PullRequest, ReportId};

pub use details::{Details, details};
pub use mrkdwn::escape;
pub use summary::summary;
pub use table::{CommandButton, Table, TableRow, Tables, tables};
pub use typed::lines_of;

/// What the one message of a pull request shows.
#[derive(Debug, Clone, Copy)]
pub struct MessageView<'a> {
    /// The pull request as last read.
    pub pull: &'a PullRequest,
    /// Where it stands.
    pub state: State<'a>,
    /// The last thing that somebody did, such as `Posted as a comment by Ann`.
    pub note: Option<&'a str>,
    /// Further buttons, after our own.
    pub extra: &'a [ExtraButton],
    /// What people may do with their own accounts, besides approving.
    pub acts: Acts,
}

/// A button that the configuration adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraButton {
    /// What stands on it.
    pub text: String,
    /// How it looks.
    pub style: ButtonStyle,
    /// What it does.
    pub does: ExtraDoes,
}

/// What a further button does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExtraDoes {
    /// Opens a page.
    Url(String),
    /// Runs what could be typed after `/flux`.
    Command(String),
}

/// Where a pull request stands.
#[derive(Debug, Clone, Copy)]
pub enum State<'a> {
    /// A diff is due.
    Queued,
    /// A diff is made when somebody asks for it.
    Offered {
        /// What the button that asks for it names.
        report: &'a ReportId,
    },
    /// A diff is being made.
    Running,
    /// The newest report stands.
    Reported(&'a Report),
    /// The diff could not be made.
    Failed {
        /// Why, as a sentence.
        why: &'a str,
        /// An earlier report of the pull request, if there is one: its button can ask again.
        report: Option<&'a ReportId>,
    },
    /// Newer commits came in while the diff was made.
    Superseded,
    /// Closed without a merge, with the last report.
    Closed(Option<&'a Report>),
    /// Merged, with the last report.
    Merged(Option<&'a Report>),
}

/// Blocks for a short answer to a click or a command: one section. `` ` `` marks names in `text`; nothing else in it has an effect.
pub fn answer(text: &str) -> (String, Vec<Value>) {
    let whole = mrkdwn::sentence(text, limits::SECTION_USED);
    (whole.clone(), vec![section("answer", &whole)])
}

/// Blocks for something that a rule tells of a repository: its words, in Slack's own markup, and its buttons. What was filled into the
/// words went through [`event_value`]; they have at most [`limits::SECTION_USED`] units.
pub fn notice(text: &str, extra: &[ExtraButton]) -> (String, Vec<Value>) {
    let mut blocks = vec![section("event", text)];
    let buttons = summary::extra_buttons(extra.iter().take(limits::ACTIONS_ELEMENTS));
    if !buttons.is_empty() {
        blocks.push(json!({"type": "actions", "block_id": "actions", "elements": buttons}));
    }
    (text.to_owned(), blocks)
}

/// Other people's text inside of Slack's markup: one line, without mentions, links, code or anything unseen.
pub fn event_value(text: &str) -> String {
    mrkdwn::escape(&one_line(text, EVENT_VALUE)).replace('`', "ˋ")
}

/// Characters of one value in the words of an event rule.
const EVENT_VALUE: usize = 500;

fn section(id: &str, text: &str) -> Value {
    json!({"type": "section", "block_id": id, "text": {"type": "mrkdwn", "text": text, "verbatim": true}})
}

fn context(id: &str, lines: &[String]) -> Value {
    let element = |text: &String| json!({"type": "mrkdwn", "text": text, "verbatim": true});
    let elements: Vec<Value> = lines.iter().take(limits::CONTEXT_ELEMENTS).map(element).collect();
    json!({"type": "context", "block_id": id, "elements": elements})
}
