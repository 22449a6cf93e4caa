//! That the fake refuses what Slack refuses, signs as Slack signs, and shows people what they would see.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::sync::Mutex;
use std::time::Duration;

use axum::Router;
use axum::routing::post;
use serde_json::{Value, json};

use super::limits::{Refusal, check_blocks, check_view};
use super::*;
use crate::faults::FaultKind;

struct World {
    slack: FakeSlack,
    http: reqwest::Client,
}

fn world(options: Options) -> World {
    let slack = FakeSlack::start(options).unwrap();
    World { slack, http: reqwest::Client::builder().no_proxy().build().unwrap() }
}

fn plain(text: &str) -> Value {
    json!({"type": "plain_text", "text": text})
}

fn section(text: &str) -> Value {
    json!({"type": "section", "text": {"type": "mrkdwn", "text": text}})
}

fn button(id: &str, text: &str) -> Value {
    json!({"type": "button", "action_id": id, "text": plain(text), "value": "opaque"})
}

fn actions(elements: Vec<Value>) -> Value {
    json!({"type": "actions", "elements": elements})
}

impl World {
    async fn call(&self, method: &str, args: Value) -> Value {
        let url = format!("{}/{method}", self.slack.api_url());
        let response = self.http.post(url).bearer_auth(DEFAULT_BOT_TOKEN).json(&args).send().await.unwrap();
        assert_eq!(response.status(), 200, "{method}");
        response.json().await.unwrap()
    }

    async fn form(&self, method: &str, args: &[(&str, &str)]) -> Value {
        let url = format!("{}/{method}", self.slack.api_url());
        self.http
            .post(url)
            .bearer_auth(DEFAULT_BOT_TOKEN)
            .form(args)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    }

    /// Posts to #deploys and returns the `ts`.
    async fn post(&self, args: Value) -> String {
        let mut args = args;
        args["channel"] = json!(DEPLOYS);
        let answer = self.call("chat.postMessage", args).await;
        assert_eq!(answer["ok"], true, "{answer}");
        answer["ts"].as_str().unwrap().to_owned()
    }
}

#[track_caller]
fn refuses(blocks: Value, error: &str, message: &str) {
    let Err(Refusal { error: got, messages }) = check_blocks(&blocks) else { panic!("accepted: {message}") };
    assert_eq!(got, error, "{messages:?}");
    assert!(messages.iter().any(|m| m.contains(message)), "{messages:?} lack {message}");
}

#[test]
fn every_limit_on_blocks() {
    let long = |n: usize| "x".repeat(n);
    let with = |extra: Value| {
        let mut button = button("a", "b");
        button.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        json!([actions(vec![button])])
    };
    let options =
        |n: usize| (0..n).map(|i| json!({"text": plain("o"), "value": i.to_string()})).collect::<Vec<_>>();
    let confirm = |title: usize, text: usize, yes: usize| json!({"title": plain(&long(title)), "text": plain(&long(text)), "confirm": plain(&long(yes)), "deny": plain("n")});
    let cell = json!({"type": "raw_text", "text": "c"});
    let invalid = |blocks: Value, message: &str| refuses(blocks, "invalid_blocks", message);
    invalid(json!({}), "must be an array");
    invalid(
        json!(vec![json!({"type": "divider"}); 51]),
        "no more than 50 items allowed [json-pointer:/blocks]",
    );
    invalid(json!([{"type": "carousel-of-mine"}]), "unsupported type");
    invalid(
        json!([section(&long(3001))]),
        "must be less than 3001 characters [json-pointer:/blocks/0/text/text]",
    );
    invalid(json!([section("")]), "must be more than 0 characters");
    invalid(json!([{"type": "section"}]), "missing required field");
    invalid(json!([{"type": "section", "fields": vec![plain("f"); 11]}]), "no more than 10");
    invalid(json!([{"type": "section", "fields": [plain(&long(2001))]}]), "less than 2001");
    invalid(json!([{"type": "header", "text": plain(&long(151))}]), "less than 151");
    invalid(json!([{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}]), "valid enum value");
    invalid(json!([{"type": "context", "elements": vec![plain("c"); 11]}]), "no more than 10");
    invalid(json!([{"type": "context", "elements": []}]), "no fewer than 1");
    invalid(json!([actions((0..26).map(|i| button(&i.to_string(), "b")).collect())]), "no more than 25");
    invalid(json!([actions(vec![button("same", "b"), button("same", "c")])]), "already exists");
    invalid(with(json!({"text": plain(&long(76))})), "less than 76");
    invalid(with(json!({"value": long(2001)})), "less than 2001");
    invalid(with(json!({"action_id": long(256)})), "less than 256");
    invalid(with(json!({"url": long(3001)})), "less than 3001");
    invalid(with(json!({"url": "javascript:alert(1)"})), "invalid url");
    invalid(with(json!({"style": "green"})), "valid enum value");
    invalid(with(json!({"colour": "green"})), "invalid additional property: colour");
    invalid(with(json!({"confirm": confirm(101, 1, 1)})), "less than 101");
    invalid(with(json!({"confirm": confirm(1, 301, 1)})), "less than 301");
    invalid(with(json!({"confirm": confirm(1, 1, 31)})), "less than 31");
    invalid(json!([actions(vec![json!({"type": "overflow", "options": options(6)})])]), "no more than 5");
    invalid(
        json!([actions(vec![json!({"type": "static_select", "options": options(101)})])]),
        "no more than 100",
    );
    invalid(
        json!([{"type": "divider", "block_id": "one"}, {"type": "divider", "block_id": "one"}]),
        "already exists",
    );
    invalid(json!([{"type": "divider", "block_id": long(256)}]), "less than 256");
    invalid(json!([{"type": "markdown", "text": long(12_001)}]), "less than 12001");
    invalid(json!([{"type": "table", "rows": vec![vec![cell.clone()]; 101]}]), "no more than 100");
    invalid(json!([{"type": "table", "rows": [vec![cell; 21]]}]), "no more than 20");
    refuses(json!(vec![section(&long(2900)); 4]), "msg_blocks_too_long", "11600");
    let good = json!([section(&long(3000)), {"type": "header", "text": plain(&long(150))}, actions((0..25).map(|i| button(&i.to_string(), &long(75))).collect())]);
    assert_eq!(check_blocks(&good), Ok(()));
    let view = json!({"type": "modal", "title": plain(&long(25)), "blocks": []});
    assert!(check_view(&view).unwrap_err().messages[0].contains("less than 25"));
    let form = |most: u64, submit: Value| {
        let element = json!({"type": "plain_text_input", "action_id": "a", "max_length": most});
        let input = json!({"type": "input", "block_id": "b", "label": plain("L"), "element": element});
        json!({"type": "modal", "title": plain("T"), "submit": submit, "blocks": [input]})
    };
    assert_eq!(check_view(&form(3_000, plain("Send"))), Ok(()));
    assert!(check_view(&form(3_001, plain("Send"))).unwrap_err().messages[0].contains("max_length"));
    assert!(check_view(&form(10, Value::Null)).unwrap_err().messages[0].contains("submit"));
}

#[tokio::test]
async fn what_slack_refuses() {
    let world = world(Options::default());
    let mut archived = Channel::new("C0OLD", "old");
    archived.is_archived = true;
    world.slack.put_channel(archived);
    let human = world.slack.say(DEPLOYS, ALICE, "hello");
    let own = world.post(json!({"text": "mine"})).await;
    let whole = |c: &str| json!({"channel": c, "text": "x"});
    let cases = [
        ("chat.postMessage", whole("C0NONE"), "channel_not_found"),
        ("chat.postMessage", whole("C0OLD"), "is_archived"),
        ("chat.postMessage", whole(GENERAL), "not_in_channel"),
        ("chat.postMessage", json!({"channel": DEPLOYS}), "no_text"),
        (
            "chat.postMessage",
            json!({"channel": DEPLOYS, "text": "x", "metadata": {"event_type": "x"}}),
            "invalid_metadata_format",
        ),
        (
            "chat.postMessage",
            json!({"channel": DEPLOYS, "text": "x", "thread_ts": "1.2"}),
            "invalid_thread_ts",
        ),
        ("chat.postMessage", json!({"channel": DEPLOYS, "blocks": [section("")]}), "invalid_blocks"),
        ("chat.update", json!({"channel": DEPLOYS, "ts": "1.2", "text": "x"}), "message_not_found"),
        ("chat.update", json!({"channel": DEPLOYS, "ts": human, "text": "x"}), "cant_update_message"),
        ("chat.delete", json!({"channel": DEPLOYS, "ts": human}), "cant_delete_message"),
        (
            "chat.postEphemeral",
            json!({"channel": DEPLOYS, "text": "x", "user": "U0NONE"}),
            "user_not_in_channel",
        ),
        ("conversations.info", json!({"channel": DEPLOYS}), "invalid_arguments"),
        ("views.open", json!({"trigger_id": "old", "view": {}}), "invalid_trigger_id"),
        ("files.upload", json!({}), "unknown_method"),
    ];
    for (method, args, error) in cases {
        let answer = world.call(method, args.clone()).await;
        assert_eq!((&answer["ok"], &answer["error"]), (&json!(false), &json!(error)), "{method} {args}");
    }
    assert_eq!(world.form("users.info", &[("user", "U0NONE")]).await["error"], "user_not_found");
    assert_eq!(world.form("users.info", &[("user", GUEST)]).await["user"]["is_restricted"], true);
    assert_eq!(
        world.form("conversations.replies", &[("channel", DEPLOYS), ("ts", "1.2")]).await["error"],
        "thread_not_found"
    );
    let url = format!("{}/auth.test", world.slack.api_url());
    let code = |answer: Value| answer["error"].as_str().unwrap_or_default().to_owned();
    assert_eq!(code(world.http.post(&url).send().await.unwrap().json().await.unwrap()), "not_authed");
    assert_eq!(
        code(world.http.post(&url).bearer_auth("xoxb-old").send().await.unwrap().json().await.unwrap()),
        "invalid_auth"
    );
    assert_eq!(world.slack.messages(DEPLOYS).iter().map(|m| m.ts.clone()).collect::<Vec<_>>(), [human, own]);
}

#[tokio::test]
async fn a_message_is_edited_threaded_and_found_by_its_metadata() {
    let world = world(Options::default());
    let metadata = json!({"event_type": "report", "event_payload": {"key": "acme/fleet#1"}});
    let ts = world.post(json!({"text": "a", "blocks": [section("one")], "metadata": metadata})).await;
    let reply = world.post(json!({"text": "in thread", "thread_ts": ts})).await;
    let deep = world.post(json!({"text": "x".repeat(50_000), "thread_ts": reply})).await;
    let thread = world.slack.thread(DEPLOYS, &ts);
    assert_eq!(thread.iter().map(|m| m.ts.as_str()).collect::<Vec<_>>(), [&ts, &reply, &deep]);
    assert_eq!(thread[2].text.len(), 40_000);
    let updated = world
        .call("chat.update", json!({"channel": DEPLOYS, "ts": ts, "text": "b", "blocks": [section("two")]}))
        .await;
    assert_eq!((&updated["ok"], &updated["text"]), (&json!(true), &json!("b")));
    let message = &world.slack.messages(DEPLOYS)[0];
    assert!(message.edited.is_some() && as_text(message) == "two");
    let with = [("channel", DEPLOYS), ("include_all_metadata", "true")];
    let history = world.form("conversations.history", &with).await;
    assert_eq!(history["messages"][0]["metadata"], metadata);
    assert_eq!(history["messages"].as_array().unwrap().len(), 1, "replies are not in the history");
    assert!(world.form("conversations.history", &with[..1]).await["messages"][0]["metadata"].is_null());
    assert!(ts < reply && reply < deep, "ts rise");
}

#[tokio::test]
async fn a_file_goes_up_in_three_steps() {
    let world = world(Options::default());
    let ts = world.post(json!({"text": "a"})).await;
    let begun = world.form("files.getUploadURLExternal", &[("filename", "report.md"), ("length", "5")]).await;
    let (url, id) = (begun["upload_url"].as_str().unwrap(), begun["file_id"].clone());
    let share = json!({"files": [{"id": id, "title": "Report"}], "channel_id": DEPLOYS, "thread_ts": ts});
    assert_eq!(world.call("files.completeUploadExternal", share.clone()).await["error"], "file_not_found");
    assert_eq!(world.http.post(url).body("too long").send().await.unwrap().status(), 400);
    assert_eq!(world.http.post(url).body("hello").send().await.unwrap().status(), 200);
    assert_eq!(world.call("files.completeUploadExternal", share).await["ok"], true);
    assert_eq!(world.slack.files()[0].content, b"hello");
    assert_eq!(world.slack.thread(DEPLOYS, &ts)[1].files, [id.as_str().unwrap()]);
}

#[tokio::test]
async fn posts_beyond_the_burst_wait() {
    let world = world(Options { post_burst: Some(2), ..Options::default() });
    let post = || {
        world
            .http
            .post(format!("{}/chat.postMessage", world.slack.api_url()))
            .bearer_auth(DEFAULT_BOT_TOKEN)
            .json(&json!({"channel": DEPLOYS, "text": "x"}))
    };
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(post().send().await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [200, 200, 429]);
    assert_eq!(post().send().await.unwrap().headers()["retry-after"], "1");
    world.slack.clock().advance(2);
    assert_eq!(post().send().await.unwrap().status(), 200);
    world.slack.fault(Fault::once("POST", "/api/chat.postMessage", FaultKind::StatusAfter(500)));
    assert_eq!(post().send().await.unwrap().status(), 500);
    assert_eq!(world.slack.messages(DEPLOYS).len(), 4, "the last one landed");
}

/// An app that checks signatures, remembers what it got and answers `answer`; or never.
fn app(answer: Option<(u16, &'static str)>) -> (crate::server::Server, String, Arc<Mutex<Vec<Value>>>) {
    let (mut url, got) = (String::new(), Arc::new(Mutex::new(Vec::new())));
    let seen = Arc::clone(&got);
    let handler = move |headers: http::HeaderMap, body: String| {
        let seen = Arc::clone(&seen);
        async move {
            let header = |name: &str| headers[name].to_str().unwrap().to_owned();
            if sign(DEFAULT_SIGNING_SECRET, &header("x-slack-request-timestamp"), body.as_bytes())
                != header("x-slack-signature")
            {
                return (http::StatusCode::UNAUTHORIZED, String::new());
            }
            let fields: serde_json::Map<String, Value> = url::form_urlencoded::parse(body.as_bytes())
                .map(|(k, v)| (k.into_owned(), json!(v)))
                .collect();
            let payload =
                fields.get("payload").and_then(Value::as_str).map(|p| serde_json::from_str(p).unwrap());
            seen.lock().unwrap().push(payload.unwrap_or(Value::Object(fields)));
            match answer {
                Some((status, text)) => (http::StatusCode::from_u16(status).unwrap(), text.to_owned()),
                None => std::future::pending().await,
            }
        }
    };
    let server = crate::server::start(0, |addr, _| {
        url = format!("http://{addr}/slack");
        Router::new().route("/slack", post(handler))
    });
    (server.unwrap(), url, got)
}

#[tokio::test]
async fn a_click_arrives_signed_with_slacks_fields() {
    let world = world(Options::default());
    let (_server, url, got) = app(Some((200, "")));
    world.slack.set_interactions_url(&url);
    let ts = world.post(json!({"text": "a", "blocks": [actions(vec![button("approve", "Approve")])]})).await;
    assert!(world.slack.click(DEPLOYS, &ts, "Approve", ALICE).await.unwrap().is_ok());
    let payload = got.lock().unwrap()[0].clone();
    assert_eq!(
        (&payload["type"], &payload["team"]["id"], &payload["api_app_id"]),
        (&json!("block_actions"), &json!(TEAM), &json!(APP))
    );
    assert_eq!((&payload["user"]["id"], &payload["user"]["team_id"]), (&json!(ALICE), &json!(TEAM)));
    assert_eq!(
        (&payload["actions"][0]["action_id"], &payload["actions"][0]["value"]),
        (&json!("approve"), &json!("opaque"))
    );
    assert_eq!((&payload["container"]["message_ts"], &payload["message"]["ts"]), (&json!(ts), &json!(ts)));
    let url = payload["response_url"].as_str().unwrap().to_owned();
    for n in 0..6 {
        let status =
            world.http.post(&url).json(&json!({"text": format!("note {n}")})).send().await.unwrap().status();
        assert_eq!(status.as_u16(), if n < 5 { 200 } else { 404 }, "use {n}");
    }
    assert_eq!(world.slack.ephemerals().len(), 5);
    assert_eq!(world.slack.ephemerals()[0].only_for.as_deref(), Some(ALICE));
    assert!(world.slack.replay_last().await.unwrap().is_ok());
    assert_eq!(got.lock().unwrap()[1], payload, "a replay is the same to the byte");
    assert_eq!(world.slack.send_raw("payload={}", "1700000000", "v0=00").await.unwrap().status, 401);
    assert!(world.slack.click(DEPLOYS, &ts, "Merge", ALICE).await.is_err(), "there is no such button");
}

#[tokio::test]
async fn a_trigger_opens_one_modal_in_time() {
    let world = world(Options::default());
    let (_server, url, got) = app(Some((200, "")));
    world.slack.set_interactions_url(&url);
    let ts = world.post(json!({"text": "a", "blocks": [actions(vec![button("view", "View")])]})).await;
    world.slack.click(DEPLOYS, &ts, "view", BOB).await.unwrap();
    let trigger = got.lock().unwrap()[0]["trigger_id"].clone();
    let view = json!({"type": "modal", "callback_id": "c", "title": plain("Report"), "blocks": [section("all of it")]});
    let open = || world.call("views.open", json!({"trigger_id": trigger, "view": view}));
    let opened = open().await;
    assert_eq!(open().await["error"], "exchanged_trigger_id");
    assert_eq!((world.slack.views()[0].user.as_str(), &opened["view"]["callback_id"]), (BOB, &json!("c")));
    world.slack.submit(&world.slack.views()[0].id, json!({})).await.unwrap();
    assert!(world.slack.views().is_empty());
    assert_eq!(got.lock().unwrap()[1]["type"], "view_submission");
    world.slack.click(DEPLOYS, &ts, "view", BOB).await.unwrap();
    world.slack.clock().advance(4);
    let late = got.lock().unwrap()[2]["trigger_id"].clone();
    assert_eq!(
        world.call("views.open", json!({"trigger_id": late, "view": view})).await["error"],
        "expired_trigger_id"
    );
}

#[tokio::test]
async fn a_command_shows_its_answer_or_its_failure() {
    let world = world(Options { ack_timeout: Duration::from_millis(50), ..Options::default() });
    let (_one, quiet, got) = app(Some((200, r#"{"response_type": "in_channel", "text": "for all"}"#)));
    let (_two, broken, _) = app(Some((500, "")));
    let (_three, silent, _) = app(None);
    world.slack.set_commands_url(&quiet);
    assert!(world.slack.command("/flux", "get kustomizations", DEPLOYS, ALICE).await.unwrap().is_ok());
    let form = got.lock().unwrap()[0].clone();
    assert_eq!(
        (&form["command"], &form["text"], &form["channel_id"]),
        (&json!("/flux"), &json!("get kustomizations"), &json!(DEPLOYS))
    );
    assert_eq!(world.slack.messages(DEPLOYS)[0].text, "for all");
    for (url, error) in [(broken, "dispatch_failed"), (silent, TIMEOUT)] {
        world.slack.set_commands_url(&url);
        let answer = world.slack.command("/flux", "x", DEPLOYS, ALICE).await.unwrap();
        assert_eq!(answer.error.as_deref(), Some(error));
        assert!(world.slack.toasts().last().unwrap().text.contains(error));
    }
}

#[tokio::test]
async fn the_page_is_for_its_own_origin() {
    let world = world(Options::default());
    let page = world.http.get(world.slack.url()).send().await.unwrap();
    assert!(page.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    world.post(json!({"text": "hello"})).await;
    world.slack.show_pulls(|| json!({"pulls": [{"number": 7}]}));
    let get = |path: &str| world.http.get(format!("{}{path}", world.slack.url()));
    let state: Value = get("/sandbox/state?user=U0ALICE").send().await.unwrap().json().await.unwrap();
    assert_eq!(state["messages"][0]["text"], "hello");
    let pulls: Value = get("/sandbox/github").send().await.unwrap().json().await.unwrap();
    assert_eq!(pulls["pulls"][0]["number"], 7);
    let from = |name: &str, value: &str| get("/sandbox/state").header(name, value).send();
    assert_eq!(from("origin", "http://evil.example").await.unwrap().status(), 403);
    assert_eq!(from("host", "evil.example").await.unwrap().status(), 403);
}

/// What people cannot send on Slack, they cannot send here.
#[tokio::test]
async fn a_form_is_sent_filled_in_or_not_at_all() {
    let world = world(Options::default());
    let (_server, url, got) = app(Some((200, "")));
    world.slack.set_interactions_url(&url);
    let ts = world.post(json!({"text": "a", "blocks": [actions(vec![button("view", "View")])]})).await;
    world.slack.click(DEPLOYS, &ts, "view", BOB).await.unwrap();
    let trigger = got.lock().unwrap()[0]["trigger_id"].clone();
    let input = json!({"type": "input", "block_id": "b", "label": plain("L"),
        "element": {"type": "plain_text_input", "action_id": "a", "min_length": 2, "max_length": 4}});
    let view = json!({"type": "modal", "title": plain("T"), "submit": plain("Send"), "blocks": [input]});
    assert_eq!(world.call("views.open", json!({"trigger_id": trigger, "view": view})).await["ok"], true);
    let id = world.slack.views()[0].id.clone();
    let send = async |values: Value| world.slack.submit(&id, values).await;
    let text = |text: &str| json!({"b": {"a": {"type": "plain_text_input", "value": text}}});
    for refused in [json!({}), text("x"), text("xxxxx")] {
        assert!(send(refused.clone()).await.is_err(), "{refused}");
    }
    assert!(send(text("xxx")).await.unwrap().is_ok());
    assert!(world.slack.views().is_empty());
}
