//! An API server made of prepared answers, for the answers that a real one does not give on demand.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::Full;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

use crate::KubeCluster;
use crate::api::Api;
use crate::kubeconfig::Options;

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
        let sent = Sent::default();
        let (log, answers) = (sent.clone(), Arc::new(Mutex::new(self.answers)));
        let service = tower::service_fn(move |request: Request<Body>| {
            let answer = answer(&request, &log, &answers);
            async move { Ok::<_, Infallible>(answer) }
        });
        let options = Options { requests_per_second: 1_000_000, ..Options::default() };
        let api = Api::new(Client::new(service, "default"), &options).impatient();
        (KubeCluster::over("fake", api), sent)
    }
}

fn answer(
    request: &Request<Body>,
    log: &Sent,
    answers: &Mutex<HashMap<String, Vec<(u16, Value)>>>,
) -> Response<Full<Bytes>> {
    let query = request.uri().query().unwrap_or_default();
    assert!(request.method() == Method::GET || query.contains("dryRun=All"), "{request:?}");
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
