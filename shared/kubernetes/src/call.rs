//! The requests that exist. Fields are private, and the constructors are few: reads, an apply that is always a dry-run, questions
//! about oneself, the one write that the policy in the cluster (`infra/cluster`) has to refuse, and what `operator` asks of Flux.

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Method, Request};
use kube::client::Body;
use serde_json::{Value, json};

/// Flux's own field manager. Under another one, fields that were removed in Git would stay in the answer.
const APPLY: &str = "?dryRun=All&force=true&fieldManager=kustomize-controller";

/// A request to the API server.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    method: Method,
    uri: String,
    body: Vec<u8>,
    pinned: bool,
    /// Whether a patch is merged, not applied.
    merged: bool,
}

impl Call {
    /// Reads what is at `path`.
    pub(crate) fn read(path: &Path) -> Self {
        Self { method: Method::GET, uri: path.0.clone(), body: Vec::new(), pinned: false, merged: false }
    }

    /// Reads one page of the list at `path`, 500 objects at most.
    pub(crate) fn read_page(path: &Path, continued: Option<&str>) -> Self {
        let mut uri = format!("{}?limit=500", path.0);
        if let Some(token) = continued {
            uri.push_str("&continue=");
            uri.push_str(&encoded(token));
        }
        Self { method: Method::GET, uri, body: Vec::new(), pinned: false, merged: false }
    }

    /// Reads one page of the objects at `path` that the labels select.
    pub(crate) fn read_selected(path: &Path, selector: &str, limit: usize, continued: Option<&str>) -> Self {
        let mut uri = format!("{}?limit={limit}&labelSelector={}", path.0, encoded(selector));
        if let Some(token) = continued {
            uri.push_str("&continue=");
            uri.push_str(&encoded(token));
        }
        Self { method: Method::GET, uri, body: Vec::new(), pinned: false, merged: false }
    }

    /// Asks what applying `object` at `path` would store.
    pub(crate) fn dry_run_apply(path: &Path, object: &Value) -> Self {
        // JSON is YAML.
        let body = object.to_string().into_bytes();
        let pinned = ["resourceVersion", "uid"].iter().any(|pin| object["metadata"].get(pin).is_some());
        Self { method: Method::PATCH, uri: format!("{}{APPLY}", path.0), body, pinned, merged: false }
    }

    /// Asks about ourselves: such reviews store nothing, and know no dry-run.
    pub(crate) fn review(group: &'static str, plural: &'static str, body: &Value) -> Self {
        debug_assert!(plural.starts_with("selfsubject"), "only reviews of oneself");
        Self {
            method: Method::POST,
            uri: format!("/apis/{group}/v1/{plural}"),
            body: body.to_string().into_bytes(),
            pinned: false,
            merged: false,
        }
    }

    /// Creates a ConfigMap for real, which must be refused. `None` when that is no namespace.
    pub(crate) fn probe(namespace: &str, config_map: &Value) -> Option<Self> {
        let path = Path::new(&["api", "v1", "namespaces", namespace, "configmaps"])?;
        Some(Self {
            method: Method::POST,
            uri: path.0,
            body: config_map.to_string().into_bytes(),
            pinned: false,
            merged: false,
        })
    }

    /// Asks Flux to reconcile the object at `path`, by annotations of its own alone.
    pub(crate) fn request_reconciliation(path: &Path, names: &[&'static str], value: &str) -> Self {
        debug_assert!(names.iter().all(|name| name.starts_with("reconcile.fluxcd.io/")), "only Flux's own");
        let annotations: serde_json::Map<String, Value> =
            names.iter().map(|name| ((*name).to_owned(), value.into())).collect();
        Self::merge(path, &json!({"metadata": {"annotations": annotations}}))
    }

    /// Suspends the object of Flux's at `path`, or resumes it.
    pub(crate) fn suspend(path: &Path, suspend: bool) -> Self {
        // As the Flux CLI does: what is not suspended says nothing of it.
        let suspend = if suspend { Value::Bool(true) } else { Value::Null };
        Self::merge(path, &json!({"spec": {"suspend": suspend}}))
    }

    fn merge(path: &Path, patch: &Value) -> Self {
        Self {
            method: Method::PATCH,
            uri: format!("{}?fieldManager=preflux", path.0),
            body: patch.to_string().into_bytes(),
            pinned: false,
            merged: true,
        }
    }

    /// Whether it names another object than the live one, which no second try changes.
    pub(crate) fn is_pinned(&self) -> bool {
        self.pinned
    }

    /// The request to send.
    pub(crate) fn request(&self) -> Request<Body> {
        let request =
            Request::builder().method(&self.method).uri(&self.uri).header(ACCEPT, "application/json");
        let request = match self.method {
            Method::PATCH if self.merged => request.header(CONTENT_TYPE, "application/merge-patch+json"),
            Method::PATCH => request.header(CONTENT_TYPE, "application/apply-patch+yaml"),
            Method::POST => request.header(CONTENT_TYPE, "application/json"),
            _ => request,
        };
        request.body(Body::from(self.body.clone())).expect("paths are made of encoded segments")
    }

    /// What is asked for, for messages: `GET /api/v1/namespaces/apps/configmaps/web`.
    pub(crate) fn what(&self) -> String {
        format!("{} {}", self.method, self.uri.split('?').next().unwrap_or_default())
    }
}

/// A path on the API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path(String);

impl Path {
    /// The path of these segments; `None` if one of them cannot be a name. The API server decodes `%2F` before it looks for
    /// subresources, so encoding a slash would not do: `web/token` must not become one.
    pub(crate) fn new(segments: &[&str]) -> Option<Self> {
        let mut path = String::new();
        for segment in segments {
            if segment.is_empty() || matches!(*segment, "." | "..") || segment.contains(['/', '%']) {
                return None;
            }
            path.push('/');
            path.push_str(&encoded(segment));
        }
        Some(Self(path))
    }
}

fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            true => encoded.push(char::from(byte)),
            false => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "paths of the cases are well formed")]
    use super::*;

    fn check(segments: &[&str], expected: Option<&str>) {
        assert_eq!(Path::new(segments).map(|p| p.0), expected.map(str::to_owned));
    }

    #[test]
    fn paths_stay_where_they_are_put() {
        check(&["api", "v1", "namespaces", "apps"], Some("/api/v1/namespaces/apps"));
        check(&["clusterroles", "system:node"], Some("/clusterroles/system:node"));
        check(&["a", "x?dryRun=None&y#z é"], Some("/a/x%3FdryRun%3DNone%26y%23z%20%C3%A9"));
        for wrong in ["", ".", "..", "web/token", "web%2Ftoken", "/"] {
            check(&["a", wrong], None);
        }
    }

    #[test]
    fn whatever_is_not_a_read_is_a_dry_run() {
        let path = Path::new(&["api", "v1", "namespaces", "apps", "configmaps", "web"]).unwrap();
        let request = Call::dry_run_apply(&path, &json!({"kind": "ConfigMap"})).request();
        assert_eq!(request.method(), Method::PATCH);
        assert_eq!(
            request.uri(),
            "/api/v1/namespaces/apps/configmaps/web?dryRun=All&force=true&fieldManager=kustomize-controller"
        );
        assert_eq!(request.headers()[CONTENT_TYPE], "application/apply-patch+yaml");
        for read in [Call::read(&path), Call::read_page(&path, None), Call::read_page(&path, Some("a&b"))] {
            assert_eq!(read.request().method(), Method::GET);
        }
        assert_eq!(
            Call::read_page(&path, Some("a&b=")).request().uri().query(),
            Some("limit=500&continue=a%26b%3D")
        );
    }
}
