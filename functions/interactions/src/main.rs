//! The interactions function on Lambda: Slack's request in, an answer within its three seconds; GitHub's webhook; and the page for browsers
//! that are back from GitHub.

use aws_lambda_events::event::lambda_function_urls::{LambdaFunctionUrlRequest, LambdaFunctionUrlResponse};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bootstrap::inbound::{Inbound, Request};
use bootstrap::landing::{HEADERS, landing};
use bootstrap::webhook::Delivered;
use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    bootstrap::telemetry::start();
    let inbound = bootstrap::lambda::Base::load().await?.interactions();
    let inbound = &inbound;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<LambdaFunctionUrlRequest>| async move {
        Ok::<_, anyhow::Error>(answer(inbound, &event.payload).await)
    }))
    .await
}

async fn answer(inbound: &Inbound, request: &LambdaFunctionUrlRequest) -> LambdaFunctionUrlResponse {
    let http = &request.request_context.http;
    if http.path.as_deref() == Some("/github/callback") && http.method.as_deref() == Some("GET") {
        return came_back(inbound, request.raw_query_string.as_deref().unwrap_or_default()).await;
    }
    let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
    let text = request.body.as_deref().unwrap_or_default();
    let decoded =
        if request.is_base64_encoded { STANDARD.decode(text).ok() } else { Some(text.as_bytes().to_vec()) };
    let mut response = LambdaFunctionUrlResponse::default();
    let Some(body) = decoded else {
        response.status_code = 400;
        return response;
    };
    if http.path.as_deref() == Some("/github/webhook") {
        let delivery = Delivered {
            signature: header("x-hub-signature-256"),
            id: header("x-github-delivery"),
            event: header("x-github-event"),
            body: &body,
        };
        response.status_code = match http.method.as_deref() {
            Some("POST") => i64::from(inbound.delivered(&delivery).await),
            _ => 405,
        };
        return response;
    }
    let answer = inbound
        .answer(Request {
            timestamp: header("x-slack-request-timestamp"),
            signature: header("x-slack-signature"),
            content_type: header("content-type"),
            body: &body,
        })
        .await;
    response.status_code = i64::from(answer.status);
    if !answer.body.is_empty() {
        response
            .headers
            .insert("content-type", "application/json".parse().expect("a media type is a header value"));
        response.body = Some(answer.body);
    }
    response
}

/// A browser is back from GitHub.
async fn came_back(inbound: &Inbound, query: &str) -> LambdaFunctionUrlResponse {
    let (status, page) = landing(inbound, query).await;
    let mut response = LambdaFunctionUrlResponse::default();
    response.status_code = i64::from(status);
    for (name, value) in HEADERS {
        response.headers.insert(name, value.parse().expect("our own headers are header values"));
    }
    response.body = Some(page);
    response
}
