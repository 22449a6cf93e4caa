//! `/flux reconcile`, `suspend` and `resume`: on which objects, in which order, waited for, and once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::FluxKind;
use ports::{ClusterError, FluxAct, FluxObject, Lock, Operator, REQUESTED};
use serde_json::{Value, json};

use crate::get::Lists;
use crate::world::{World, person};

/// Flux, so far as it is asked: objects by kind, namespace and name, and what was done to them.
#[derive(Default)]
struct Flux {
    objects: Mutex<BTreeMap<(FluxKind, String, String), Value>>,
    acts: Mutex<Vec<String>>,
    /// Looks until a request is handled; `None` is never.
    handles_after: Mutex<Option<u32>>,
    /// Whose reconciliation fails.
    fails: Option<&'static str>,
    /// What the API server says instead.
    refuses: Option<ClusterError>,
}

impl Flux {
    fn key(at: &FluxObject) -> (FluxKind, String, String) {
        (at.kind, at.namespace.clone(), at.name.clone())
    }

    fn acts(&self) -> Vec<String> {
        self.acts.lock().unwrap().clone()
    }
}

#[async_trait]
impl Operator for Flux {
    async fn act(&self, at: &FluxObject, act: &FluxAct) -> Result<Option<Value>, ClusterError> {
        if let Some(error) = &self.refuses {
            return Err(error.clone());
        }
        let what = match act {
            FluxAct::Reconcile { force, reset, .. } => {
                format!("reconcile{}{}", ["", "!"][usize::from(*force)], ["", "?"][usize::from(*reset)])
            }
            FluxAct::Suspend => "suspend".to_owned(),
            FluxAct::Resume => "resume".to_owned(),
        };
        self.acts.lock().unwrap().push(format!("{what} {} {}/{}", at.kind.kind(), at.namespace, at.name));
        let mut objects = self.objects.lock().unwrap();
        let Some(object) = objects.get_mut(&Self::key(at)) else { return Ok(None) };
        match act {
            FluxAct::Reconcile { at, .. } => {
                object["metadata"]["annotations"][REQUESTED] = json!(at.to_string())
            }
            FluxAct::Suspend => object["spec"]["suspend"] = json!(true),
            FluxAct::Resume => object["spec"]["suspend"] = json!(null),
        }
        Ok(Some(object.clone()))
    }

    async fn read(&self, at: &FluxObject) -> Result<Option<Value>, ClusterError> {
        let mut objects = self.objects.lock().unwrap();
        let Some(object) = objects.get_mut(&Self::key(at)) else { return Ok(None) };
        let mut after = self.handles_after.lock().unwrap();
        match after.as_mut() {
            Some(0) => {
                let requested = object["metadata"]["annotations"][REQUESTED].clone();
                let status = if self.fails == Some(at.name.as_str()) { "False" } else { "True" };
                object["status"] = json!({
                    "observedGeneration": 1, "lastHandledReconcileAt": requested,
                    "conditions": [{"type": "Ready", "status": status, "message": format!("{} says so", at.name)}],
                });
            }
            Some(left) => *left -= 1,
            None => {}
        }
        Ok(Some(object.clone()))
    }

    async fn locks(&self) -> Result<Vec<Lock>, ClusterError> {
        Ok(Vec::new())
    }
}

fn object(kind: FluxKind, namespace: &str, name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": format!("{}/v1", kind.group()), "kind": kind.kind(),
        "metadata": {"namespace": namespace, "name": name, "generation": 1}, "spec": spec,
        "status": {"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "True", "message": "before"}]},
    })
}

fn objects() -> Vec<Value> {
    let git = json!({"sourceRef": {"kind": "GitRepository", "name": "fleet", "namespace": "flux-system"}});
    let chart =
        json!({"chart": {"spec": {"chart": "a", "sourceRef": {"kind": "HelmRepository", "name": "charts"}}}});
    let by_ref = json!({"chartRef": {"kind": "HelmChart", "name": "own"}});
    vec![
        object(FluxKind::Kustomization, "apps", "web", git.clone()),
        object(FluxKind::Kustomization, "apps", "off", json!({"suspend": true})),
        object(FluxKind::Kustomization, "apps", "twice", git.clone()),
        object(FluxKind::Kustomization, "other", "twice", git.clone()),
        object(
            FluxKind::Kustomization,
            "other",
            "external",
            json!({"sourceRef": {"kind": "ExternalArtifact", "name": "a"}}),
        ),
        object(FluxKind::GitRepository, "flux-system", "fleet", json!({})),
        object(FluxKind::HelmRelease, "apps", "shop", chart),
        object(FluxKind::HelmRelease, "apps", "own", by_ref),
        object(FluxKind::HelmRepository, "apps", "charts", json!({"type": "oci"})),
        object(FluxKind::HelmChart, "apps", "apps-shop", json!({})),
        object(
            FluxKind::HelmChart,
            "apps",
            "own",
            json!({"sourceRef": {"kind": "Bucket", "name": "bucket"}}),
        ),
        object(FluxKind::Bucket, "apps", "bucket", json!({})),
        object(FluxKind::Alert, "apps", "loud", json!({})),
    ]
}

async fn world(flux: Flux) -> (World, Arc<Flux>) {
    let mut world = World::new("A change").await;
    let mut listed: BTreeMap<FluxKind, Result<Vec<Value>, ClusterError>> = BTreeMap::new();
    for object in objects() {
        let kind = FluxKind::of(&object).unwrap();
        let name = |field: &str| object["metadata"][field].as_str().unwrap().to_owned();
        flux.objects.lock().unwrap().insert((kind, name("namespace"), name("name")), object.clone());
        listed.entry(kind).or_insert_with(|| Ok(Vec::new())).as_mut().unwrap().push(object);
    }
    let flux = Arc::new(flux);
    world.ctx.cluster = Ok(Arc::new(Lists { name: "prod", objects: listed }));
    world.ctx.cluster_names = vec!["prod".to_owned()];
    world.ctx.operators = BTreeMap::from([("prod".to_owned(), Ok(flux.clone() as Arc<dyn Operator>))]);
    (world, flux)
}

fn prompt() -> Flux {
    Flux { handles_after: Mutex::new(Some(0)), ..Flux::default() }
}

#[tokio::test]
async fn each_verb_does_what_it_says_to_what_is_meant() {
    let (world, flux) = world(prompt()).await;
    let mut done = 0;
    for (text, acts, said) in [
        (
            "reconcile ks web",
            &["reconcile Kustomization apps/web"][..],
            "✔ Kustomization apps/web reconciled: web says so",
        ),
        (
            "reconcile ks web --with-source",
            &["reconcile GitRepository flux-system/fleet", "reconcile Kustomization apps/web"],
            "✔ Kustomization apps/web reconciled",
        ),
        (
            "reconcile hr shop --with-source --force --reset",
            &[
                "reconcile HelmRepository apps/charts",
                "reconcile HelmChart apps/apps-shop",
                "reconcile!? HelmRelease apps/shop",
            ],
            "✔ HelmRelease apps/shop reconciled",
        ),
        (
            "reconcile hr own --with-source",
            &[
                "reconcile Bucket apps/bucket",
                "reconcile HelmChart apps/own",
                "reconcile HelmRelease apps/own",
            ],
            "✔ HelmRelease apps/own reconciled",
        ),
        (
            "reconcile ks external --with-source",
            &[],
            "a source of kind ExternalArtifact cannot be reconciled",
        ),
        ("reconcile ks off", &[], "✗ Kustomization apps/off: it is suspended: resume it first"),
        ("suspend ks off", &[], "✔ Kustomization apps/off was suspended already"),
        ("resume ks web", &[], "✔ Kustomization apps/web was resumed already"),
        (
            "suspend ks apps/twice web",
            &["suspend Kustomization apps/twice", "suspend Kustomization apps/web"],
            "✔ Kustomization apps/web suspended",
        ),
        ("suspend alert loud", &["suspend Alert apps/loud"], "✔ Alert apps/loud suspended"),
        (
            "resume ks off",
            &["resume Kustomization apps/off"],
            "✔ Kustomization apps/off resumed: off says so",
        ),
        (
            "suspend ks --all -n other",
            &["suspend Kustomization other/external", "suspend Kustomization other/twice"],
            "other/external suspended",
        ),
        (
            "reconcile ks twice",
            &[],
            "There are 2 Kustomizations `twice`, in `apps`, `other`: name the namespace",
        ),
        (
            "reconcile ks we",
            &[],
            "There is no Kustomization `we` in cluster `prod`. Did you mean `apps/web`?",
        ),
        ("suspend ks --all -n none", &[], "There are no Kustomizations in namespace `none`."),
    ] {
        let answer = world.command_of(&person("U1"), text, text).await;
        let mut now = flux.acts()[done..].to_vec();
        done += now.len();
        if text.starts_with("suspend") {
            now.sort();
        }
        assert_eq!(now, acts, "{text}: {answer}");
        assert!(answer.contains(said), "{text}: {answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn flux_is_waited_for_and_not_for_ever() {
    let (world, _) = world(Flux { handles_after: Mutex::new(Some(20)), ..Flux::default() }).await;
    let answer = world.command_of(&person("U1"), "reconcile ks web", "a").await;
    assert!(answer.contains("✔ Kustomization apps/web reconciled: web says so"), "{answer}");
    let (world, _) = self::world(Flux::default()).await;
    let answer = world.command_of(&person("U1"), "reconcile ks web", "a").await;
    assert!(answer.contains("… Kustomization apps/web: Flux is still at it: before"), "{answer}");
}

#[tokio::test]
async fn failures_are_told_and_what_depends_on_them_is_left_alone() {
    let (world, flux) = world(Flux { fails: Some("fleet"), ..prompt() }).await;
    let answer = world.command_of(&person("U1"), "reconcile ks web --with-source", "a").await;
    assert!(
        answer.contains(
            "✗ Kustomization apps/web: Flux failed: its source GitRepository flux-system/fleet: fleet says so"
        ),
        "{answer}"
    );
    assert_eq!(flux.acts(), ["reconcile GitRepository flux-system/fleet"]);
    let what = "patch kustomizations".to_owned();
    let refuses = Some(ClusterError::Forbidden { cluster: "prod".to_owned(), what });
    let (world, _) = self::world(Flux { refuses, ..Flux::default() }).await;
    let answer = world.command_of(&person("U1"), "suspend ks web", "a").await;
    assert!(
        answer.contains("✗ Kustomization apps/web: cluster `prod` does not allow patch kustomizations"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_job_that_comes_again_does_nothing_twice() {
    let (world, flux) = world(prompt()).await;
    let first = world.command_of(&person("U1"), "reconcile ks web", "same").await;
    let again = world.command_of(&person("U1"), "reconcile ks web", "same").await;
    assert_eq!(first, again);
    world.command_of(&person("U1"), "suspend ks web", "other").await;
    world.command_of(&person("U1"), "suspend ks web", "other").await;
    assert_eq!(flux.acts(), ["reconcile Kustomization apps/web", "suspend Kustomization apps/web"]);
}

#[tokio::test]
async fn without_an_identity_nobody_may() {
    let (mut world, flux) = world(prompt()).await;
    world.ctx.operators.insert("prod".to_owned(), Err("the secret is not there".to_owned()));
    let answer = world.command_of(&person("U1"), "suspend ks web", "a").await;
    assert!(answer.contains("cluster `prod`: the secret is not there."), "{answer}");
    world.ctx.operators.clear();
    let answer = world.command_of(&person("U1"), "suspend ks web", "b").await;
    assert!(answer.contains("`cluster.operator`"), "{answer}");
    assert_eq!(flux.acts(), Vec::<String>::new());
}
