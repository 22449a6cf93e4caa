//! GitHub's webhook beside a poller that comes once an hour: what is seen in between is seen by the webhook alone.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use testkit::sample;

use super::{World, reported};
use crate::support::Serve;

pub(crate) const SECRET: &str = "a-secret-of-the-webhook-0123456789";

pub(crate) fn sign(secret: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

async fn deliver(serve: &Serve, id: &str, signature: &str, body: &str) -> u16 {
    let request = reqwest::Client::new().post(serve.url("/github/webhook"));
    let request = request.header("x-hub-signature-256", signature).header("x-github-delivery", id);
    let request = request.header("x-github-event", "pull_request").header("content-type", "application/json");
    request.body(body.to_owned()).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_push_is_reported_long_before_the_next_poll() {
    let world = World::without_cluster();
    let file = world.config_file();
    world.secret_file("hook", SECRET);
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replace("token: github-token}", "token: github-token, webhook_secret: hook}");
    std::fs::write(&file, text.replace("poll_every_s: 5\n", "poll_every_s: 3600\n")).unwrap();
    let serve = Serve::start(&file).await;
    let body =
        serde_json::json!({"action": "synchronize", "repository": {"full_name": sample::REPO}}).to_string();
    reported(&world, &serve, &world.sample.head_sha).await;

    let pushed = ("apps/production/storefront-size.yaml", Some(include_str!("more-pods.yaml")));
    let head = world.sample.repo.push_to_pull(world.sample.pull, [pushed]);
    assert_eq!(deliver(&serve, "forged", &sign("another-secret-of-somebody-else", &body), &body).await, 401);
    let before = world.github.requests().len();
    assert_eq!(deliver(&serve, "first", &sign(SECRET, &body), &body).await, 202);
    reported(&world, &serve, &head).await;
    assert!(world.github.requests().len() > before);
    assert_eq!(deliver(&serve, "again", &sign(SECRET, &body), &body).await, 202, "a replay is answered");
}
