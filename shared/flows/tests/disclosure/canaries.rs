//! Secrets that are planted in every carrier turn up in no sink, whole or cut, plain or encoded.

use std::io::Write;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::Permission;
use domain::interact::Action;

use crate::world::{Files, World};

const CANARY: &str = "cAn4ry<Tw1g&Fe4ther>\"9Q";

/// Any piece of the canary that is as long as this gives it away.
const PIECE: usize = 8;

/// Where the canary is in a text, in any form; what is escaped for a form is looked at as it is shown.
fn found(text: &str) -> Option<String> {
    let json = serde_json::Value::from(CANARY).to_string();
    let html = CANARY.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let percent: String = CANARY
        .bytes()
        .map(|b| match b.is_ascii_alphanumeric() {
            true => char::from(b).to_string(),
            false => format!("%{b:02X}"),
        })
        .collect();
    let forms = [CANARY.to_owned(), json, html, percent, hex::encode(CANARY), STANDARD.encode(CANARY)];
    let shifted = ["x", "xy"].map(|before| STANDARD.encode(format!("{before}{CANARY}"))[4..].to_owned());
    let all = forms.iter().chain(&shifted).map(|form| form.chars().collect::<Vec<_>>());
    let pieces =
        all.flat_map(|form| form.windows(PIECE).map(|w| w.iter().collect::<String>()).collect::<Vec<_>>());
    let mut pieces = pieces;
    pieces.find(|piece| text.contains(piece.as_str()))
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn object(api: &str, kind: &str, name: &str, rest: &str) -> String {
    format!("apiVersion: {api}\nkind: {kind}\nmetadata: {{name: {name}, namespace: shop}}\n{rest}\n---\n")
}

/// One object of every carrier, at a version.
pub(crate) fn files(version: &str) -> Files {
    let container = format!("[{{name: web, image: 'web:{version}'}}]");
    let labels = "{app: web}";
    let mut text = object("v1", "Secret", "login", &format!("data: {{key: {}}}", STANDARD.encode(version)));
    text += &object(
        "v1",
        "ConfigMap",
        "settings",
        &format!("data: {{version: '{version}', dsn: 'pg://u:${{password}}@db/{version}'}}"),
    );
    text += &object(
        "apps/v1",
        "Deployment",
        "web",
        &format!(
            "spec: {{selector: {{matchLabels: {labels}}}, template: {{metadata: {{labels: {labels}}}, spec: {{containers: {container}}}}}}}"
        ),
    );
    text += &object(
        "helm.toolkit.fluxcd.io/v2",
        "HelmRelease",
        "db",
        &format!("spec: {{interval: 1m, values: {{tag: '{version}'}}}}"),
    );
    text += &object("example.test/v1", "Widget", "widget", &format!("spec: {{size: '{version}'}}"));
    for name in
        ["refused", "busy", "forbidden", "immutable", "denied", "conflict", "throttled", "late", "aggregated"]
    {
        text += &object("v1", "ConfigMap", name, &format!("data: {{version: '{version}'}}"));
    }
    Files::from([("apps/all.yaml".to_owned(), text)])
}

#[tokio::test]
async fn no_canary_reaches_a_sink() {
    let log = Log::default();
    let writer = log.clone();
    // For all threads: rendering has its own.
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE);
    tracing::subscriber::set_global_default(subscriber.with_writer(move || writer.clone()).finish()).unwrap();
    let world = World::new(&files("1"), &files("2"), Permission::Write, CANARY);
    world.diff().await;
    for action in [Action::PostComment, Action::Approve, Action::RunAgain] {
        world.click(action).await;
    }
    world.queued().await;
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let github = world.outside.github.lock().unwrap().join("\n");
    let sinks = [
        ("slack", world.slack()),
        ("github", github),
        ("store", world.disk()),
        ("log", log),
        ("report", world.report().await),
    ];
    for (name, text) in &sinks {
        assert!(text.len() > 200, "{name} is empty: {text}");
        let hit = found(text).map(|piece| {
            text.split(piece.as_str()).next().map(|t| t[t.len().saturating_sub(300)..].to_owned())
        });
        assert!(hit.is_none(), "{name}: {hit:?}");
    }
    let asked = world.cluster.asked.lock().unwrap().clone();
    for verb in ["data", "dry_run", "live"] {
        assert!(asked.iter().any(|a| a == verb), "the cluster was asked for {verb}");
    }
    assert!(
        world.slack().contains("live value") && world.comment().contains("shown in Slack"),
        "{}",
        world.comment()
    );
}

#[test]
fn a_planted_leak_is_found() {
    let hex = hex::encode(CANARY);
    for leak in [
        format!("dsn: {CANARY}"),
        format!("cut: {}…", &CANARY[..9]),
        format!("tail: {}", &CANARY[CANARY.len() - 8..]),
        format!("data: {}", STANDARD.encode(CANARY)),
        format!("auth: {}", STANDARD.encode(format!("u:{CANARY}"))),
        format!("hex: {hex}"),
        format!("url: {}", "cAn4ry%3CTw1g%26Fe4ther"),
        serde_json::json!({ "a": CANARY }).to_string(),
        CANARY.replace('&', "&amp;").replace('<', "&lt;"),
    ] {
        assert!(found(&leak).is_some(), "{leak}");
    }
    assert_eq!(found("nothing to see: ‹live value›"), None);
}
