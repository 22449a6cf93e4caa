//! What is compared: Kustomizations with objects of the kinds that repositories are full of, and a pull request that changes some.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use domain::report::{Comparison, Mode};
use flux::{Artifact, GitRepository, Kustomization, Options, Variables};
use kustomize::MemoryTree;
use ports::Checkout;
use serde_json::{Value, json};
use testkit::cluster::TestCluster;

fn url(size: Size) -> String {
    format!("https://git.example/acme/{}", size.namespace)
}

type Files = BTreeMap<String, Vec<u8>>;

/// How large a world is, and where.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    /// The namespace that everything is in.
    pub(crate) namespace: &'static str,
    /// Kustomizations; the pull request changes each.
    pub(crate) kustomizations: usize,
    /// Applications of each, five objects each.
    pub(crate) apps: usize,
    /// Applications of each with an object that changes.
    pub(crate) newer: usize,
}

pub(crate) struct World {
    size: Size,
    base: Files,
    result: Files,
}

impl World {
    pub(crate) fn new(size: Size) -> Self {
        Self { size, base: files(size, 0), result: files(size, size.newer) }
    }

    /// The repository that feeds it.
    pub(crate) fn url(&self) -> String {
        url(self.size)
    }

    pub(crate) fn kustomizations(&self) -> usize {
        self.size.kustomizations
    }

    pub(crate) fn objects(&self) -> usize {
        self.result().len()
    }

    /// How many objects change.
    pub(crate) fn changed(&self) -> usize {
        self.size.kustomizations * self.size.newer
    }

    /// Every object as Flux hands it to the API server once the pull request is merged.
    pub(crate) fn result(&self) -> Vec<Value> {
        render(self.size, &self.result)
    }

    /// Gives the cluster what Flux has applied from the base branch.
    pub(crate) async fn seed(&self, admin: &TestCluster) {
        let name = self.size.namespace;
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        let mut objects = vec![namespace, source(self.size)];
        objects.extend((0..self.size.kustomizations).map(|number| kustomization(self.size, number)));
        objects.extend(render(self.size, &self.base));
        for object in &objects {
            admin.apply(object).await.unwrap();
        }
    }

    pub(crate) fn checkout(&self) -> Checkout {
        let changed = self.base.keys().filter(|path| self.base.get(*path) != self.result.get(*path));
        Checkout {
            base: Arc::new(MemoryTree::new(self.base.clone())),
            result: Arc::new(MemoryTree::new(self.result.clone())),
            changed: changed.cloned().collect(),
            comparison: Comparison {
                base: "b".repeat(40).parse().unwrap(),
                result: "e".repeat(40).parse().unwrap(),
                mode: Mode::MergeResult,
            },
            notes: Vec::new(),
        }
    }
}

fn source(size: Size) -> Value {
    json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
        "metadata": {"name": "bench", "namespace": size.namespace},
        "spec": {"interval": "1m", "url": url(size), "ref": {"branch": "main"}},
    })
}

fn kustomization(size: Size, number: usize) -> Value {
    json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": format!("team-{number}"), "namespace": size.namespace},
        "spec": {
            "interval": "10m", "prune": true, "path": format!("./team-{number}"), "targetNamespace": size.namespace,
            "sourceRef": {"kind": "GitRepository", "name": "bench"},
        },
    })
}

fn render(size: Size, files: &Files) -> Vec<Value> {
    let tree = MemoryTree::new(files.clone());
    let source = GitRepository::from_value(&source(size)).unwrap();
    let artifact = Artifact::new(&tree, &source).unwrap();
    let of = |number| {
        let owner = Kustomization::from_value(&kustomization(size, number)).unwrap();
        flux::render(&artifact, &owner, &Variables::default(), &Options::default()).unwrap().objects
    };
    (0..size.kustomizations).flat_map(of).collect()
}

/// Every team's folder; the images of its first applications are newer.
fn files(size: Size, newer: usize) -> Files {
    let mut files = Files::new();
    for team in 0..size.kustomizations {
        let mut list = String::from("resources:\n");
        for app in 0..size.apps {
            let version = if app < newer { 2 } else { 1 };
            let _ = writeln!(list, "- app-{app}.yaml");
            files.insert(format!("team-{team}/app-{app}.yaml"), manifests(team, app, version).into_bytes());
        }
        files.insert(format!("team-{team}/kustomization.yaml"), list.into_bytes());
    }
    files
}

fn manifests(team: usize, app: usize, version: usize) -> String {
    let name = format!("t{team}-a{app}");
    format!(
        "apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: {name}}}\n---\n\
         apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{colour: blue, size: large, text: 'a: b'}}\n---\n\
         apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{selector: {{app: {name}}}, ports: [{{port: 80, targetPort: http}}]}}\n---\n\
         apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  replicas: 2\n  selector: {{matchLabels: {{app: {name}}}}}\n  \
         template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec:\n      containers:\n      - name: main\n        image: 'registry.example/{name}:{version}'\n        \
         ports: [{{name: http, containerPort: 8080}}]\n        resources: {{requests: {{cpu: 100m, memory: 64Mi}}}}\n---\n\
         apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: {name}}}\nspec: {{rules: [{{host: {name}.example.test, http: {{paths: \
         [{{path: /, pathType: Prefix, backend: {{service: {{name: {name}, port: {{number: 80}}}}}}}}]}}}}]}}\n"
    )
}
