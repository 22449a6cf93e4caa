//! Files that are decrypted before the build: those that Secret generators and patches name, in every kustomization
//! below `spec.path`.

use std::collections::{BTreeMap, BTreeSet};

use kustomize::{EntryKind, OverlayTree, Tree, yaml};
use serde_json::Value;

use super::decrypt::{Decryptor, Outcome};
use super::format::Format;

/// Larger files the controller refuses, encrypted or not.
const LARGEST_FILE: usize = 5 << 20;
const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// What was found in the files.
#[derive(Default)]
pub(crate) struct Sources {
    /// The decrypted files.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// Sentences without a full stop.
    pub(crate) warnings: Vec<String>,
}

struct Walk<'t, 'd, 'k> {
    tree: &'t OverlayTree<'t>,
    decryptor: &'d mut Decryptor<'k>,
    seen: BTreeSet<String>,
    asked: BTreeSet<String>,
    found: Sources,
}

/// Decrypts the files that the kustomizations below `dir` name. The error names the file.
pub(super) fn decrypt(
    tree: &OverlayTree<'_>,
    dir: &str,
    decryptor: &mut Decryptor<'_>,
) -> Result<Sources, String> {
    let mut walk =
        Walk { tree, decryptor, seen: BTreeSet::new(), asked: BTreeSet::new(), found: Sources::default() };
    let mut waiting = vec![dir.to_owned()];
    while let Some(dir) = waiting.pop() {
        if walk.seen.insert(dir.clone()) && tree.kind(&dir) == Some(EntryKind::Directory) {
            walk.kustomization(&dir, &mut waiting)?;
        }
    }
    Ok(walk.found)
}

impl Walk<'_, '_, '_> {
    fn kustomization(&mut self, dir: &str, waiting: &mut Vec<String>) -> Result<(), String> {
        // Of several kustomization files, or one that is not YAML, kustomize says what is wrong.
        let paths = NAMES.iter().map(|name| joined(dir, name));
        let Some(bytes) = paths.into_iter().find_map(|path| self.tree.read(&path).ok()) else {
            return Ok(());
        };
        let Ok(file) = yaml::parse_v2(&String::from_utf8_lossy(&bytes)) else { return Ok(()) };
        for generator in items(&file, "secretGenerator") {
            for source in texts(generator, "files") {
                let (key, path) = source.split_once('=').unwrap_or((source, source));
                self.file(&joined(dir, path), Format::of_path(key))?;
            }
            for path in texts(generator, "envs") {
                let format = match Format::of_path(path) {
                    Format::Binary => Format::Dotenv,
                    other => other,
                };
                self.file(&joined(dir, path), format)?;
            }
        }
        let patches = items(&file, "patches").filter_map(|patch| field(patch, "path")?.as_str());
        for path in patches.filter(|path| !path.is_empty() && !path.contains("://")) {
            self.file(&joined(dir, path), Format::of_path(path))?;
        }
        let below = texts(&file, "resources").chain(texts(&file, "components"));
        waiting.extend(below.map(|path| joined(dir, path)));
        Ok(())
    }

    fn file(&mut self, path: &str, format: Format) -> Result<(), String> {
        // One that is not there, or cannot be read, is for the build to name.
        let Ok(bytes) = self.tree.read(path) else { return Ok(()) };
        if !self.asked.insert(path.to_owned()) {
            return Ok(());
        }
        if bytes.len() > LARGEST_FILE {
            return Err(format!(
                "`{path}` has {} bytes, and the controller decrypts no file beyond {LARGEST_FILE}",
                bytes.len()
            ));
        }
        let text = String::from_utf8_lossy(&bytes);
        if !format.marks(&text) {
            return Ok(());
        }
        match self.decryptor.file(&text, format, format).map_err(|why| format!("`{path}`: {why}"))? {
            Outcome::Done(plain) => {
                if plain.lost_comments {
                    self.found.warnings.push(format!(
                        "`{path}` is decrypted without its comments, so a hash in the name of its Secret is not the cluster's"
                    ));
                }
                self.found.files.insert(path.to_owned(), plain.bytes);
            }
            Outcome::Later => {}
            Outcome::Encrypted(why) => self.found.warnings.push(format!("`{path}` is not decrypted: {why}")),
        }
        Ok(())
    }
}

/// A path within the tree; one that leads out of it ends at its root, as for the controller.
fn joined(dir: &str, path: &str) -> String {
    let start = if path.starts_with('/') { "" } else { dir };
    let mut parts: Vec<&str> = Vec::new();
    for part in start.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// A field, whatever the case of its name.
fn field<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let map = value.as_object()?;
    map.get(name)
        .or_else(|| map.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

fn items<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    field(value, name).and_then(Value::as_array).into_iter().flatten()
}

fn texts<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a str> {
    items(value, name).filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_within_the_tree() {
        assert_eq!(joined("apps/web", "../base/./x.env"), "apps/base/x.env");
        assert_eq!(joined("apps", "../../../x"), "x");
        assert_eq!(joined("apps", "/x"), "x");
    }
}
