//! The targets. Those of one feature put the input into a small tree, and ask for it in each way it can be written.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use kustomize::{Built, Error, yaml as text_form};
use serde_json::{Value, json};

use super::check;
use super::tree::Watched;
use super::value;

/// Texts, as both of kustomize's readers take them.
pub fn yaml(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let lines = text.split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']).count();
    let limits = check::limits();
    match text_form::parse_documents_v3(text, &limits) {
        Ok(documents) => {
            let nodes: usize = documents.iter().map(count).sum();
            assert!(nodes <= limits.yaml_nodes, "{nodes} nodes");
            documents.iter().for_each(|value| check::check_round_trip(&json!({ "v": value })));
        }
        Err(error) => assert!(error.line <= lines + 1, "line {} of {lines}: {error}", error.line),
    }
    match text_form::parse_v2(text) {
        Ok(value) => check::check_round_trip(&json!({ "v": value })),
        Err(error) => assert!(error.line <= lines + 1, "line {} of {lines}: {error}", error.line),
    }
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(map) => map.values().map(count).sum(),
        _ => 0,
    }
}

/// Values, written and read back.
pub fn emitter(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    check::check_round_trip(&json!({ "v": value::parse(text) }));
}

/// Whole builds of hostile trees.
pub fn builds(data: &[u8]) {
    let _ = check::build(&Watched::parse(data));
}

/// Strategic merge patches: `patch.yaml` on `object.yaml`.
pub fn merge(data: &[u8]) {
    let Some((tree, patch)) = patch_of(data) else { return };
    let path = with(&tree, &json!({ "patches": [{ "path": "patch.yaml" }] }));
    let inline = with(&tree, &json!({ "patches": [{ "patch": patch }] }));
    agree(&path, &inline);
}

/// JSON 6902 patches: `patch.yaml` on `object.yaml`.
pub fn json_patch(data: &[u8]) {
    let Some((tree, patch)) = patch_of(data) else { return };
    let all = json!({ "kind": ".*" });
    let path = with(&tree, &json!({ "patches": [{ "path": "patch.yaml", "target": all }] }));
    let inline = with(&tree, &json!({ "patches": [{ "patch": patch, "target": all }] }));
    agree(&path, &inline);
}

/// Replacements: `replacement.yaml` on `object.yaml` and `source.yaml`.
pub fn replacements(data: &[u8]) {
    let tree = Watched::parse(data);
    let _ = with(&tree, &json!({ "replacements": [{ "path": "replacement.yaml" }] }));
}

/// Every transformer that goes by field specs, with those of `config.yaml`, and the references between objects.
pub fn fields(data: &[u8]) {
    let tree = Watched::parse(data);
    let _ = with(
        &tree,
        &json!({
            "configurations": ["config.yaml"],
            "configMapGenerator": [{ "name": "made", "literals": ["a=b"] }],
            "namePrefix": "pre-",
            "nameSuffix": "-post",
            "namespace": "space",
            "commonAnnotations": { "note": "x" },
            "labels": [{ "pairs": { "team": "x" }, "includeSelectors": true }],
            "images": [{ "name": "image", "newName": "other", "newTag": "v2" }],
            "replicas": [{ "name": "app", "count": 3 }],
        }),
    );
}

/// Generators: `env` read as variables, `literal` as a literal, `file` as it is.
pub fn generators(data: &[u8]) {
    let tree = Watched::parse(data);
    let Some(file) = tree.bytes_of("file") else { return };
    let mut source =
        json!({ "name": "made", "files": ["file"], "options": { "disableNameSuffixHash": true } });
    if tree.bytes_of("env").is_some() {
        source["envs"] = json!(["env"]);
    }
    if let Some(literal) = text(&tree, "literal") {
        source["literals"] = json!([literal]);
    }
    let made = with(&tree, &json!({ "configMapGenerator": [source], "secretGenerator": [source] }));
    let Ok(made) = made else { return };
    let of = |kind: &str| {
        made.objects.iter().find(|o| o.value["kind"] == kind && o.value["metadata"]["name"] == "made")
    };
    let (Some(map), Some(secret)) = (of("ConfigMap"), of("Secret")) else {
        panic!("not everything was generated")
    };
    let encoded = BASE64_STANDARD.encode(file);
    match std::str::from_utf8(file) {
        Ok(text) if text.contains('\u{85}') => {} // kustomize folds lines there.
        Ok(text) => assert_eq!(map.value["data"]["file"], text),
        Err(_) => assert_eq!(unfolded(&map.value["binaryData"]["file"]), encoded),
    }
    assert_eq!(unfolded(&secret.value["data"]["file"]), encoded);
}

/// The base64 that kustomize breaks into lines.
fn unfolded(value: &Value) -> String {
    value.as_str().unwrap_or_default().replace('\n', "")
}

fn text(tree: &Watched, path: &str) -> Option<String> {
    String::from_utf8(tree.bytes_of(path)?.to_vec()).ok()
}

/// Builds the files `object.yaml` and `source.yaml` with these settings.
fn with(tree: &Watched, settings: &Value) -> Result<Built, Error> {
    let mut tree = tree.unwatched();
    let mut settings = settings.clone();
    let objects = ["object.yaml", "source.yaml"].into_iter().filter(|path| tree.bytes_of(path).is_some());
    settings["resources"] = objects.collect();
    tree.root = String::new();
    tree.remove("kustomization.yaml");
    tree.write("kustomization.yaml", text_form::emit(&settings).as_bytes());
    check::build(&tree)
}

/// The tree of an input, and its patch without the blanks around it, which kustomize drops from patches that are in a
/// kustomization. An empty one is no patch there.
fn patch_of(data: &[u8]) -> Option<(Watched, String)> {
    let mut tree = Watched::parse(data);
    let patch = text(&tree, "patch.yaml")?.trim().to_owned();
    tree.remove("patch.yaml");
    tree.write("patch.yaml", patch.as_bytes());
    (!patch.is_empty()).then_some((tree, patch))
}

/// A patch does the same from a file as from within the kustomization.
fn agree(path: &Result<Built, Error>, inline: &Result<Built, Error>) {
    match (path, inline) {
        (Ok(path), Ok(inline)) => assert_eq!(path.objects, inline.objects, "from a file, and from within"),
        (Err(_), Err(_)) => {}
        (Err(error), Ok(_)) => panic!("only from a file it fails: {error}"),
        (Ok(_), Err(error)) => panic!("only from within it fails: {error}"),
    }
}
