//! `/flux get`: which cluster, which objects, which page, and what cannot be listed.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use domain::interact::Command;
use domain::job::Job;
use domain::{FluxKind, ObjectId};
use flows::work::work;
use ports::{
    Cluster, ClusterError, ConfigRef, ControllerSeen, Data, DryRun, FluxObjects, Lock, Refusal, wire,
};
use serde_json::{Value, json};

use crate::world::{World, person};

/// A cluster that lists what it has; a kind that it does not have is not served.
pub(crate) struct Lists {
    pub(crate) name: &'static str,
    pub(crate) objects: BTreeMap<FluxKind, Result<Vec<Value>, ClusterError>>,
}

#[async_trait]
impl Cluster for Lists {
    fn name(&self) -> &str {
        self.name
    }

    async fn objects(&self, kind: FluxKind) -> Result<Vec<Value>, ClusterError> {
        let missing =
            || ClusterError::NoFlux { cluster: self.name.to_owned(), what: kind.plural().to_owned() };
        self.objects.get(&kind).cloned().unwrap_or_else(|| Err(missing()))
    }

    async fn flux_objects(&self) -> Result<FluxObjects, ClusterError> {
        Ok(FluxObjects::default())
    }

    async fn locks(&self) -> Result<Vec<Lock>, ClusterError> {
        Ok(Vec::new())
    }

    async fn controller(&self) -> ControllerSeen {
        ControllerSeen::Configured("1.9.4".to_owned())
    }

    async fn data(&self, _: &ConfigRef) -> Result<Option<Data>, ClusterError> {
        Ok(None)
    }

    async fn dry_run(&self, _: &Value) -> DryRun {
        DryRun::Refused(Refusal::KindMissing)
    }

    async fn live(&self, _: &Value) -> Result<Option<Value>, Refusal> {
        Ok(None)
    }

    async fn live_by_id(&self, _: &ObjectId) -> Result<Option<Value>, Refusal> {
        Ok(None)
    }
}

fn object(kind: FluxKind, namespace: &str, name: &str, ready: &str) -> Value {
    json!({
        "apiVersion": format!("{}/v1", kind.group()), "kind": kind.kind(),
        "metadata": {"namespace": namespace, "name": name, "labels": {"app": name}},
        "spec": {}, "status": {"conditions": [{"type": "Ready", "status": ready, "message": format!("{name} says")}]},
    })
}

fn cluster(name: &'static str, kustomizations: usize) -> Arc<dyn Cluster> {
    let ks = FluxKind::Kustomization;
    let many = (0..kustomizations).map(|i| object(ks, "apps", &format!("web-{i:03}"), "True"));
    let objects = BTreeMap::from([
        (ks, Ok(many.chain([object(ks, "flux-system", "flux-system", "False")]).collect())),
        (FluxKind::GitRepository, Ok(vec![object(FluxKind::GitRepository, "flux-system", "fleet", "True")])),
        (
            FluxKind::Alert,
            Err(ClusterError::Forbidden { cluster: name.to_owned(), what: "list alerts".to_owned() }),
        ),
    ]);
    Arc::new(Lists { name, objects })
}

async fn world(clusters: &[(&'static str, usize)]) -> World {
    let mut world = World::new("A change").await;
    let made: Vec<flows::analyse::Named> =
        clusters.iter().map(|(name, count)| ((*name).to_owned(), Ok(cluster(name, *count)))).collect();
    world.ctx.cluster_names = made.iter().map(|(name, _)| name.clone()).collect();
    let mut made = made.into_iter();
    world.ctx.cluster = made.next().unwrap().1;
    world.ctx.more_clusters = made.collect();
    world
}

/// All that is shown, and the values of the buttons and options.
async fn said(world: &World, text: &str) -> (String, Vec<String>) {
    world.command(&person("U1"), text).await;
    let (blocks, replaced) = world.slack.shown.lock().unwrap().clone();
    assert!(!replaced, "what is typed takes nobody's place");
    let texts = blocks.iter().filter_map(|block| block["text"]["text"].as_str());
    let elements = blocks.iter().filter_map(|block| block["elements"].as_array()).flatten();
    let values = elements.flat_map(|element| match element["options"].as_array() {
        Some(options) => options.iter().filter_map(|option| option["value"].as_str()).collect::<Vec<_>>(),
        None => element["value"].as_str().into_iter().collect(),
    });
    (texts.collect::<Vec<_>>().join("\n"), values.map(str::to_owned).collect())
}

#[tokio::test]
async fn what_is_asked_for_is_listed_and_can_be_chosen() {
    let world = world(&[("prod", 2)]).await;
    let (text, values) = said(&world, "get ks").await;
    assert!(text.starts_with("3 Kustomizations in cluster `prod`, 1 not ready\n```"), "{text}");
    assert_eq!(
        values,
        [
            "get kustomization apps/web-000",
            "get kustomization apps/web-001",
            "get kustomization flux-system/flux-system"
        ]
    );
    let (text, values) = said(&world, &values[1]).await;
    assert!(
        text.starts_with("1 Kustomization in cluster `prod`") && text.contains("MESSAGE    web-001 says"),
        "{text}"
    );
    assert!(values.iter().all(|value| value.contains("apps/web-001")), "{values:?}");
    for (asked, count) in [
        ("get ks -n apps", "2 Kustomizations"),
        ("get ks -l app=web-000", "1 Kustomization "),
        ("get ks --status-selector ready!=true", "1 Kustomization "),
        ("get source git", "1 GitRepository "),
        ("get ks -n nowhere", "No Kustomizations in"),
    ] {
        let (text, _) = said(&world, asked).await;
        assert!(text.starts_with(count), "{asked}: {text}");
    }
    let (text, _) = said(&world, "get ks web").await;
    assert!(text.contains("Did you mean `apps/web-000`, `apps/web-001`?"), "{text}");
}

#[tokio::test]
async fn what_cannot_be_listed_is_named() {
    let world = world(&[("prod", 1)]).await;
    let (text, values) = said(&world, "get all").await;
    assert!(text.starts_with("3 objects of Flux in cluster `prod`, 1 not ready"), "{text}");
    assert!(text.contains("gitrepository/fleet") && text.contains("kustomization/web-000"), "{text}");
    assert!(text.contains("Alerts are not listed: cluster `prod` does not allow list alerts"), "{text}");
    assert_eq!(values[0], "get source git flux-system/fleet");
    let (text, _) = said(&world, "get alerts").await;
    assert!(text.contains("does not allow list alerts: grant it"), "{text}");
    let (text, _) = said(&world, "get images all").await;
    assert!(text.contains("serves no kind of Flux's"), "{text}");
    let (text, _) = said(&world, "get receivers").await;
    assert!(text.contains("does not serve `receivers`"), "{text}");
}

#[tokio::test]
async fn of_several_clusters_one_is_named_everywhere() {
    let world = world(&[("eu", 1), ("us", 1)]).await;
    let (text, _) = said(&world, "get ks").await;
    assert!(text.contains("eu") && text.contains("us") && text.contains("--cluster"), "{text}");
    let (text, values) = said(&world, "get ks --cluster us").await;
    assert!(text.starts_with("2 Kustomizations in cluster `us`"), "{text}");
    assert!(values.iter().all(|value| value.ends_with(" --cluster us")), "{values:?}");
    let (text, _) = said(&world, &values[0]).await;
    assert!(text.starts_with("1 Kustomization in cluster `us`"), "{text}");
}

#[tokio::test]
async fn pages_lead_to_each_other_and_take_each_others_place() {
    let world = world(&[("prod", 300)]).await;
    let (text, values) = said(&world, "get ks -n apps").await;
    assert!(text.contains("Page 1 of") && text.contains("of 300"), "{text}");
    let next = values.last().unwrap().clone();
    assert_eq!(next, "get ks -n apps --page 2");
    let command = Command {
        text: next,
        by: person("U1"),
        channel: "C1".to_owned(),
        trigger: "t2".to_owned(),
        answer_url: "https://slack.example".to_owned(),
        replaces: true,
    };
    work(&world.ctx, &wire::encode(&Job::Command(command)), true).await.unwrap();
    let (blocks, replaced) = world.slack.shown.lock().unwrap().clone();
    assert!(replaced);
    let text = serde_json::to_string(&blocks).unwrap();
    assert!(text.contains("Page 2 of") && !text.contains("web-000 says"), "{text}");
}
