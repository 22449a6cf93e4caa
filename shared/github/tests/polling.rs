//! What polling costs, counted by the stand-in as GitHub counts: a quiet day with cold starts, and hundreds of repositories.
#![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

use std::sync::Arc;

use backend_embedded::Sqlite;
use domain::{Pace, RepoRule, Repositories, Selection};
use flows::poll::{PollCtx, poll};
use github::{Auth, GitHub, Settings};
use ports::Clock;
use ports::ledger::{Ledger, Phase};
use testkit::github::{APP_ID, FakeGitHub, Options, PullSpec};

/// The stand-in's clock as ours.
struct SameClock(testkit::clock::Clock);

impl Clock for SameClock {
    fn now(&self) -> i64 {
        self.0.now()
    }
}

struct World {
    carry_etags: bool,
    fake: FakeGitHub,
    clock: Arc<dyn Clock>,
    table: Arc<Sqlite>,
}

/// What the stand-in counted since it was last asked.
#[derive(Debug, Default, Clone, Copy)]
struct Counted {
    asked: usize,
    unchanged: usize,
    charged: usize,
    tokens: usize,
}

impl std::ops::AddAssign for Counted {
    fn add_assign(&mut self, other: Self) {
        self.asked += other.asked;
        self.unchanged += other.unchanged;
        self.charged += other.charged;
        self.tokens += other.tokens;
    }
}

impl World {
    /// An organisation with so many repositories of so many open pull requests each.
    fn new(repositories: usize, pulls: u64) -> Self {
        Self::with(repositories, pulls, Options::default())
    }

    fn with(repositories: usize, pulls: u64, options: Options) -> Self {
        let fake = FakeGitHub::start(options).unwrap();
        for number in 0..repositories {
            let repo = fake.repo(&format!("acme/fleet-{number:03}"));
            repo.commit("main", "Start", [("a.yaml", Some("a: 1\n"))]);
            repo.open_pull(PullSpec::new("Change", "change", [("a.yaml", Some("a: 2\n"))]));
            repo.crowd(pulls - 1);
        }
        let clock: Arc<dyn Clock> = Arc::new(SameClock(fake.clock()));
        let table = Arc::new(Sqlite::in_memory(Arc::clone(&clock)).unwrap());
        Self { carry_etags: false, fake, clock, table }
    }

    fn ledger(&self) -> Ledger {
        Ledger::new(self.table.clone(), Arc::clone(&self.clock))
    }

    /// A process that knows nothing but what the ledger keeps.
    fn start(&self) -> PollCtx {
        let auth =
            Auth::App { app_id: APP_ID, private_key_pem: self.fake.app_key_pem().into(), installation: None };
        let (clock, ledger) = (Arc::clone(&self.clock), self.ledger());
        let settings =
            Settings { api_url: self.fake.url(), auth, clock, ledger, carry_etags: self.carry_etags };
        let all = Repositories::Of { owner: "acme".to_owned(), names: Selection::default() };
        PollCtx {
            forge: Arc::new(GitHub::new(settings).unwrap()),
            queue: self.table.clone(),
            ledger: self.ledger(),
            chat: None,
            clock: Arc::clone(&self.clock),
            rules: vec![RepoRule::new(all, "C1")],
            events: Vec::new(),
            pace: Pace::default(),
            first_reports: usize::MAX,
        }
    }

    /// Every pull request is reported, against the base as it is.
    async fn reports(&self, ctx: &PollCtx, repositories: usize) {
        for number in 0..repositories {
            let repo = format!("acme/fleet-{number:03}").parse().unwrap();
            for record in ctx.ledger.pulls(&repo).await.unwrap() {
                let reported = |record: Option<ports::ledger::PullRecord>| {
                    let mut record = record?;
                    (record.phase, record.base_tip) = (Phase::Reported, Some(record.pull.base.clone()));
                    Some(record)
                };
                ctx.ledger.change_pull(&record.pull.key, reported).await.unwrap();
            }
        }
    }

    async fn polls(&self, ctx: &PollCtx) -> Counted {
        for (name, result) in poll(ctx).await {
            result.unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        let seen = self.fake.requests();
        self.fake.forget_requests();
        let polls = || seen.iter().filter(|r| r.method == "GET" && !r.path.contains("installation"));
        Counted {
            asked: polls().count(),
            unchanged: polls().filter(|r| r.status == 304).count(),
            charged: seen.iter().filter(|r| r.charged).count(),
            tokens: seen.iter().filter(|r| r.path.ends_with("/access_tokens")).count(),
        }
    }
}

#[tokio::test]
async fn a_quiet_day_costs_next_to_nothing() {
    let world = World::new(3, 2);
    let mut process = world.start();
    let first = world.polls(&process).await;
    world.reports(&process, 3).await;
    let mut day = first;
    let mut hour = first.tokens;
    for minute in 1..24 * 60 {
        world.fake.clock().advance(60);
        if minute % 10 == 0 {
            process = world.start();
        }
        if minute % 60 == 0 {
            hour = 0;
        }
        let counted = world.polls(&process).await;
        hour += counted.tokens;
        assert!(hour <= 2, "{hour} tokens in the hour of minute {minute}");
        day += counted;
    }
    eprintln!("a quiet day: {day:?}");
    assert!(
        day.asked >= 6 * 24 * 60 - 6,
        "every repository is asked for its listing and its branch, every minute: {day:?}"
    );
    assert!(day.unchanged * 100 >= day.asked * 98, "at least 98 % are answered 304: {day:?}");
}

/// How many repositories, and how many open pull requests each has: `200x50` in `PREFLUX_POLLING` is the whole figure, and takes
/// minutes in a debug build.
fn size() -> (usize, u64) {
    let given = std::env::var("PREFLUX_POLLING").ok();
    let sizes = given.as_deref().and_then(|text| text.split_once('x'));
    sizes.map_or((20, 5), |(repositories, pulls)| (repositories.parse().unwrap(), pulls.parse().unwrap()))
}

#[tokio::test]
async fn hundreds_of_repositories_stay_far_below_the_limit() {
    let (repositories, pulls) = size();
    let world = World::new(repositories, pulls);
    let mut process = world.start();
    let first = world.polls(&process).await;
    world.reports(&process, repositories).await;
    eprintln!("the first poll of {repositories} repositories: {first:?}");
    // From the hour in which everything is seen for the first time to one in which a token ends and processes begin anew.
    for hour in 1..=2 {
        let mut counted = Counted::default();
        for minute in 0..60 {
            world.fake.clock().advance(60);
            if minute % 10 == 0 {
                process = world.start();
            }
            if minute % 3 == 0 {
                let busy = world.fake.repo(&format!("acme/fleet-{:03}", (minute * 7) % repositories));
                busy.set_title(1 + minute as u64 % pulls, &format!("Another title {minute}"));
            }
            counted += world.polls(&process).await;
        }
        eprintln!("hour {hour}: {counted:?}");
        assert!(counted.charged <= 5 * repositories, "hour {hour}: {counted:?}");
        assert!(counted.asked >= repositories * 100, "they are polled: {counted:?}");
    }
}

/// What three quiet hours cost after the first one, with a process that starts every ten minutes; and what is queued by three pushes.
async fn three_hours(world: &World) -> (Counted, usize) {
    let mut process = world.start();
    world.polls(&process).await;
    world.reports(&process, 4).await;
    let mut all = Counted::default();
    for minute in 1..=180 {
        world.fake.clock().advance(60);
        if minute % 10 == 0 {
            process = world.start();
        }
        if minute % 60 == 0 {
            // At the very time at which the token changes.
            let repo = world.fake.repo(&format!("acme/fleet-{:03}", minute / 60));
            repo.push_to_pull(1, [("a.yaml", Some(&*format!("a: {minute}\n")))]);
        }
        all += world.polls(&process).await;
    }
    let mut queued = 0;
    for number in 0..4 {
        let repo = format!("acme/fleet-{number:03}").parse().unwrap();
        let pulls = process.ledger.pulls(&repo).await.unwrap();
        let seen = |record: &&ports::ledger::PullRecord| {
            record.pull.key.number == 1 && record.phase == Phase::Queued
        };
        queued += pulls.iter().filter(seen).count();
    }
    (all, queued)
}

#[tokio::test]
async fn tags_are_carried_over_to_the_next_token() {
    let without = three_hours(&World::new(4, 2)).await;
    let with = three_hours(&World { carry_etags: true, ..World::new(4, 2) }).await;
    assert_eq!((without.1, with.1), (3, 3), "every push is seen");
    eprintln!("three hours: {:?} without, {:?} with", without.0, with.0);
    // Two paths of four repositories, at each of three tokens' ends; what the pushes cost is the same.
    assert!(with.0.charged + 3 * 6 <= without.0.charged, "{with:?} {without:?}");
}

#[tokio::test]
async fn where_tags_are_made_otherwise_none_is_missed_and_it_is_given_up() {
    let options = Options { other_etags: true, ..Options::default() };
    let world = World { carry_etags: true, ..World::with(4, 2, options) };
    let (_, queued) = three_hours(&world).await;
    assert_eq!(queued, 3, "every push is seen");
    let went = world.ledger().note("carry").await.unwrap().unwrap();
    assert!(went["off_until"].as_i64().unwrap() > world.clock.now(), "{went}");
}
