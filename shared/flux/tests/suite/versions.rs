//! What older and newer controllers, and other arguments, make of the same input.

use flux::{Controller, Kustomization, Options, Rendered, Variables, render};
use kustomize::MemoryTree;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n\
    spec: {template: {spec: {containers: [{name: web, image: 'app:1'}]}}}\n";

fn rendered(controller: Controller, spec: Value, files: &[(&str, &str)]) -> Result<Rendered, String> {
    let mut spec = spec;
    spec["sourceRef"] = json!({"kind": "GitRepository", "name": "fleet"});
    let kustomization = Kustomization::from_value(&json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": "apps", "namespace": "flux-system"}, "spec": spec,
    }))
    .unwrap();
    let variables = Variables::of(&kustomization, &BTreeMap::new()).unwrap();
    let tree = MemoryTree::new(files.iter().copied());
    let options = Options { controller, ..Options::default() };
    render(&tree, &kustomization, &variables, &options).map_err(|error| error.to_string())
}

fn image(version: &str) -> String {
    let file = "resources: [d.yaml]\nimages: [{name: app, newTag: '2'}]\n";
    let spec = json!({"images": [{"name": "app", "newName": "registry.example.com/app"}]});
    let files = [("kustomization.yaml", file), ("d.yaml", DEPLOYMENT)];
    let rendered = rendered(Controller::of_version(version), spec, &files).unwrap();
    let image = rendered.objects[0].pointer("/spec/template/spec/containers/0/image");
    image.and_then(Value::as_str).unwrap().to_owned()
}

#[test]
fn images_are_merged_since_1_9_4() {
    assert_eq!(image("v1.9.4"), "registry.example.com/app:2");
    assert_eq!(image("v1.9.3"), "registry.example.com/app:1");
}

#[test]
fn build_metadata_is_known_since_1_9() {
    let origin = |version: &str| {
        let files = [("kustomization.yaml", "resources: [d.yaml]"), ("d.yaml", DEPLOYMENT)];
        let spec = json!({"buildMetadata": ["originAnnotations"]});
        let rendered = rendered(Controller::of_version(version), spec, &files).unwrap();
        rendered.objects[0].pointer("/metadata/annotations/config.kubernetes.io~1origin").cloned()
    };
    assert_eq!(origin("v1.9.0"), Some(json!("path: d.yaml\n")));
    assert_eq!(origin("v1.8.5"), None);
}

fn substituted(version: &str, post_build: Value, text: &str) -> Result<Value, String> {
    let file = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{k: '{text}'}}\n");
    let files = [("a.yaml", file.as_str())];
    let rendered = rendered(Controller::of_version(version), json!({"postBuild": post_build}), &files)?;
    Ok(rendered.objects[0]["data"]["k"].clone())
}

#[test]
fn substitution_is_strict_since_1_9() {
    let given = json!({"substitute": {"A": "a"}});
    let error = substituted("v1.9.0", given.clone(), "${B}").unwrap_err();
    assert!(error.contains("variable not set (strict mode): \"B\"; set it"), "{error}");
    assert_eq!(substituted("v1.8.5", given, "x${B}").unwrap(), "x");
}

#[test]
fn substitution_without_variables_is_known_since_1_9() {
    let always = json!({"substituteStrategy": "Always"});
    assert_eq!(substituted("v1.9.0", always.clone(), "${B:=b}").unwrap(), "b");
    assert_eq!(substituted("v1.8.5", always, "${B:=b}").unwrap(), "${B:=b}");
}

#[test]
fn negative_lengths_count_from_the_end_since_1_9_5() {
    let given = |version, text| substituted(version, json!({"substitute": {"A": "abcdef"}}), text);
    assert_eq!(given("v1.9.5", "x${A:1:-2}").unwrap(), "xbcd");
    assert_eq!(given("v1.9.5", "x${A:4:-3}${A:1:-9}${A:1:2}").unwrap(), "xbc");
    assert!(given("v1.9.4", "x${A:1:-2}").unwrap_err().ends_with("substring is out of range"));
}

#[test]
fn remote_bases_may_be_refused() {
    let files = [("kustomization.yaml", "resources: ['git@example.com:a/b?ref=v1']")];
    let refused = Controller { remote_bases: false, ..Controller::default() };
    assert_eq!(
        rendered(refused, json!({}), &files).unwrap_err(),
        "`git@example.com:a/b?ref=v1`, which `Kustomization/flux-system/apps` builds on, is refused: \
         the controller runs with `--no-remote-bases`"
    );
    let error = rendered(Controller::default(), json!({}), &files).unwrap_err();
    assert!(error.contains("kustomize build of"), "{error}");
}
