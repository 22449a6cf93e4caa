//! What the API server's refusals mean for the reader; `brought` knows those that are for want of what the pull request brings.

use domain::change::Check;
use domain::plan::ObjectPlan;
use ports::{Gate, Refusal, Right};

use super::Asker;

const NO_RIGHTS_ON_SECRETS: &str =
    "the cluster identity has no rights on Secrets, on purpose, so Git's two sides are compared";

/// What was not asked for want of time; nothing is wrong with the object.
const OUT_OF_TIME: &str = "the time for comparing was over before the API server was asked";

impl Asker<'_> {
    /// What a refusal means for the reader of the report.
    pub(super) fn check(&self, plan: &ObjectPlan, refusal: Refusal) -> Check {
        if let Some(check) = self.brings.check(self.kustomization, plan, &refusal) {
            return check;
        }
        let (id, unknown) = (&plan.id, |why: String| Check::NotValidated { why });
        match refusal {
            Refusal::NamespaceTerminating => Check::Refused {
                why: format!(
                    "namespace `{}` is being deleted, and takes nothing new until it is gone",
                    id.namespace
                ),
            },
            Refusal::NamespaceMissing => Check::Refused {
                why: format!(
                    "namespace `{}` does not exist, and nothing here creates it: add it, or correct the name",
                    id.namespace
                ),
            },
            Refusal::KindMissing => Check::Refused {
                why: format!(
                    "the cluster does not serve the kind `{}` of group `{}` in this version: install its CRD first, or write a version that is served",
                    id.kind, id.group
                ),
            },
            Refusal::Immutable(why) | Refusal::Unprocessable(why) | Refusal::Invalid(why) => {
                Check::Refused { why }
            }
            Refusal::Denied { by, why, .. } => Check::Refused { why: denied(&by, &why) },
            Refusal::MissingRight(_) | Refusal::Forbidden(_) if id.is_secret() => {
                unknown(NO_RIGHTS_ON_SECRETS.to_owned())
            }
            refusal => unknown(unanswered(refusal)),
        }
    }
}

/// Who denies an object, what to do, and its words.
pub(super) fn denied(by: &Gate, why: &str) -> String {
    let who = match by {
        Gate::Policy(name) => format!(
            "admission policy `{name}` denies it, as it will after merging; change the object, or have the policy changed"
        ),
        Gate::Webhook(name) => format!(
            "admission webhook `{name}` denies it, as it will after merging; change the object, or have the webhook's rules changed"
        ),
        Gate::Quota(name) => {
            format!("ResourceQuota `{name}` refuses it; ask for less, or have the quota raised")
        }
        Gate::PodSecurity(level) => format!(
            "Pod Security at level `{level}` refuses it; ask for fewer privileges, or have the namespace labelled otherwise"
        ),
    };
    format!("{who}: {why}")
}

/// Why nobody knows what the API server would make of an object, and what to do.
pub(super) fn unanswered(refusal: Refusal) -> String {
    match refusal {
        Refusal::NoDryRun(why) => format!("an admission webhook does not support dry-runs: {why}"),
        Refusal::Aggregated(_) => AGGREGATED.to_owned(),
        Refusal::WebhookDown(why) => format!(
            "an admission webhook did not answer the dry-run, and merging fails as long as it does not: {why}"
        ),
        Refusal::MissingRight(right) => missing(&right),
        Refusal::Forbidden(why) => {
            format!("our cluster identity may not ask (grant it, see infra/cluster): {why}")
        }
        Refusal::Conflict(why) => {
            format!("it changed in the cluster each time it was asked about; run the diff again: {why}")
        }
        Refusal::Throttled(why) => {
            format!("the API server has too many requests to answer; run the diff again later: {why}")
        }
        Refusal::TimedOut(why) => {
            format!("the API server did not answer in time; run the diff again later: {why}")
        }
        Refusal::Unavailable(why) => format!("the API server did not answer: {why}"),
        Refusal::OutOfTime => OUT_OF_TIME.to_owned(),
        Refusal::NamespaceMissing => "its namespace does not exist".to_owned(),
        Refusal::NamespaceTerminating => "its namespace is being deleted".to_owned(),
        Refusal::KindMissing => "the cluster does not know its kind".to_owned(),
        Refusal::Denied { by, why, .. } => denied(&by, &why),
        Refusal::Immutable(why) | Refusal::Unprocessable(why) | Refusal::Invalid(why) => why,
    }
}

const AGGREGATED: &str = "its group is served by an aggregated API server, which need not honour dry-runs, so Git's two sides are compared";

/// Which right is missing, and the rule that grants it.
fn missing(right: &Right) -> String {
    let Right { verb, group, resource, namespace } = right;
    let dot = if group.is_empty() { "" } else { "." };
    let place = if namespace.is_empty() { String::new() } else { format!(" in namespace `{namespace}`") };
    let group_words = if group.is_empty() { "\"\"" } else { group };
    format!(
        "our cluster identity may not ask (grant it, see infra/cluster): it lacks `{verb}` on `{resource}{dot}{group}`{place}; \
         in ClusterRole `preflux-rehearse` this rule grants it: {{apiGroups: [{group_words}], resources: [{resource}], verbs: [{verb}]}}"
    )
}
