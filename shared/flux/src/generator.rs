//! The kustomization file that is really built: the one at `spec.path`, or one generated from the manifests below it,
//! with the settings of the Flux Kustomization merged in.

use kustomize::{EntryKind, Tree};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

use crate::artifact::join;
use crate::kustomization_file;
use crate::{Error, Image, Kustomization, Spec};

/// The names of a kustomization file, in the order of preference.
const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
/// How deep manifests are looked for.
const MAX_DEPTH: usize = 256;
/// A component that begins like this is remote.
const REMOTE: [&str; 8] =
    ["git::", "gh:", "ssh://", "https://", "http://", "git@", "github.com:", "github.com/"];

/// A file to lay over the artifact.
#[derive(Debug)]
pub(crate) struct Generated {
    /// Where it goes.
    pub(crate) path: String,
    /// Its text.
    pub(crate) text: String,
    /// What was looked at to make it.
    pub(crate) reads: BTreeSet<String>,
}

/// `spec.path` from the root of the artifact. `..` does not lead out of it.
pub(crate) fn clean_path(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Makes the kustomization file for the directory `dir`. Whether images of the same name are merged or replaced is
/// the controller's doing.
pub(crate) fn generate(
    tree: &dyn Tree,
    kustomization: &Kustomization,
    dir: &str,
    merges_images: bool,
) -> Result<Generated, Error> {
    let at = |path: &str, reason: String| Error::Generate {
        kustomization: kustomization.key.clone(),
        path: if path.is_empty() { ".".into() } else { path.to_owned() },
        reason,
    };
    let mut reads: BTreeSet<String> = NAMES.iter().map(|name| join(dir, name)).collect();
    let (path, mut file) = match kustomize::recognise_kustomization_file(tree, dir) {
        Some(path) => {
            let bytes = tree.read(&path).map_err(|error| at(&path, error.to_string()))?;
            let text = std::str::from_utf8(&bytes).map_err(|error| at(&path, error.to_string()))?;
            let mut file = kustomization_file::read(text).map_err(|reason| at(&path, reason))?;
            if is_empty(file.get("resources")) {
                file.insert("buildMetadata".into(), json!(["originAnnotations"]));
            }
            (path, file)
        }
        None => {
            let mut scan = Scan { tree, resources: Vec::new(), reads: &mut reads };
            scan.directory(dir, ".", 0).map_err(|reason| at(dir, reason))?;
            let resources = scan.resources;
            let file = match resources.is_empty() {
                true => json!({"namespace": "_placeholder"}),
                false => json!({ "resources": resources }),
            };
            (join(dir, NAMES[0]), file.as_object().cloned().unwrap_or_default())
        }
    };
    file.entry("apiVersion").or_insert("kustomize.config.k8s.io/v1beta1".into());
    file.entry("kind").or_insert("Kustomization".into());
    let kept = components(tree, &kustomization.spec, dir, &mut reads).map_err(|reason| at(&path, reason))?;
    merge(&mut file, &kustomization.spec, kept, merges_images);
    Ok(Generated { path, text: kustomize::yaml::emit(&Value::Object(file)), reads })
}

fn is_empty(list: Option<&Value>) -> bool {
    list.and_then(Value::as_array).is_none_or(Vec::is_empty)
}

/// Puts the settings of the Flux Kustomization into the file.
fn merge(file: &mut Map<String, Value>, spec: &Spec, components: Vec<Value>, merges_images: bool) {
    let texts = [
        ("namespace", &spec.target_namespace),
        ("namePrefix", &spec.name_prefix),
        ("nameSuffix", &spec.name_suffix),
    ];
    for (field, value) in texts {
        if let Some(value) = value {
            file.insert(field.into(), value.as_str().into());
        }
    }
    let patches = spec.patches.iter().map(|patch| match &patch.target {
        Some(target) => json!({"patch": patch.patch, "target": selector(target)}),
        None => json!({"patch": patch.patch}),
    });
    append(file, "patches", patches.collect());
    append(file, "components", components);
    set_images(file, &spec.images, merges_images);
    if !spec.build_metadata.is_empty() {
        file.insert("buildMetadata".into(), json!(spec.build_metadata));
    }
}

fn append(file: &mut Map<String, Value>, field: &str, items: Vec<Value>) {
    if items.is_empty() {
        return;
    }
    match file.entry(field).or_insert_with(|| json!([])) {
        Value::Array(list) => list.extend(items),
        other => *other = Value::Array(items),
    }
}

/// The fields of a selector that Flux carries over.
fn selector(target: &Value) -> Value {
    let known = ["group", "version", "kind", "name", "namespace", "annotationSelector", "labelSelector"];
    let fields = known.iter().filter_map(|field| Some(((*field).to_owned(), target.get(field)?.clone())));
    Value::Object(fields.collect())
}

/// The components to add: all, or those that are there.
fn components(
    tree: &dyn Tree,
    spec: &Spec,
    dir: &str,
    reads: &mut BTreeSet<String>,
) -> Result<Vec<Value>, String> {
    let mut kept = Vec::new();
    for component in &spec.components {
        if !is_local(component) {
            return Err(format!("component path `{component}` must be local and relative"));
        }
        let path = resolve(dir, component);
        let exists = path.as_ref().is_some_and(|path| tree.kind(path).is_some());
        reads.extend(path);
        if exists || !spec.ignore_missing_components {
            kept.push(component.as_str().into());
        }
    }
    Ok(kept)
}

fn is_local(path: &str) -> bool {
    let lower = path.to_lowercase();
    let remote = REMOTE.iter().any(|prefix| lower.len() > prefix.len() && lower.starts_with(prefix));
    !remote && !path.starts_with('/') && !lower.strip_prefix("file://").unwrap_or(&lower).starts_with('/')
}

/// A path relative to a directory, from the root of the tree; `None` for one that leads out of it.
fn resolve(dir: &str, relative: &str) -> Option<String> {
    let mut parts: Vec<&str> = dir.split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// An image of the same name is changed: its new name alone, or tag and digest together; before 1.9.4 it was replaced.
/// Others are added.
fn set_images(file: &mut Map<String, Value>, images: &[Image], merges: bool) {
    for image in images {
        let existing = file.get_mut("images").and_then(Value::as_array_mut).into_iter().flatten();
        let same = existing.filter_map(Value::as_object_mut);
        let same = { same }.find(|e| e.get("name").and_then(Value::as_str).unwrap_or_default() == image.name);
        let fields = [("newName", &image.new_name), ("newTag", &image.new_tag), ("digest", &image.digest)];
        let fields = fields.into_iter().filter_map(|(k, v)| Some((k.to_owned(), Value::from(v.as_deref()?))));
        match same {
            Some(entry) => {
                if !merges {
                    entry.retain(|field, _| field == "name");
                }
                if image.new_tag.is_some() || image.digest.is_some() {
                    entry.remove("newTag");
                    entry.remove("digest");
                }
                entry.extend(fields);
            }
            None => {
                let mut entry = Map::from_iter([("name".to_owned(), Value::from(image.name.as_str()))]);
                entry.extend(fields);
                append(file, "images", vec![Value::Object(entry)]);
            }
        }
    }
}

/// Finds the manifests below a directory without a kustomization file.
struct Scan<'a> {
    tree: &'a dyn Tree,
    resources: Vec<String>,
    reads: &'a mut BTreeSet<String>,
}

impl Scan<'_> {
    /// In the order of names: files that end in `.yaml` or `.yml`, and directories with a kustomization of their own.
    fn directory(&mut self, dir: &str, relative: &str, depth: usize) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(format!("directories nest deeper than {MAX_DEPTH}"));
        }
        self.reads.insert(dir.to_owned());
        for entry in self.tree.list(dir).map_err(|error| error.to_string())? {
            let path = join(dir, &entry.name);
            let relative = format!("{relative}/{}", entry.name);
            let extension = entry.name.rsplit_once('.').map(|(_, extension)| extension);
            match entry.kind {
                EntryKind::Directory => {
                    self.reads.extend(NAMES.iter().map(|name| join(&path, name)));
                    match kustomize::recognise_kustomization_file(self.tree, &path) {
                        Some(_) => self.resources.push(relative),
                        None => self.directory(&path, &relative, depth + 1)?,
                    }
                }
                EntryKind::File if matches!(extension, Some("yaml" | "yml")) => self.resources.push(relative),
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use kustomize::MemoryTree;

    fn generated_with<T>(
        files: &[(&str, &str)],
        spec: Value,
        take: impl Fn(Generated) -> T,
    ) -> Result<T, Error> {
        let mut spec = spec;
        spec["sourceRef"] = json!({"kind": "GitRepository", "name": "fleet"});
        let kustomization = Kustomization::from_value(&json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "apps", "namespace": "flux-system"}, "spec": spec,
        }))
        .unwrap();
        let tree = MemoryTree::new(files.iter().copied());
        generate(&tree, &kustomization, &clean_path(&kustomization.spec.path), true).map(take)
    }

    fn generated(files: &[(&str, &str)], spec: Value) -> Result<(String, Value), Error> {
        let made = generated_with(files, spec, |made| made)?;
        let mut file = kustomize::yaml::parse_v2(&made.text).unwrap();
        let fields = file.as_object_mut().unwrap();
        assert_eq!(fields.remove("apiVersion").unwrap(), "kustomize.config.k8s.io/v1beta1");
        assert_eq!(fields.remove("kind").unwrap(), "Kustomization");
        Ok((made.path, file))
    }

    fn check(files: &[(&str, &str)], spec: Value, path: &str, expected: Value) {
        assert_eq!(generated(files, spec).unwrap(), (path.to_owned(), expected));
    }

    #[test]
    fn paths_stay_in_the_artifact() {
        let paths = ["", "./", "/", "./a/b/", "a//b", "../../a", "a/../../b/.", "a/.."];
        assert_eq!(paths.map(clean_path), ["", "", "", "a/b", "a/b", "a", "b", ""]);
    }

    #[test]
    fn without_a_file_the_manifests_are_listed() {
        let files = [
            ("a/z.yml", ""),
            ("a/b/x.yaml", ""),
            ("a/b/x.json", ""),
            ("a/c/Kustomization", ""),
            ("a/c/y.yaml", ""),
        ];
        check(
            &files,
            json!({"path": "./a"}),
            "a/kustomization.yaml",
            json!({"resources": ["./b/x.yaml", "./c", "./z.yml"]}),
        );
        check(
            &[("a/x", "")],
            json!({"path": "a"}),
            "a/kustomization.yaml",
            json!({"namespace": "_placeholder"}),
        );
        check(
            &[("a/x", "")],
            json!({"path": "a", "targetNamespace": "t"}),
            "a/kustomization.yaml",
            json!({"namespace": "t"}),
        );
    }

    #[test]
    fn settings_are_merged_into_the_file() {
        let file = "resources: [x.yaml]\nnamespace: a\nnamePrefix: p-\npatches: [{path: p}]\ncomponents: [c]";
        let spec = json!({
            "targetNamespace": "b", "nameSuffix": "-s", "components": ["d"], "buildMetadata": ["originAnnotations"],
            "patches": [{"patch": "q", "target": {"kind": "K", "other": 1}}],
        });
        let expected = json!({
            "resources": ["x.yaml"], "namespace": "b", "namePrefix": "p-", "nameSuffix": "-s", "components": ["c", "d"],
            "patches": [{"path": "p"}, {"patch": "q", "target": {"kind": "K"}}], "buildMetadata": ["originAnnotations"],
        });
        check(&[("kustomization.yml", file)], spec, "kustomization.yml", expected);
    }

    #[test]
    fn a_file_without_resources_annotates_origins() {
        check(
            &[("kustomization.yaml", "components: [c]\nbuildMetadata: [managedByLabel]")],
            json!({}),
            "kustomization.yaml",
            json!({"components": ["c"], "buildMetadata": ["originAnnotations"]}),
        );
    }

    #[test]
    fn images_are_merged_by_name() {
        let file = "resources: [r]\nimages:\n- {name: a, newName: b, newTag: '1'}\n- {name: c, newTag: '1', digest: d}";
        let spec = json!({"images": [{"name": "a", "newTag": "2"}, {"name": "c", "newName": "e"},
            {"name": "f", "digest": "g"}, {"name": "c", "newTag": "3"}]});
        let expected = json!([{"name": "a", "newName": "b", "newTag": "2"}, {"name": "c", "newName": "e", "newTag": "3"},
            {"name": "f", "digest": "g"}]);
        check(
            &[("kustomization.yaml", file)],
            spec,
            "kustomization.yaml",
            json!({"resources": ["r"], "images": expected}),
        );
    }

    #[test]
    fn what_was_looked_for_is_told() {
        let files = [("a/b/x.yaml", "")];
        let spec = json!({"path": "a", "components": ["../c"], "ignoreMissingComponents": true});
        let reads = generated_with(&files, spec, |made| made.reads.into_iter().collect::<Vec<_>>()).unwrap();
        let names = |dir: &str| NAMES.map(|name| join(dir, name));
        let mut expected = [&["a", "a/b", "c"].map(str::to_owned)[..], &names("a"), &names("a/b")].concat();
        expected.sort();
        assert_eq!(reads, expected);
    }

    #[test]
    fn components_must_be_local_and_may_be_missing() {
        let files = [("a/kustomization.yaml", "resources: [r]"), ("c/kustomization.yaml", "")];
        check(
            &files,
            json!({"path": "a", "components": ["../c", "../d", "../../c"], "ignoreMissingComponents": true}),
            "a/kustomization.yaml",
            json!({"resources": ["r"], "components": ["../c"]}),
        );
        for remote in ["https://x/y", "git@x:y", "GitHub.com/a", "/abs", "file:///abs"] {
            let error =
                generated(&files, json!({"path": "a", "components": [remote]})).unwrap_err().to_string();
            assert!(
                error.ends_with(&format!("component path `{remote}` must be local and relative")),
                "{error}"
            );
        }
    }
}
