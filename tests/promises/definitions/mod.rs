//! What `flux::schema` says of an object beside what a real API server says, which has the same definition: accepted or refused, at
//! which paths, and what would be stored.

mod cases;
mod random;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use flux::schema::Definition;
use serde_json::{Value, json};
use testkit::cluster::TestCluster;

use crate::support::{eventually, part};
use cases::Case;

const GROUP: &str = "definitions.example.com";
/// Random definitions, and objects of each.
const DEFINITIONS: usize = 50;
const OBJECTS: usize = 24;

fn definition(kind: &str, spec: &Value) -> Value {
    let plural = format!("{}s", kind.to_lowercase());
    let schema = json!({"type": "object", "properties": {"spec": spec, "status": {"type": "object"}}});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{GROUP}")},
        "spec": {
            "group": GROUP, "scope": "Namespaced", "names": {"kind": kind, "plural": plural},
            "versions": [{
                "name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": schema},
            }],
        },
    })
}

fn object(kind: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": format!("{GROUP}/v1"), "kind": kind,
        "metadata": {"name": "it", "namespace": "default"}, "spec": spec,
    })
}

/// Installs a definition and waits until it is served.
async fn install(admin: &TestCluster, crd: &Value) {
    let _old = admin.delete(crd).await;
    eventually("the old definition is gone", Duration::from_secs(20), async || match admin.get(crd).await {
        Ok(None) => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    admin.apply(crd).await.unwrap_or_else(|error| panic!("{error:#}\n{crd:#}"));
    let probe = object(crd["spec"]["names"]["kind"].as_str().unwrap(), &Value::Null);
    eventually("the definition is served", Duration::from_secs(20), async || {
        match admin.dry_run(&probe).await {
            Ok(Err(status)) if status["code"] == 404 => Err(format!("{status}")),
            Ok(_) => Ok(()),
            Err(error) => Err(format!("{error:#}")),
        }
    })
    .await;
}

/// Where an API server finds fault: the fields of its causes, or of its words about fields that it cannot read.
fn faults(status: &Value) -> BTreeSet<String> {
    let causes = status["details"]["causes"].as_array().into_iter().flatten();
    let mut found: BTreeSet<String> = causes.filter_map(fault).collect();
    let message = status["message"].as_str().unwrap_or_default();
    if let Some((_, words)) = message.split_once("failed to create typed patch object") {
        let words = words.split_once("): ").map_or(words, |(_, words)| words);
        let lines = words.lines().map(str::trim).filter(|line| line.starts_with('.'));
        // An item's place is told by its keys there.
        found.extend(lines.map(|line| plain(line.trim_start_matches('.').split([':', '[']).next().unwrap())));
    }
    found
}

/// The field of one cause. Where several alternatives fail it stands in the words alone.
fn fault(cause: &Value) -> Option<String> {
    let (field, words) = (cause["field"].as_str()?, cause["message"].as_str()?);
    match field {
        "<nil>" => words.split_once("\"\": \"")?.1.split_once('"').map(|(path, _)| plain(path)),
        field => Some(plain(field)),
    }
}

/// A path in one spelling.
fn plain(path: &str) -> String {
    path.replace("[\"", ".").replace("\"]", "").trim_start_matches('.').to_owned()
}

/// The same with all numbers written alike.
fn floats(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.iter().map(floats).collect(),
        Value::Object(fields) => fields.iter().map(|(name, field)| (name.clone(), floats(field))).collect(),
        other => other.clone(),
    }
}

/// What is not alike, or `None`.
fn difference(
    crd: &Value,
    object: &Value,
    before: Option<&Value>,
    theirs: &Result<Value, Value>,
) -> Option<String> {
    let ours = Definition::of(crd).unwrap().judge(object, before);
    let paths: BTreeSet<String> = ours.problems.iter().map(|problem| plain(&problem.path)).collect();
    let same = match theirs {
        Ok(stored) => ours.problems.is_empty() && floats(&stored["spec"]) == floats(&ours.stored["spec"]),
        Err(status) if !ours.skipped.is_empty() && paths.is_empty() => status["code"] == 422,
        Err(status) => !paths.is_empty() && agree(&paths, status, crd),
    };
    (!same).then(|| format!("ours: {ours:#?}\ntheirs: {theirs:#?}\nof {object:#}\nby {crd:#}"))
}

fn agree(ours: &BTreeSet<String>, status: &Value, crd: &Value) -> bool {
    let theirs = faults(status);
    let combined = ["anyOf", "oneOf", "allOf", "\"not\""].iter().any(|word| crd.to_string().contains(word));
    if status["code"] != 422 {
        // Of what it cannot read the server tells the first, and of several fields of one object any.
        let cut = |path: &String| path.split('[').next().unwrap_or_default().to_owned();
        let ours: BTreeSet<String> = ours.iter().map(cut).collect();
        return !theirs.is_empty() && theirs.is_subset(&ours);
    }
    // Of alternatives that all fail the server also tells what is wrong with the one that fits best.
    if combined { ours.is_subset(&theirs) } else { *ours == theirs }
}

#[tokio::test]
async fn handwritten_objects_get_the_verdict_of_a_real_api_server() {
    let Some(kubeconfig) = part("PREFLUX_TEST_KUBECONFIG").map(PathBuf::from) else { return };
    let admin = TestCluster::open(&kubeconfig).unwrap();
    let (mut wrong, mut accepted, mut refused) = (Vec::new(), 0, 0);
    for Case { kind, schema, specs } in cases::all() {
        let crd = definition(kind, &schema);
        install(&admin, &crd).await;
        for spec in specs {
            let object = object(kind, &spec);
            let theirs = admin.dry_run(&object).await.unwrap();
            *if theirs.is_ok() { &mut accepted } else { &mut refused } += 1;
            wrong.extend(difference(&crd, &object, None, &theirs));
        }
        admin.delete(&crd).await.unwrap();
    }
    assert!(wrong.is_empty(), "{} verdicts differ\n\n{}", wrong.len(), wrong.join("\n\n"));
    assert!(accepted > 60 && refused > 80, "{accepted} accepted, {refused} refused");
}

#[tokio::test]
async fn random_objects_get_the_verdict_of_a_real_api_server() {
    let Some(kubeconfig) = part("PREFLUX_TEST_KUBECONFIG").map(PathBuf::from) else { return };
    let admin = TestCluster::open(&kubeconfig).unwrap();
    let mut random = random::Random::new(20_261_123);
    let (mut wrong, mut accepted, mut refused) = (Vec::new(), 0, 0);
    for number in 0..DEFINITIONS {
        let kind = format!("Random{number}");
        let schema = random.object(3);
        let crd = definition(&kind, &schema);
        install(&admin, &crd).await;
        for _ in 0..OBJECTS {
            let object = object(&kind, &random.value(&schema));
            let theirs = admin.dry_run(&object).await.unwrap();
            *if theirs.is_ok() { &mut accepted } else { &mut refused } += 1;
            wrong.extend(difference(&crd, &object, None, &theirs));
        }
        admin.delete(&crd).await.unwrap();
    }
    assert!(wrong.is_empty(), "{} verdicts differ\n\n{}", wrong.len(), wrong.first().unwrap());
    assert!(accepted > 100 && refused > 100, "{accepted} accepted, {refused} refused");
}

#[tokio::test]
async fn what_was_wrong_before_passes_on_a_real_api_server() {
    let Some(kubeconfig) = part("PREFLUX_TEST_KUBECONFIG").map(PathBuf::from) else { return };
    let admin = TestCluster::open(&kubeconfig).unwrap();
    let (loose, strict, changes) = cases::tightened();
    let (old, new) = (definition("Tight", &loose), definition("Tight", &strict));
    let mut wrong = Vec::new();
    for (before, after) in changes {
        install(&admin, &old).await;
        let (before, after) = (object("Tight", &before), object("Tight", &after));
        admin.apply(&before).await.unwrap();
        admin.apply(&new).await.unwrap();
        // A field that both schemas have and that the new one alone fills in.
        let probe = object("Tight", &json!({}));
        eventually("the new schema counts", Duration::from_secs(20), async || {
            let answer = admin.dry_run(&probe).await.unwrap();
            let filled = answer.as_ref().is_ok_and(|stored| stored["spec"]["mark"] == "new");
            if filled { Ok(()) } else { Err(answer) }
        })
        .await;
        let theirs = admin.dry_run(&after).await.unwrap();
        wrong.extend(difference(&new, &after, Some(&before), &theirs));
    }
    admin.delete(&new).await.unwrap();
    assert!(wrong.is_empty(), "{} verdicts differ\n\n{}", wrong.len(), wrong.join("\n\n"));
}
