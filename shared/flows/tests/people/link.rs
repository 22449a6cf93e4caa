//! Links to accounts: whose they are, how they are renewed and how they end.

use std::sync::Arc;

use domain::interact::Action;
use futures::future::join_all;
use ports::{Clock, ForgeError, People as _, PersonError};
use testkit::faults::{Fault, FaultKind};
use testkit::github::CLIENT_SECRET;

use crate::world::{SameClock, World, people, person};

#[tokio::test]
async fn a_link_is_for_who_began_it_and_ends_when_they_say() {
    let world = World::new("A change").await;
    let (eve, bob) = (person("UEVE"), person("UBOB"));
    // Eve sends her address to Bob, who opens it: the code is of no use to him, and she does not see it.
    let said = world.command(&eve, "link").await;
    let code = world.browser(&said, "bob").await;
    assert!(world.command(&bob, &format!("link {code}")).await.contains("Nothing was linked"));
    world.command(&bob, "link").await;
    assert!(world.command(&bob, &format!("link {code}")).await.contains("Nothing was linked"));
    assert!(world.command(&eve, "link 0000").await.contains("Nothing was linked"));
    assert!(world.command(&eve, &format!("link {code}")).await.contains("Nothing was linked"), "one try");
    world.refuses(&eve, "is not linked").await;
    world.link(&bob, "bob").await;
    assert!(world.command(&bob, "whoami").await.contains("`bob`"));
    world.fake.require_sign_in("bob");
    world.refuses(&bob, "https://github.com/orgs/acme/sso").await;
    let world = World::new("A change").await;
    world.link(&bob, "bob").await;
    world.fake.revoke_person("bob");
    world.refuses(&bob, "does not accept your link any more").await;
    world.refuses(&bob, "is not linked").await;
    world.link(&bob, "bob").await;
    assert!(world.command(&bob, "unlink").await.contains("not linked any more"));
    assert_eq!(world.fake.person_tokens(), Vec::<String>::new(), "given back on GitHub");
    world.refuses(&bob, "is not linked").await;
}

#[tokio::test]
async fn tokens_are_nowhere_to_be_read() {
    let world = World::new("A change").await;
    let bob = person("UBOB");
    world.link(&bob, "bob").await;
    let mut tokens = world.fake.person_tokens();
    world.fake.clock().advance(30_000);
    world.report().await;
    assert!(world.act(&bob, Action::Approve).await.contains("Approved as `bob`"));
    tokens.extend(world.fake.person_tokens());
    tokens.push(CLIENT_SECRET.to_owned());
    assert!(tokens.len() >= 4, "{tokens:?}");
    let mut kept = String::new();
    for entry in std::fs::read_dir(world.dir.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            kept.push_str(&String::from_utf8_lossy(&std::fs::read(path).unwrap()));
        }
    }
    assert!(kept.contains("UBOB"), "the state was read");
    let said = world.slack.answers.lock().unwrap().join("\n");
    for token in tokens {
        assert!(!kept.contains(&token) && !said.contains(&token), "a token is readable");
    }
}

fn renewals(world: &World) -> usize {
    let renews = |seen: &testkit::faults::Seen| {
        seen.path == "/login/oauth/access_token" && seen.body.contains("\"refresh_token\"")
    };
    world.fake.requests().iter().filter(|seen| renews(seen)).count()
}

/// What renews a token is good once: of all that find it old, in one process or in several, one renews it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_old_token_is_renewed_once_whoever_asks() {
    let world = World::new("A change").await;
    let bob = person("UBOB");
    world.link(&bob, "bob").await;
    let clock: Arc<dyn Clock> = Arc::new(SameClock(world.fake.clock()));
    let processes: Vec<_> = (0..4).map(|_| Arc::new(people(&world.fake, &clock, &world.ledger))).collect();
    for round in 1..=3 {
        world.fake.clock().advance(28_800);
        let asked = processes.iter().flat_map(|process| {
            let (process, bob) = (Arc::clone(process), bob.clone());
            (0..4).map(move |_| {
                let (process, bob) = (Arc::clone(&process), bob.clone());
                tokio::spawn(async move { process.account(&bob).await })
            })
        });
        let answers: Vec<_> = join_all(asked.collect::<Vec<_>>()).await;
        let mut known = 0;
        for answer in answers {
            match answer.unwrap() {
                Ok(account) => {
                    assert_eq!(account.login, "bob");
                    known += 1;
                }
                // Its job is tried again.
                Err(PersonError::Forge(error @ ForgeError::Unavailable { .. })) => assert!(error.heals()),
                Err(error) => panic!("round {round}: {error}"),
            }
        }
        assert!(known >= 1, "round {round}: somebody got through");
        assert_eq!(renewals(&world), round, "one renewal for each time");
        for process in &processes {
            assert_eq!(process.account(&bob).await.unwrap().login, "bob");
        }
    }
    world.report().await;
    assert!(world.act(&bob, Action::Approve).await.contains("Approved as `bob`"));
}

/// A renewal that GitHub made and we did not hear of leaves nothing to renew with: the person links again, and nothing is approved.
#[tokio::test]
async fn a_renewal_that_was_not_heard_ends_the_link() {
    let world = World::new("A change").await;
    let bob = person("UBOB");
    world.link(&bob, "bob").await;
    world.fake.clock().advance(28_800);
    world.report().await;
    world.fake.fault(Fault::once("POST", "/login/oauth/access_token", FaultKind::StatusAfter(502)));
    world.refuses(&bob, "Try again in a minute").await;
    world.refuses(&bob, "does not accept your link any more").await;
    world.refuses(&bob, "is not linked").await;
    // Half a year without a click, and it is over too.
    world.link(&bob, "bob").await;
    world.fake.clock().advance(15_897_600);
    world.report().await;
    let said = world.act(&bob, Action::Approve).await;
    assert!(said.contains("Nothing was approved") && said.contains("/login/oauth/authorize"), "{said}");
    assert_eq!(world.approvals(), []);
}
