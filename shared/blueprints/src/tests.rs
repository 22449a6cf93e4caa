#![expect(clippy::unwrap_used, reason = "the blueprints that are built in can be read")]
use serde_json::json;

use super::*;

fn built_in() -> Blueprints {
    Blueprints::default()
}

fn object(kind: FluxKind, spec: Value, status: Value) -> Value {
    json!({
        "apiVersion": format!("{}/v1", kind.group()), "kind": kind.kind(),
        "metadata": {"name": "web", "namespace": "apps"}, "spec": spec, "status": status,
    })
}

/// The cells of one object, behind its namespace and name.
fn cells(kind: FluxKind, spec: Value, status: Value) -> Vec<String> {
    let grid = built_in().grid(kind, &[object(kind, spec, status)], false);
    assert_eq!(grid.rows[0].cells.len(), grid.columns.len());
    grid.rows[0].cells[2..].to_vec()
}

fn ready(message: &str) -> Value {
    json!([{"type": "Healthy", "status": "False", "message": "no"}, {"type": "Ready", "status": "True", "message": message}])
}

#[test]
fn every_kind_has_one_and_an_empty_object_fills_it() {
    let all = built_in();
    for kind in FluxKind::ALL {
        let grid = all.grid(kind, &[json!({}), json!(null), object(kind, json!(null), json!(7))], true);
        assert!(grid.columns.len() > 3, "{kind:?}");
        for row in &grid.rows {
            assert_eq!(row.cells.len(), grid.columns.len());
            assert!(!row.cells.contains(&"?".to_owned()), "{kind:?}: {row:?}");
        }
        assert_eq!(grid.rows[2].cells[1], format!("{}/web", kind.kind().to_lowercase()));
    }
}

#[test]
fn columns_are_those_of_the_flux_cli() {
    let sha = format!("main@sha1:{}", "0123456789".repeat(4));
    let artifact = json!({"artifact": {"revision": sha}, "conditions": ready(&format!("stored {sha}"))});
    assert_eq!(
        cells(FluxKind::GitRepository, json!({"suspend": true}), artifact.clone()),
        ["main@sha1:01234567", "True", "True", "stored main@sha1:01234567"]
    );
    let applied = json!({"lastAppliedRevision": sha, "conditions": ready("Applied")});
    assert_eq!(
        cells(FluxKind::Kustomization, json!({}), applied),
        ["main@sha1:01234567", "False", "True", "Applied"]
    );
    assert_eq!(
        cells(FluxKind::Kustomization, json!({}), json!({})),
        ["", "False", "False", "waiting to be reconciled"]
    );
    let history =
        json!({"history": [{"chartVersion": "2.0.0"}, {"chartVersion": "1.0.0"}], "conditions": ready("up")});
    assert_eq!(cells(FluxKind::HelmRelease, json!({}), history), ["2.0.0", "False", "True", "up"]);
    let attempted = json!({"lastAttemptedRevision": "1.5.0"});
    assert_eq!(cells(FluxKind::HelmRelease, json!({}), attempted)[0], "1.5.0");
    assert_eq!(
        cells(FluxKind::HelmRepository, json!({"type": "oci"}), json!({})),
        ["", "False", "True", "Helm repository is Ready"]
    );
    let chart = cells(FluxKind::HelmChart, json!({}), artifact.clone());
    assert_eq!((chart[0].len(), chart[3].as_str()), (50, "stored main@sha1:01234567"));
    let from = json!({"sourceRef": {"kind": "ArtifactGenerator", "namespace": "a", "name": "b"}});
    assert_eq!(cells(FluxKind::ExternalArtifact, from, artifact)[1], "ArtifactGenerator/a/b");
    let scanned = json!({"lastScanResult": {"scanTime": "2026-01-02T03:04:05Z"}, "conditions": ready("ok")});
    assert_eq!(
        cells(FluxKind::ImageRepository, json!({}), scanned),
        ["2026-01-02T03:04:05Z", "False", "True", "ok"]
    );
    let latest = json!({"latestRef": {"name": "ghcr.io/a", "tag": "1.2"}});
    assert_eq!(cells(FluxKind::ImagePolicy, json!({}), latest)[..2], ["ghcr.io/a", "1.2"]);
    assert_eq!(
        cells(FluxKind::Alert, json!({"suspend": true}), json!({})),
        ["True", "True", "Alert is Ready"]
    );
    assert_eq!(cells(FluxKind::Provider, json!({}), json!({})), ["True", "Provider is Ready"]);
}

#[test]
fn rows_are_in_order_and_say_whether_they_are_ready() {
    let named = |namespace: &str, name: &str, ready: &str| json!({"metadata": {"namespace": namespace, "name": name}, "status": {"conditions": [{"type": "Ready", "status": ready}]}});
    let objects = [named("b", "a", "True"), named("a", "z", "False"), named("a", "b", "Unknown")];
    let rows = built_in().grid(FluxKind::Kustomization, &objects, false).rows;
    let seen: Vec<_> =
        rows.iter().map(|row| (row.namespace.as_str(), row.name.as_str(), row.ready)).collect();
    assert_eq!(seen, [("a", "b", false), ("a", "z", false), ("b", "a", true)]);
}

#[test]
fn what_can_be_done_depends_on_how_an_object_is() {
    let doings = |kind, spec: Value| -> Vec<String> {
        built_in()
            .doings(kind, &object(kind, spec, json!({})))
            .into_iter()
            .map(|doing| doing.command)
            .collect()
    };
    let runs = doings(FluxKind::Kustomization, json!({}));
    assert_eq!(
        runs,
        [
            "reconcile kustomization apps/web",
            "reconcile kustomization apps/web --with-source",
            "suspend kustomization apps/web"
        ]
    );
    assert_eq!(doings(FluxKind::HelmRelease, json!({"suspend": true})), ["resume helmrelease apps/web"]);
    assert_eq!(doings(FluxKind::HelmRepository, json!({"type": "oci"})), ["suspend source helm apps/web"]);
    assert_eq!(doings(FluxKind::ExternalArtifact, json!({})), Vec::<String>::new());
    for kind in FluxKind::ALL {
        for suspend in [true, false] {
            for doing in built_in().doings(kind, &object(kind, json!({"suspend": suspend}), json!({}))) {
                let changes = !doing.command.starts_with("reconcile");
                assert_eq!(doing.confirm.is_some(), changes, "{doing:?}");
                assert!(doing.command.contains(&format!(" {} apps/web", kind.typed())), "{doing:?}");
            }
        }
    }
}

#[test]
fn a_users_blueprint_takes_the_place_of_one_that_is_built_in() {
    let text = "kind: kustomization\ncolumns:\n  - {name: PATH, value: '{{ spec.path }}'}\nactions:\n  - text: Wake\n    command: resume ks {{ namespace }}/{{ name }}\n    when: '{{ suspended }}'\n    style: primary\n    confirm: Resume {{ name }}?\n";
    let all = Blueprints::with(&[serde_saphyr::from_str(text).unwrap()]).unwrap();
    let suspended = object(FluxKind::Kustomization, json!({"path": "./a", "suspend": true}), json!({}));
    let grid = all.grid(FluxKind::Kustomization, std::slice::from_ref(&suspended), false);
    assert_eq!(grid.columns, ["NAMESPACE", "NAME", "PATH"]);
    assert_eq!(grid.rows[0].cells, ["apps", "web", "./a"]);
    let wake = Doing {
        text: "Wake".to_owned(),
        style: ButtonStyle::Primary,
        command: "resume ks apps/web".to_owned(),
        confirm: Some("Resume web?".to_owned()),
    };
    assert_eq!(all.doings(FluxKind::Kustomization, &suspended), [wake]);
    assert_eq!(
        all.doings(FluxKind::Kustomization, &object(FluxKind::Kustomization, json!({}), json!({}))),
        []
    );
    let odd = json!({"metadata": {"name": "a b", "namespace": "x"}, "spec": {"suspend": true}});
    assert_eq!(all.doings(FluxKind::Kustomization, &odd), [], "a name with a blank is no word");
}

#[test]
fn what_cannot_be_used_is_said_all_at_once() {
    let check = |text: &str, expected: &[(&str, &str)]| {
        let problems =
            Blueprints::with(&[Written::default(), serde_saphyr::from_str(text).unwrap()]).unwrap_err();
        let found: Vec<&Problem> =
            problems.iter().filter(|(place, _)| *place == 1).map(|(_, problem)| problem).collect();
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, (at, says)) in found.iter().zip(expected) {
            assert!(found.at == *at && found.what.contains(says), "{found:?}");
        }
    };
    check(
        "kind: Pod\ncolumns: [{name: A, value: '{{ a'}]\n",
        &[("kind", "`Pod`"), ("columns[0].value", "syntax")],
    );
    check(
        "kind: Alert\ncolumns: []\nactions: [{text: '', command: 'x {{ y'}, {text: a, command: ' ', style: loud}]\n",
        &[
            ("actions[0].command", "syntax"),
            ("actions[0].text", "is missing"),
            ("actions[1].command", "is missing"),
            ("actions[1].style", "`danger`"),
        ],
    );
    assert!(serde_saphyr::from_str::<Written>("kind: Alert\ncolumns: []\nmore: 1\n").is_err());
}
