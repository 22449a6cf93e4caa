//! The form behind a button, as Slack's modal: what is asked goes out in it, and what the click was about comes back in it. Nobody but
//! Slack can change what we put into it.

use domain::interact::{Action, Click};
use ports::Form;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What the one block and its input are called.
const INPUT: &str = "reason";

/// The click that a form is about, but for who fills it in.
#[derive(Serialize, Deserialize)]
pub(crate) struct About {
    pub(crate) report: String,
    pub(crate) channel: String,
    pub(crate) message: String,
    pub(crate) answer_url: String,
}

/// The modal.
pub(crate) fn of(click: &Click, form: &Form) -> Value {
    let about = About {
        report: click.report.as_str().to_owned(),
        channel: click.channel.clone(),
        message: click.message.clone(),
        answer_url: click.answer_url.clone(),
    };
    let plain = |text: &str| json!({"type": "plain_text", "text": text});
    json!({
        "type": "modal",
        "callback_id": click.action.id(),
        "private_metadata": json!(about).to_string(),
        "title": plain(form.title),
        "submit": plain(form.submit),
        "close": plain("Cancel"),
        "blocks": [
            {"type": "section", "block_id": "about", "text": plain(form.about)},
            {"type": "input", "block_id": INPUT, "label": plain(form.label), "element": {
                "type": "plain_text_input", "action_id": INPUT, "multiline": true, "max_length": form.most,
            }},
        ],
    })
}

/// What was written, if this is one of our forms.
pub(crate) fn written(view: &Value) -> Option<(Action, About, String)> {
    let action = Action::from_id(view["callback_id"].as_str()?).filter(|action| action.asks_for_reason())?;
    let about = serde_json::from_str(view["private_metadata"].as_str()?).ok()?;
    let text = view["state"]["values"][INPUT][INPUT]["value"].as_str().unwrap_or_default();
    Some((action, about, text.to_owned()))
}

/// What Slack shows under the input instead of closing the form.
pub fn correction(what: &str) -> Value {
    json!({"response_action": "errors", "errors": {INPUT: what}})
}
