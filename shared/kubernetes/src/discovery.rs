//! Which kinds a cluster serves, and where: one group version at a time, when it is first asked for, kept for minutes.

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::api::{Api, Failure};
use crate::call::{Call, Path};

/// How long what a cluster serves is believed.
const KEEP: Duration = Duration::from_secs(300);

/// How long it is believed that something is not served: a CRD may have just been installed.
const KEEP_MISSING: Duration = Duration::from_secs(10);

/// Groups that the API server serves itself, whatever is installed: dry-runs of these are honoured.
const BUILT_IN: [&str; 16] = [
    "",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
];

/// Flux's groups end so; they are made of CRDs, which the API server serves itself.
const FLUX: &str = ".toolkit.fluxcd.io";

/// A served kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Resource {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) plural: String,
    pub(crate) namespaced: bool,
    pub(crate) patchable: bool,
}

impl Resource {
    /// Such as `v1` or `apps/v1`.
    pub(crate) fn api_version(&self) -> String {
        match self.group.as_str() {
            "" => self.version.clone(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// Where those of a namespace are listed; `None` if that cannot be a name. A namespace does not matter to cluster-scoped kinds.
    pub(crate) fn list_path(&self, namespace: &str) -> Option<Path> {
        let mut segments = base(&self.group, &self.version);
        if self.namespaced {
            segments.extend(["namespaces", namespace]);
        }
        segments.push(self.plural.as_str());
        Path::new(&segments)
    }

    /// Where the object `name` is; `None` if that cannot be a name. A namespace does not matter to cluster-scoped kinds.
    pub(crate) fn path(&self, namespace: &str, name: &str) -> Option<Path> {
        let mut segments = base(&self.group, &self.version);
        if self.namespaced {
            segments.extend(["namespaces", namespace]);
        }
        segments.extend([self.plural.as_str(), name]);
        Path::new(&segments)
    }
}

/// What one cluster serves, as far as it was asked.
#[derive(Default)]
pub(crate) struct Discovery {
    kinds: Kept<Vec<Listed>>,
    versions: Kept<Vec<String>>,
    elsewhere: Kept<bool>,
}

/// Answers by what they were asked for.
type Kept<T> = Mutex<HashMap<String, (Instant, T)>>;

#[derive(Debug, Clone, Deserialize)]
struct Listed {
    name: String,
    kind: String,
    #[serde(default)]
    namespaced: bool,
    #[serde(default)]
    verbs: Vec<String>,
}

impl Discovery {
    /// The resource of a kind in an API version such as `apps/v1`; `None` when it is not served.
    pub(crate) async fn resolve(
        &self,
        api: &Api,
        api_version: &str,
        kind: &str,
    ) -> Result<Option<Resource>, Failure> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let Some(path) = Path::new(&base(group, version)) else { return Ok(None) };
        let read = async || {
            let listed = missing_is_none(api.ask(&Call::read(&path)).await)?;
            Ok(listed.map_or_else(Vec::new, |answer| kinds(&answer)))
        };
        // Names with a slash are subresources, which are never asked for.
        let find = |all: &Vec<Listed>| all.iter().find(|l| l.kind == kind && !l.name.contains('/')).cloned();
        let found = kept(&self.kinds, api_version, |all| find(all).is_some(), read).await?;
        Ok(find(&found).map(|listed| Resource {
            group: group.to_owned(),
            version: version.to_owned(),
            plural: listed.name,
            namespaced: listed.namespaced,
            patchable: listed.verbs.iter().any(|verb| verb == "patch"),
        }))
    }

    /// The resource of a kind in any version of its group, the preferred one first.
    pub(crate) async fn resolve_any(
        &self,
        api: &Api,
        group: &str,
        kind: &str,
    ) -> Result<Option<Resource>, Failure> {
        if group.is_empty() {
            return self.resolve(api, "v1", kind).await;
        }
        for version in self.versions(api, group).await? {
            if let Some(found) = self.resolve(api, &format!("{group}/{version}"), kind).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The served versions of a group, the preferred one first; none when the group is not served.
    pub(crate) async fn versions(&self, api: &Api, group: &str) -> Result<Vec<String>, Failure> {
        let Some(path) = Path::new(&["apis", group]) else { return Ok(Vec::new()) };
        let read = async || {
            let answer = missing_is_none(api.ask(&Call::read(&path)).await)?;
            Ok(answer.map_or_else(Vec::new, |answer| versions(&answer)))
        };
        kept(&self.versions, group, |all| !all.is_empty(), read).await
    }

    /// Whether another server than the API server itself answers for a resource. Such a server need not honour `dryRun`.
    pub(crate) async fn served_elsewhere(&self, api: &Api, resource: &Resource) -> Result<bool, Failure> {
        let group = resource.group.as_str();
        if BUILT_IN.contains(&group) || group.ends_with(FLUX) {
            return Ok(false);
        }
        let name = format!("{}.{}", resource.version, resource.group);
        let service = ["apis", "apiregistration.k8s.io", "v1", "apiservices", name.as_str()];
        let Some(path) = Path::new(&service) else { return Ok(true) };
        let read = async || {
            let answer = missing_is_none(api.ask(&Call::read(&path)).await)?;
            Ok(answer.is_some_and(|answer| answer.pointer("/spec/service").is_some_and(|s| !s.is_null())))
        };
        kept(&self.elsewhere, &name, |_| true, read).await
    }
}

/// What is kept under `key`, read if there is nothing or it is too old. Only answers that are `good` are kept for long.
async fn kept<T: Clone>(
    kept: &Kept<T>,
    key: &str,
    good: impl Fn(&T) -> bool,
    read: impl AsyncFnOnce() -> Result<T, Failure>,
) -> Result<T, Failure> {
    // Held while reading: whoever asks for the same meanwhile finds it.
    let mut kept = kept.lock().await;
    if let Some((at, value)) = kept.get(key)
        && at.elapsed() < if good(value) { KEEP } else { KEEP_MISSING }
    {
        return Ok(value.clone());
    }
    // Pull requests can name any number of groups.
    if kept.len() >= 1_000 {
        kept.clear();
    }
    let value = read().await?;
    kept.insert(key.to_owned(), (Instant::now(), value.clone()));
    Ok(value)
}

fn missing_is_none(answer: Result<Value, Failure>) -> Result<Option<Value>, Failure> {
    match answer {
        Err(Failure::Status(status)) if status.code == 404 => Ok(None),
        answer => answer.map(Some),
    }
}

fn base<'a>(group: &'a str, version: &'a str) -> Vec<&'a str> {
    match group {
        "" => vec!["api", version],
        group => vec!["apis", group, version],
    }
}

fn kinds(answer: &Value) -> Vec<Listed> {
    let listed = answer.get("resources").and_then(Value::as_array).into_iter().flatten();
    listed.filter_map(|l| Listed::deserialize(l).ok()).collect()
}

fn versions(answer: &Value) -> Vec<String> {
    let preferred = answer.pointer("/preferredVersion/version").and_then(Value::as_str);
    let listed = answer.get("versions").and_then(Value::as_array).into_iter().flatten();
    let listed = listed.filter_map(|v| v.get("version")?.as_str());
    let others = listed.filter(|v| Some(*v) != preferred);
    preferred.into_iter().chain(others).map(str::to_owned).collect()
}
