//! `/flux reconcile`, `suspend` and `resume`: what people have Flux do, waited for, and told object by object.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use commands::{Act, Listing, What};
use domain::FluxKind;
use domain::interact::Command;
use futures::future::join_all;
use ports::{ChatMessage, Cluster, FluxAct, FluxObject, Operator, REQUESTED};
use report::slack::{answer, lines_of};
use report::words::replies;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::WorkCtx;
use crate::error::JobError;

/// Who may have Flux do something, by the cluster's name; or why nobody may.
pub type Operators = BTreeMap<String, Result<Arc<dyn Operator>, String>>;

/// How long Flux is waited for: the worker lives five minutes.
const WAIT: Duration = Duration::from_secs(200);
/// How often an object is looked at meanwhile.
const LOOK: Duration = Duration::from_secs(2);
/// Objects that one command is for at most.
const MOST: usize = 50;
/// How long an act is known to be done (seconds): longer than its job can come again.
const ONCE_S: i64 = 86_400;

/// Does it, and says what came of it. A job that comes again does nothing twice: it waits, and says the same.
pub(super) async fn run(
    ctx: &WorkCtx,
    cluster: &dyn Cluster,
    command: &Command,
    act: &Act,
) -> Result<ChatMessage, JobError> {
    let operator = match ctx.operators.get(cluster.name()) {
        Some(Ok(operator)) => operator.as_ref(),
        Some(Err(why)) => return Ok(plain(&replies::no_operator(cluster.name(), Some(why)))),
        None => return Ok(plain(&replies::no_operator(cluster.name(), None))),
    };
    let objects = match chosen(cluster, act).await? {
        Ok(objects) => objects,
        Err(why) => return Ok(plain(&why)),
    };
    let key = format!("act#{}", command.trigger);
    let first = ctx.ledger.first_time(&key, ONCE_S).await?;
    let doing = Doing { operator, at: ctx.clock.now(), first, until: Instant::now() + WAIT };
    let waits =
        !matches!(act.what, What::Suspend) && (objects.len() == 1 || !matches!(act.what, What::Resume));
    let ends = join_all(objects.iter().map(|object| one(&doing, act, object, waits))).await;
    if first && ends.iter().all(|end| matches!(end, Err(error) if error.heals())) {
        ctx.ledger.forget_first_time(&key).await?;
    }
    let mut told = Vec::new();
    for (object, end) in objects.iter().zip(ends) {
        let name = format!("{} {}/{}", act.kind.kind(), name(object, "namespace"), name(object, "name"));
        told.push(match end {
            Ok(end) => line(&name, act.what, &end),
            // Of several, some may be done: what failed is told, and nothing is done again.
            Err(error) if objects.len() > 1 || !error.heals() => format!("✗ {name}: {}", error.sentence()),
            Err(error) => return Err(error),
        });
    }
    let (text, blocks) = lines_of(&replies::acted(cluster.name()), &told.join("\n"));
    Ok(ChatMessage { text, blocks })
}

/// What one command needs while it is carried out.
struct Doing<'a> {
    operator: &'a dyn Operator,
    /// When it was asked for.
    at: i64,
    /// Whether this is the first run of its job.
    first: bool,
    /// When nothing is waited for any more.
    until: Instant,
}

/// How it ended for one object.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// It is so, and what Flux says.
    Done(String),
    /// It was so before.
    Already,
    /// Flux tried and failed.
    Failed(String),
    /// Flux had not ended when we stopped waiting; what it said last.
    Late(String),
    /// It cannot be done, and why.
    Refused(String),
}

fn line(name: &str, what: What, end: &End) -> String {
    let done = match what {
        What::Reconcile { .. } => "reconciled",
        What::Suspend => "suspended",
        What::Resume => "resumed",
    };
    match end {
        End::Done(said) if said.is_empty() => format!("✔ {name} {done}"),
        End::Done(said) => format!("✔ {name} {done}: {said}"),
        End::Already => format!("✔ {name} was {done} already"),
        End::Failed(said) => format!("✗ {name}: Flux failed: {said}"),
        End::Late(said) if said.is_empty() => format!("… {name}: Flux is still at it"),
        End::Late(said) => format!("… {name}: Flux is still at it: {said}"),
        End::Refused(why) => format!("✗ {name}: {why}"),
    }
}

/// The objects that are meant, or what is said in their place.
async fn chosen(cluster: &dyn Cluster, act: &Act) -> Result<Result<Vec<Value>, String>, JobError> {
    let all = cluster.objects(act.kind).await?;
    let mut found: Vec<Value> = Vec::new();
    for listing in &act.objects {
        let mut of: Vec<&Value> = all.iter().filter(|object| listing.wants(object)).collect();
        match (of.as_slice(), listing) {
            ([], Listing { name: None, namespace, .. }) => {
                return Ok(Err(replies::none_in(
                    act.kind.several(),
                    namespace.as_deref().unwrap_or_default(),
                )));
            }
            ([], Listing { name: Some(name), .. }) => {
                let similar = super::get::similar(&[(act.kind, all.clone())], name);
                return Ok(Err(replies::no_such(act.kind.kind(), name, cluster.name(), &similar)));
            }
            ([_, _, ..], Listing { name: Some(wanted), .. }) => {
                let places: Vec<String> =
                    of.iter().map(|object| name(object, "namespace").to_owned()).collect();
                return Ok(Err(replies::several_places(act.kind.several(), wanted, &places)));
            }
            _ => found.extend(of.drain(..).cloned()),
        }
    }
    if found.len() > MOST {
        return Ok(Err(replies::too_many(found.len(), MOST)));
    }
    Ok(Ok(found))
}

async fn one(doing: &Doing<'_>, act: &Act, object: &Value, waits: bool) -> Result<End, JobError> {
    let at = place(act.kind, object);
    let suspended = object["spec"]["suspend"] == true;
    match act.what {
        What::Suspend if suspended && doing.first => Ok(End::Already),
        What::Suspend => patched(doing, &at, &FluxAct::Suspend).await.map(|_| End::Done(String::new())),
        What::Resume if !suspended && doing.first => Ok(End::Already),
        What::Resume => {
            patched(doing, &at, &FluxAct::Resume).await?;
            if waits && !act.kind.is_static() {
                settled(doing, &at).await
            } else {
                Ok(End::Done(String::new()))
            }
        }
        What::Reconcile { .. } if suspended => {
            Ok(End::Refused("it is suspended: resume it first".to_owned()))
        }
        What::Reconcile { with_source, force, reset } => {
            if with_source {
                for source in sources(doing, act.kind, object).await? {
                    let source = match source {
                        Ok(source) => source,
                        Err(why) => return Ok(End::Refused(why)),
                    };
                    let whose = format!("{} {}/{}", source.kind.kind(), source.namespace, source.name);
                    match reconciled(doing, &source, false, false).await? {
                        End::Done(_) | End::Already => {}
                        End::Failed(said) => return Ok(End::Failed(format!("its source {whose}: {said}"))),
                        End::Late(said) => return Ok(End::Late(format!("its source {whose}: {said}"))),
                        End::Refused(why) => return Ok(End::Refused(format!("its source {whose}: {why}"))),
                    }
                }
            }
            reconciled(doing, &at, force, reset).await
        }
    }
}

async fn reconciled(doing: &Doing<'_>, at: &FluxObject, force: bool, reset: bool) -> Result<End, JobError> {
    let act = FluxAct::Reconcile { at: doing.at, force, reset };
    match patched(doing, at, &act).await? {
        None => Ok(End::Refused("there is none".to_owned())),
        Some(object) if object["spec"]["suspend"] == true => {
            Ok(End::Refused("it is suspended: resume it first".to_owned()))
        }
        // A HelmRepository of type `oci` has no reconciler.
        Some(object) if object["spec"]["type"] == "oci" => Ok(End::Done(String::new())),
        Some(_) => settled(doing, at).await,
    }
}

/// The object after the act. A job that comes again reads it only.
async fn patched(doing: &Doing<'_>, at: &FluxObject, act: &FluxAct) -> Result<Option<Value>, JobError> {
    Ok(match doing.first {
        true => doing.operator.act(at, act).await?,
        false => doing.operator.read(at).await?,
    })
}

/// Waits until Flux is done with an object as it is now.
async fn settled(doing: &Doing<'_>, at: &FluxObject) -> Result<End, JobError> {
    loop {
        let Some(object) = doing.operator.read(at).await? else {
            return Ok(End::Refused("it is gone".to_owned()));
        };
        let end = look(&object);
        if !matches!(end, End::Late(_)) || Instant::now() + LOOK > doing.until {
            return Ok(end);
        }
        sleep(LOOK).await;
    }
}

/// Where an object stands: `Late` while Flux has not handled its newest generation and the newest request.
fn look(object: &Value) -> End {
    let status = &object["status"];
    let condition = |kind: &str| {
        let all = status["conditions"].as_array().into_iter().flatten();
        all.into_iter().find(|condition| condition["type"] == kind)
    };
    let is = |kind: &str, wanted: &str| condition(kind).is_some_and(|found| found["status"] == wanted);
    let said = |kind: &str| {
        let message = condition(kind).and_then(|found| found["message"].as_str()).unwrap_or_default();
        templates::shortened(message)
    };
    let requested = object["metadata"]["annotations"][REQUESTED].as_str();
    let handled = requested.is_none_or(|requested| status["lastHandledReconcileAt"] == requested);
    let observed = match (object["metadata"]["generation"].as_i64(), status["observedGeneration"].as_i64()) {
        (Some(now), Some(seen)) => seen >= now,
        (_, seen) => seen.is_some(),
    };
    let busy = is("Reconciling", "True") && !is("Stalled", "True");
    if !handled || !observed || busy {
        return End::Late(said("Ready"));
    }
    match (is("Ready", "True"), is("Ready", "False")) {
        (true, _) => End::Done(said("Ready")),
        (_, true) => End::Failed(said("Ready")),
        _ => End::Late(said("Ready")),
    }
}

/// What has to be reconciled before an object, in order; or why one of them cannot be.
async fn sources(
    doing: &Doing<'_>,
    kind: FluxKind,
    object: &Value,
) -> Result<Vec<Result<FluxObject, String>>, JobError> {
    let own = name(object, "namespace");
    let spec = &object["spec"];
    Ok(match kind {
        FluxKind::HelmRelease if spec["chartRef"].is_object() => {
            let chart = referred(&spec["chartRef"], own);
            let before = match &chart {
                Ok(chart) if chart.kind == FluxKind::HelmChart => doing.operator.read(chart).await?,
                _ => None,
            };
            let before = before.map(|chart| referred(&chart["spec"]["sourceRef"], name(&chart, "namespace")));
            before.into_iter().chain([chart]).collect()
        }
        FluxKind::HelmRelease => {
            let source = referred(&spec["chart"]["spec"]["sourceRef"], own);
            let chart = source.as_ref().ok().map(|source| FluxObject {
                kind: FluxKind::HelmChart,
                namespace: source.namespace.clone(),
                name: format!("{own}-{}", name(object, "name")),
            });
            std::iter::once(source).chain(chart.map(Ok)).collect()
        }
        _ => vec![referred(&spec["sourceRef"], own)],
    })
}

/// The object that a reference names.
fn referred(reference: &Value, own: &str) -> Result<FluxObject, String> {
    let text = |field: &str| reference[field].as_str().filter(|text| !text.is_empty());
    let kind = text("kind").unwrap_or_default();
    let sources = [
        FluxKind::GitRepository,
        FluxKind::OciRepository,
        FluxKind::Bucket,
        FluxKind::HelmRepository,
        FluxKind::HelmChart,
    ];
    let kind = FluxKind::named(kind)
        .filter(|kind| sources.contains(kind))
        .ok_or_else(|| format!("a source of kind {kind} cannot be reconciled"))?;
    let namespace = text("namespace").unwrap_or(own).to_owned();
    let name = text("name").ok_or_else(|| "its source has no name".to_owned())?.to_owned();
    Ok(FluxObject { kind, namespace, name })
}

fn place(kind: FluxKind, object: &Value) -> FluxObject {
    let of = |field: &str| name(object, field).to_owned();
    FluxObject { kind, namespace: of("namespace"), name: of("name") }
}

fn name<'a>(object: &'a Value, field: &str) -> &'a str {
    object["metadata"][field].as_str().unwrap_or_default()
}

fn plain(text: &str) -> ChatMessage {
    let (text, blocks) = answer(text);
    ChatMessage { text, blocks }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn where_an_object_stands_is_read_from_its_status() {
        let object = |requested: Option<&str>, handled: Option<&str>, seen: i64, conditions: Value| {
            json!({
                "metadata": {"generation": 2, "annotations": requested.map(|at| json!({REQUESTED: at}))},
                "status": {"lastHandledReconcileAt": handled, "observedGeneration": seen, "conditions": conditions},
            })
        };
        let ready = |status: &str| json!([{"type": "Ready", "status": status, "message": "said"}]);
        let said = || "said".to_owned();
        let at = Some("2026-01-02T03:04:05Z");
        for (given, expected) in [
            (object(at, at, 2, ready("True")), End::Done(said())),
            (object(None, None, 2, ready("True")), End::Done(said())),
            (object(at, at, 2, ready("False")), End::Failed(said())),
            (object(at, at, 2, ready("Unknown")), End::Late(said())),
            (object(at, Some("earlier"), 2, ready("True")), End::Late(said())),
            (object(at, None, 2, ready("False")), End::Late(said())),
            (object(at, at, 1, ready("True")), End::Late(said())),
            (object(at, at, -1, json!([])), End::Late(String::new())),
            (
                object(
                    at,
                    at,
                    2,
                    json!([{"type": "Reconciling", "status": "True"}, {"type": "Ready", "status": "False"}]),
                ),
                End::Late(String::new()),
            ),
            (
                object(
                    at,
                    at,
                    2,
                    json!([{"type": "Reconciling", "status": "True"}, {"type": "Stalled", "status": "True"}, {"type": "Ready", "status": "False", "message": "said"}]),
                ),
                End::Failed(said()),
            ),
            (json!({"metadata": {"generation": 1}}), End::Late(String::new())),
        ] {
            assert_eq!(look(&given), expected, "{given}");
        }
    }

    #[test]
    fn references_lead_to_sources_alone() {
        let source = |kind: &str| referred(&json!({"kind": kind, "name": "a"}), "own");
        assert_eq!(source("GitRepository").map(|found| found.namespace), Ok("own".to_owned()));
        let other = referred(&json!({"kind": "Bucket", "name": "a", "namespace": "b"}), "own");
        assert_eq!(other.map(|found| found.namespace), Ok("b".to_owned()));
        for kind in ["Kustomization", "ExternalArtifact", "Secret", ""] {
            assert!(source(kind).is_err(), "{kind}");
        }
    }
}
