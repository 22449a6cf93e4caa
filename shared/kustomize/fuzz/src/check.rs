//! What must hold after any build, whatever was built.

use kustomize::{Built, Error, ErrorKind, Limits, Options, yaml};
use serde_json::{Number, Value};

use super::tree::Watched;

/// Small bounds, so that short inputs reach them.
pub fn limits() -> Limits {
    Limits { bytes: 16 << 10, files: 24, depth: 24, yaml_nodes: 8_000, objects: 40, ..Limits::default() }
}

/// Builds the tree, and checks all that must hold of a build.
pub fn build(tree: &Watched) -> Result<Built, Error> {
    let result = build_once(tree);
    check_limits(tree, result.is_ok());
    match &result {
        Ok(built) => check_built(tree, built),
        Err(error) => {
            check_error(tree, error);
            let again = build_once(&tree.unwatched()).err();
            assert_eq!(again.as_ref(), Some(error), "a second build ends otherwise");
        }
    }
    result
}

fn build_once(tree: &Watched) -> Result<Built, Error> {
    kustomize::build(tree, &tree.root, &Options { limits: limits(), ..Options::default() })
}

/// A build stops at a limit. The file that reaches the bytes may have been read already, and so may one that is no directory.
fn check_limits(tree: &Watched, well: bool) {
    let limits = limits();
    let (files, bytes, largest) = tree.read_so_far();
    assert!(files <= limits.files + usize::from(!well), "{files} files were read");
    assert!(bytes <= limits.bytes + if well { 0 } else { largest }, "{bytes} bytes were read");
}

fn check_built(tree: &Watched, built: &Built) {
    assert!(built.objects.len() <= limits().objects, "{} objects", built.objects.len());
    let unread: Vec<String> = tree.asked().difference(&built.reads).cloned().collect();
    assert!(unread.is_empty(), "asked for, and not told: {unread:?}");
    for object in &built.objects {
        let metadata = object.value.get("metadata").and_then(Value::as_object);
        assert!(
            metadata.is_some() || object.value["kind"].as_str().is_some_and(|k| k.ends_with("List")),
            "no metadata"
        );
        if let Some(origin) = &object.origin {
            assert!(tree.bytes_of(&origin.path).is_some(), "an origin that is no file: {}", origin.path);
        }
        check_round_trip(&object.value);
    }
    check_again(tree, built);
}

/// What the build says that it read is all it needs: from that alone it builds the same.
fn check_again(tree: &Watched, built: &Built) {
    let again = build_once(&tree.only(&built.reads)).unwrap_or_else(|error| {
        build_once(&tree.unwatched()).expect("a second build ends otherwise");
        panic!("what was read does not build: {error}\nread: {:?}", built.reads)
    });
    assert_eq!(again.objects, built.objects, "a second build gives other objects");
    assert_eq!(again.reads, built.reads, "a second build reads other files");
    assert_eq!(again.warnings, built.warnings, "a second build warns otherwise");
}

/// An error says where, and that place is there.
fn check_error(tree: &Watched, error: &Error) {
    assert!(!error.to_string().is_empty());
    if matches!(&error.kind, ErrorKind::OutsideTree { path } if *path == tree.root) {
        return; // The caller's own mistake, and in no file.
    }
    let Some(file) = &error.file else { panic!("the error names no file: {error}") };
    assert!(
        *file == cleaned(&tree.root) || tree.kind_of(file).is_some(),
        "the error names a file that is not there: {error}"
    );
}

/// A path that goes nowhere but down, at last.
fn cleaned(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').filter(|part| !matches!(*part, "" | ".")) {
        if part != ".." {
            parts.push(part);
        } else {
            parts.pop();
        }
    }
    parts.join("/")
}

/// What is written is read back the same, by either reader.
pub fn check_round_trip(value: &Value) {
    let text = yaml::emit(value);
    if text.contains("<<:") {
        return; // go-yaml writes this key without quotes, and so reads a merge.
    }
    let read = yaml::parse_v2(&text).unwrap_or_else(|error| panic!("{error}: {value}\n{text}"));
    assert!(same(value, &read), "read back as v2: {read}\nwritten: {value}\n{text}");
    let is_list = value.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"));
    if is_list || text.contains("0o+") || text.contains("0o-") {
        return; // A list is read as its items; `0o+7` is a text to go-yaml v2 and a number to v3.
    }
    let read = yaml::parse_documents_v3(&text, &Limits::default());
    let read = read.unwrap_or_else(|error| panic!("{error}: {value}\n{text}"));
    let [read] = read.as_slice() else { panic!("{} documents: {value}\n{text}", read.len()) };
    assert!(same(value, read), "read back as v3: {read}\nwritten: {value}\n{text}");
}

/// Whether two values are the same to a reader of YAML, which writes `1.0` as `1`.
pub fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => same_number(a, b),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

fn same_number(a: &Number, b: &Number) -> bool {
    a == b || ((a.is_f64() || b.is_f64()) && a.as_f64() == b.as_f64())
}
