//! Kustomizations whose content an ArtifactGenerator puts together. What it makes is not rendered; whether this repository is
//! part of it, and whether the pull request changes that part, is told from the generator's object.

use std::collections::{BTreeMap, BTreeSet};

use domain::report::Unresolved;
use flux::{Kustomization, ObjectKey};
use serde_json::Value;

use super::discover::{Feed, Known, touches};
use super::render::Side;

/// What is said of them.
#[derive(Default)]
pub(super) struct Generated {
    /// Those that the pull request reaches.
    pub(super) unresolved: Vec<Unresolved>,
    /// Those that it does not.
    pub(super) unaffected: Vec<Unresolved>,
}

/// What an ArtifactGenerator takes from this repository.
enum Taken {
    /// Nothing.
    Nothing,
    /// What is in these directories or files, now or before; and whether the pull request changes the source itself.
    From(Vec<String>, bool),
    /// Nobody here can tell.
    Unknown,
}

/// Sorts all Kustomizations that take an ExternalArtifact.
pub(super) fn sort(known: &Known, base: &Side, result: &Side, changed: &BTreeSet<String>) -> Generated {
    let foreign = base.foreign.values().chain(result.foreign.values()).map(|foreign| &foreign.kustomization);
    let all = known.external.iter().chain(foreign.filter(|k| is_external(k)));
    let all: BTreeMap<&ObjectKey, &Kustomization> = all.map(|k| (&k.key, k)).collect();
    let mut sorted = Generated::default();
    for (key, own) in all {
        let before = maker(own, base, &known.generators);
        let after = maker(own, result, &known.generators_at_result);
        let (dirs, moves) = match taken(known, own, [(before, base), (after, result)]) {
            Taken::Nothing => continue,
            Taken::Unknown => {
                let why = format!(
                    "what its ExternalArtifact `{}` is made of is not known here, nor whether this repository is in it",
                    own.spec.source_ref.name
                );
                sorted.unresolved.push(Unresolved { name: key.to_string(), why });
                continue;
            }
            Taken::From(dirs, moves) => (dirs, moves),
        };
        let moved = moves || before.map(|m| &m["spec"]) != after.map(|m| &m["spec"]);
        let name = after.or(before).map(maker_name).unwrap_or_default();
        let what = format!("its content is put together by `{name}` from this repository");
        let said = |why: String| Unresolved { name: key.to_string(), why };
        if moved {
            let why = format!("{what}, the pull request changes how, and what comes of it is not known here");
            sorted.unresolved.push(said(why));
        } else if dirs.iter().any(|dir| touches(dir, changed) || is_below(dir, changed)) {
            let why = format!(
                "{what}, which the pull request changes there, and what comes of it is not known here"
            );
            sorted.unresolved.push(said(why));
        } else {
            sorted.unaffected.push(said(format!("{what}, and the pull request changes nothing of that")));
        }
    }
    sorted
}

/// Whether something changes above a directory, such as the pin of a submodule that holds it.
fn is_below(dir: &str, changed: &BTreeSet<String>) -> bool {
    let above = dir.match_indices('/').map(|(end, _)| &dir[..end]);
    above.chain([dir]).any(|above| changed.contains(above))
}

fn taken(known: &Known, own: &Kustomization, makers: [(Option<&Value>, &Side); 2]) -> Taken {
    let (mut dirs, mut seen, mut moves) = (Vec::new(), false, false);
    let [(_, base), (_, result)] = makers;
    for (maker, side) in makers {
        let Some(maker) = maker else { continue };
        seen = true;
        for part in parts(maker, &own.spec.source_ref.name) {
            // The generator refuses a rule that cannot be read, and nobody knows what is left of its artifact.
            let Some(part) = part else { return Taken::Unknown };
            let (before, after) =
                (known.source(base, &part.source), known.source_after(result, &part.source));
            let rendered = side.source(&part.source);
            match part.kind {
                // What it includes may be of here, and where it puts that is not worked out.
                "GitRepository" if [before, after].into_iter().flatten().any(|s| !s.include.is_empty()) => {
                    return Taken::Unknown;
                }
                "GitRepository" => {
                    let here = |feed| matches!(feed, Feed::Here(_));
                    let is_here = here(known.feed(part.kind, &part.source, rendered));
                    let was_here = here(known.feed(part.kind, &part.source, before));
                    if is_here || was_here {
                        moves |= before != after;
                        dirs.push(part.dir);
                    }
                }
                "OCIRepository" | "Bucket" | "HelmChart" => {}
                // Artifacts of artifacts.
                _ => return Taken::Unknown,
            }
        }
    }
    match (seen, dirs.is_empty()) {
        (false, _) => Taken::Unknown,
        (true, true) => Taken::Nothing,
        (true, false) => Taken::From(dirs, moves),
    }
}

/// Whether its content is an ExternalArtifact.
pub(super) fn is_external(kustomization: &Kustomization) -> bool {
    kustomization.spec.source_ref.kind == "ExternalArtifact"
}

/// Whether it is an ArtifactGenerator.
pub(super) fn is_generator(value: &Value) -> bool {
    let group = value["apiVersion"].as_str().and_then(|v| v.split_once('/')).map(|(group, _)| group);
    value["kind"] == "ArtifactGenerator" && group == Some("source.extensions.fluxcd.io")
}

/// The generator of its artifact: as this side renders it, else as a file of it holds it.
fn maker<'a>(own: &Kustomization, side: &'a Side, in_files: &'a [Value]) -> Option<&'a Value> {
    let source = &own.spec.source_ref;
    let makes = |value: &&Value| {
        is_generator(value)
            && value["metadata"]["namespace"] == source.namespace.as_str()
            && artifacts(value).any(|artifact| artifact["name"] == source.name.as_str())
    };
    side.objects().find(makes).or_else(|| in_files.iter().find(makes))
}

fn maker_name(maker: &Value) -> String {
    let text = |field: &str| maker["metadata"][field].as_str().unwrap_or_default();
    format!("ArtifactGenerator/{}/{}", text("namespace"), text("name"))
}

fn artifacts(maker: &Value) -> impl Iterator<Item = &Value> {
    maker["spec"]["artifacts"].as_array().into_iter().flatten()
}

/// What one rule of a generator copies: `@ALIAS/PATH` of a source.
struct Part<'a> {
    kind: &'a str,
    source: ObjectKey,
    dir: String,
}

/// The rules for one artifact; `None` for one that cannot be read.
fn parts<'a>(maker: &'a Value, artifact: &str) -> Vec<Option<Part<'a>>> {
    let of = |value: &'a Value, field: &str| value[field].as_str().unwrap_or_default();
    let sources = maker["spec"]["sources"].as_array();
    let part = |rule: &'a Value| {
        let (alias, path) = of(rule, "from").strip_prefix('@')?.split_once('/')?;
        let source = sources?.iter().find(|source| source["alias"] == alias)?;
        let namespace = source["namespace"].as_str().or(maker["metadata"]["namespace"].as_str())?;
        let source_key = ObjectKey::new(namespace, of(source, "name"));
        Some(Part { kind: of(source, "kind"), source: source_key, dir: before_pattern(path) })
    };
    let rules = artifacts(maker).filter(|made| made["name"] == artifact);
    rules.flat_map(|made| made["copy"].as_array().into_iter().flatten()).map(part).collect()
}

/// The directory or file that a pattern cannot match outside of.
fn before_pattern(path: &str) -> String {
    let plain = path.split('/').take_while(|part| !part.contains(['*', '?', '[', '{', '\\']));
    plain.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rules_are_read_by_alias_and_up_to_their_pattern() {
        let maker = json!({
            "metadata": {"name": "g", "namespace": "a"},
            "spec": {
                "sources": [
                    {"alias": "git", "kind": "GitRepository", "name": "fleet"},
                    {"alias": "oci", "kind": "OCIRepository", "name": "chart", "namespace": "b"},
                ],
                "artifacts": [
                    {"name": "one", "copy": [
                        {"from": "@git/apps/web/**", "to": "@artifact/"},
                        {"from": "@oci/", "to": "@artifact/"},
                        {"from": "@nobody/x", "to": "@artifact/"},
                        {"from": "malformed"},
                    ]},
                    {"name": "two", "copy": [{"from": "@git/*.yaml", "to": "@artifact/"}]},
                ],
            },
        });
        let read = |artifact: &str| -> Vec<String> {
            let shown = |part: Part<'_>| format!("{} {} {}", part.kind, part.source, part.dir);
            parts(&maker, artifact).into_iter().map(|part| part.map_or("none".to_owned(), shown)).collect()
        };
        assert_eq!(read("one"), ["GitRepository a/fleet apps/web", "OCIRepository b/chart ", "none", "none"]);
        assert_eq!(read("two"), ["GitRepository a/fleet "]);
        assert!(read("three").is_empty());
        assert_eq!(maker_name(&maker), "ArtifactGenerator/a/g");
    }
}
