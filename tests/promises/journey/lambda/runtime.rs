//! The Lambda runtime API on this machine, for one function: hands invocations to a real `lambda_runtime` program and takes its answers.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde_json::Value;
use tokio::sync::{Notify, oneshot};

use crate::support::{Running, program};

/// How long one invocation may take; the functions' own limits are in template.yaml.
const LIMIT: Duration = Duration::from_secs(120);

type Answer = Result<Value, Value>;

/// One function, started and waiting.
pub(crate) struct Function {
    running: Running,
    api: Arc<Api>,
}

#[derive(Default)]
struct Api {
    waiting: Mutex<VecDeque<(String, Value)>>,
    news: Notify,
    answers: Mutex<BTreeMap<String, oneshot::Sender<Answer>>>,
    started: Mutex<Option<Instant>>,
    ready_after: Mutex<Option<Duration>>,
    failed: Mutex<Option<Value>>,
    said: Mutex<String>,
    count: Mutex<u64>,
}

impl Function {
    /// Starts a function's program with this environment and nothing else of ours.
    pub(crate) async fn start(name: &str, environment: &[(String, String)]) -> Self {
        let file = program(name);
        let api = Arc::new(Api::default());
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .layer(axum::extract::DefaultBodyLimit::max(8 << 20))
            .with_state(api.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let mut command = Command::new(file);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", name)
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/preflux/test/{name}"))
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "test")
            .envs(environment.iter().map(|(name, value)| (name, value)));
        *api.started.lock().unwrap() = Some(Instant::now());
        Self { running: Running::start(&mut command), api }
    }

    /// One invocation, from event to answer; the error is what the function reported.
    pub(crate) async fn invoke(&self, event: Value) -> Answer {
        let id = {
            let mut count = self.api.count.lock().unwrap();
            *count += 1;
            format!("00000000-0000-4000-8000-{:012}", *count)
        };
        let (answer, answered) = oneshot::channel();
        self.api.answers.lock().unwrap().insert(id.clone(), answer);
        self.api.waiting.lock().unwrap().push_back((id, event));
        self.api.news.notify_one();
        let begun = Instant::now();
        tokio::pin!(answered);
        loop {
            tokio::select! {
                answer = &mut answered => return answer.unwrap(),
                () = tokio::time::sleep(Duration::from_millis(200)) => {}
            }
            self.running.check();
            assert!(begun.elapsed() < LIMIT, "no answer to an invocation:\n{}", self.running.log());
        }
    }

    /// How long the program took from its start to asking for its first event.
    pub(crate) fn ready_after(&self) -> Option<Duration> {
        *self.api.ready_after.lock().unwrap()
    }

    /// Whether its program has ended, and how.
    pub(crate) fn ended(&self) -> Option<std::process::ExitStatus> {
        self.running.ended()
    }

    /// What it told the runtime API when it could not start.
    pub(crate) fn init_failure(&self) -> Option<Value> {
        self.api.failed.lock().unwrap().clone()
    }

    /// All that it answered so far, errors included.
    pub(crate) fn answers(&self) -> String {
        self.api.said.lock().unwrap().clone()
    }

    /// All that it said so far.
    pub(crate) fn log(&self) -> String {
        self.running.log()
    }
}

async fn next(State(api): State<Arc<Api>>) -> Response {
    let started = api.started.lock().unwrap().map(|at| at.elapsed());
    {
        let mut ready = api.ready_after.lock().unwrap();
        *ready = ready.or(started);
    }
    loop {
        let waiting = api.waiting.lock().unwrap().pop_front();
        if let Some((id, event)) = waiting {
            let deadline = std::time::SystemTime::now() + LIMIT;
            let deadline = deadline.duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
            let headers = [
                ("content-type", "application/json".to_owned()),
                ("lambda-runtime-aws-request-id", id),
                ("lambda-runtime-deadline-ms", deadline.to_string()),
                (
                    "lambda-runtime-invoked-function-arn",
                    "arn:aws:lambda:us-east-1:000000000000:function:test".to_owned(),
                ),
                ("lambda-runtime-trace-id", "Root=1-5759e988-bd862e3fe1be46a994272793".to_owned()),
            ];
            return (headers, event.to_string()).into_response();
        }
        api.news.notified().await;
    }
}

fn parse(body: &Bytes) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(body).into_owned()))
}

fn settle(api: &Api, id: &str, answer: Answer) -> StatusCode {
    let (Ok(said) | Err(said)) = &answer;
    api.said.lock().unwrap().push_str(&format!("{said}\n"));
    match api.answers.lock().unwrap().remove(id) {
        Some(waiting) => {
            let _ = waiting.send(answer);
            StatusCode::ACCEPTED
        }
        None => StatusCode::BAD_REQUEST,
    }
}

async fn response(State(api): State<Arc<Api>>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    settle(&api, &id, Ok(parse(&body)))
}

async fn error(State(api): State<Arc<Api>>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    settle(&api, &id, Err(parse(&body)))
}

async fn init_error(State(api): State<Arc<Api>>, body: Bytes) -> StatusCode {
    *api.failed.lock().unwrap() = Some(parse(&body));
    StatusCode::ACCEPTED
}
