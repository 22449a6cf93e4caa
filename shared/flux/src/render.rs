//! The pipeline: kustomization file, build, substitution, labels, normalisation, common metadata.
//! Each stage is a file of its own; this one is their order.

use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeSet;

use kustomize::{EntryKind, ErrorKind, OverlayTree, Tree};
use sha2::{Digest, Sha256};

use crate::envsubst::Language;
use crate::inventory::describe;
use crate::sops::Encryption;
use crate::{
    Controller, DataKeys, DriftIgnore, Error, Kustomization, ObjectId, SubstituteStrategy, Variables,
    generator, metadata, normalise, post_build, sops,
};

/// How to render.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The controller that will apply: its version and arguments change what is rendered.
    pub controller: Controller,
    /// Options of the build.
    pub kustomize: kustomize::Options,
    /// What may be used to decrypt.
    pub data_keys: DataKeys,
}

/// What kustomize-controller would apply.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rendered {
    /// The objects in the order of the build, as the controller hands them to server-side apply: with owner labels,
    /// normalised, with common metadata.
    pub objects: Vec<Value>,
    /// Every path that was looked at in the artifact, found or not; the key of a cache.
    pub reads: BTreeSet<String>,
    /// What somebody should know about the result.
    pub warnings: Vec<String>,
    /// `sha256:<hex>` of the rendered YAML, as the controller publishes it in `status.history`. Comparable only
    /// when `encrypted` is empty, since the controller decrypts first.
    pub digest: String,
    /// Objects that hold SOPS data that was not decrypted, and is compared as ciphertext.
    pub encrypted: Vec<ObjectId>,
    /// Every value that was decrypted, and every piece of text that substitution made of a variable from a Secret: to be
    /// masked wherever it turns up.
    pub secrets: BTreeSet<String>,
}

/// Renders a Kustomization from an artifact, as kustomize-controller does before it applies.
///
/// `variables` are those of [`Variables::of`]. SOPS data is decrypted with the data keys in `options`; where they are
/// [`DataKeys::Known`] and some are missing, the error names them, to be unwrapped for the next try.
///
/// # Errors
/// What fails in the controller too, and what is not supported; see [`Error`].
pub fn render(
    artifact: &dyn Tree,
    kustomization: &Kustomization,
    variables: &Variables,
    options: &Options,
) -> Result<Rendered, Error> {
    let dir = generator::clean_path(&kustomization.spec.path);
    if artifact.kind(&dir) != Some(EntryKind::Directory) {
        return Err(Error::PathNotFound { kustomization: kustomization.key.clone(), path: dir });
    }
    let kustomization = &as_known_to(&options.controller, kustomization);
    let file = generator::generate(artifact, kustomization, &dir, options.controller.merges_images())?;
    let mut rendered = Rendered { reads: file.reads.clone(), ..Rendered::default() };
    let tree = OverlayTree::new(artifact).with(&file.path, file.text.as_bytes());
    let tree = decrypt_sources(tree, &dir, kustomization, options, &mut rendered)?;
    let built = build(&tree, kustomization, &dir, options)?;
    rendered.warnings.extend(built.warnings);
    rendered.reads.extend(built.reads);

    let mut objects: Vec<Value> = built.objects.into_iter().map(|object| object.value).collect();
    check_identities(&objects, kustomization)?;
    let encrypted = decrypt_objects(&mut objects, kustomization, options, &mut rendered)?;
    post_build::substitute(
        &mut objects,
        kustomization,
        variables,
        &Language::of(&options.controller),
        &mut rendered.secrets,
    )?;
    rendered.digest = digest(&objects);
    rendered.objects = flatten(objects, kustomization, &mut rendered.warnings)?;
    finish(&mut rendered, kustomization, &encrypted)?;
    rendered.warnings.extend(DriftIgnore::of(kustomization)?.warnings());
    Ok(rendered)
}

/// The tree with the files that generators and patches name decrypted, if the Kustomization decrypts.
fn decrypt_sources<'a>(
    mut tree: OverlayTree<'a>,
    dir: &str,
    kustomization: &Kustomization,
    options: &Options,
    rendered: &mut Rendered,
) -> Result<OverlayTree<'a>, Error> {
    if kustomization.spec.decryption.is_some() {
        let found = sops::decrypt_sources(&tree, dir, &options.data_keys, &mut rendered.secrets);
        let found = found.map_err(|stopped| undecrypted(stopped, kustomization))?;
        found.files.iter().for_each(|(path, bytes)| tree.insert(path, bytes));
        rendered.warnings.extend(found.warnings);
    }
    Ok(tree)
}

fn decrypt_objects(
    objects: &mut [Value],
    kustomization: &Kustomization,
    options: &Options,
    rendered: &mut Rendered,
) -> Result<sops::Encrypted, Error> {
    if kustomization.spec.decryption.is_none() {
        return Ok(sops::Encrypted::new());
    }
    let (secrets, warnings) = (&mut rendered.secrets, &mut rendered.warnings);
    sops::decrypt_objects(objects, &options.data_keys, secrets, warnings)
        .map_err(|stopped| undecrypted(stopped, kustomization))
}

fn undecrypted(stopped: sops::Stopped, kustomization: &Kustomization) -> Error {
    let kustomization = kustomization.key.clone();
    match stopped {
        sops::Stopped::Keys(wrapped) => Error::DataKeys { kustomization, wrapped },
        sops::Stopped::Failed(reason) => Error::Decryption { kustomization, reason },
    }
}

/// The Kustomization without the fields that an older controller does not know.
fn as_known_to<'a>(controller: &Controller, kustomization: &'a Kustomization) -> Cow<'a, Kustomization> {
    if controller.has_fields_of_1_9() {
        return Cow::Borrowed(kustomization);
    }
    let mut known = kustomization.clone();
    known.spec.build_metadata.clear();
    known.spec.ignore.clear();
    if let Some(post_build) = &mut known.spec.post_build {
        post_build.strategy = SubstituteStrategy::WithVariables;
    }
    Cow::Owned(known)
}

fn build(
    tree: &dyn Tree,
    kustomization: &Kustomization,
    dir: &str,
    options: &Options,
) -> Result<kustomize::Built, Error> {
    let mut kustomize = options.kustomize.clone();
    if !options.controller.remote_bases {
        kustomize.remotes = kustomize.remotes.only_files();
    }
    kustomize::build(tree, dir, &kustomize).map_err(|source| match refused_base(&source, options) {
        Some(url) => Error::RemoteBase { kustomization: kustomization.key.clone(), url },
        None => Error::Kustomize {
            kustomization: kustomization.key.clone(),
            path: if dir.is_empty() { ".".into() } else { dir.to_owned() },
            source: Box::new(source),
        },
    })
}

/// The repository that failed a build because the controller clones none. Files over http are no repositories.
fn refused_base(error: &kustomize::Error, options: &Options) -> Option<String> {
    let ErrorKind::Remote { url, repository: Some(_), .. } = &error.kind else { return None };
    let file = url.split_once(':').is_some_and(|(scheme, _)| scheme.to_lowercase().starts_with("http"));
    let cloned = !file || options.kustomize.remotes.has_repository(url);
    (cloned && !options.controller.remote_bases).then(|| url.clone())
}

/// The controller wants apiVersion, kind and name of every object that was built.
fn check_identities(objects: &[Value], kustomization: &Kustomization) -> Result<(), Error> {
    let nameless = objects.iter().find(|object| ObjectId::of(object).is_none());
    nameless
        .map_or(Ok(()), |object| Err(invalid(object, kustomization, "apiVersion, kind or name is missing")))
}

fn invalid(object: &Value, kustomization: &Kustomization, reason: &str) -> Error {
    invalid_name(&describe(object), kustomization, reason)
}

fn invalid_name(object: &str, kustomization: &Kustomization, reason: &str) -> Error {
    Error::InvalidObject {
        kustomization: kustomization.key.clone(),
        object: object.to_owned(),
        reason: reason.to_owned(),
    }
}

/// `sha256:<hex>` of the objects as one YAML stream.
fn digest(objects: &[Value]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(kustomize::yaml::emit_all(objects))))
}

/// Reads the stream back as the controller does: lists give their items, and what substitution left without a name is
/// dropped.
fn flatten(
    objects: Vec<Value>,
    kustomization: &Kustomization,
    warnings: &mut Vec<String>,
) -> Result<Vec<Value>, Error> {
    let mut all = Vec::with_capacity(objects.len());
    for mut object in objects {
        if object["kind"].as_str().is_none_or(str::is_empty) {
            return Err(invalid(&object, kustomization, "kind is missing after substitution"));
        }
        if let Some(Value::Array(items)) = object.get_mut("items") {
            all.append(items);
            continue;
        }
        let api_version = object["apiVersion"].as_str().unwrap_or_default();
        let kind = object["kind"].as_str().unwrap_or_default();
        let config =
            kind.eq_ignore_ascii_case("kustomization") && api_version.starts_with("kustomize.config.k8s.io/");
        if config || ObjectId::of(&object).is_none() {
            warnings
                .push(format!("`{}` has no usable apiVersion and name and is dropped", describe(&object)));
            continue;
        }
        all.push(object);
    }
    match all.iter().find(|object| !object.is_object()) {
        Some(item) => Err(invalid(item, kustomization, "an item of a list is not an object")),
        None => Ok(all),
    }
}

/// Owner labels, normalisation and common metadata; and what there is to say about encrypted objects.
fn finish(
    rendered: &mut Rendered,
    kustomization: &Kustomization,
    encrypted: &sops::Encrypted,
) -> Result<(), Error> {
    let decrypts = kustomization.spec.decryption.is_some();
    for object in &mut rendered.objects {
        let name = describe(object);
        if metadata::set_owner(object, &kustomization.key) {
            rendered.warnings.push(format!("`{name}` loses its labels, since they are not all text"));
        }
        let encryption = sops::encryption(object);
        if let (Some(how), true) = (encryption, decrypts) {
            rendered.warnings.push(ciphertext(&name, how, encrypted.get(&name)));
            rendered.encrypted.extend(ObjectId::of(object));
        } else {
            let done =
                normalise::normalise(object).map_err(|reason| invalid_name(&name, kustomization, &reason))?;
            rendered.warnings.extend(unknown(&name, &done.unknown));
        }
        if let Some(common) = &kustomization.spec.common_metadata {
            metadata::set_common(object, common);
        }
        let waits = decrypts && encryption == Some(Encryption::Object);
        if !waits && sops::is_refused(object) {
            return Err(Error::SopsEncrypted { kustomization: kustomization.key.clone(), object: name });
        }
        if encryption.is_some() && !decrypts {
            rendered.warnings.push(format!(
                "`{name}` is encrypted with SOPS and its Kustomization has no `spec.decryption`: its \
                 ciphertext is applied as it is, unless the API server refuses its `sops` field"
            ));
        }
    }
    Ok(())
}

/// What to say of fields that the controller drops on the way to the API server.
fn unknown(object: &str, paths: &[String]) -> Option<String> {
    let paths: Vec<String> = paths.iter().map(|path| format!("`{path}`")).collect();
    let which = if paths.len() == 1 {
        "a field that its kind does not have"
    } else {
        "fields that its kind does not have"
    };
    (!paths.is_empty()).then(|| format!("`{object}` has {which}, which Flux drops: {}", paths.join(", ")))
}

/// What to say of an object that the controller decrypts and Preflux does not.
fn ciphertext(name: &str, how: Encryption, why: Option<&String>) -> String {
    let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
    match how {
        Encryption::Object => format!("`{name}` is encrypted, compared as ciphertext{why}"),
        Encryption::Files => format!(
            "`{name}` is made from an encrypted file, compared as ciphertext{why}: a hash in its name is not the cluster's"
        ),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use kustomize::MemoryTree;
    use serde_json::json;

    fn kustomization(decryption: Value) -> Kustomization {
        Kustomization::from_value(&json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "apps", "namespace": "flux-system"},
            "spec": {"path": "apps", "sourceRef": {"kind": "GitRepository", "name": "fleet"}, "decryption": decryption},
        }))
        .unwrap()
    }

    fn finished(object: Value, decryption: Value) -> Result<Rendered, String> {
        let mut rendered = Rendered { objects: vec![object], ..Rendered::default() };
        finish(&mut rendered, &kustomization(decryption), &sops::Encrypted::new())
            .map_err(|error| error.to_string())?;
        Ok(rendered)
    }

    fn encrypted_secret() -> Value {
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "a"},
            "data": {"k": "ENC[x]"}, "sops": {"mac": "ENC[y]"}})
    }

    #[test]
    fn encrypted_objects_stay_as_they_are() {
        let rendered = finished(encrypted_secret(), json!({"provider": "sops"})).unwrap();
        assert_eq!(rendered.objects[0]["sops"], json!({"mac": "ENC[y]"}));
        assert_eq!(rendered.encrypted, [ObjectId::of(&encrypted_secret()).unwrap()]);
        assert_eq!(rendered.warnings, ["`Secret/a/s` is encrypted, compared as ciphertext"]);
    }

    #[test]
    fn encrypted_secrets_need_decryption() {
        assert_eq!(
            finished(encrypted_secret(), Value::Null).unwrap_err(),
            "`Secret/a/s` is SOPS encrypted, configuring decryption is required for it to be reconciled \
             (`spec.decryption` of `Kustomization/flux-system/apps`)"
        );
        let config_map = json!({"apiVersion": "v1", "kind": "ConfigMap", "sops": {"mac": "ENC[y]"}});
        let warnings = finished(config_map, Value::Null).unwrap().warnings;
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert_eq!(
            warnings[0],
            "`ConfigMap` has a field that its kind does not have, which Flux drops: `sops`"
        );
        assert!(warnings[1].contains("has no `spec.decryption`"), "{warnings:?}");
    }

    #[test]
    fn lists_are_opened_and_nameless_objects_dropped() {
        let read = |object: Value| {
            let mut warnings = Vec::new();
            let objects = flatten(vec![object], &kustomization(Value::Null), &mut warnings);
            objects.map(|objects| (objects, warnings)).map_err(|error| error.to_string())
        };
        assert_eq!(
            read(json!({"kind": "List", "items": [{"a": 1}]})).unwrap(),
            (vec![json!({"a": 1})], vec![])
        );
        let (objects, warnings) =
            read(json!({"apiVersion": "v1", "kind": "A", "metadata": {"name": 1}})).unwrap();
        assert!(objects.is_empty() && warnings == ["`A` has no usable apiVersion and name and is dropped"]);
        assert!(read(json!({"apiVersion": "v1"})).unwrap_err().contains("kind is missing"));
        assert!(read(json!({"kind": "List", "items": [1]})).unwrap_err().contains("not an object"));
    }

    #[test]
    fn what_was_read_is_told() {
        let config_map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
        let tree = MemoryTree::new([("apps/a.yaml", config_map), ("other/b.yaml", config_map)]);
        let rendered = render(&tree, &kustomization(Value::Null), &Variables::default(), &Options::default());
        let rendered = rendered.unwrap();
        for read in ["apps", "apps/a.yaml", "apps/kustomization.yaml", "apps/kustomization.yml"] {
            assert!(rendered.reads.contains(read), "{read} in {:?}", rendered.reads);
        }
        assert!(!rendered.reads.iter().any(|read| read.starts_with("other") || read.is_empty()));
        assert!(rendered.warnings.is_empty() && rendered.encrypted.is_empty());
    }

    #[test]
    fn a_missing_path_is_its_own_error() {
        let tree = MemoryTree::new([("apps", "a file")]);
        let error = render(&tree, &kustomization(Value::Null), &Variables::default(), &Options::default());
        assert_eq!(
            error.unwrap_err().to_string(),
            "kustomization path not found: `apps` of `Kustomization/flux-system/apps`"
        );
    }
}
