//! The guards between the cluster identity and a real write, each tried: the admission policy and its binding as they
//! stand, the identity's rights, and one real write that the policy has to refuse. Nothing is compared live while one is open.

mod policy;
mod probe;
mod rights;

use std::collections::BTreeSet;

pub(crate) use policy::MARKER;
use ports::{ClusterError, Lock};
use serde_json::{Value, json};

use crate::api::{Api, Failure};
use crate::call::{Call, Path};

/// The oldest minor of Kubernetes 1 that has `ValidatingAdmissionPolicy` in v1.
const OLDEST_MINOR: u32 = 30;

/// Namespaces in which the identity's rights are asked for at most; the cluster's own come first.
const MOST_NAMESPACES: usize = 40;

/// Who we are to the API server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Identity {
    user: String,
    groups: BTreeSet<String>,
}

impl Identity {
    /// The namespace of a service account.
    fn namespace(&self) -> Option<&str> {
        self.user.strip_prefix("system:serviceaccount:")?.split_once(':').map(|(namespace, _)| namespace)
    }
}

/// What could not be asked, in the words of one lock.
type Asked<T> = Result<T, String>;

/// Tries every lock. `namespaces` are those with Kustomizations: rights can differ from one to the next.
pub(crate) async fn all(
    api: &Api,
    namespaces: &BTreeSet<String>,
    error: impl Fn(Failure) -> ClusterError,
) -> Result<Vec<Lock>, ClusterError> {
    let identity = identity(api).await.map_err(error)?;
    let home = identity.namespace().unwrap_or("default").to_owned();
    let mut places = vec!["default".to_owned(), "kube-system".to_owned(), home.clone()];
    places.extend(namespaces.iter().cloned());
    let mut seen = BTreeSet::new();
    places.retain(|place| seen.insert(place.clone()));
    places.truncate(MOST_NAMESPACES);
    Ok(vec![
        lock("Kubernetes version", version(api).await),
        lock("admission policy", policy::stands(api, &identity).await),
        lock("binding of the policy", policy::is_bound(api).await),
        lock("rights of the identity", rights::are_few(api, &places).await),
        lock("a real write is refused", probe::is_refused(api, &home).await),
    ])
}

/// Tries what guards a service account that our own identity acts as. Its rights are its own, and may be to write: the policy stands in
/// the way, by the marker that is always carried along.
pub(crate) async fn of_a_tenant(
    own: &Api,
    tenant: &Api,
    error: impl Fn(Failure) -> ClusterError,
) -> Result<Vec<Lock>, ClusterError> {
    let identity = identity(tenant).await.map_err(error)?;
    let home = identity.namespace().unwrap_or("default").to_owned();
    let marked = match identity.groups.contains(MARKER) {
        true => Ok(()),
        false => {
            Err(format!("it does not carry the group `{MARKER}`, so the admission policy does not guard it"))
        }
    };
    Ok(vec![
        lock("marker of the identity", marked),
        lock("rights of the identity", rights::spare_the_guard(tenant).await),
        lock("admission policy", policy::stands(own, &identity).await),
        lock("binding of the policy", policy::is_bound(own).await),
        lock("a real write is refused", probe::is_refused_anyhow(tenant, &home).await),
    ])
}

/// Tries the rights of the identity that has Flux reconcile, suspend and resume: those alone. Its policy it cannot read.
pub(crate) async fn of_an_operator(
    api: &Api,
    error: impl Fn(Failure) -> ClusterError,
) -> Result<Vec<Lock>, ClusterError> {
    let identity = identity(api).await.map_err(error)?;
    let home = identity.namespace().unwrap_or("default").to_owned();
    Ok(vec![
        lock("right to ask Flux", rights::may_ask_flux(api).await),
        lock("rights of the identity", rights::are_for_flux_alone(api, &["default".to_owned(), home]).await),
    ])
}

fn lock(name: &str, asked: Asked<()>) -> Lock {
    Lock { name: name.to_owned(), open: asked.err() }
}

async fn identity(api: &Api) -> Result<Identity, Failure> {
    let body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let answer = api.ask(&Call::review("authentication.k8s.io", "selfsubjectreviews", &body)).await?;
    let user = &answer["status"]["userInfo"];
    let groups = user["groups"].as_array().into_iter().flatten();
    Ok(Identity {
        user: user["username"].as_str().unwrap_or_default().to_owned(),
        groups: groups.filter_map(|group| group.as_str().map(str::to_owned)).collect(),
    })
}

async fn version(api: &Api) -> Asked<()> {
    let path = Path::new(&["version"]).expect("a plain word is a segment");
    let answer = api.ask(&Call::read(&path)).await.map_err(unanswered)?;
    let number = |field: &str| {
        let text = answer[field].as_str().unwrap_or_default();
        text.trim_end_matches(|c: char| !c.is_ascii_digit()).parse::<u32>().ok()
    };
    match (number("major"), number("minor")) {
        (Some(1), Some(minor)) if minor < OLDEST_MINOR => Err(format!(
            "Kubernetes 1.{minor} has no admission policies that could guard the identity: upgrade to 1.{OLDEST_MINOR} or later"
        )),
        (Some(_), Some(_)) => Ok(()),
        _ => Err("the API server does not tell its version".to_owned()),
    }
}

/// An object by name, or why it cannot be had.
async fn object(api: &Api, group: &str, plural: &str, name: &str) -> Asked<Value> {
    let path = Path::new(&["apis", group, "v1", plural, name]).expect("all of these are plain words");
    match api.ask(&Call::read(&path)).await {
        Ok(object) => Ok(object),
        Err(Failure::Status(status)) if status.code == 404 => {
            Err(format!("`{name}` of {plural} is not there: apply infra/cluster/preflux.yaml"))
        }
        Err(Failure::Status(status)) if status.code == 403 => Err(format!(
            "it may not be read: grant `get` on {plural} of `{group}` named `{name}` (infra/cluster/preflux.yaml does)"
        )),
        Err(failure) => Err(unanswered(failure)),
    }
}

fn unanswered(failure: Failure) -> String {
    match failure {
        Failure::Status(status) => format!("the API server says {}: {}", status.code, status.words()),
        Failure::Lost { brief, .. } => format!("the API server did not answer: {brief}"),
    }
}
