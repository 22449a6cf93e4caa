//! An API server made of prepared answers, for the answers that a real one does not give on demand.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

use crate::api::Api;
use crate::kubeconfig::Options;
use crate::{KubeCluster, KubeOperator};

/// Answers by method and path, the last one again and again; anything else is 404.
#[derive(Default)]
pub(crate) struct Fake {
    answers: HashMap<String, Vec<(u16, Value)>>,
}

/// The requests that were sent, as `GET /path?query`.
pub(crate) type Sent = Arc<Mutex<Vec<String>>>;

impl Fake {
    pub(crate) fn with(mut self, request: &str, code: u16, body: Value) -> Self {
        self.answers.entry(request.to_owned()).or_default().push((code, body));
        self
    }

    /// Serves Namespaces, ConfigMaps and a kind that cannot be applied.
    pub(crate) fn core() -> Self {
        let verbs = json!(["get", "patch", "create"]);
        Self::default().with(
            "GET /api/v1",
            200,
            json!({"resources": [
                {"name": "namespaces", "kind": "Namespace", "namespaced": false, "verbs": verbs},
                {"name": "serviceaccounts/token", "kind": "TokenRequest", "namespaced": true, "verbs": ["create"]},
                {"name": "configmaps", "kind": "ConfigMap", "namespaced": true, "verbs": verbs},
                {"name": "bindings", "kind": "Binding", "namespaced": true, "verbs": ["create"]},
            ]}),
        )
    }

    pub(crate) fn cluster(self) -> (KubeCluster, Sent) {
        let (api, sent) = self.api(false);
        (KubeCluster::over("fake", api), sent)
    }

    /// The identity that may really patch; patches are noted with their bodies.
    pub(crate) fn operator(self) -> (KubeOperator, Sent) {
        let (api, sent) = self.api(true);
        (KubeOperator::over("fake", api), sent)
    }

    fn api(self, patches: bool) -> (Api, Sent) {
        let sent = Sent::default();
        let (log, answers) = (sent.clone(), Arc::new(Mutex::new(self.answers)));
        let service = tower::service_fn(move |request: Request<Body>| {
            let (log, answers) = (log.clone(), answers.clone());
            async move {
                let dry = request.uri().query().unwrap_or_default().contains("dryRun=All");
                assert!(patches || request.method() == Method::GET || dry, "{request:?}");
                let answered = answer(&request, &log, &answers);
                if patches && request.method() == Method::PATCH {
                    let merged = "application/merge-patch+json";
                    assert_eq!(request.headers()[http::header::CONTENT_TYPE], merged);
                    let body = request.into_body().collect().await.expect("a body of bytes").to_bytes();
                    let mut log = log.lock().expect("no test panics here");
                    let last = log.last_mut().expect("it was just noted");
                    last.push_str(&format!(" {}", String::from_utf8_lossy(&body)));
                }
                Ok::<_, Infallible>(answered)
            }
        });
        let options = Options { requests_per_second: 1_000_000, ..Options::default() };
        (Api::new(Client::new(service, "default"), &options).impatient(), sent)
    }
}

fn answer(
    request: &Request<Body>,
    log: &Sent,
    answers: &Mutex<HashMap<String, Vec<(u16, Value)>>>,
) -> Response<Full<Bytes>> {
    log.lock().expect("no test panics here").push(format!("{} {}", request.method(), request.uri()));
    let key = format!("{} {}", request.method(), request.uri().path());
    let mut answers = answers.lock().expect("no test panics here");
    let (code, body) = match answers.get_mut(&key) {
        Some(list) if list.len() > 1 => list.remove(0),
        Some(list) => list[0].clone(),
        None => {
            (404, json!({"kind": "Status", "message": "the server could not find the requested resource"}))
        }
    };
    let wait = body.pointer("/details/retryAfterSeconds").and_then(Value::as_u64).unwrap_or_default();
    let answer = Response::builder().status(code).header("retry-after", wait);
    answer.body(Full::new(Bytes::from(body.to_string()))).expect("the answer is well formed")
}
