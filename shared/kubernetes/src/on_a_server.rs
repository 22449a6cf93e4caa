//! The port on a real API server, which `PREFLUX_TEST_KUBECONFIG` (an administrator's) and `PREFLUX_TEST_KUBECONFIG_NOBODY`
//! name. Without them these tests are skipped, loudly: a line goes to the file `PREFLUX_SKIPS`; with `PREFLUX_REQUIRE_ALL=1`
//! they fail.
#![expect(clippy::unwrap_used, reason = "a failed set-up is the test's failure")]

mod gates;

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use domain::ObjectId;
use http::Request;
use kube::Client;
use ports::{Cluster, ClusterError, ClusterToken, ConfigRef, DryRun, EksCluster, EksTokens, Gate, Refusal};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::kubeconfig;
use crate::{KubeCluster, Options};

const ADMIN: &str = "PREFLUX_TEST_KUBECONFIG";
const NOBODY: &str = "PREFLUX_TEST_KUBECONFIG_NOBODY";

/// A namespace of a test's own, and the administrator's means to fill it.
struct World {
    cluster: KubeCluster,
    client: Client,
    namespace: String,
}

impl World {
    async fn up(test: &str) -> Option<Self> {
        let yaml: SecretString = kubeconfig(ADMIN, test)?.into();
        let options = Options::default();
        let cluster = KubeCluster::connect("test", &yaml, &options).await.unwrap();
        let client =
            Client::try_from(kubeconfig::read("test", &yaml, None, &options).await.unwrap().0).unwrap();
        let mut world = Self { cluster, client, namespace: String::new() };
        let made =
            world.create("/api/v1/namespaces", json!({"metadata": {"generateName": "preflux-"}})).await;
        world.namespace = made["metadata"]["name"].as_str().unwrap().to_owned();
        Some(world)
    }

    async fn create(&self, path: &str, object: Value) -> Value {
        let request = Request::post(format!("{path}?fieldManager=kustomize-controller"));
        let request =
            request.header("content-type", "application/json").body(object.to_string().into_bytes());
        self.client.request(request.unwrap()).await.unwrap()
    }

    /// Really applies a manifest, as Flux does.
    async fn apply(&self, path: &str, object: &Value) -> Value {
        let request = Request::patch(format!("{path}?fieldManager=kustomize-controller&force=true"));
        let request = request.header("content-type", "application/apply-patch+yaml");
        self.client.request(request.body(object.to_string().into_bytes()).unwrap()).await.unwrap()
    }

    fn map(&self, name: &str, data: Value) -> Value {
        let metadata = json!({"name": name, "namespace": self.namespace});
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
    }

    fn deployment(&self, image: &str) -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": self.namespace},
            "spec": {
                "selector": {"matchLabels": {"app": "web"}},
                "template": {
                    "metadata": {"labels": {"app": "web"}},
                    "spec": {"containers": [{"name": "web", "image": image}]},
                },
            },
        })
    }

    async fn accepted(&self, object: &Value) -> Value {
        match self.cluster.dry_run(object).await {
            DryRun::Accepted(object) => object,
            DryRun::Refused(refusal) => panic!("{refusal:?}"),
        }
    }

    async fn refused(&self, object: &Value) -> Refusal {
        match self.cluster.dry_run(object).await {
            DryRun::Accepted(object) => panic!("accepted {object}"),
            DryRun::Refused(refusal) => refusal,
        }
    }
}

/// The kubeconfig in the file that `variable` names, or `None` if `test` is to be skipped.
fn kubeconfig(variable: &str, test: &str) -> Option<String> {
    match std::env::var(variable) {
        Ok(file) if !file.is_empty() => Some(std::fs::read_to_string(file).unwrap()),
        _ => {
            let line = format!("kubernetes: {test}: {variable} is not set");
            assert!(std::env::var("PREFLUX_REQUIRE_ALL").as_deref() != Ok("1"), "{line}");
            if let Ok(file) = std::env::var("PREFLUX_SKIPS") {
                let mut file = std::fs::File::options().create(true).append(true).open(file).unwrap();
                writeln!(file, "{line}").unwrap();
            }
            eprintln!("skipped: {line}");
            None
        }
    }
}

async fn connect(yaml: String) -> KubeCluster {
    KubeCluster::connect("test", &yaml.into(), &Options::default()).await.unwrap()
}

#[tokio::test]
async fn what_is_new_is_accepted_and_not_stored() {
    let Some(world) = World::up("what_is_new_is_accepted_and_not_stored").await else { return };
    let map = world.map("new", json!({"a": "b"}));
    let stored = world.accepted(&map).await;
    assert_eq!(stored["data"], json!({"a": "b"}));
    assert_eq!(stored["metadata"]["managedFields"][0]["manager"], "kustomize-controller");
    assert_eq!(world.cluster.live(&map).await, Ok(None), "nothing is stored");
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": format!("{}-x", world.namespace)}});
    assert_eq!(world.accepted(&namespace).await["status"]["phase"], "Active");
    assert_eq!(world.cluster.live(&namespace).await, Ok(None), "nothing is stored");
}

#[tokio::test]
async fn what_changes_comes_back_merged_with_defaults_and_stays_as_it_was() {
    let Some(world) = World::up("what_changes_comes_back_merged").await else { return };
    let path = format!("/apis/apps/v1/namespaces/{}/deployments/web", world.namespace);
    let mut before = world.deployment("web:1");
    before["metadata"]["labels"] = json!({"removed": "later"});
    let before = world.apply(&path, &before).await;
    let changed = world.deployment("web:2");
    let stored = world.accepted(&changed).await;
    assert_eq!(stored.pointer("/spec/template/spec/containers/0/image"), Some(&json!("web:2")));
    assert_eq!(stored.pointer("/spec/strategy/type"), Some(&json!("RollingUpdate")), "a default");
    assert_eq!(stored.pointer("/metadata/labels"), None, "what Git no longer says is gone");
    assert_eq!(world.cluster.live(&changed).await, Ok(Some(before.clone())), "nothing is stored");
    let id = ObjectId::of(&changed).unwrap();
    assert_eq!(world.cluster.live_by_id(&id).await, Ok(Some(before)), "by identity alone");
    let unknown = ObjectId { group: "example.test".to_owned(), ..id };
    assert_eq!(world.cluster.live_by_id(&unknown).await, Ok(None));
}

#[tokio::test]
async fn what_cannot_be_stored_is_refused_with_the_reason() {
    let Some(world) = World::up("what_cannot_be_stored_is_refused").await else { return };
    let change = |pointer: &str, value: Value| {
        let mut object = world.deployment("web:1");
        *object.pointer_mut(pointer).unwrap() = value;
        object
    };
    let elsewhere = change("/metadata/namespace", json!("no-such-namespace"));
    assert_eq!(world.refused(&elsewhere).await, Refusal::NamespaceMissing);
    let unknown = change("/apiVersion", json!("example.test/v1"));
    assert_eq!(world.refused(&unknown).await, Refusal::KindMissing);
    let unknown = change("/kind", json!("Widget"));
    assert_eq!(world.refused(&unknown).await, Refusal::KindMissing);
    let invalid = async |object: &Value, expected: &str| match world.refused(object).await {
        Refusal::Invalid(why) | Refusal::Unprocessable(why) => assert!(why.contains(expected), "{why}"),
        other => panic!("{other:?}"),
    };
    invalid(&change("/metadata/name", json!("Web_1")), "metadata.name").await;
    invalid(&change("/spec/selector", json!({"matchLabels": {"app": "other"}})), "selector").await;
    invalid(&change("/spec/template", json!("text")), "template").await;
    let mut typo = world.deployment("web:1");
    typo["spec"]["replica"] = json!(1);
    invalid(&typo, "replica").await;
    let mut bare = world.deployment("web:1");
    bare["metadata"].as_object_mut().unwrap().remove("namespace");
    invalid(&bare, "namespace not specified").await;
    let kustomization = json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": "apps", "namespace": world.namespace}, "spec": {"interval": "soon"},
    });
    invalid(&kustomization, "spec.interval").await;
}

#[tokio::test]
async fn immutable_fields_are_told_apart() {
    let Some(world) = World::up("immutable_fields_are_told_apart").await else { return };
    let path = format!("/apis/apps/v1/namespaces/{}/deployments/web", world.namespace);
    let mut object = world.deployment("web:1");
    world.apply(&path, &object).await;
    for pointer in ["/spec/selector/matchLabels", "/spec/template/metadata/labels"] {
        *object.pointer_mut(pointer).unwrap() = json!({"app": "other"});
    }
    let refusal = world.refused(&object).await;
    assert!(matches!(&refusal, Refusal::Immutable(why) if why.contains("spec.selector")), "{refusal:?}");
    *object.pointer_mut("/spec/template/spec/containers/0/name").unwrap() = json!("");
    let refusal = world.refused(&object).await;
    assert!(matches!(&refusal, Refusal::Unprocessable(_)), "recreating would not help: {refusal:?}");
}

#[tokio::test]
async fn flux_objects_and_variables_are_read() {
    let Some(world) = World::up("flux_objects_and_variables_are_read").await else { return };
    let namespace = &world.namespace;
    let kustomization = json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": {"name": "apps"},
        "spec": {"interval": "1m", "prune": true, "sourceRef": {"kind": "GitRepository", "name": "fleet"}},
    });
    let source = json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository", "metadata": {"name": "fleet"},
        "spec": {"interval": "1m", "url": "https://example.test/fleet"},
    });
    let flux = |group: &str, plural: &str| {
        format!("/apis/{group}.toolkit.fluxcd.io/v1/namespaces/{namespace}/{plural}")
    };
    world.create(&flux("kustomize", "kustomizations"), kustomization).await;
    world.create(&flux("source", "gitrepositories"), source).await;
    let found = world.cluster.flux_objects().await.unwrap();
    let names = |all: &[Value]| {
        let ours = all.iter().filter_map(ObjectId::of).filter(|id| id.namespace == *namespace);
        ours.map(|id| format!("{}/{}", id.kind, id.name)).collect::<Vec<_>>()
    };
    assert_eq!(names(&found.kustomizations), ["Kustomization/apps"]);
    assert_eq!(names(&found.git_repositories), ["GitRepository/fleet"]);

    let secret = json!({"metadata": {"name": "vars"}, "stringData": {"a": "é"}});
    world.create(&format!("/api/v1/namespaces/{namespace}/secrets"), secret).await;
    let get = async |secret, name: &str| {
        let reference = ConfigRef { secret, namespace: namespace.clone(), name: name.to_owned() };
        world.cluster.data(&reference).await.unwrap()
    };
    assert_eq!(get(true, "vars").await, Some([("a".to_owned(), "é".to_owned())].into()));
    assert_eq!(get(false, "vars").await, None);
}

#[tokio::test]
async fn an_identity_without_permissions_is_told_which() {
    let test = "an_identity_without_permissions_is_told_which";
    let (Some(world), Some(yaml)) = (World::up(test).await, kubeconfig(NOBODY, test)) else { return };
    let nobody = connect(yaml).await;
    let map = world.map("a", json!({}));
    let refusal = nobody.dry_run(&map).await;
    assert!(
        matches!(&refusal, DryRun::Refused(Refusal::MissingRight(right)) if right.verb == "patch" && right.resource == "configmaps" && right.namespace == world.namespace),
        "{refusal:?}"
    );
    assert!(matches!(nobody.live(&map).await, Err(Refusal::MissingRight(right)) if right.verb == "get"));
    let error = nobody.flux_objects().await.unwrap_err().to_string();
    assert!(error.contains("does not allow list kustomizations.kustomize.toolkit.fluxcd.io"), "{error}");
    let reference = ConfigRef { secret: true, namespace: world.namespace.clone(), name: "a".to_owned() };
    let error = nobody.data(&reference).await.unwrap_err().to_string();
    assert!(error.contains("does not allow get secrets in namespace `preflux-"), "{error}");
}

#[tokio::test]
async fn wrong_tokens_and_servers_that_are_not_there() {
    let test = "wrong_tokens_and_servers_that_are_not_there";
    let (Some(world), Some(yaml)) = (World::up(test).await, kubeconfig(ADMIN, test)) else { return };
    let map = world.map("a", json!({}));
    let replaced = |key: &str, value: &str| {
        let lines = yaml.lines().map(|line| match line.split_once(key) {
            Some((indent, _)) => format!("{indent}{key}{value}\n"),
            None => format!("{line}\n"),
        });
        lines.collect::<String>()
    };
    let stranger = connect(replaced("token: ", "wrong")).await;
    assert!(matches!(stranger.flux_objects().await, Err(ClusterError::Unauthorized { .. })));
    let refusal = stranger.dry_run(&map).await;
    assert!(
        matches!(&refusal, DryRun::Refused(Refusal::Forbidden(why)) if why.contains("401")),
        "{refusal:?}"
    );

    let gone = connect(replaced("server: ", "https://127.0.0.1:1")).await;
    let error = gone.flux_objects().await.unwrap_err();
    assert!(
        matches!(&error, ClusterError::Unreachable { reason, .. } if reason.contains("refused")),
        "{error}"
    );
    assert!(matches!(gone.dry_run(&map).await, DryRun::Refused(Refusal::Unavailable(_))));
}

/// Gives the administrator's token, as long as it is the one cluster's that is asked for.
#[derive(Debug)]
struct OneToken(SecretString);

#[async_trait::async_trait]
impl EksTokens for OneToken {
    async fn token(&self, cluster: &EksCluster) -> Result<ClusterToken, String> {
        match (cluster.name.as_str(), cluster.region.as_deref()) {
            ("prod", Some("eu-west-3")) => {
                Ok(ClusterToken { token: self.0.clone(), good_for: Duration::from_secs(60) })
            }
            other => Err(format!("{other:?} is not ours")),
        }
    }
}

#[tokio::test]
async fn an_eks_kubeconfig_connects_with_a_token_that_is_made() {
    let Some(yaml) = kubeconfig(ADMIN, "an_eks_kubeconfig_connects_with_a_token_that_is_made") else {
        return;
    };
    let token = yaml.lines().find_map(|line| line.split_once("token: ")).unwrap().1.to_owned();
    let with = |name: &str| {
        let exec = format!(
            "exec: {{command: aws, args: [eks, get-token, --cluster-name, {name}, --region, eu-west-3]}}"
        );
        SecretString::from(yaml.replace(&format!("token: {token}"), &exec))
    };
    let tokens: Arc<dyn EksTokens> = Arc::new(OneToken(token.clone().into()));
    let options = Options { eks: Some(tokens), ..Options::default() };
    let cluster = KubeCluster::connect("test", &with("prod"), &options).await.unwrap();
    assert!(cluster.flux_objects().await.is_ok());
    let other = KubeCluster::connect("test", &with("other"), &options).await.unwrap();
    let error = other.flux_objects().await.unwrap_err().to_string();
    assert!(error.contains("no EKS token can be made") && error.contains("is not ours"), "{error}");
}

#[tokio::test]
async fn a_persons_own_file_connects() {
    let test = "a_persons_own_file_connects";
    let Some(yaml) = kubeconfig(ADMIN, test) else { return };
    let dir = tempfile::tempdir().unwrap();
    let token = yaml.lines().find_map(|line| line.split_once("token: ")).unwrap().1;
    std::fs::write(dir.path().join("token"), token).unwrap();
    std::fs::write(dir.path().join("config"), yaml.replace(&format!("token: {token}"), "tokenFile: token"))
        .unwrap();
    let from = async |path: &Path| KubeCluster::from_file("test", path, &Options::default()).await;
    assert!(from(&dir.path().join("config")).await.unwrap().flux_objects().await.is_ok());
    let error = from(&dir.path().join("none")).await.err().unwrap().to_string();
    assert!(error.contains("none` cannot be read"), "{error}");
}
