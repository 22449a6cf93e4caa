//! A verified body to a domain interaction: clicks on buttons, forms that were filled in, and slash commands. Everything else of
//! Slack's is acknowledged and otherwise ignored.

use domain::interact::{Action, Click, Command, Interaction, Person};
use serde::Deserialize;
use serde_json::Value;
use url::form_urlencoded;

use crate::view;

/// How the ids of buttons begin that stand for a slash command; what they say is in their value.
const COMMAND_BUTTON: &str = "command_";
/// How the ids of those begin that turn the pages of an answer.
const TURNING: &str = "command_page_";
/// Slack sends forms.
const FORM: &str = "application/x-www-form-urlencoded";

/// A body that was Slack's, and that we cannot read. Nothing of the body is in it, so it may be logged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// The content type is not a form.
    #[error("the content type is not `{FORM}`")]
    NotAForm,
    /// Neither a payload nor a command is in it.
    #[error("the form has neither `payload` nor `command`")]
    Nothing,
    /// The payload is no JSON of the form that a click has.
    #[error("the payload of a click cannot be read: {0}")]
    Payload(String),
    /// A field is missing or empty.
    #[error("field `{0}` is missing")]
    Missing(&'static str),
    /// The value of a button of ours is no report id.
    #[error("the button's value is no report id")]
    Value,
}

/// Reads a body that [`super::verify`] accepted.
pub fn parse(body: &[u8], content_type: Option<&str>) -> Result<Interaction, Unreadable> {
    let kind = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case(FORM) {
        return Err(Unreadable::NotAForm);
    }
    let form = Form(body);
    // Slack checks an address's certificate this way; it wants no more than a 200.
    if form.get("ssl_check").as_deref() == Some("1") {
        return Ok(Interaction::Nothing);
    }
    match (form.get("payload"), form.get("command")) {
        (Some(payload), _) => click(&payload),
        (None, Some(_)) => command(&form).map(Interaction::Command),
        (None, None) => Err(Unreadable::Nothing),
    }
}

struct Form<'a>(&'a [u8]);

impl Form<'_> {
    /// The first value of a field.
    fn get(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.0).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    fn needed(&self, name: &'static str) -> Result<String, Unreadable> {
        needed(self.get(name), name)
    }
}

fn needed(value: Option<String>, name: &'static str) -> Result<String, Unreadable> {
    value.filter(|text| !text.is_empty()).ok_or(Unreadable::Missing(name))
}

fn command(form: &Form<'_>) -> Result<Command, Unreadable> {
    Ok(Command {
        text: form.get("text").unwrap_or_default(),
        by: Person {
            team: form.needed("team_id")?,
            id: form.needed("user_id")?,
            name: form.get("user_name").unwrap_or_default(),
        },
        channel: form.needed("channel_id")?,
        trigger: form.needed("trigger_id")?,
        answer_url: form.needed("response_url")?,
        replaces: false,
    })
}

/// What is read of an interaction payload; it has much more.
#[derive(Deserialize)]
struct Payload {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    actions: Vec<ActionPayload>,
    #[serde(default)]
    user: UserPayload,
    #[serde(default)]
    channel: Option<ChannelPayload>,
    #[serde(default)]
    container: ContainerPayload,
    trigger_id: Option<String>,
    response_url: Option<String>,
    #[serde(default)]
    view: Value,
}

#[derive(Deserialize)]
struct ActionPayload {
    #[serde(default)]
    action_id: String,
    value: Option<String>,
    /// Of a menu.
    selected_option: Option<OptionPayload>,
}

#[derive(Deserialize)]
struct OptionPayload {
    value: Option<String>,
}

#[derive(Deserialize, Default)]
struct UserPayload {
    id: Option<String>,
    /// The person's own workspace, which is another one than the app's for guests by Slack Connect.
    team_id: Option<String>,
    name: Option<String>,
    username: Option<String>,
}

#[derive(Deserialize)]
struct ChannelPayload {
    id: Option<String>,
}

#[derive(Deserialize, Default)]
struct ContainerPayload {
    channel_id: Option<String>,
    message_ts: Option<String>,
}

fn click(payload: &str) -> Result<Interaction, Unreadable> {
    // The error of the parser may quote the payload: only where it stopped is told.
    let payload: Payload = serde_json::from_str(payload)
        .map_err(|e| Unreadable::Payload(format!("line {} column {}", e.line(), e.column())))?;
    match payload.kind.as_str() {
        "block_actions" => {}
        "view_submission" => return submission(payload),
        _ => return Ok(Interaction::Nothing),
    }
    let Some(pressed) = payload.actions.into_iter().next() else { return Ok(Interaction::Nothing) };
    let channel = payload.container.channel_id.or_else(|| payload.channel.and_then(|channel| channel.id));
    if pressed.action_id.starts_with(COMMAND_BUTTON) {
        let value = pressed.value.or_else(|| pressed.selected_option.and_then(|option| option.value));
        return Ok(Interaction::Button(Command {
            replaces: pressed.action_id.starts_with(TURNING),
            text: needed(value, "actions[0].value")?,
            by: person(payload.user)?,
            channel: needed(channel, "container.channel_id")?,
            trigger: needed(payload.trigger_id, "trigger_id")?,
            answer_url: needed(payload.response_url, "response_url")?,
        }));
    }
    let Some(action) = Action::from_id(&pressed.action_id).filter(|action| *action != Action::View) else {
        return Ok(Interaction::Nothing);
    };
    Ok(Interaction::Click(Click {
        action,
        report: needed(pressed.value, "actions[0].value")?.parse().map_err(|_| Unreadable::Value)?,
        by: person(payload.user)?,
        channel: needed(channel, "container.channel_id")?,
        message: needed(payload.container.message_ts, "container.message_ts")?,
        trigger: needed(payload.trigger_id, "trigger_id")?,
        answer_url: needed(payload.response_url, "response_url")?,
        reason: None,
    }))
}

/// A form of ours. It can be sent once, so its own id stands for this very click.
fn submission(payload: Payload) -> Result<Interaction, Unreadable> {
    let Some((action, about, reason)) = view::written(&payload.view) else { return Ok(Interaction::Nothing) };
    let id = payload.view["id"].as_str().map(str::to_owned);
    Ok(Interaction::Submitted(Click {
        action,
        report: about.report.parse().map_err(|_| Unreadable::Value)?,
        by: person(payload.user)?,
        channel: about.channel,
        message: about.message,
        trigger: needed(id, "view.id")?,
        answer_url: about.answer_url,
        reason: Some(reason),
    }))
}

fn person(user: UserPayload) -> Result<Person, Unreadable> {
    Ok(Person {
        team: needed(user.team_id, "user.team_id")?,
        id: needed(user.id, "user.id")?,
        name: user.name.or(user.username).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "the payloads are constants")]
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn form(fields: &[(&str, &str)]) -> Vec<u8> {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish().into_bytes()
    }

    fn pressed(change: impl FnOnce(&mut Value)) -> Result<Interaction, Unreadable> {
        let mut payload = json!({
            "type": "block_actions",
            "user": {"id": "U1", "name": "ann", "team_id": "T1"},
            "team": {"id": "T9"},
            "container": {"channel_id": "C1", "message_ts": "1.2"},
            "trigger_id": "t.1",
            "response_url": "https://hooks.slack.com/actions/1",
            "actions": [{"action_id": "approve", "value": "report-00000001"}],
        });
        change(&mut payload);
        parse(&form(&[("payload", &payload.to_string())]), Some(FORM))
    }

    #[test]
    fn a_click_becomes_a_click() {
        let Ok(Interaction::Click(click)) = pressed(|_| ()) else { panic!("no click") };
        assert_eq!(click.action, Action::Approve);
        assert_eq!(click.report.as_str(), "report-00000001");
        assert_eq!(
            (click.by.team.as_str(), click.by.id.as_str(), click.by.name.as_str()),
            ("T1", "U1", "ann")
        );
        assert_eq!(
            (click.channel.as_str(), click.message.as_str(), click.trigger.as_str()),
            ("C1", "1.2", "t.1")
        );
    }

    #[test]
    fn a_form_is_the_click_that_opened_it_with_what_was_written() {
        let Ok(Interaction::Click(click)) =
            pressed(|p| p["actions"][0]["action_id"] = json!("request_changes"))
        else {
            panic!("no click")
        };
        let form = ports::Form { title: "t", about: "a", label: "l", submit: "s", most: 100 };
        let mut sent = view::of(&click, &form);
        sent["id"] = json!("V1");
        let submitted = |view: &Value| {
            pressed(|p| {
                let user = p["user"].take();
                *p = json!({"type": "view_submission", "user": user, "view": view, "trigger_id": "t.2"});
            })
        };
        let with = |reason: &str| {
            let reason = Some(reason.to_owned());
            Ok(Interaction::Submitted(Click { trigger: "V1".to_owned(), reason, ..click.clone() }))
        };
        assert_eq!(submitted(&sent), with(""));
        sent["state"]["values"]["reason"]["reason"]["value"] = json!("too\nsmall");
        assert_eq!(submitted(&sent), with("too\nsmall"));
        // A form of somebody else's, one of ours that takes no reason, and one without what it is about.
        for (field, value) in [("callback_id", "x"), ("callback_id", "approve"), ("private_metadata", "")] {
            let mut other = sent.clone();
            other[field] = json!(value);
            assert_eq!(submitted(&other), Ok(Interaction::Nothing), "{field}");
        }
        sent["id"] = json!(null);
        assert_eq!(submitted(&sent), Err(Unreadable::Missing("view.id")));
    }

    #[test]
    fn a_button_of_the_configuration_is_a_command() {
        let button =
            |value: Value| pressed(|p| p["actions"][0] = json!({"action_id": "command_1", "value": value}));
        let Ok(Interaction::Button(command)) = button(json!("get ks")) else { panic!("no command") };
        assert_eq!((command.text.as_str(), command.by.id.as_str()), ("get ks", "U1"));
        assert_eq!(button(json!(null)), Err(Unreadable::Missing("actions[0].value")));
        let link = pressed(|p| p["actions"][0] = json!({"action_id": "link_0"}));
        assert_eq!(link, Ok(Interaction::Nothing));
    }

    #[test]
    fn what_needs_no_more_than_an_acknowledgement_is_nothing() {
        let nothing = |change: fn(&mut Value)| assert_eq!(pressed(change), Ok(Interaction::Nothing));
        nothing(|p| p["actions"][0] = json!({"action_id": "view"}));
        nothing(|p| p["actions"][0]["action_id"] = json!("delete"));
        nothing(|p| p["actions"] = json!([]));
        nothing(|p| p["type"] = json!("view_closed"));
        assert_eq!(parse(b"ssl_check=1&token=x", Some(FORM)), Ok(Interaction::Nothing));
    }

    #[test]
    fn what_is_missing_or_wrong_is_said_without_the_body() {
        let check = |change: fn(&mut Value), expected: Unreadable| assert_eq!(pressed(change), Err(expected));
        check(|p| p["actions"][0]["value"] = json!("x"), Unreadable::Value);
        check(|p| p["actions"][0]["value"] = json!(null), Unreadable::Missing("actions[0].value"));
        check(|p| p["user"]["team_id"] = json!(null), Unreadable::Missing("user.team_id"));
        check(|p| p["container"] = json!({}), Unreadable::Missing("container.channel_id"));
        check(|p| p["trigger_id"] = json!(""), Unreadable::Missing("trigger_id"));
        check(|p| p["response_url"] = json!(null), Unreadable::Missing("response_url"));
        let unread = |body: &[u8], kind: Option<&str>| parse(body, kind).unwrap_err().to_string();
        assert_eq!(
            unread(b"payload=%7B", Some(FORM)),
            "the payload of a click cannot be read: line 1 column 1"
        );
        assert_eq!(unread(b"a=b", Some(FORM)), "the form has neither `payload` nor `command`");
        assert_eq!(
            unread(b"{}", Some("application/json")),
            "the content type is not `application/x-www-form-urlencoded`"
        );
        assert_eq!(
            unread(b"command=%2Fflux", None),
            "the content type is not `application/x-www-form-urlencoded`"
        );
        assert_eq!(unread(b"command=%2Fflux", Some(FORM)), "field `team_id` is missing");
    }

    proptest! {
        #[test]
        fn any_body_is_survived(body in prop::collection::vec(any::<u8>(), 0..200), json in "\\PC{0,60}") {
            prop_assert!(parse(&body, Some(FORM)).is_err() || body.is_empty() || body.contains(&b'='));
            let odd = parse(&form(&[("payload", &json)]), Some(FORM));
            prop_assert!(odd.is_err(), "{:?}", odd);
        }
    }
}
