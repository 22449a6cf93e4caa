//! The client against a stand-in for Slack that keeps Slack's limits and refusals.

#![expect(clippy::unwrap_used, reason = "an error is the test's failure")]

use domain::interact::Click;
use ports::{Chat, ChatError, ChatMessage, Form, Forms, MessageRef};
use report::slack::State;
use secrecy::SecretString;
use serde_json::json;
use slack::SlackClient;
use testkit::faults::{Fault, FaultKind};
use testkit::slack::{ALICE, BOB, Channel, DEFAULT_BOT_TOKEN, DEPLOYS, FakeSlack, GENERAL, Options};

const POST: &str = "/api/chat.postMessage";

fn world() -> (FakeSlack, SlackClient) {
    let fake = FakeSlack::start(Options::default()).unwrap();
    let client = client(&fake, DEFAULT_BOT_TOKEN);
    (fake, client)
}

fn client(fake: &FakeSlack, token: &str) -> SlackClient {
    SlackClient::with_base_url(SecretString::from(token), &fake.api_url()).unwrap()
}

fn message(text: &str) -> ChatMessage {
    let block = json!({"type": "section", "block_id": "a", "text": {"type": "mrkdwn", "text": text, "verbatim": true}});
    ChatMessage { text: text.to_owned(), blocks: vec![block] }
}

#[tokio::test]
async fn a_message_is_posted_found_by_its_key_and_replaced() {
    let (fake, client) = world();
    let at = client.post(DEPLOYS, None, "acme/fleet#7", &message("queued")).await.unwrap();
    client.post(DEPLOYS, None, "acme/fleet#8", &message("other")).await.unwrap();
    assert_eq!(client.find(DEPLOYS, None, "acme/fleet#7").await.unwrap(), Some(at.clone()));
    assert_eq!(client.find(DEPLOYS, None, "acme/fleet#9").await.unwrap(), None);

    client.update(&at, &message("reported")).await.unwrap();
    assert_eq!(fake.messages(DEPLOYS)[0].text, "reported");
    client.update(&at, &ChatMessage { text: "plain".to_owned(), blocks: vec![] }).await.unwrap();
    assert_eq!(fake.messages(DEPLOYS)[0].blocks, Vec::<serde_json::Value>::new());
    assert_eq!(
        client.find(DEPLOYS, None, "acme/fleet#7").await.unwrap(),
        Some(at),
        "the key outlives updates"
    );
}

#[tokio::test]
async fn a_thread_has_its_own_messages_and_files() {
    let (fake, client) = world();
    let at = client.post(DEPLOYS, None, "k", &message("summary")).await.unwrap();
    let reply = client.post(DEPLOYS, Some(&at), "k details", &message("details")).await.unwrap();
    assert_eq!(client.find(DEPLOYS, Some(&at), "k details").await.unwrap(), Some(reply));
    assert_eq!(client.find(DEPLOYS, None, "k details").await.unwrap(), None);

    client.upload(&at, "report.diff", "The whole report", "+é 🚀\n").await.unwrap();
    let files = fake.files();
    assert_eq!((files[0].name.as_str(), files[0].title.as_str()), ("report.diff", "The whole report"));
    assert_eq!(files[0].content, "+é 🚀\n".as_bytes());
    assert_eq!(files[0].shared, Some((DEPLOYS.to_owned(), Some(at.ts))));
}

#[tokio::test]
async fn messages_of_others_are_never_found() {
    let (fake, client) = world();
    fake.say(DEPLOYS, ALICE, "acme/fleet#7");
    assert_eq!(client.find(DEPLOYS, None, "acme/fleet#7").await.unwrap(), None);
}

#[tokio::test]
async fn an_old_message_is_found_on_a_later_page() {
    let (fake, client) = world();
    let at = client.post(DEPLOYS, None, "old", &message("old")).await.unwrap();
    (0..450).for_each(|i| drop(fake.say(DEPLOYS, ALICE, &format!("chatter {i}"))));
    assert_eq!(client.find(DEPLOYS, None, "old").await.unwrap(), Some(at));
}

#[tokio::test]
async fn what_slack_refuses_is_named() {
    let (fake, client) = world();
    fake.put_channel(Channel { is_archived: true, ..Channel::new("C0OLD", "old") });
    let post = async |channel: &str| client.post(channel, None, "k", &message("x")).await.unwrap_err();
    for (channel, reason) in
        [("C0NONE", "channel_not_found"), (GENERAL, "not_in_channel"), ("C0OLD", "is_archived")]
    {
        let error = post(channel).await;
        assert!(matches!(error, ChatError::Channel { .. }), "{error}");
        assert!(error.to_string().contains(channel) && error.to_string().contains(reason), "{error}");
    }
    let gone = MessageRef { channel: DEPLOYS.to_owned(), ts: "1.000001".to_owned() };
    assert!(matches!(client.update(&gone, &message("x")).await, Err(ChatError::MessageGone)));
    assert!(matches!(client.find(DEPLOYS, Some(&gone), "k").await, Err(ChatError::MessageGone)));

    let long = message(&"x".repeat(3001));
    let error = client.post(DEPLOYS, None, "k", &long).await.unwrap_err();
    assert!(matches!(&error, ChatError::Refused { method, .. } if method == "chat.postMessage"), "{error}");
    assert!(error.to_string().contains("invalid_blocks"), "{error}");
    assert!(!error.heals());
}

#[tokio::test]
async fn a_refused_token_is_said_and_not_shown() {
    let (fake, _) = world();
    let wrong = client(&fake, "xoxb-wrong-token");
    for error in [
        wrong.post(DEPLOYS, None, "k", &message("x")).await.unwrap_err(),
        wrong.find(DEPLOYS, None, "k").await.unwrap_err(),
    ] {
        assert!(matches!(error, ChatError::Unauthorized(_)), "{error}");
        assert!(!format!("{error:?} {error} {wrong:?}").contains("xoxb-wrong"), "{error}");
    }
}

#[tokio::test]
async fn a_short_rate_limit_is_waited_for_and_a_long_one_is_told() {
    let (fake, client) = world();
    fake.fault(Fault::once("POST", POST, FaultKind::RateLimited(Some(0))).times(3));
    client.post(DEPLOYS, None, "k", &message("x")).await.unwrap();
    assert_eq!(fake.messages(DEPLOYS).len(), 1);

    fake.fault(Fault::once("POST", POST, FaultKind::RateLimited(Some(0))).times(4));
    let error = client.post(DEPLOYS, None, "k", &message("x")).await.unwrap_err();
    assert!(matches!(error, ChatError::RateLimited { retry_after_s: 0 }), "{error}");

    fake.forget_requests();
    fake.fault(Fault::once("POST", POST, FaultKind::RateLimited(Some(30))));
    let error = client.post(DEPLOYS, None, "k", &message("x")).await.unwrap_err();
    assert!(matches!(error, ChatError::RateLimited { retry_after_s: 30 }), "{error}");
    assert_eq!(fake.requests().len(), 1);
    assert!(error.heals());
}

#[tokio::test]
async fn a_post_without_an_answer_is_not_repeated_but_can_be_found() {
    let (fake, client) = world();
    fake.fault(Fault::once("POST", POST, FaultKind::StatusAfter(500)));
    let error = client.post(DEPLOYS, None, "k", &message("x")).await.unwrap_err();
    assert!(matches!(error, ChatError::Unavailable { .. }) && error.heals(), "{error}");
    let posted = fake.messages(DEPLOYS);
    assert_eq!(posted.len(), 1);
    let found = client.find(DEPLOYS, None, "k").await.unwrap();
    assert_eq!(found.map(|at| at.ts), Some(posted[0].ts.clone()));
}

#[tokio::test]
async fn nobody_listening_is_unavailable() {
    let client = SlackClient::with_base_url(SecretString::from("xoxb-t"), "http://127.0.0.1:1/api").unwrap();
    let error = client.post(DEPLOYS, None, "k", &message("x")).await.unwrap_err();
    assert!(matches!(error, ChatError::Unavailable { .. }), "{error}");
    assert!(error.to_string().contains("no connection"), "{error}");
}

#[tokio::test]
async fn answers_are_private_or_for_all_and_used_up_at_some_time() {
    let (fake, client) = world();
    let button = json!({"type": "actions", "elements": [{"type": "button", "action_id": "approve", "value": "report-1",
        "text": {"type": "plain_text", "text": "Approve"}}]});
    let with_button = ChatMessage { text: "x".to_owned(), blocks: vec![button] };
    let at = client.post(DEPLOYS, None, "k", &with_button).await.unwrap();
    let body = fake.click_body(DEPLOYS, &at.ts, "approve", ALICE).unwrap();
    let parsed = slack::inbound::parse(body.as_bytes(), Some("application/x-www-form-urlencoded"));
    let Ok(domain::interact::Interaction::Click(click)) = parsed else { panic!("no click: {parsed:?}") };
    assert_eq!((click.channel.as_str(), click.message.as_str()), (DEPLOYS, at.ts.as_str()));

    client.answer(&click.answer_url, true, &message("Approving…")).await.unwrap();
    assert_eq!(fake.ephemerals()[0].text, "Approving…");
    client.answer(&click.answer_url, false, &message("Done")).await.unwrap();
    assert_eq!(fake.messages(DEPLOYS).last().unwrap().text, "Done");
    for _ in 0..3 {
        client.answer(&click.answer_url, true, &message("more")).await.unwrap();
    }
    let error = client.answer(&click.answer_url, true, &message("too many")).await.unwrap_err();
    assert!(error.to_string().contains("used_url"), "{error}");
    assert!(!error.to_string().contains("/response/"), "{error}");
    let error = client.answer("https://evil.example/x", true, &message("x")).await.unwrap_err();
    assert!(matches!(error, ChatError::Refused { .. }), "{error}");
}

#[tokio::test]
async fn every_message_of_a_report_is_taken() {
    let (_fake, client) = world();
    let row = |name: &str| report::slack::TableRow {
        cells: vec![name.to_owned(), "<!channel> ```".to_owned()],
        label: name.to_owned(),
        command: format!("get ks {name}"),
    };
    let columns = vec!["NAME".to_owned(), "MESSAGE".to_owned()];
    let rows = (0..300).map(|i| row(&format!("flux-system/{i}"))).collect();
    let table = report::slack::Table { columns, rows };
    let view =
        report::slack::Tables { tables: vec![table], lead: "x".to_owned(), page: 2, ..Default::default() };
    let (text, blocks) = report::slack::tables(&view, |page| format!("get ks --page {page}"));
    client.post(DEPLOYS, None, "k", &ChatMessage { text, blocks }).await.unwrap();
    let report = report();
    let view = |state| report::slack::MessageView {
        pull: &report.pull,
        state,
        note: Some("Asked for again by <!here>"),
        extra: &[],
        acts: domain::Acts { request_changes: true, merge: Some(domain::MergeMethod::Squash) },
    };
    for state in [State::Queued, State::Reported(&report), State::Merged(Some(&report))] {
        let (text, blocks) = report::slack::summary(&view(state));
        client.post(DEPLOYS, None, "k", &ChatMessage { text, blocks }).await.unwrap();
    }
    let report::slack::Details::Blocks { text, blocks } = report::slack::details(&report) else {
        panic!("should fit")
    };
    client.post(DEPLOYS, None, "k", &ChatMessage { text, blocks }).await.unwrap();
    let (text, blocks) =
        report::slack::lines_of(report::words::replies::not_understood(), "<!channel> ``` & help");
    client.post(DEPLOYS, None, "k", &ChatMessage { text, blocks }).await.unwrap();
}

fn report() -> domain::report::Report {
    let (head, base) = ("1".repeat(40), "2".repeat(40));
    let value = json!({
        "id": "report-00000001",
        "pull": {
            "key": {"repo": "acme/fleet", "number": 7}, "title": "Bump `web` <!channel>", "author": {"login": "ann", "bot": false},
            "state": "open", "draft": false, "labels": [], "head_branch": "bump", "head": head, "base_branch": "main", "base": base,
            "fork": false, "url": "https://github.com/acme/fleet/pull/7", "updated_at": 1,
        },
        "comparison": {"base": base, "result": head, "mode": "merge_result"},
        "cluster": {"asked": "yes", "name": "prod"},
        "trust": {"trust": "author"},
        "kustomizations": [{
            "name": "flux-system/apps", "path": "./apps", "presence": "both", "suspended": false,
            "finding": {"found": "changes", "changes": [{
                "object": {"group": "apps", "kind": "Deployment", "namespace": "apps", "name": "web"},
                "kind": "changed", "check": "dry_run", "before": {"spec": {"replicas": 1}}, "after": {"spec": {"replicas": 2}},
            }]},
            "drift": [], "notes": ["``` <@U1>"],
        }],
        "coverage": {"known": 3, "rendered": 1, "identical": 2, "unresolved": []},
        "notes": [], "made_at": 1,
    });
    serde_json::from_value(value).unwrap()
}

/// A click of BOB on a button that has a form.
async fn pressed(fake: &FakeSlack, client: &SlackClient) -> Click {
    let button = json!({"type": "actions", "elements": [{"type": "button", "action_id": "request_changes", "value": "report-1",
        "text": {"type": "plain_text", "text": "Request changes"}}]});
    let message = ChatMessage { text: "x".to_owned(), blocks: vec![button] };
    let at = client.post(DEPLOYS, None, "k", &message).await.unwrap();
    let body = fake.click_body(DEPLOYS, &at.ts, "request_changes", BOB).unwrap();
    let form = "application/x-www-form-urlencoded";
    match slack::inbound::parse(body.as_bytes(), Some(form)).unwrap() {
        domain::interact::Interaction::Click(click) => click,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_form_is_shown_to_who_clicked_in_time_and_once() {
    let form = Form { title: "Request changes", about: "About", label: "What?", submit: "Send", most: 2_000 };
    let (fake, client) = world();
    let click = pressed(&fake, &client).await;
    client.ask(&click, &form).await.unwrap();
    let views = fake.views();
    assert_eq!((views.len(), views[0].user.as_str()), (1, BOB));
    let view = &views[0].view;
    assert_eq!(
        (&view["title"]["text"], &view["submit"]["text"]),
        (&json!("Request changes"), &json!("Send"))
    );
    assert!(
        view["private_metadata"]
            .as_str()
            .is_some_and(|about| about.len() < 1_000 && about.contains("report-1"))
    );

    let refused = |error: ChatError, code: &str| {
        let text = error.to_string();
        assert!(matches!(error, ChatError::Refused { .. }) && text.contains(code), "{text}");
    };
    refused(client.ask(&click, &form).await.unwrap_err(), "exchanged_trigger_id");
    let late = pressed(&fake, &client).await;
    fake.clock().advance(4);
    refused(client.ask(&late, &form).await.unwrap_err(), "expired_trigger_id");
    let odd = Form { title: "A title that is longer than Slack takes", ..form };
    let click = pressed(&fake, &client).await;
    refused(client.ask(&click, &odd).await.unwrap_err(), "less than 25");
    let odd = Form { most: 3_001, ..form };
    refused(client.ask(&click, &odd).await.unwrap_err(), "max_length");
    assert_eq!(fake.views().len(), 1);
    assert_eq!(client.correction("No.")["errors"]["reason"], "No.");
}

#[tokio::test]
async fn a_whisper_reaches_one_person() {
    let (fake, client) = world();
    client.whisper(DEPLOYS, BOB, &message("late")).await.unwrap();
    let said = fake.ephemerals();
    assert_eq!((said.len(), said[0].only_for.as_deref(), said[0].text.as_str()), (1, Some(BOB), "late"));
    let error = client.whisper(DEPLOYS, "UNOBODY", &message("x")).await.unwrap_err();
    assert!(matches!(error, ChatError::Refused { .. }), "{error}");
}
