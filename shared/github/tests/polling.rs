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
        let fake = FakeGitHub::start(Options::default()).unwrap();
        for number in 0..repositories {
            let repo = fake.repo(&format!("acme/fleet-{number:03}"));
            repo.commit("main", "Start", [("a.yaml", Some("a: 1\n"))]);
            repo.open_pull(PullSpec::new("Change", "change", [("a.yaml", Some("a: 2\n"))]));
            repo.crowd(pulls - 1);
        }
        let clock: Arc<dyn Clock> = Arc::new(SameClock(fake.clock()));
        let table = Arc::new(Sqlite::in_memory(Arc::clone(&clock)).unwrap());
        Self { fake, clock, table }
    }

    fn ledger(&self) -> Ledger {
        Ledger::new(self.table.clone(), Arc::clone(&self.clock))
    }

    /// A process that knows nothing but what the ledger keeps.
    fn start(&self) -> PollCtx {
        let auth =
            Auth::App { app_id: APP_ID, private_key_pem: self.fake.app_key_pem().into(), installation: None };
        let (clock, ledger) = (Arc::clone(&self.clock), self.ledger());
        let settings = Settings { api_url: self.fake.url(), auth, clock, ledger };
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
