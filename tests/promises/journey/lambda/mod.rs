//! The journey on Lambda: the three real programs under a local runtime API, and this module in place of the schedule, the event
//! source mapping and the function URL. Queue, state, reports and secrets are emulators of AWS.

pub(crate) mod aws;
mod role;
mod runtime;
mod webhook;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use domain::job::{Cause, DiffJob, Job};
use serde_json::{Value, json};
use testkit::faults::{Fault, FaultKind};
use testkit::slack::{ALICE, DEPLOYS};
use testkit::{github, sample, slack};

use self::aws::{Aws, Stack};
use self::runtime::Function;
use super::{App, LIMIT, World, journey, reported};
use crate::support::{eventually, root, skip, target};

/// A deployment: the three functions and what they share.
pub(crate) struct Deployment {
    pub(crate) aws: Aws,
    pub(crate) stack: Stack,
    poller: Function,
    worker: Function,
    interactions: Arc<Function>,
    poller_environment: Vec<(String, String)>,
}

impl Deployment {
    /// Deploys as template.yaml does: each function knows the secrets that the template tells it of, and of those that its role
    /// may not read the emulator knows nothing either.
    pub(crate) async fn of(world: &World, aws: Aws) -> Self {
        Self::with_identity(world, aws, json!({"token": github::DEFAULT_TOKEN})).await
    }

    async fn with_identity(world: &World, aws: Aws, github: Value) -> Self {
        Self::with(world, aws, github, &More::default()).await
    }

    /// A deployment with more than the least.
    pub(crate) async fn with(world: &World, aws: Aws, github: Value, more: &More) -> Self {
        let stack = aws.deploy().await;
        let own =
            json!({"bot_token": slack::DEFAULT_BOT_TOKEN, "signing_secret": slack::DEFAULT_SIGNING_SECRET});
        let secret =
            async |name: &str, value: &str| aws.secret(&format!("{}-{name}", stack.table), value).await;
        let mut secrets = vec![
            Secret::new(
                "PREFLUX_GITHUB_SECRET",
                "GithubSecretArn",
                secret("github", &github.to_string()).await,
            ),
            Secret::new("PREFLUX_SLACK_SECRET", "SlackSecretArn", secret("slack", &own.to_string()).await),
        ];
        let signed = match more.webhook {
            Some(value) => format!(", webhook_secret: '{}'", secret("webhook", value).await),
            None => String::new(),
        };
        let mut config = configuration(world, &signed);
        if world.has_cluster {
            let arn = secret("kubeconfig", &world.kubeconfig).await;
            secrets.push(Secret::new("PREFLUX_KUBECONFIG_SECRET", "KubeconfigSecretArn", arn));
            let mut cluster = more.cluster.clone();
            for (name, value) in &more.secrets {
                cluster = cluster.replace(&format!("<{name}>"), &format!("'{}'", secret(name, value).await));
            }
            config.push_str(&format!("cluster: {{name: production{cluster}}}\n"));
        }
        let mut common = aws.environment();
        common.extend(more.log.map(|much| ("PREFLUX_LOG".to_owned(), much.to_owned())));
        let mut set = |name: &str, value: &str| common.push((name.to_owned(), value.to_owned()));
        set("PREFLUX_CONFIG", &config);
        set("PREFLUX_TABLE", &stack.table);
        set("PREFLUX_QUEUE_URL", &stack.queue);
        set("PREFLUX_BUCKET", &stack.bucket);
        set("TMPDIR", &world.dir.path().display().to_string());
        let template = std::fs::read_to_string(root().join("template.yaml")).unwrap();
        let template_again = template.clone();
        let environment = move |function: &str| {
            let told = secrets.iter().filter_map(|secret| secret.told(&template, function));
            common.iter().cloned().chain(told).collect::<Vec<_>>()
        };
        let mut interactions = environment("Interactions");
        // The emulator knows no roles, so what stands before it does.
        let guard = role::Guard::of(&section(&template_again, "  InteractionsRole"), &aws).await;
        interactions.push(("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), guard));
        Self {
            poller: Function::start("poller", &environment("Poller")).await,
            worker: Function::start("diff-worker", &environment("DiffWorker")).await,
            interactions: Arc::new(Function::start("interactions", &interactions).await),
            poller_environment: environment("Poller"),
            aws,
            stack,
        }
    }

    /// The function URL, which Slack is told.
    pub(crate) async fn function_url(&self) -> String {
        let url =
            Arc::new(FunctionUrl { function: self.interactions.clone(), base64: AtomicBool::new(false) });
        let router =
            Router::new().route("/", post(call)).route("/github/callback", get(browse)).with_state(url);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}/")
    }

    /// Works off what is on the queue now, one message at a time.
    async fn drain(&self) {
        while let Some(event) = self.aws.receive(&self.stack, 1).await {
            self.work(&event).await;
        }
    }

    /// Hands an event to the worker, and to the queue what the worker made of it: gives the ids that failed.
    async fn work(&self, event: &Value) -> Vec<String> {
        let response = self.worker.invoke(event.clone()).await;
        let response = response.unwrap_or_else(|error| panic!("{error}\n{}", self.worker.log()));
        self.aws.settle(&self.stack, event, &response).await
    }

    /// All that the functions said so far, in their logs and to whoever called them.
    pub(crate) fn said(&self) -> (String, String) {
        let all = [&self.poller, &self.worker, &self.interactions];
        let together = |of: fn(&Function) -> String| all.map(of).join("\n");
        (together(Function::log), together(Function::answers))
    }

    async fn poll(&self) -> Value {
        let tick = json!({"version": "1.0", "source": "aws.scheduler", "detail-type": "Scheduled Event"});
        self.poller.invoke(tick).await.unwrap_or_else(|error| panic!("{error}\n{}", self.poller.log()))
    }
}

impl App for Deployment {
    async fn turn(&self) {
        self.poll().await;
        self.drain().await;
    }
}

/// What a deployment has besides the least.
#[derive(Default)]
pub(crate) struct More {
    /// Secrets by name; `<name>` in `cluster` becomes the ARN.
    pub(crate) secrets: Vec<(&'static str, String)>,
    /// What follows the cluster's name in the configuration.
    pub(crate) cluster: String,
    /// What GitHub signs its webhook with.
    pub(crate) webhook: Option<&'static str>,
    /// How much the functions log.
    pub(crate) log: Option<&'static str>,
}

fn configuration(world: &World, of_github: &str) -> String {
    let super::world::Addresses { github, slack, repositories } = world.addresses();
    format!("github: {{{github}{of_github}}}\nslack: {{{slack}}}\n{repositories}")
}

/// A secret: the variable that names it, the template's parameter for it, and its ARN.
struct Secret {
    variable: &'static str,
    parameter: &'static str,
    arn: String,
}

impl Secret {
    fn new(variable: &'static str, parameter: &'static str, arn: String) -> Self {
        Self { variable, parameter, arn }
    }

    /// What a function is told: nothing, the ARN, or an ARN that nobody can read because its role may not.
    fn told(&self, template: &str, function: &str) -> Option<(String, String)> {
        let named = format!("{}:", self.variable);
        let everywhere = section(template, "Globals");
        if !everywhere.contains(&named) && !section(template, &format!("  {function}")).contains(&named) {
            return None;
        }
        let role = section(template, &format!("  {function}Role"));
        let allowed = role.contains(&format!("!Ref {}", self.parameter));
        let denied = "arn:aws:secretsmanager:us-east-1:000000000000:secret:not-for-this-role";
        Some((self.variable.to_owned(), if allowed { self.arn.clone() } else { denied.to_owned() }))
    }
}

/// What stands below a key of the template, by indentation.
fn section(template: &str, key: &str) -> String {
    let indent = key.len() - key.trim_start().len();
    let lines = template.lines().skip_while(|line| *line != format!("{key}:")).skip(1);
    let deeper = |line: &&str| line.trim().is_empty() || line.len() - line.trim_start().len() > indent;
    let found: Vec<&str> = lines.take_while(deeper).collect();
    assert!(!found.is_empty(), "the template has no `{}`", key.trim());
    found.join("\n")
}

struct FunctionUrl {
    function: Arc<Function>,
    /// AWS sends bodies as text or as base64, as it sees fit: here in turns.
    base64: AtomicBool,
}

/// A browser that GitHub sent back.
async fn browse(
    State(url): State<Arc<FunctionUrl>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let mut event = request(&headers, b"", false);
    event["rawQueryString"] = json!(query.unwrap_or_default());
    event["rawPath"] = json!("/github/callback");
    event["requestContext"]["http"]["path"] = json!("/github/callback");
    event["requestContext"]["http"]["method"] = json!("GET");
    event["body"] = Value::Null;
    let answer = url.function.invoke(event).await.unwrap();
    let mut response = answer["body"].as_str().unwrap_or_default().to_owned().into_response();
    let status = u16::try_from(answer["statusCode"].as_u64().unwrap()).unwrap();
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    for (name, value) in answer["headers"].as_object().into_iter().flatten() {
        let name: HeaderName = name.parse().unwrap();
        response.headers_mut().insert(name, value.as_str().unwrap().parse().unwrap());
    }
    response
}

async fn call(State(url): State<Arc<FunctionUrl>>, headers: HeaderMap, body: Bytes) -> (StatusCode, String) {
    let encoded = url.base64.fetch_xor(true, Ordering::SeqCst);
    let answer = url.function.invoke(request(&headers, &body, encoded)).await.unwrap();
    let status = answer["statusCode"].as_u64().unwrap();
    let text = answer["body"].as_str().unwrap_or_default().to_owned();
    (StatusCode::from_u16(u16::try_from(status).unwrap()).unwrap(), text)
}

/// A request as a function URL hands it on.
fn request(headers: &HeaderMap, body: &[u8], encoded: bool) -> Value {
    let text = match encoded {
        true => base64::engine::general_purpose::STANDARD.encode(body),
        false => String::from_utf8(body.to_vec()).unwrap(),
    };
    let headers: serde_json::Map<String, Value> =
        headers.iter().map(|(name, value)| (name.to_string(), json!(value.to_str().unwrap()))).collect();
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": "/", "rawQueryString": "", "headers": headers,
        "requestContext": {
            "accountId": "anonymous", "apiId": "x", "domainName": "x.lambda-url.us-east-1.on.aws", "domainPrefix": "x",
            "http": {"method": "POST", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7", "userAgent": "Slackbot"},
            "requestId": "00000000-0000-4000-8000-000000000000", "routeKey": "$default", "stage": "$default",
            "time": "14/Nov/2023:22:13:20 +0000", "timeEpoch": 1_700_000_000_000_u64,
        },
        "body": text, "isBase64Encoded": encoded,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pull_request_travels_the_whole_way() {
    let Some(aws) = Aws::find() else { return };
    let world = World::with_cluster().await;
    if !world.has_cluster {
        skip("no test API server");
    }
    let deployment = Deployment::of(&world, aws).await;
    world.slack.set_interactions_url(&deployment.function_url().await);
    journey(&world, &deployment).await;
    assert_eq!(deployment.aws.dead_letters(&deployment.stack).await, 0);
    let mut starts = String::new();
    let all = [&deployment.poller, &deployment.worker, &deployment.interactions];
    for (name, function) in ["poller", "diff-worker", "interactions"].iter().zip(all) {
        starts.push_str(&format!("{name}: asks for its first event after {:?}\n", function.ready_after()));
        assert!(!function.log().contains(slack::DEFAULT_BOT_TOKEN), "{name} logs its token");
        assert_eq!(function.init_failure(), None);
    }
    // A figure to read, and no promise: machines differ.
    std::fs::create_dir_all(target().join("test")).unwrap();
    std::fs::write(target().join("test/lambda-start.txt"), &starts).unwrap();
    eprintln!("{starts}");
}

fn job(number: u64, head: &str) -> String {
    let pull = domain::PullKey { repo: sample::REPO.parse().unwrap(), number };
    ports::wire::encode(&Job::Diff(DiffJob { pull, head: head.parse().unwrap(), cause: Cause::Opened }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_bad_record_does_not_take_the_others_down() {
    let Some(aws) = Aws::find() else { return };
    let world = World::without_cluster();
    let deployment = Deployment::of(&world, aws).await;
    let stack = &deployment.stack;
    deployment.poll().await;
    // The good job, one that nobody can read, and one that meets an outage of GitHub.
    for body in ["this is not a job", &job(99, &world.sample.head_sha)] {
        deployment.aws.enqueue(stack, body).await;
    }
    let outage =
        Fault { times: 20, ..Fault::once("GET", "/repos/acme/fleet/pulls/99", FaultKind::Status(502)) };
    world.github.fault(outage);
    let event = deployment.aws.receive(stack, 10).await.unwrap();
    let records = event["Records"].as_array().unwrap();
    assert_eq!(records.len(), 3, "{event}");
    let failed = deployment.work(&event).await;
    let bad = records.iter().find(|r| r["body"].as_str().unwrap().contains(":99")).unwrap();
    assert_eq!(failed, [bad["messageId"].as_str().unwrap()], "only the job that may heal comes again");
    assert_eq!(world.slack.messages(DEPLOYS).len(), 1);
    assert!(!super::details(&world, &world.slack.messages(DEPLOYS)[0]).is_empty(), "the good job was done");
    // The queue itself would hide it for half an hour.
    eventually("the failed job comes again soon", LIMIT, async || {
        let again = deployment.aws.receive(stack, 10).await.ok_or("nothing")?;
        assert_eq!(again["Records"][0]["messageId"], bad["messageId"]);
        Ok::<_, &str>(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_click_counts_once_and_only_when_slack_signed_it() {
    let Some(aws) = Aws::find() else { return };
    let world = World::without_cluster();
    let deployment = Deployment::of(&world, aws).await;
    world.slack.set_interactions_url(&deployment.function_url().await);
    let message = reported(&world, &deployment, &world.sample.head_sha).await;

    let body = world.slack.click_body(DEPLOYS, &message.ts, "approve", ALICE).unwrap();
    let now = testkit::clock::Clock::real().now().to_string();
    let answer = world.slack.send_raw(&body, &now, "v0=00").await.unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (401, ""));
    let unsigned = world.slack.send_raw(&body, "", "").await.unwrap();
    assert_eq!(unsigned.status, 401);
    deployment.drain().await;
    assert_eq!(world.sample.repo.reviews(world.sample.pull).len(), 0, "nothing came of it");

    assert!(world.slack.click(DEPLOYS, &message.ts, "approve", ALICE).await.unwrap().is_ok());
    for _ in 0..3 {
        assert!(world.slack.replay_last().await.unwrap().is_ok(), "a replay is acknowledged");
    }
    deployment.drain().await;
    assert_eq!(world.sample.repo.reviews(world.sample.pull).len(), 1);
    assert_eq!(world.slack.ephemerals().len(), 1, "one answer: the click was queued once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_keeps_failing_is_told_to_people_on_its_last_try() {
    let Some(aws) = Aws::find() else { return };
    let world = World::without_cluster();
    let deployment = Deployment::of(&world, aws).await;
    deployment.poll().await;
    let path = format!("/repos/{}/pulls/{}", sample::REPO, world.sample.pull);
    world.github.fault(Fault::once("GET", &path, FaultKind::Status(502)).times(1000));
    for attempt in 1..=5 {
        let event = deployment.aws.receive(&deployment.stack, 1).await.unwrap();
        let failed = deployment.work(&event).await;
        assert_eq!(
            failed.len(),
            usize::from(attempt < 5),
            "attempt {attempt}: the last one tells people instead"
        );
        if attempt < 5 {
            deployment.aws.show(&deployment.stack, &event).await;
        }
    }
    let message = testkit::slack::as_text(&world.slack.messages(DEPLOYS)[0]);
    assert!(message.contains("could not be made") && message.contains("GitHub did not answer"), "{message}");
    assert_eq!(deployment.aws.dead_letters(&deployment.stack).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poll_that_fails_counts_as_an_error_of_the_function() {
    let Some(aws) = Aws::find() else { return };
    let world = World::without_cluster();
    let deployment = Deployment::of(&world, aws).await;
    world.github.revoke_token(github::DEFAULT_TOKEN);
    let error = deployment.poller.invoke(json!({})).await.unwrap_err();
    assert!(error["errorMessage"].as_str().is_some_and(|m| m.contains("acme/fleet")), "{error}");
    assert!(deployment.poller.log().contains("(401)"), "{}", deployment.poller.log());
}

#[tokio::test]
async fn a_function_without_its_configuration_says_all_that_is_missing() {
    let with = |config: &str| {
        let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        vec![
            set("PREFLUX_CONFIG", config),
            set("PREFLUX_TABLE", "t"),
            set("PREFLUX_QUEUE_URL", "http://q"),
            set("AWS_REGION", "r"),
        ]
    };
    for name in ["poller", "diff-worker", "interactions"] {
        let cases: [(_, &[&str]); 2] = [
            (Vec::new(), &["PREFLUX_CONFIG", "PREFLUX_TABLE", "PREFLUX_QUEUE_URL"]),
            (
                with("poll_every_s: 1"),
                &["`github` says nothing", "`repositories` is missing", "`poll_every_s` must be"],
            ),
        ];
        for (environment, expected) in cases {
            let function = Function::start(name, &environment).await;
            let status = eventually("it ends", LIMIT, async || function.ended().ok_or(function.log())).await;
            assert!(!status.success());
            for problem in expected {
                assert!(function.log().contains(problem), "{name}: {problem}\n{}", function.log());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_apps_token_is_shared_by_all_functions_and_outlives_a_cold_start() {
    let Some(aws) = Aws::find() else { return };
    let world = World::at(testkit::clock::Clock::real());
    let identity = json!({"app_id": github::APP_ID, "private_key": world.github.app_key_pem(), "installation_id": github::INSTALLATION_ID});
    let deployment = Deployment::with_identity(&world, aws, identity).await;
    reported(&world, &deployment, &world.sample.head_sha).await;
    let second = Function::start("poller", &deployment.poller_environment).await;
    second.invoke(json!({})).await.unwrap();
    let minted = world.github.requests().into_iter().filter(|seen| seen.path.ends_with("/access_tokens"));
    assert_eq!(minted.count(), 1, "one token for three processes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polls_that_overlap_queue_a_pull_request_once() {
    let Some(aws) = Aws::find() else { return };
    let world = World::without_cluster();
    let deployment = Deployment::of(&world, aws).await;
    let second = Function::start("poller", &deployment.poller_environment).await;
    let listing = format!("/repos/{}/pulls", sample::REPO);
    world.github.fault(Fault::once("GET", &listing, FaultKind::Slow(std::time::Duration::from_secs(1))));
    let (one, other) = tokio::join!(deployment.poller.invoke(json!({})), second.invoke(json!({})));
    let queued = |answer: &Value| answer["queued"].as_u64().unwrap();
    assert_eq!(queued(&one.unwrap()) + queued(&other.unwrap()), 1);
    let event = deployment.aws.receive(&deployment.stack, 10).await.unwrap();
    assert_eq!(event["Records"].as_array().unwrap().len(), 1, "{event}");
    assert_eq!(world.slack.messages(DEPLOYS).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_is_delivered_twice_changes_nothing_the_second_time() {
    let Some(aws) = Aws::find() else { return };
    let world = World::without_cluster();
    let deployment = Deployment::of(&world, aws).await;
    let message = reported(&world, &deployment, &world.sample.head_sha).await;
    world.slack.forget_requests();
    deployment.aws.enqueue(&deployment.stack, &job(world.sample.pull, &world.sample.head_sha)).await;
    deployment.drain().await;
    assert_eq!(world.slack.requests(), [], "Slack heard nothing of it");
    assert_eq!(world.slack.messages(DEPLOYS)[0].blocks, message.blocks);
}
