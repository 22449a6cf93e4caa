//! A report that one comment cannot hold, published whole: as many comments as it needs, each there once, and one again afterwards.

use std::fmt::Write as _;

use testkit::slack::{ALICE, BOB};

use super::{World, answers, click, has_button, reported};
use crate::support::Serve;

/// The sample's own, with one more resource.
const MORE: &str = include_str!("../../../shared/testkit/sample/pull/apps/production/kustomization.yaml");

#[tokio::test]
async fn a_long_report_is_published_whole_and_in_one_comment_again() {
    let world = World::without_cluster();
    let serve = Serve::start(&world.config_file()).await;
    world.slack.set_interactions_url(&serve.url("/slack/interactions"));
    let small = reported(&world, &serve, &world.sample.head_sha).await;
    assert!(!has_button(&small, "post_whole"), "one comment holds it");

    let lines: Vec<String> =
        (0..3_000).map(|line| format!("line {line:04} {}", "word ".repeat(10))).collect();
    let mut words =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: words}\ndata:\n  words: |\n".to_owned();
    lines.iter().for_each(|line| writeln!(words, "    {}", line.trim_end()).unwrap());
    let more = MORE.replace("resources:\n", "resources:\n  - words.yaml\n");
    let changes = [
        ("apps/production/words.yaml", Some(words.as_str())),
        ("apps/production/kustomization.yaml", Some(more.as_str())),
    ];
    let head = world.sample.repo.push_to_pull(world.sample.pull, changes);
    let long = reported(&world, &serve, &head).await;
    assert!(has_button(&long, "post_whole"));
    let mut said = 0;
    for user in [ALICE, BOB] {
        click(&world, &long, "post_whole", user).await;
        said += 1;
        answers(&world, &serve, said).await;
        let comments = world.sample.repo.comments(world.sample.pull);
        assert!(comments.len() >= 3, "{} comments", comments.len());
        for (part, comment) in (1..).zip(&comments) {
            assert_eq!(domain::marker::part_of("preflux:report", &comment.body), Some(part));
            assert!(comment.body.chars().count() <= 65_536);
        }
        let all: String = comments.iter().map(|comment| comment.body.as_str()).collect();
        let missing = lines.iter().filter(|line| all.matches(line.trim_end()).count() != 1).count();
        assert_eq!(missing, 0, "lines that are not there once");
    }
    click(&world, &long, "post_comment", ALICE).await;
    answers(&world, &serve, said + 1).await;
    let comments = world.sample.repo.comments(world.sample.pull);
    assert_eq!(comments.len(), 1, "what the shorter form does not need is gone");
    assert!(comments[0].body.contains("left out here or shown in part"), "and it says so");
}
