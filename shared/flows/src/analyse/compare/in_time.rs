//! A cluster that is asked as long as there is time, and not twice for what was read ahead. What is not asked for want of time is
//! a refusal like any other, so that each object says so.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::ObjectId;
use flux::rbac::{self, Unfit};
use ports::{Cluster, DryRun, Refusal, Right};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::ahead::Ahead;

/// The time that there is for everything that is asked.
#[derive(Debug)]
pub(in crate::analyse) struct Time {
    until: Option<Instant>,
    over: AtomicBool,
}

impl Time {
    /// Until then; without a limit if there is none.
    pub(in crate::analyse) fn until(until: Option<Instant>) -> Self {
        Self { until, over: AtomicBool::new(false) }
    }

    /// An answer, if it comes in time. Afterwards nothing is begun.
    pub(in crate::analyse) async fn bounded<T>(&self, asked: impl Future<Output = T>) -> Option<T> {
        let Some(until) = self.until else { return Some(asked.await) };
        let answer = match Instant::now() < until {
            true => timeout_at(until, asked).await.ok(),
            false => None,
        };
        if answer.is_none() {
            self.over.store(true, Ordering::Relaxed);
        }
        answer
    }

    /// What every reader must know, if something was not asked.
    pub(in crate::analyse) fn note(&self) -> Option<String> {
        self.over.load(Ordering::Relaxed).then(|| {
            "The time for comparing with the cluster was over before everything was asked. What was not checked says so. Run it again; \
             if that does not help, look for drift in changed objects alone (`drift: changed`)."
                .to_owned()
        })
    }
}

/// One cluster, as far as comparing a Kustomization needs it.
#[derive(Clone, Copy)]
pub(super) struct InTime<'a> {
    pub(super) cluster: &'a dyn Cluster,
    pub(super) time: &'a Time,
    pub(super) ahead: &'a Ahead,
    /// The service account that it is asked as, which Flux acts as too.
    pub(super) account: Option<&'a str>,
}

impl InTime<'_> {
    /// What applying an object makes of it: of Roles and bindings, which nobody can rehearse, told from the live object.
    pub(super) async fn dry_run(&self, object: &Value) -> DryRun {
        if is_granting(object) {
            return self.granted(object).await.map_or_else(DryRun::Refused, DryRun::Accepted);
        }
        match self.time.bounded(self.cluster.dry_run(object)).await {
            Some(DryRun::Refused(refusal)) => DryRun::Refused(self.theirs(refusal)),
            answer => answer.unwrap_or(DryRun::Refused(Refusal::OutOfTime)),
        }
    }

    /// A right that the service account lacks is one that Flux will lack as well.
    fn theirs(&self, refusal: Refusal) -> Refusal {
        match (self.account, refusal) {
            (Some(account), Refusal::MissingRight(Right { verb, group, resource, namespace })) => {
                let dot = if group.is_empty() { "" } else { "." };
                let place =
                    if namespace.is_empty() { String::new() } else { format!(" in namespace `{namespace}`") };
                Refusal::Invalid(format!(
                    "Flux applies it as ServiceAccount `{account}`, which may not `{verb}` `{resource}{dot}{group}`{place}: grant it that"
                ))
            }
            (_, refusal) => refusal,
        }
    }

    async fn granted(&self, object: &Value) -> Result<Value, Refusal> {
        let live = self.live(object).await?;
        let namespace = &object["metadata"]["namespace"];
        if live.is_none() && namespace.is_string() {
            let manifest = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
            if self.ahead.once(&manifest, self.read(&manifest)).await == Ok(None) {
                return Err(Refusal::NamespaceMissing);
            }
        }
        rbac::applied(object, live.as_ref()).map_err(|unfit| match unfit {
            Unfit::Version => Refusal::KindMissing,
            Unfit::Field(why) => Refusal::Invalid(why),
            Unfit::Immutable(why) => Refusal::Immutable(why),
        })
    }

    pub(super) async fn live(&self, manifest: &Value) -> Result<Option<Value>, Refusal> {
        match self.ahead.get(manifest) {
            Some(live) => Ok(Some(live.clone())),
            // Both sides and the drift are told from the one live object.
            None if is_granting(manifest) => self.ahead.once(manifest, self.read(manifest)).await,
            None => self.read(manifest).await,
        }
    }

    /// The live object that a dry-run started from: read again if it was written after it was read ahead.
    pub(super) async fn live_with(
        &self,
        manifest: &Value,
        live: Value,
        dry_run: &Value,
    ) -> Result<Option<Value>, Refusal> {
        let version = |object: &Value| object["metadata"]["resourceVersion"].clone();
        match self.ahead.get(manifest).is_some() && version(&live) != version(dry_run) {
            true => self.read(manifest).await,
            false => Ok(Some(live)),
        }
    }

    async fn read(&self, manifest: &Value) -> Result<Option<Value>, Refusal> {
        let read = self.time.bounded(self.cluster.live(manifest)).await;
        read.unwrap_or(Err(Refusal::OutOfTime)).map_err(|refusal| self.theirs(refusal))
    }

    pub(super) async fn live_by_id(&self, id: &ObjectId) -> Result<Option<Value>, Refusal> {
        let read = self.time.bounded(self.cluster.live_by_id(id)).await;
        read.unwrap_or(Err(Refusal::OutOfTime)).map_err(|refusal| self.theirs(refusal))
    }
}

/// Whether it is a Role or a binding.
fn is_granting(object: &Value) -> bool {
    ObjectId::of(object).is_some_and(|id| id.group == rbac::GROUP)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn nothing_is_begun_when_the_time_is_over_and_it_is_said() {
        let time = Time::until(None);
        assert_eq!(time.bounded(async { 1 }).await, Some(1));
        let time = Time::until(Some(Instant::now() + Duration::from_secs(3600)));
        assert_eq!(time.bounded(async { 1 }).await, Some(1));
        assert_eq!(time.note(), None);
        let time = Time::until(Some(Instant::now()));
        assert_eq!(time.bounded(async { panic!("it is begun") }).await, None::<()>);
        assert!(time.note().is_some_and(|note| note.contains("`drift: changed`")));
    }
}
