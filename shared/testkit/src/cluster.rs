//! Writes the sample into a test API server, as Flux would have before the pull request: real writes, so only to this machine.
//!
//! This is the one place that changes a cluster, and no program that runs for real links it into a flow.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use flux::{Artifact, GitRepository, Kustomization, ObjectId, Variables};
use kustomize::MemoryTree;
use reqwest::{Certificate, Client, RequestBuilder};
pub use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::github::What;
use crate::sample;

/// The field manager that kustomize-controller applies with.
const MANAGER: &str = "kustomize-controller";
/// Server-side apply; JSON is YAML.
const APPLY: &str = "application/apply-patch+yaml";

/// Who sends a request.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The user.
    pub user: String,
    /// The groups.
    pub groups: Vec<String>,
}

/// A test API server, reached with an administrator's token.
#[derive(Debug)]
pub struct TestCluster {
    http: Client,
    server: String,
    token: String,
}

impl TestCluster {
    /// Reads a kubeconfig with an embedded CA and a token. Refuses every server that is not on this machine.
    pub fn open(kubeconfig: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(kubeconfig)
            .with_context(|| format!("reading the kubeconfig `{}`", kubeconfig.display()))?;
        let config = kustomize::yaml::parse_v2(&text)
            .map_err(|e| anyhow::anyhow!("the kubeconfig is not YAML: {e}"))?;
        let field = |pointer: &str| config.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let server = field("/clusters/0/cluster/server").context("the kubeconfig names no server")?;
        let host = url::Url::parse(&server)?.host_str().unwrap_or_default().to_owned();
        if !matches!(host.as_str(), "127.0.0.1" | "localhost" | "[::1]") {
            bail!("`{server}` is not on this machine, so nothing is written to it");
        }
        let ca =
            field("/clusters/0/cluster/certificate-authority-data").context("the kubeconfig embeds no CA")?;
        let ca = base64::engine::general_purpose::STANDARD.decode(ca)?;
        let token = field("/users/0/user/token").context("the kubeconfig holds no token")?;
        let http = Client::builder().tls_certs_only([Certificate::from_pem(&ca)?]).no_proxy().build()?;
        Ok(Self { http, server: server.trim_end_matches('/').to_owned(), token })
    }

    /// Applies what the cluster would hold before the sample's pull request is merged: Flux's objects with their status, and
    /// everything that the Kustomizations render from the base branch.
    pub async fn seed(&self, git_url: &str, base_sha: &str) -> anyhow::Result<()> {
        let flux_objects = sample::cluster_objects(git_url, base_sha);
        for object in sample::rendered_before() {
            self.apply(&object).await?;
        }
        for object in &flux_objects {
            self.apply(object).await?;
            self.apply_status(object).await?;
        }
        for object in render_base(&flux_objects, git_url)? {
            self.apply(&object).await?;
        }
        Ok(())
    }

    /// Applies one object as kustomize-controller would, and gives it as stored.
    pub async fn apply(&self, object: &Value) -> anyhow::Result<Value> {
        let mut object = object.clone();
        if let Some(fields) = object.as_object_mut() {
            fields.remove("status");
        }
        let path = self.path(&object).await?;
        self.patch(&path, &object, MANAGER).await
    }

    /// Applies these fields of an object as another field manager, which takes them over.
    pub async fn apply_as(&self, object: &Value, manager: &str) -> anyhow::Result<Value> {
        let path = self.path(object).await?;
        self.patch(&path, object, manager).await
    }

    /// Applies an object's status.
    pub async fn apply_status(&self, object: &Value) -> anyhow::Result<Value> {
        let mut object = object.clone();
        if let Some(fields) = object.as_object_mut() {
            fields.remove("spec");
        }
        let path = self.path(&object).await?;
        self.patch(&format!("{path}/status"), &object, MANAGER).await
    }

    /// Creates one object without server-side apply, as `kubectl create` does, and gives it as stored.
    pub async fn create_as(&self, object: &Value, manager: &str) -> anyhow::Result<Value> {
        let path = self.path(object).await?;
        let (list, _) = path.rsplit_once('/').context("the path ends in a name")?;
        self.write(Method::POST, &format!("{list}?fieldManager={manager}"), object, "application/json").await
    }

    /// Changes an object by a merge patch, as somebody who edits it does, and gives it as stored.
    pub async fn edit_as(&self, object: &Value, patch: &Value, manager: &str) -> anyhow::Result<Value> {
        let path = format!("{}?fieldManager={manager}", self.path(object).await?);
        self.write(Method::PATCH, &path, patch, "application/merge-patch+json").await
    }

    /// Asks what an apply would store, as kustomize-controller does before it applies; the `Status` where the answer is none.
    pub async fn dry_run(&self, object: &Value) -> anyhow::Result<Result<Value, Value>> {
        let path = self.path(object).await?;
        let path = format!("{path}?fieldManager={MANAGER}&force=true&dryRun=All");
        let (status, body) = self.send(Method::PATCH, &path, Some((object, APPLY))).await?;
        Ok(if status.is_success() { Ok(body) } else { Err(body) })
    }

    /// Reads an object; `None` when it is not there.
    pub async fn get(&self, object: &Value) -> anyhow::Result<Option<Value>> {
        let path = self.path(object).await?;
        match self.send(Method::GET, &path, None).await? {
            (StatusCode::NOT_FOUND, _) => Ok(None),
            (status, body) if status.is_success() => Ok(Some(body)),
            (status, body) => bail!("GET {path}: {status}: {}", body["message"]),
        }
    }

    /// Deletes an object, if it is there, without waiting for what depends on it.
    pub async fn delete(&self, object: &Value) -> anyhow::Result<()> {
        let path = self.path(object).await?;
        match self.send(Method::DELETE, &path, None).await? {
            (status, _) if status.is_success() || status == StatusCode::NOT_FOUND => Ok(()),
            (status, body) => bail!("DELETE {path}: {status}: {}", body["message"]),
        }
    }

    /// Sends a request as another identity, which the administrator impersonates: admission sees that one alone.
    pub async fn send_as(
        &self,
        identity: &Identity,
        method: Method,
        path: &str,
        body: Option<(&Value, &str)>,
    ) -> anyhow::Result<(StatusCode, Value)> {
        let mut request = self.request(method, path, body).header("impersonate-user", &identity.user);
        for group in &identity.groups {
            request = request.header("impersonate-group", group);
        }
        answer(request, path).await
    }

    /// Where an object is served: its plural and scope come from discovery.
    async fn path(&self, object: &Value) -> anyhow::Result<String> {
        let id = ObjectId::of(object).context("the object has no apiVersion, kind or name")?;
        let version = object["apiVersion"].as_str().unwrap_or_default();
        let root = if id.group.is_empty() { format!("/api/{version}") } else { format!("/apis/{version}") };
        let (status, found) = self.send(Method::GET, &root, None).await?;
        ensure!(status.is_success(), "the cluster does not serve {version}: {status}");
        let resources = found["resources"].as_array().cloned().unwrap_or_default();
        let is =
            |r: &&Value| r["kind"] == id.kind.as_str() && !r["name"].as_str().unwrap_or("/").contains('/');
        let resource = resources.iter().find(is);
        let resource =
            resource.with_context(|| format!("the cluster does not serve {} in {version}", id.kind))?;
        let plural = resource["name"].as_str().unwrap_or_default();
        if resource["namespaced"] == true {
            return Ok(format!("{root}/namespaces/{}/{plural}/{}", id.namespace, id.name));
        }
        Ok(format!("{root}/{plural}/{}", id.name))
    }

    async fn patch(&self, path: &str, object: &Value, manager: &str) -> anyhow::Result<Value> {
        self.write(Method::PATCH, &format!("{path}?fieldManager={manager}&force=true"), object, APPLY).await
    }

    async fn write(&self, method: Method, path: &str, body: &Value, kind: &str) -> anyhow::Result<Value> {
        match self.send(method.clone(), path, Some((body, kind))).await? {
            (status, body) if status.is_success() => Ok(body),
            (status, body) => bail!("{method} {path}: {status}: {}", body["message"]),
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<(&Value, &str)>,
    ) -> anyhow::Result<(StatusCode, Value)> {
        answer(self.request(method, path, body), path).await
    }

    fn request(&self, method: Method, path: &str, body: Option<(&Value, &str)>) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.server)).bearer_auth(&self.token);
        match body {
            Some((body, kind)) => request.header("content-type", kind).body(body.to_string()),
            None => request,
        }
    }
}

async fn answer(request: RequestBuilder, path: &str) -> anyhow::Result<(StatusCode, Value)> {
    let response = request.send().await.with_context(|| format!("asking the test cluster for {path}"))?;
    let status = response.status();
    Ok((status, response.json().await.unwrap_or(json!({}))))
}

/// What every Kustomization of the sample renders from the base branch.
fn render_base(flux_objects: &[Value], git_url: &str) -> anyhow::Result<Vec<Value>> {
    let files = sample::base_files(git_url).into_iter().filter_map(|change| match change.what {
        What::File(bytes) => Some((change.path, bytes)),
        _ => None,
    });
    let tree = MemoryTree::new(files);
    let source = flux_objects.iter().find_map(|o| GitRepository::from_value(o).ok());
    let source = source.context("the sample has no GitRepository")?;
    let artifact = Artifact::new(&tree, &source)?;
    let mut objects = Vec::new();
    for object in flux_objects.iter().filter(|o| Kustomization::is(o)) {
        let kustomization = Kustomization::from_value(object)?;
        let variables = Variables::of(&kustomization, &BTreeMap::new())?;
        let rendered = flux::render(&artifact, &kustomization, &variables, &flux::Options::default())?;
        objects.extend(rendered.objects);
    }
    flux::apply_order(&mut objects);
    Ok(objects)
}
