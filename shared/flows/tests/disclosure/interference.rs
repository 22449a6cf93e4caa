//! What an outsider can read does not depend on what a cluster holds; what everyone can read does not depend on what only it holds.
//!
//! `PREFLUX_CASES` tries more cases than the usual number.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::Permission;
use domain::interact::Action;
use domain::report::Report;
use proptest::prelude::*;
use tokio::runtime::Runtime;

use crate::world::{Files, World};

/// A value that a pull request may guess, or that a cluster may hold.
const GUESSES: [&str; 4] = ["hunter2-long", "s3cret-s4uce", "p4ss-w0rd-xyz", "t0ken-abcdef"];

fn scalar() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::sample::select(GUESSES.to_vec()).prop_map(str::to_owned),
        "[a-z]{1,6}",
        Just("${password}".to_owned()),
        Just("1".to_owned()),
    ]
}

fn object() -> impl Strategy<Value = String> {
    let kind = proptest::sample::select(vec!["Secret", "ConfigMap", "Deployment", "HelmRelease", "Widget"]);
    let name = proptest::sample::select(vec!["a", "b", "refused", "busy", "immutable", "denied", "conflict"]);
    (kind, name, "[a-z]{1,3}", scalar()).prop_map(|(kind, name, key, value)| {
        let (api, rest) = match kind {
            "Secret" if value.contains('$') => ("v1", format!("stringData: {{{key}: '{value}'}}")),
            "Secret" => ("v1", format!("data: {{{key}: {}}}", STANDARD.encode(&value))),
            "ConfigMap" => ("v1", format!("data: {{{key}: '{value}'}}")),
            "Deployment" => ("apps/v1", format!("spec: {{replicas: 2, template: {{spec: {{containers: [{{name: {key}, image: '{value}'}}]}}}}}}")),
            "HelmRelease" => ("helm.toolkit.fluxcd.io/v2", format!("spec: {{values: {{{key}: '{value}'}}}}")),
            _ => ("example.test/v1", format!("spec: {{{key}: '{value}'}}")),
        };
        format!("apiVersion: {api}\nkind: {kind}\nmetadata: {{name: {name}-{}, namespace: shop}}\n{rest}\n", kind.to_lowercase())
    })
}

/// Up to four objects, each in a file of its own name, so that none is there twice.
fn side() -> impl Strategy<Value = Files> {
    prop::collection::vec(object(), 0..4).prop_map(|objects| {
        let named = |text: String| {
            let line = text.lines().nth(2).unwrap_or_default();
            let name: String = line.chars().filter(char::is_ascii_alphanumeric).collect();
            (format!("apps/{name}.yaml"), text)
        };
        let keep = (
            "apps/keep.yaml".to_owned(),
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: keep}\n".to_owned(),
        );
        objects.into_iter().map(named).chain([keep]).collect()
    })
}

/// Everything that people may read of a report.
struct Seen {
    json: String,
    comment: String,
    everything: String,
    asked: usize,
}

fn seen(base: &Files, result: &Files, permission: Permission, salt: &str) -> Seen {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| Runtime::new().unwrap());
    runtime.block_on(async {
        let world = World::in_memory(base, result, permission, salt);
        world.diff().await;
        world.click(Action::PostComment).await;
        let json = world.report().await;
        let report: Report = serde_json::from_str(&json).unwrap();
        let everything = [world.slack(), world.comment(), report::text(&report), json.clone()].join("\n");
        let asked = world.cluster.asked.lock().unwrap().len();
        Seen { json, comment: world.comment(), everything, asked }
    })
}

fn cases() -> u32 {
    std::env::var("PREFLUX_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases()) })]
    #[test]
    fn what_an_outsider_reads_does_not_depend_on_the_cluster(base in side(), result in side(), guess in 0..4_usize) {
        let right = seen(&base, &result, Permission::Read, GUESSES[guess]);
        let wrong = seen(&base, &result, Permission::Read, "another-v4lue");
        prop_assert_eq!(&right.everything, &wrong.everything);
        prop_assert_eq!((right.asked, wrong.asked), (0, 0));
        prop_assert!(right.json.contains(r#""trust":"untrusted""#));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases() / 4) })]
    #[test]
    fn a_comment_does_not_depend_on_what_only_the_cluster_holds(base in side(), result in side()) {
        let one = seen(&base, &result, Permission::Write, "l1ve-0ne-0000");
        let other = seen(&base, &result, Permission::Write, "an0ther-l1ve-value-of-any-length");
        prop_assert_eq!(&one.comment, &other.comment);
        prop_assert!(one.asked > 0);
        for seen in [&one.everything, &other.everything] {
            prop_assert!(!seen.contains("l1ve-0ne") && !seen.contains("an0ther-l1ve"), "{}", seen);
        }
    }
}
