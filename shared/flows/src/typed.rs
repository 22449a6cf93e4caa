//! What is said to somebody whose command is not carried out.

use commands::Told;
use report::slack;
use report::words::replies;
use serde_json::Value;

/// What is shown where nothing is done: the text for notifications, and blocks.
pub(crate) fn instead(told: &Told) -> (String, Vec<Value>) {
    match told {
        Told::Help(lines) => slack::lines_of("", lines),
        Told::Wrong(lines) => slack::lines_of(replies::not_understood(), lines),
        Told::Elsewhere(sentence) => slack::answer(sentence),
    }
}
