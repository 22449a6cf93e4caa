//! The whole job, once and by itself: poll, report, click *Post as comment*, click *Approve*; then what Slack and GitHub show.

use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use bootstrap::local::Local;
use domain::interact::Action;
use testkit::slack::{ALICE, DEPLOYS, Message, as_text};

use super::World;
use crate::diff::print;
use crate::serve;

/// Walks through it. Exits 0 only if all of it happened.
pub(super) async fn run(world: &World) -> anyhow::Result<ExitCode> {
    let (local, running) = serve::listen(&world.config).await?;
    world.slack.set_interactions_url(&format!("http://{}/slack/interactions", running.address));
    report(world, &local).await.context("the pull request got no report")?;
    let result = clicks(world, &local).await;
    show(world);
    result?;
    print(
        "\nAll of it happened: polled, queued, checked out, rendered, compared, reported, posted as a comment, approved.",
    );
    Ok(ExitCode::SUCCESS)
}

async fn report(world: &World, local: &Local) -> anyhow::Result<()> {
    let polled = local.poll_once().await?;
    ensure!(polled.iter().map(|p| p.queued).sum::<usize>() == 1, "the poll queued no job");
    local.work_once().await?;
    let message = message(world)?;
    ensure!(has_button(&message, Action::PostComment), "its message has no buttons: {}", as_text(&message));
    Ok(())
}

async fn clicks(world: &World, local: &Local) -> anyhow::Result<()> {
    for action in [Action::PostComment, Action::Approve] {
        let ts = message(world)?.ts;
        let answer = world.slack.click(DEPLOYS, &ts, action.id(), ALICE).await?;
        ensure!(answer.is_ok(), "the click on {} was answered with {}", action.id(), answer.status);
        local.work_once().await?;
    }
    let pull = world.sample.pull;
    let comments = world.sample.repo.comments(pull);
    ensure!(comments.len() == 1, "GitHub shows {} comments instead of one", comments.len());
    let reviews = world.sample.repo.reviews(pull);
    let approved =
        |r: &testkit::github::Review| r.state == "APPROVED" && r.commit_id == world.sample.head_sha;
    ensure!(
        reviews.iter().filter(|r| approved(r)).count() == 1,
        "GitHub shows no approval of the reported head"
    );
    Ok(())
}

fn message(world: &World) -> anyhow::Result<Message> {
    let mut messages = world.slack.messages(DEPLOYS);
    ensure!(messages.len() == 1, "Slack shows {} messages instead of one", messages.len());
    Ok(messages.remove(0))
}

fn has_button(message: &Message, action: Action) -> bool {
    let elements = message.blocks.iter().filter_map(|block| block["elements"].as_array()).flatten();
    elements.into_iter().any(|element| element["action_id"] == action.id())
}

/// Prints what people would see.
fn show(world: &World) {
    print("──── Slack, #deploys ────");
    for message in world.slack.messages(DEPLOYS) {
        print(&as_text(&message));
        for reply in world.slack.thread(DEPLOYS, &message.ts).iter().filter(|m| m.ts != message.ts) {
            print(&format!("\n── in its thread ──\n{}", as_text(reply)));
        }
    }
    for file in world.slack.files() {
        print(&format!(
            "\n── file in the thread: {} ──\n{}",
            file.name,
            String::from_utf8_lossy(&file.content)
        ));
    }
    for answer in world.slack.ephemerals() {
        print(&format!(
            "\n── only visible to {} ──\n{}",
            answer.only_for.as_deref().unwrap_or("?"),
            as_text(&answer)
        ));
    }
    print("\n──── GitHub, the pull request ────");
    for comment in world.sample.repo.comments(world.sample.pull) {
        print(&format!("{} commented:\n{}", comment.author, comment.body));
    }
    for review in world.sample.repo.reviews(world.sample.pull) {
        print(&format!(
            "\n{} reviewed: {} {}\n{}",
            review.author, review.state, review.commit_id, review.body
        ));
    }
}
