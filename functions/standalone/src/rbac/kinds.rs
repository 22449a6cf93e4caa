//! The kinds that the Kustomizations of a cluster, and those of a checkout, hold.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use domain::Drift;
use domain::change::Change;
use domain::provenance::Disclosure;
use domain::report::{Finding, KustomizationReport};
use flows::analyse::{DecryptionAccess, Question, RemoteAccess, Repository, analyse, other_cluster};
use flux::Kustomization;
use flux::schema::Definition;
use kubernetes::GroupKind;
use kustomize::MemoryTree;
use ports::ConfigRef;
use serde_json::Value;

/// What a worker needs besides: variables come from ConfigMaps, objects wait for Namespaces, and the locks are tried with a ConfigMap.
const ALWAYS: [(&str, &str); 2] = [("", "ConfigMap"), ("", "Namespace")];

/// Kinds, and where they come from.
#[derive(Default)]
pub(super) struct Kinds {
    /// All of them.
    pub(super) all: BTreeSet<GroupKind>,
    /// Those that Git defines, with their plural names.
    pub(super) defined: BTreeMap<GroupKind, String>,
    /// Where they were found, as sentences.
    pub(super) from: Vec<String>,
    /// What could not be looked at, as sentences.
    pub(super) notes: Vec<String>,
}

impl Kinds {
    /// The kinds in the inventories of the Kustomizations that apply to this cluster, or to the one that `on` names.
    pub(super) fn add_inventories(&mut self, kustomizations: &[Value], on: Option<&ConfigRef>) {
        self.all.extend(ALWAYS.map(|(group, kind)| (group.to_owned(), kind.to_owned())));
        let (mut own, mut elsewhere) = (0, BTreeSet::new());
        for kustomization in kustomizations {
            let target = target(kustomization);
            if target.as_ref() != on {
                elsewhere.extend(target.map(|target| target.to_string()));
                continue;
            }
            own += 1;
            for entry in kustomization["status"]["inventory"]["entries"].as_array().into_iter().flatten() {
                let version = entry["v"].as_str().unwrap_or_default();
                let id = flux::ObjectId::parse(entry["id"].as_str().unwrap_or_default(), version);
                self.all.extend(id.map(|id| (id.group, id.kind)));
            }
            self.secrets(kustomization);
        }
        self.from.push(format!("the inventories of {own} Kustomizations"));
        if on.is_none() && !elsewhere.is_empty() {
            let names: Vec<String> = elsewhere.into_iter().collect();
            self.notes.push(format!(
                "what is applied to other clusters (`spec.kubeConfig`) is not in here; print theirs with --remote: {}",
                names.join(", ")
            ));
        }
    }

    /// Secrets that variables come from: reading them is a person's decision.
    fn secrets(&mut self, kustomization: &Value) {
        let (namespace, name) = (metadata(kustomization, "namespace"), metadata(kustomization, "name"));
        let from = kustomization["spec"]["postBuild"]["substituteFrom"].as_array().into_iter().flatten();
        for secret in from.filter(|from| from["kind"] == "Secret") {
            let secret = secret["name"].as_str().unwrap_or_default();
            self.notes.push(format!(
                "Kustomization {namespace}/{name} cannot be rendered without Secret {namespace}/{secret}, which is not granted: \
                 see `preflux-rehearse` in infra/cluster/preflux.yaml for the rule"
            ));
        }
    }

    /// The kinds that the Kustomizations of a checkout render, on any cluster: their files do not say which one they are for.
    pub(super) async fn add_renders(
        &mut self,
        repo: &Path,
        rev: &str,
        on: Option<&ConfigRef>,
    ) -> anyhow::Result<()> {
        let (dir, revision) = (repo.to_owned(), rev.to_owned());
        let mut checkout =
            tokio::task::spawn_blocking(move || git::local(&dir, &revision, &revision)).await??;
        checkout.base = Arc::new(MemoryTree::new(std::iter::empty::<(String, Vec<u8>)>()));
        let findings = analyse(Question {
            checkout: &checkout,
            repository: Repository::Any,
            cluster: Err("only renders count here".to_owned()),
            remotes: RemoteAccess::None("remote bases are not fetched here".to_owned()),
            disclosure: Disclosure::LiveValues,
            drift: Drift::Off,
            decryption: DecryptionAccess::None("nothing is decrypted here".to_owned()),
            until: None,
        })
        .await;
        let targets = targets(&findings.kustomizations);
        let mut rendered = 0;
        for one in findings.kustomizations.iter().filter(|one| targets.get(&one.name) == on) {
            match &one.finding {
                Finding::Changes { changes } => {
                    rendered += 1;
                    self.add_changes(changes);
                }
                Finding::Failed { error, .. } => {
                    let error = error.lines().next().unwrap_or_default();
                    self.missed(&one.name, error);
                }
            }
        }
        for missed in &findings.coverage.unresolved {
            self.missed(&missed.name, &missed.why);
        }
        self.from.push(format!("{rendered} Kustomizations in `{}` at {rev}", repo.display()));
        Ok(())
    }

    fn add_changes(&mut self, changes: &[Change]) {
        for change in changes {
            self.all.insert((change.object.group.clone(), change.object.kind.clone()));
            self.define(change.after.as_ref());
        }
    }

    fn missed(&mut self, name: &str, why: &str) {
        self.notes.push(format!("Kustomization {name} was not rendered, so its kinds may be missing: {why}"));
    }

    fn define(&mut self, object: Option<&Value>) {
        let Some(definition) = object.and_then(Definition::of) else { return };
        let (group, kind) = definition.kind();
        if let Some(plural) = object.and_then(|o| o["spec"]["names"]["plural"].as_str()) {
            self.defined.insert((group.to_owned(), kind.to_owned()), plural.to_owned());
        }
    }
}

/// The Kustomizations that apply to another cluster, by `namespace/name`.
fn targets(reports: &[KustomizationReport]) -> BTreeMap<String, ConfigRef> {
    let changes = reports.iter().filter_map(|report| match &report.finding {
        Finding::Changes { changes } => Some(changes),
        Finding::Failed { .. } => None,
    });
    let objects = changes.flatten().filter(|change| change.object.kind == "Kustomization");
    objects
        .filter_map(|change| {
            let name = format!("{}/{}", change.object.namespace, change.object.name);
            Some((name, target(change.after.as_ref()?)?))
        })
        .collect()
}

/// The cluster that a Kustomization applies to, where it is another one.
fn target(kustomization: &Value) -> Option<ConfigRef> {
    other_cluster(&Kustomization::from_value(kustomization).ok()?)
}

fn metadata<'a>(object: &'a Value, field: &str) -> &'a str {
    object["metadata"][field].as_str().unwrap_or_default()
}
