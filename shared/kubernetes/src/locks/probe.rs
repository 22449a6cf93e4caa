//! One real write, which the policy has to refuse. It is the only request that Preflux sends without `dryRun=All` to find out
//! whether it could write, and it writes a ConfigMap that nothing reads.

use serde_json::{Value, json};

use super::policy::NAME;
use super::{Asked, unanswered};
use crate::api::{Api, Failure};
use crate::call::Call;

/// Whether creating a ConfigMap for real is refused, by whatever: a service account of somebody else need not have that right.
pub(super) async fn is_refused_anyhow(api: &Api, namespace: &str) -> Asked<()> {
    match write(api, namespace).await? {
        Err(Failure::Status(status)) if status.code == 403 => Ok(()),
        answer => judged(answer, namespace),
    }
}

/// Whether creating a ConfigMap for real is refused, and by the policy rather than by a right that happens to be missing.
pub(super) async fn is_refused(api: &Api, namespace: &str) -> Asked<()> {
    judged(write(api, namespace).await?, namespace)
}

async fn write(api: &Api, namespace: &str) -> Asked<Result<Value, Failure>> {
    let probe = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"generateName": "preflux-lock-probe-", "namespace": namespace},
        "data": {"why": "Preflux tries whether its identity can write. If you read this, it can: run `preflux doctor`."},
    });
    let Some(call) = Call::probe(namespace, &probe) else {
        return Err(format!("`{namespace}` is no namespace that could be written to"));
    };
    Ok(api.ask(&call).await)
}

fn judged(answer: Result<Value, Failure>, namespace: &str) -> Asked<()> {
    match answer {
        Ok(created) => {
            let name = created["metadata"]["name"].as_str().unwrap_or("preflux-lock-probe-...");
            Err(format!(
                "it was NOT refused: the identity can really write. ConfigMap `{name}` in namespace `{namespace}` was created; \
                 remove it (kubectl delete configmap {name} -n {namespace}) and apply infra/cluster/preflux.yaml"
            ))
        }
        Err(Failure::Status(status)) if status.code == 403 && status.words().contains(NAME) => Ok(()),
        Err(Failure::Status(status)) if status.code == 403 => Err(format!(
            "something else than the policy refused it, so the policy is not proved: grant `create` on configmaps in namespace `{namespace}`"
        )),
        Err(failure) => Err(unanswered(failure)),
    }
}
