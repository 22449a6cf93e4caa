//! Our verdict on an object beside that of Flux's own `ssa` package, on the same API server: what would kustomize-controller do
//! with it? `PREFLUX_FLUX_ORACLE` names the program of `tests/oracle/flux`, which runs Flux's package.

mod corpus;
pub(crate) mod oracle;
mod ours;

use std::collections::BTreeMap;
use std::path::PathBuf;

use flux::Kustomization;
use kubernetes::KubeCluster;
use serde_json::{Value, json};
use testkit::cluster::TestCluster;

use crate::front::Front;
use crate::support::part;
use corpus::{Case, Random};
use oracle::Oracle;

/// How many random cases are tried.
const CASES: usize = 320;

/// Where the verdicts differ and ours is what the controller does, each with its reason.
const KNOWN: [(&str, &str); 1] = [(
    "every 422 counts as immutable",
    "with force, Flux's package says that it would recreate whatever the API server calls invalid; recreating what is invalid \
     fails, and we say that it is refused",
)];

/// A verdict: `created`, `configured`, `unchanged`, `skipped` or `error`, and the error's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) action: String,
    pub(crate) why: String,
    /// Whether the live object shows by itself that nothing would change, so that drift needs no dry-run.
    pub(crate) settled: bool,
}

/// The name of the known difference, or `None` when there is nothing that would explain one.
fn known(forced: bool, ours: &Verdict, theirs: &Verdict) -> Option<&'static str> {
    let refused = ours.action == "error"
        && ["Invalid", "Unprocessable", "Denied", "Conflict"].iter().any(|word| ours.why.starts_with(word));
    (forced && refused && theirs.action == "created").then_some(KNOWN[0].0)
}

/// The parts that a test of verdicts needs.
pub(crate) struct Parts {
    oracle: Oracle,
    cluster: KubeCluster,
    admin: TestCluster,
    kubeconfig: PathBuf,
    _front: Front,
}

impl Parts {
    pub(crate) async fn find() -> Option<Self> {
        let (kubeconfig, program) = (part("PREFLUX_TEST_KUBECONFIG")?, part("PREFLUX_FLUX_ORACLE")?);
        let kubeconfig = PathBuf::from(kubeconfig);
        let front = Front::before(&kubeconfig);
        // As fast as the API server answers: how many a second is for another test.
        let options = kubernetes::Options { requests_per_second: 10_000, ..kubernetes::Options::default() };
        let cluster = KubeCluster::from_file("test", front.kubeconfig(), &options).await.unwrap();
        let admin = TestCluster::open(&kubeconfig).unwrap();
        Some(Self { oracle: Oracle::start(&program), cluster, admin, kubeconfig, _front: front })
    }

    /// Both verdicts where they differ and nothing known explains it.
    pub(crate) async fn difference(&mut self, owner: &Kustomization, object: &Value) -> Option<String> {
        let (ours, theirs) = self.judge(owner, object).await;
        let forced = owner.spec.force || flux::control::is_forced(object);
        let same = ours.action == theirs.action || known(forced, &ours, &theirs).is_some();
        (!same).then(|| format!("ours: {ours:?}\nFlux's: {theirs:?}\nof {object:#}"))
    }

    /// Both verdicts.
    async fn judge(&mut self, kustomization: &Kustomization, object: &Value) -> (Verdict, Verdict) {
        let ours = ours::verdict(&self.cluster, kustomization, object).await;
        (ours, self.oracle.verdict(&self.kubeconfig, kustomization, object))
    }
}

fn kustomization(force: bool, ignore: &Value) -> Kustomization {
    let value = json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": "verdicts", "namespace": "flux-system"},
        "spec": {
            "interval": "1m", "prune": true, "force": force, "ignore": ignore,
            "sourceRef": {"kind": "GitRepository", "name": "verdicts"},
        },
    });
    Kustomization::from_value(&value).unwrap()
}

#[tokio::test]
async fn random_objects_get_flux_s_verdict_on_a_real_api_server() {
    let Some(mut parts) = Parts::find().await else { return };
    let mut random = Random(20_260_722);
    let namespace = corpus::namespace(&parts.admin).await;
    let (mut wrong, mut explained, mut seen) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
    let mut settled = 0;
    for number in 0..CASES {
        let case = Case::random(&mut random, number, &namespace);
        case.seed(&parts.admin).await;
        let kustomization = kustomization(case.force, &case.ignore);
        let (ours, theirs) = parts.judge(&kustomization, &case.desired).await;
        case.clean(&parts.admin).await;
        *seen.entry(theirs.action.clone()).or_insert(0_usize) += 1;
        settled += usize::from(ours.settled);
        if ours.settled && !matches!(theirs.action.as_str(), "unchanged" | "skipped") {
            wrong.push(format!("taken for settled: {case:#?}\nFlux's: {theirs:?}"));
        }
        if ours.action != theirs.action {
            let forced = case.force || flux::control::is_forced(&case.desired) || case.says_force_live();
            match known(forced, &ours, &theirs) {
                Some(name) => *explained.entry(name).or_insert(0_usize) += 1,
                None => wrong.push(format!("{case:#?}\nours: {ours:?}\nFlux's: {theirs:?}")),
            }
        }
    }
    corpus::remove(&parts.admin, &namespace).await;
    assert!(wrong.is_empty(), "{} of {CASES} verdicts differ\n\n{}", wrong.len(), wrong.join("\n\n"));
    assert!(settled >= CASES / 32, "only {settled} cases show without a dry-run that nothing would change");
    for action in ["created", "configured", "unchanged", "skipped", "error"] {
        assert!(seen.get(action).is_some_and(|count| *count >= CASES / 40), "too few `{action}`: {seen:?}");
    }
    for (name, reason) in KNOWN {
        assert!(explained.contains_key(name), "no case shows that {name} any more ({reason})");
    }
}

/// One object in a state that is made on purpose, and both verdicts.
async fn check(parts: &mut Parts, case: &Case, action: &str) {
    case.seed(&parts.admin).await;
    let (ours, theirs) = parts.judge(&kustomization(case.force, &case.ignore), &case.desired).await;
    case.clean(&parts.admin).await;
    assert_eq!(
        (ours.action.as_str(), theirs.action.as_str()),
        (action, action),
        "{ours:?} {theirs:?} of {case:#?}"
    );
}

#[tokio::test]
async fn the_corners_get_flux_s_verdict_on_a_real_api_server() {
    let Some(mut parts) = Parts::find().await else { return };
    let namespace = corpus::namespace(&parts.admin).await;
    for (action, case) in corpus::corners(&namespace) {
        check(&mut parts, &case, action).await;
    }
    corpus::remove(&parts.admin, &namespace).await;
}
