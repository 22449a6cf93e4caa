//! The journey on one machine: `preflux serve` as a process of its own, SQLite and files, and nothing else.

use super::{App, World, journey};
use crate::support::{Serve, skip};

impl App for Serve {
    async fn turn(&self) {
        self.check();
    }
}

#[tokio::test]
async fn a_pull_request_travels_the_whole_way() {
    let world = World::with_cluster().await;
    if !world.has_cluster {
        skip("no test API server");
    }
    let serve = Serve::start(&world.config_file()).await;
    world.slack.set_interactions_url(&serve.url("/slack/interactions"));
    journey(&world, &serve).await;
}

#[tokio::test]
async fn a_cluster_is_not_needed() {
    let world = World::without_cluster();
    let serve = Serve::start(&world.config_file()).await;
    world.slack.set_interactions_url(&serve.url("/slack/interactions"));
    journey(&world, &serve).await;
}
