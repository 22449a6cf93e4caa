//! Something happens in the middle: before any request that a click makes of GitHub, the head moves (whoever pushes, and whoever is named
//! in what is pushed), the pull request ends, becomes a draft, goes elsewhere, or the person links another account.

use std::sync::Arc;
use std::time::Duration;

use domain::interact::Action;
use flows::work::work;
use ports::{Clock, People as _};
use serde_json::json;
use testkit::faults::{Fault, FaultKind};
use testkit::github::{Permission, PullState, RepoHandle};

use crate::world::{SameClock, World, people, person};

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    /// Whoever clicks pushes.
    OwnPush,
    /// Somebody else pushes.
    Push,
    /// Somebody pushes what names whoever clicks as its co-author.
    CoAuthored,
    /// Somebody pushes, by force, what whoever clicks committed elsewhere.
    Forced,
    /// Somebody closes it.
    Close,
    /// Its author makes it a draft.
    Draft,
    /// Its author has it go into another branch.
    Retarget,
}

impl Event {
    const ALL: [Self; 7] =
        [Self::OwnPush, Self::Push, Self::CoAuthored, Self::Forced, Self::Close, Self::Draft, Self::Retarget];

    fn moves(self) -> bool {
        matches!(self, Self::OwnPush | Self::Push | Self::CoAuthored | Self::Forced)
    }

    fn happen(self, repo: &RepoHandle, pull: u64, bobs: &str) {
        let file = [("apps/b.yaml", Some("b: 1\n"))];
        match self {
            Self::OwnPush => drop(repo.push_to_pull_as("bob", pull, file)),
            Self::Push => drop(repo.push_to_pull_as("dora", pull, file)),
            Self::CoAuthored => {
                let message = "More\n\nCo-authored-by: Bob <bob@users.noreply.github.com>";
                repo.commit_as("dora", "change", message, file);
            }
            Self::Forced => {
                repo.force_push("change", bobs);
                repo.set_pusher(bobs, Some("dora"));
            }
            Self::Close => repo.close(pull),
            Self::Draft => repo.set_draft(pull, true),
            Self::Retarget => repo.set_base(pull, "release"),
        }
    }
}

/// A world in which bob may click, and a commit of his that is in no pull request.
async fn world() -> (World, String) {
    let world = World::new("A change").await;
    world.repo.commit("release", "release", [("apps/z.yaml", Some("z: 1\n"))]);
    let bobs = world.repo.commit_as("bob", "elsewhere", "Mine", [("apps/c.yaml", Some("c: 1\n"))]);
    world.link(&person("UBOB"), "bob").await;
    world.fake.forget_requests();
    (world, bobs)
}

/// The requests of one click in which nothing happens, as `METHOD path`.
async fn calm(action: Action) -> Vec<String> {
    let (world, _) = world().await;
    world.act(&person("UBOB"), action).await;
    world.fake.requests().iter().map(|seen| format!("{} {}", seen.method, seen.path)).collect()
}

/// Clicks, with every event before every request; `check` is told whether the click's own write came before it.
async fn at_every_step(action: Action, write: &str, check: impl Fn(&World, Event, bool, &str)) {
    let requests = calm(action).await;
    let writes = requests.iter().position(|request| request.starts_with(write));
    let writes = writes.unwrap_or_else(|| panic!("it writes: {requests:?}"));
    assert!(requests.len() >= 6, "{requests:?}");
    for event in Event::ALL {
        for (step, request) in requests.iter().enumerate() {
            let (world, bobs) = world().await;
            let (repo, pull) = (world.repo.clone(), world.pull);
            world.fake.before_request(step, move || event.happen(&repo, pull, &bobs));
            let said = world.act(&person("UBOB"), action).await;
            let told = format!("{event:?} before {} ({step}): {said}", request);
            check(&world, event, step > writes, &told);
        }
    }
    eprintln!("{action:?}: {} events before each of {} requests", Event::ALL.len(), requests.len());
}

#[tokio::test]
async fn no_approval_stands_that_should_not() {
    at_every_step(Action::Approve, "POST", |world, event, after, told| {
        let approvals = world.approvals();
        if event.moves() || event == Event::Retarget {
            assert_eq!(approvals, [], "{told}");
        } else if after || event == Event::Draft {
            // It stands on what was reported: a draft keeps its approvals, and so does what is closed after it was approved.
            assert!(approvals.iter().all(|(who, head)| who == "bob" && *head == world.head), "{told}");
        } else {
            assert_eq!(approvals, [], "{told}");
        }
    })
    .await;
}

#[tokio::test]
async fn no_changes_are_asked_for_of_what_nobody_read() {
    at_every_step(Action::RequestChanges, "POST", |world, event, after, told| {
        let requests = world.reviews("CHANGES_REQUESTED");
        assert!(requests.iter().all(|(who, head)| who == "bob" && *head == world.head), "{told}");
        if after {
            assert_eq!(requests.len(), 1, "{told}");
        }
        if event.moves() && after {
            assert!(told.contains("Newer commits arrived"), "{told}");
        }
    })
    .await;
}

#[tokio::test]
async fn nothing_is_merged_that_nobody_read() {
    at_every_step(Action::Merge, "PUT", |world, event, after, told| {
        let pull = world.repo.pull(world.pull);
        let merged = pull.state == PullState::Merged;
        if merged {
            assert_eq!((&pull.head_sha, pull.merged_by.as_deref()), (&world.head, Some("bob")), "{told}");
        }
        // GitHub takes a head and no base branch as a condition, so only that can slip in between.
        if !after && event != Event::Retarget {
            assert!(!merged && told.contains("Nothing was merged"), "{told}");
        }
    })
    .await;
}

/// A worker that dies right after the approval has landed leaves it to the next one to look once more.
#[tokio::test]
async fn an_approval_that_nobody_looked_at_again_is_taken_back_where_it_was_overtaken() {
    for event in [Event::Push, Event::OwnPush, Event::CoAuthored, Event::Forced, Event::Retarget] {
        let (world, bobs) = world().await;
        let any = |method: &str, kind| Fault::once(method, "/", kind);
        world.fake.fault(any("POST", FaultKind::StatusAfter(502)));
        let writes =
            calm(Action::Approve).await.iter().position(|request| request.starts_with("POST")).unwrap();
        let fake = world.fake.clone();
        world.fake.before_request(writes, move || fake.fault(any("GET", FaultKind::Status(502)).times(50)));
        let job = world.clicked(&person("UBOB"), Action::Approve);
        assert!(work(&world.ctx, &job, false).await.is_err(), "it is handed out again");
        assert_eq!(world.approvals().len(), 1, "it landed");
        world.fake.forget_faults();
        event.happen(&world.repo, world.pull, &bobs);
        let said = world.act(&person("UBOB"), Action::Approve).await;
        assert!(said.contains("Nothing was approved"), "{event:?}: {said}");
        assert_eq!(world.approvals(), [], "{event:?}");
    }
    // One that was looked at stays where it is, whatever is clicked later.
    let (world, _) = world().await;
    assert!(world.act(&person("UBOB"), Action::Approve).await.contains("Approved as `bob`"));
    world.repo.push_to_pull(world.pull, [("apps/b.yaml", Some("b: 1\n"))]);
    assert!(world.act(&person("UBOB"), Action::Approve).await.contains("newer commits"));
    assert_eq!(world.approvals(), [("bob".to_owned(), world.head.clone())]);
}

/// Whoever has two accounts, one that may approve and one that may not, does not get the approval of the one by what is known of the
/// other: another account that is linked in the middle does not act.
#[tokio::test]
async fn another_account_that_is_linked_in_the_middle_does_not_approve() {
    let requests = calm(Action::Approve).await;
    let mut refused = 0;
    for (step, request) in requests.iter().enumerate() {
        let (world, _) = world().await;
        world.repo.set_committer(&world.head, "carol");
        world.repo.allow("carol", Permission::Write);
        let bob = person("UBOB");
        let address = world.command(&bob, "link").await;
        let code = world.browser(&address, "carol").await;
        let (fake, ledger) = (world.fake.clone(), world.ledger.clone());
        let link = move || {
            let clock: Arc<dyn Clock> = Arc::new(SameClock(fake.clock()));
            let linked = async { people(&fake, &clock, &ledger).finish(&bob, &code).await };
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            assert_eq!(runtime.block_on(linked).unwrap(), "carol");
        };
        world.fake.before_request(step, move || std::thread::spawn(link).join().unwrap());
        let said = world.act(&person("UBOB"), Action::Approve).await;
        assert!(world.command(&person("UBOB"), "whoami").await.contains("`carol`"), "she is linked now");
        let told = format!("before {} ({step}): {said}", request);
        assert!(world.approvals().iter().all(|(who, _)| who == "bob"), "{told}");
        refused += usize::from(said.contains("you committed") || said.contains("you linked another"));
    }
    assert!(refused >= 5, "{refused} of {}", requests.len());
}

/// Whoever had a hand in it, and an answer of GitHub's that is missing, refused or empty, whichever it is: what is not known is not
/// approved.
#[tokio::test]
async fn nobody_approves_their_own_because_an_answer_is_missing() {
    let message = "A change\n\nCo-authored-by: Carol <carol@users.noreply.github.com>\nCo-authored-by: D <dave@example.com>";
    let answers = [
        FaultKind::Status(403),
        FaultKind::Status(404),
        FaultKind::Answer(200, json!([])),
        FaultKind::Answer(200, json!({})),
    ];
    let mut tried = 0;
    for login in ["alice", "carol", "dave", "erin", "frank"] {
        for answer in &answers {
            // Refused sooner or later: the steps end where the click makes no request any more.
            for step in 0.. {
                let world = World::new(message).await;
                world.fake.set_emails("dave", &["dave@example.com"]);
                world.repo.set_committer(&world.head, "erin");
                world.repo.set_pusher(&world.head, Some("frank"));
                world.repo.allow(login, Permission::Write);
                world.link(&person("UX"), login).await;
                world.fake.forget_requests();
                let any =
                    |times, kind| Fault { method: String::new(), path_prefix: "/".to_owned(), times, kind };
                if step > 0 {
                    world.fake.fault(any(step, FaultKind::Slow(Duration::ZERO)));
                }
                world.fake.fault(any(1, answer.clone()));
                let said = world.act(&person("UX"), Action::Approve).await;
                let told = format!("{login}, {answer:?} at {step}: {said}");
                assert_eq!(world.approvals(), [], "{told}");
                assert!(!said.contains("Approved as"), "{told}");
                world.fake.misfits();
                if world.fake.requests().len() <= step as usize {
                    break;
                }
                assert!(step < 20, "{told}");
                tried += 1;
            }
        }
    }
    eprintln!("{tried} clicks, none of which approved");
    assert!(tried >= 100, "{tried}");
}
