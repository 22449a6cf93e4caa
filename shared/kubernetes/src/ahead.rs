//! Many live objects in few requests: lists of one kind in one namespace, selected by the labels that Flux gives what it applies.
//!
//! Whatever is not among them (its labels were removed, the list is refused, broke off or is too large) is left to a read
//! of its own: nothing is concluded from an object's absence here. Items of a list are what a read gives, but for their kind.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use domain::ObjectId;
use futures::{FutureExt as _, StreamExt as _, stream};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::KubeCluster;
use crate::api::Failure;
use crate::call::Call;
use crate::discovery::Resource;
use crate::kubeconfig::Trust;
use crate::reduce::is_secrets;

/// The labels by which Flux knows again what it applied.
const NAME: &str = "kustomize.toolkit.fluxcd.io/name";
const NAMESPACE: &str = "kustomize.toolkit.fluxcd.io/namespace";

/// Objects of a kind in a namespace that make a list worth its request.
const FEWEST: usize = 3;
/// Objects on a page: such a page stays below what an answer may be, unless most of them are very large.
const PAGE: usize = 100;
/// Pages of one list: one, and one more for so many objects that are looked for. Owners may have many others.
const OBJECTS_A_PAGE: usize = 20;
/// Owners that one list may name: more would make too long an address.
const OWNERS: usize = 40;
/// Lists that are read at a time.
const AT_ONCE: usize = 4;
/// What is kept of one call's objects, in bytes, roughly. The rest is read one by one, when its turn comes.
const MOST_BYTES: usize = 96 << 20;
/// How long it is believed that a list is not granted.
const REFUSED: Duration = Duration::from_secs(300);

/// Kinds that may not be listed, since when.
pub(crate) type Refused = Mutex<HashMap<Resource, Instant>>;

/// A Kustomization: namespace and name.
type Owner = (String, String);

/// A kind in a namespace; the namespace is empty where the kind has none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Where {
    resource: Resource,
    kind: String,
    namespace: String,
}

/// A list to read: where, whose objects, and which names stand for which places in the answer.
struct List {
    at: Where,
    owners: BTreeSet<Owner>,
    wanted: BTreeMap<String, Vec<usize>>,
}

/// Objects of one kind in one namespace, by owner: names and their places.
type Group = BTreeMap<Owner, Vec<(String, usize)>>;

impl KubeCluster {
    /// See [`ports::Cluster::live_ahead`].
    pub(crate) async fn ahead(&self, manifests: &[&Value]) -> Vec<Option<Value>> {
        let mut found = vec![None; manifests.len()];
        let lists = lists(self.groups(manifests).await);
        let room = AtomicUsize::new(MOST_BYTES);
        // Boxed, because a closure that makes borrowing futures cannot be proved `Send` across tasks.
        let lists: Vec<_> = lists.iter().map(|list| self.selected(list, &room).boxed()).collect();
        let answers: Vec<Vec<(usize, Value)>> = stream::iter(lists).buffer_unordered(AT_ONCE).collect().await;
        for (place, object) in answers.into_iter().flatten() {
            found[place] = Some(object);
        }
        found
    }

    /// The objects that may be listed, by where they are. What cannot be placed is for the read to say.
    async fn groups(&self, manifests: &[&Value]) -> BTreeMap<Where, Group> {
        let (mut groups, mut kinds) = (BTreeMap::<_, Group>::new(), BTreeMap::new());
        for (place, manifest) in manifests.iter().enumerate() {
            let (Some(owner), Some(id)) = (owner(manifest), ObjectId::of(manifest)) else { continue };
            let version = manifest["apiVersion"].as_str().unwrap_or_default();
            let kind = (version.to_owned(), id.kind.clone());
            if !kinds.contains_key(&kind) {
                let resource = self.listable(&kind).await;
                kinds.insert(kind.clone(), resource);
            }
            let Some(Some(resource)) = kinds.get(&kind).cloned() else { continue };
            let namespace = if resource.namespaced { id.namespace } else { String::new() };
            let group = groups.entry(Where { resource, kind: id.kind, namespace }).or_default();
            group.entry(owner).or_default().push((id.name, place));
        }
        groups
    }

    async fn listable(&self, (version, kind): &(String, String)) -> Option<Resource> {
        let resource = self.discovery.resolve(&self.api, version, kind).await.ok().flatten()?;
        self.may_list(&resource).await.then_some(resource)
    }

    /// A stored identity that may list Secrets is not used at all (`locks`), so that is not tried.
    async fn may_list(&self, resource: &Resource) -> bool {
        if is_secrets(resource) && self.trust == Trust::Stored {
            return false;
        }
        self.unlisted.lock().await.get(resource).is_none_or(|at| at.elapsed() > REFUSED)
    }

    /// What a list gives of the objects that are looked for, with their places.
    async fn selected(&self, list: &List, room: &AtomicUsize) -> Vec<(usize, Value)> {
        let (mut found, mut missing) = (Vec::new(), list.wanted.clone());
        let List { at, owners, wanted } = list;
        let Some(path) = at.resource.list_path(&at.namespace) else { return found };
        let selector = selector(owners);
        let mut next: Option<String> = None;
        for _ in 0..=wanted.len() / OBJECTS_A_PAGE {
            let call = Call::read_selected(&path, &selector, PAGE, next.as_deref());
            let mut page = match self.api.ask(&call).await {
                Ok(page) => page,
                Err(Failure::Status(status)) if status.code == 403 => {
                    self.unlisted.lock().await.insert(at.resource.clone(), Instant::now());
                    return found;
                }
                Err(_) => return found,
            };
            let Some(Value::Array(items)) = page.get_mut("items").map(Value::take) else { return found };
            for item in items {
                let name = item["metadata"]["name"].as_str().unwrap_or_default();
                if let Some(places) = missing.remove(name).filter(|_| fits(&item, room)) {
                    let object = self.reducer.object(Some(&at.resource), named(item, at));
                    found.extend(places.into_iter().map(|place| (place, object.clone())));
                }
            }
            next = page.pointer("/metadata/continue").and_then(Value::as_str).map(str::to_owned);
            if missing.is_empty() || next.as_deref().is_none_or(str::is_empty) {
                break;
            }
        }
        found
    }
}

/// Lists of no more owners than fit, without those that a few reads are cheaper than.
fn lists(groups: BTreeMap<Where, Group>) -> Vec<List> {
    let mut lists = Vec::new();
    for (at, group) in groups {
        let group: Vec<(Owner, Vec<(String, usize)>)> = group.into_iter().collect();
        for part in group.chunks(OWNERS) {
            let mut wanted = BTreeMap::<String, Vec<usize>>::new();
            for (name, place) in part.iter().flat_map(|(_, objects)| objects) {
                wanted.entry(name.clone()).or_default().push(*place);
            }
            if wanted.len() >= FEWEST {
                let owners = part.iter().map(|(owner, _)| owner.clone()).collect();
                lists.push(List { at: at.clone(), owners, wanted });
            }
        }
    }
    lists
}

/// The Kustomization whose labels a manifest carries, if they are labels that can be asked for.
fn owner(manifest: &Value) -> Option<Owner> {
    let labels = &manifest["metadata"]["labels"];
    let label = |key: &str| labels[key].as_str().filter(|value| is_label(value)).map(str::to_owned);
    Some((label(NAMESPACE)?, label(NAME)?))
}

/// Whether a text can be the value of a label, and so stand in a selector.
fn is_label(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric();
    let ends = text.bytes().next().is_some_and(plain) && text.bytes().last().is_some_and(plain);
    ends && text.len() <= 63 && text.bytes().all(|byte| plain(byte) || b"-_.".contains(&byte))
}

/// All owners at once. It may take in one that was not asked for, of one's name and another's namespace.
fn selector(owners: &BTreeSet<Owner>) -> String {
    let names: BTreeSet<&str> = owners.iter().map(|(_, name)| name.as_str()).collect();
    let namespaces: BTreeSet<&str> = owners.iter().map(|(namespace, _)| namespace.as_str()).collect();
    let set = |values: BTreeSet<&str>| values.into_iter().collect::<Vec<_>>().join(",");
    format!("{NAME} in ({}),{NAMESPACE} in ({})", set(names), set(namespaces))
}

/// Items of a list leave out what the list says for all of them.
fn named(mut item: Value, at: &Where) -> Value {
    if let Some(fields) = item.as_object_mut() {
        fields.insert("apiVersion".to_owned(), at.resource.api_version().into());
        fields.insert("kind".to_owned(), at.kind.clone().into());
    }
    item
}

/// Takes an object's share of the room, if there is so much.
fn fits(object: &Value, room: &AtomicUsize) -> bool {
    let weight = weight(object);
    room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(weight)).is_ok()
}

/// What a value takes in memory, roughly.
fn weight(value: &Value) -> usize {
    const NODE: usize = 48;
    NODE + match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(map) => map.iter().map(|(key, value)| key.len() + weight(value)).sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed call is the test's failure")]
    use super::*;
    use crate::fake::Fake;
    use ports::Cluster as _;
    use serde_json::json;

    const LIST: &str = "GET /api/v1/namespaces/apps/configmaps";

    fn map(owner: &str, name: &str) -> Value {
        let labels = json!({NAME: owner, NAMESPACE: "flux-system"});
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "apps", "labels": labels}})
    }

    fn item(name: &str) -> Value {
        json!({"metadata": {"name": name, "namespace": "apps"}, "data": {"a": "b"}})
    }

    async fn ahead(fake: Fake, manifests: &[Value]) -> (Vec<Option<Value>>, Vec<String>) {
        let (cluster, log) = fake.cluster();
        let found = cluster.live_ahead(&manifests.iter().collect::<Vec<_>>()).await;
        let log = log.lock().unwrap().clone();
        (found, log)
    }

    #[tokio::test]
    async fn one_list_gives_the_objects_of_several_owners() {
        let page = json!({"items": [item("c"), item("other"), item("a")], "metadata": {}});
        let wanted = [map("one", "a"), map("two", "b"), map("two", "c")];
        let (found, log) = ahead(Fake::core().with(LIST, 200, page), &wanted).await;
        let whole = |name: &str| {
            Some(
                json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "apps"}, "data": {"a": "b"}}),
            )
        };
        assert_eq!(found, [whole("a"), None, whole("c")], "what is not on the list is left to a read");
        let selector = "kustomize.toolkit.fluxcd.io%2Fname%20in%20%28one%2Ctwo%29%2Ckustomize.toolkit.fluxcd.io%2Fnamespace%20in%20%28flux-system%29";
        assert_eq!(log, ["GET /api/v1", &format!("{LIST}?limit=100&labelSelector={selector}")]);
    }

    #[tokio::test]
    async fn pages_are_read_as_long_as_they_are_worth_it() {
        let more = |name: &str| json!({"items": [item(name)], "metadata": {"continue": "t"}});
        let wanted: Vec<Value> = (0..OBJECTS_A_PAGE).map(|n| map("one", &format!("n{n}"))).collect();
        let fake =
            Fake::core().with(LIST, 200, more("n0")).with(LIST, 200, more("x")).with(LIST, 200, more("n1"));
        let (found, log) = ahead(fake, &wanted).await;
        assert_eq!(found.iter().flatten().count(), 1);
        assert_eq!(log.len(), 3, "{log:?}");
        assert!(log[2].ends_with("&continue=t"), "{log:?}");
    }

    #[tokio::test]
    async fn a_refused_list_is_not_asked_for_again_and_others_are() {
        let wanted = [map("one", "a"), map("one", "b"), map("one", "c")];
        let manifests: Vec<&Value> = wanted.iter().collect();
        for (code, requests) in [(403, 1), (404, 2), (500, 6)] {
            let (cluster, log) = Fake::core().with(LIST, code, json!({})).cluster();
            for _ in 0..2 {
                assert_eq!(cluster.live_ahead(&manifests).await, [None, None, None]);
            }
            let lists = log.lock().unwrap().iter().filter(|sent| sent.starts_with(LIST)).count();
            assert_eq!(lists, requests, "{code}");
        }
    }

    #[tokio::test]
    async fn nothing_is_listed_for_few_objects_or_for_labels_that_are_none() {
        let unlabelled = |name: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "apps"}});
        for wanted in [
            vec![map("one", "a"), map("one", "b")],
            ["a", "b", "c"].map(unlabelled).to_vec(),
            ["a", "b", "c"].map(|name| map("one),x notin (y", name)).to_vec(),
            ["a", "b", "c"].map(|name| map(&"long".repeat(16), name)).to_vec(),
        ] {
            let (found, log) = ahead(Fake::core(), &wanted).await;
            assert!(found.iter().all(Option::is_none) && log.len() < 2, "{log:?}");
        }
    }

    #[tokio::test]
    async fn secrets_are_not_listed_by_a_stored_identity_and_reduced_for_a_person() {
        let kinds =
            json!({"resources": [{"name": "secrets", "kind": "Secret", "namespaced": true, "verbs": []}]});
        let list = "GET /api/v1/namespaces/apps/secrets";
        let items: Vec<Value> = ["a", "b", "c"]
            .map(|name| json!({"metadata": {"name": name}, "data": {"k": "aHVudGVyMi1sb25n"}}))
            .to_vec();
        let fake = || {
            Fake::default().with("GET /api/v1", 200, kinds.clone()).with(list, 200, json!({"items": items}))
        };
        let wanted = ["a", "b", "c"].map(|name| {
            let mut secret = map("one", name);
            secret["kind"] = json!("Secret");
            secret
        });
        let (found, log) = ahead(fake(), &wanted).await;
        assert_eq!((found.iter().flatten().count(), log.len()), (0, 1));
        let (mut cluster, _) = fake().cluster();
        cluster.trust = Trust::OwnFile;
        let found = cluster.live_ahead(&wanted.iter().collect::<Vec<_>>()).await;
        let text = serde_json::to_string(&found).unwrap();
        assert_eq!(found.iter().flatten().count(), 3);
        assert!(!text.contains("aHVudGVy") && text.contains("\"kind\":\"Secret\""), "{text}");
    }

    #[test]
    fn what_does_not_fit_is_left_out() {
        let room = AtomicUsize::new(weight(&json!({"a": "text"})) + 1);
        assert!(fits(&json!({"a": "text"}), &room));
        assert!(!fits(&json!({"a": "text"}), &room));
        assert!(weight(&json!([{"a": "text"}])) > weight(&json!({"a": "text"})));
    }

    #[test]
    fn many_owners_are_several_lists() {
        let resource = Resource {
            group: String::new(),
            version: "v1".to_owned(),
            plural: "configmaps".to_owned(),
            namespaced: true,
            patchable: true,
        };
        let at = Where { resource, kind: "ConfigMap".to_owned(), namespace: "apps".to_owned() };
        let owner = |n: usize| ("flux-system".to_owned(), format!("k{n:03}"));
        let group: Group = (0..100).map(|n| (owner(n), vec![(format!("m{n}"), n)])).collect();
        let lists = lists([(at, group)].into());
        let sizes: Vec<usize> = lists.iter().map(|list| list.owners.len()).collect();
        assert_eq!(sizes, [OWNERS, OWNERS, 100 - 2 * OWNERS]);
        assert!(lists.iter().all(|list| selector(&list.owners).len() < 4096));
    }
}
