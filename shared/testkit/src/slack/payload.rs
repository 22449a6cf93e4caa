//! What Slack sends to the app: the payload of a click, the form of a slash command, and the one-time addresses inside them.

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::state::{APP, Message, ResponseUrl, State, TEAM, Trigger, User};

pub(crate) fn form(fields: &[(&str, String)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

pub(crate) fn team() -> Value {
    json!({"id": TEAM, "domain": "acme"})
}

pub(crate) fn user_json(user: &User) -> Value {
    json!({"id": user.id, "username": user.name, "name": user.name, "team_id": user.team_id})
}

pub(crate) fn trigger(state: &mut State, user: &str) -> String {
    let made_at = state.clock.now();
    let id = format!("{made_at}.{}.testkit", state.number());
    state.triggers.insert(id.clone(), Trigger { user: user.to_owned(), made_at, used: false });
    id
}

fn response_url(state: &mut State, base: &str, channel: &str, user: &str, ts: Option<&str>) -> String {
    let (made_at, id) = (state.clock.now(), format!("{TEAM}-{}", state.number()));
    let url = ResponseUrl {
        channel: channel.to_owned(),
        user: user.to_owned(),
        ts: ts.map(str::to_owned),
        made_at,
        uses: 0,
    };
    state.response_urls.insert(id.clone(), url);
    format!("{base}/response/{id}")
}

/// The `block_actions` payload of a click by `user` on what is called `what` in that message.
pub(crate) fn click_payload(
    state: &mut State,
    base: &str,
    channel: &str,
    ts: &str,
    what: &str,
    option: Option<&str>,
    user: &str,
) -> anyhow::Result<Value> {
    let who = state.user(user).cloned().with_context(|| format!("no user `{user}`"))?;
    let place = state.channel(channel).cloned().with_context(|| format!("no channel `{channel}`"))?;
    let message =
        state.message(&place.id, ts).cloned().with_context(|| format!("no message `{ts}` in `{channel}`"))?;
    if message.only_for.as_deref().is_some_and(|only| only != user) {
        bail!("`{user}` does not see the message `{ts}`");
    }
    let (block_id, element) = find_element(&message, what)
        .with_context(|| format!("no button or menu `{what}` on the message `{ts}`"))?;
    let action = action(&block_id, &element, option, &state.ts())?;
    let is_ephemeral = message.only_for.is_some();
    let mut container =
        json!({"type": "message", "message_ts": ts, "channel_id": place.id, "is_ephemeral": is_ephemeral});
    if let Some(thread) = &message.thread_ts {
        container["thread_ts"] = json!(thread);
    }
    let mut payload = json!({
        "type": "block_actions", "user": user_json(&who), "api_app_id": APP, "token": "deprecated", "container": container,
        "trigger_id": trigger(state, user), "team": team(), "enterprise": null, "is_enterprise_install": false,
        "channel": {"id": place.id, "name": place.name}, "state": {"values": {}},
        "response_url": response_url(state, base, &place.id, user, Some(ts)), "actions": [action],
    });
    // Slack sends no `message` for ephemeral ones.
    if !is_ephemeral {
        payload["message"] = state.message_json(&message, true);
    }
    Ok(payload)
}

/// The element with this `action_id` or visible text, and its block's id.
fn find_element(message: &Message, what: &str) -> Option<(String, Value)> {
    let elements = |block: &Value| match block["type"].as_str() {
        Some("actions") => block["elements"].as_array().cloned().unwrap_or_default(),
        _ => vec![block["accessory"].clone()],
    };
    let all = || {
        message.blocks.iter().flat_map(|b| {
            elements(b).into_iter().map(|e| (b["block_id"].as_str().unwrap_or_default().to_owned(), e))
        })
    };
    all().find(|(_, e)| e["action_id"] == what).or_else(|| all().find(|(_, e)| e["text"]["text"] == what))
}

fn action(block_id: &str, element: &Value, option: Option<&str>, action_ts: &str) -> anyhow::Result<Value> {
    let mut action = json!({"action_id": element["action_id"], "block_id": block_id, "type": element["type"], "action_ts": action_ts});
    match (element["type"].as_str(), option) {
        (Some("button"), _) => {
            for name in ["text", "value", "style", "url"] {
                if !element[name].is_null() {
                    action[name] = element[name].clone();
                }
            }
        }
        (_, Some(option)) => {
            let groups = element["option_groups"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|g| g["options"].as_array());
            let mut options = element["options"].as_array().into_iter().chain(groups).flatten();
            let chosen = options.find(|o| o["value"] == option || o["text"]["text"] == option);
            action["selected_option"] = chosen.cloned().with_context(|| format!("no option `{option}`"))?;
        }
        _ => bail!("a menu needs an option to choose"),
    }
    Ok(action)
}

pub(crate) fn command_form(
    state: &mut State,
    base: &str,
    command: &str,
    text: &str,
    channel: &str,
    user: &str,
) -> anyhow::Result<String> {
    let who = state.user(user).cloned().with_context(|| format!("no user `{user}`"))?;
    let place = state.channel(channel).cloned().with_context(|| format!("no channel `{channel}`"))?;
    let (trigger_id, response_url) = (trigger(state, user), response_url(state, base, &place.id, user, None));
    let fields = [
        ("token", "deprecated".to_owned()),
        ("team_id", who.team_id.clone()),
        ("team_domain", "acme".to_owned()),
        ("channel_id", place.id),
        ("channel_name", place.name),
        ("user_id", who.id),
        ("user_name", who.name),
        ("command", command.to_owned()),
        ("text", text.to_owned()),
        ("api_app_id", APP.to_owned()),
        ("is_enterprise_install", "false".to_owned()),
        ("response_url", response_url),
        ("trigger_id", trigger_id),
    ];
    Ok(form(&fields))
}
