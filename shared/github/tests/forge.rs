//! The GitHub adapter against a fake GitHub that keeps the real one's limits.
#![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

mod world;

use std::sync::Arc;

use domain::{CommitSha, Permission, PullKey, PullState, RepoName};
use github::{Auth, GitHub, Settings};
use ports::ledger::Ledger;
use ports::{Clock, Conditional, Forge as _, ForgeError, PullPage, Review};
use serde_json::{Value, json};
use testkit::faults::{Fault, FaultKind};
use testkit::github::{
    APP_SLUG, DEFAULT_LOGIN, DEFAULT_TOKEN, FakeGitHub, INSTALLATION_ID, PullSpec, RepoHandle,
};
use world::{Memory, SameClock, app, client, options};

struct World {
    fake: FakeGitHub,
    repo: RepoHandle,
    name: RepoName,
    table: Arc<Memory>,
    github: GitHub,
}

impl World {
    /// A repository with two files and us as a person with a token.
    fn new() -> Self {
        Self::with(|_| Auth::Token(DEFAULT_TOKEN.to_owned().into()))
    }

    /// The same, as an App.
    fn app(installation: Option<u64>) -> Self {
        Self::with(|fake| app(fake, installation))
    }

    fn with(auth: impl Fn(&FakeGitHub) -> Auth) -> Self {
        let fake = FakeGitHub::start(options()).unwrap();
        let repo = fake.repo("acme/fleet");
        repo.commit("main", "Start", [("a.yaml", Some("a: 1\n")), ("b.yaml", Some("b: 1\n"))]);
        let table = Arc::new(Memory::default());
        let github = client(&fake, &table, auth(&fake));
        Self { fake, repo, name: "acme/fleet".parse().unwrap(), table, github }
    }

    fn open(&self, branch: &str) -> PullKey {
        let number = self.repo.open_pull(PullSpec::new(branch, branch, [("a.yaml", Some(branch))]));
        PullKey { repo: self.name.clone(), number }
    }

    fn head(&self, key: &PullKey) -> CommitSha {
        self.repo.pull(key.number).head_sha.parse().unwrap()
    }

    /// Comments as `author: body`.
    fn comments(&self, key: &PullKey) -> Vec<String> {
        self.repo.comments(key.number).into_iter().map(|c| format!("{}: {}", c.author, c.body)).collect()
    }

    /// Requests since the last look, as `METHOD /path status`, without the query.
    fn requests(&self) -> Vec<String> {
        let seen = self.fake.requests();
        self.fake.forget_requests();
        let path = |full: &str| full.split('?').next().unwrap_or_default().to_owned();
        seen.into_iter().map(|r| format!("{} {} {}", r.method, path(&r.path), r.status)).collect()
    }

    async fn page(&self, number: u32) -> PullPage {
        match self.github.pulls(&self.name, number, None).await.unwrap() {
            Conditional::Fresh { value, .. } => value,
            Conditional::NotModified => panic!("no ETag was sent"),
        }
    }
}

#[tokio::test]
async fn an_unchanged_listing_costs_nothing() {
    let world = World::new();
    let key = world.open("one");
    let Conditional::Fresh { value, etag } = world.github.pulls(&world.name, 1, None).await.unwrap() else {
        panic!("no ETag was sent")
    };
    assert_eq!(value.pulls[0].key, key);
    assert_eq!(value.pulls[0].head, world.head(&key));
    assert!(!value.more && value.unreadable.is_empty());
    let etag = etag.unwrap();
    assert!(etag.starts_with("W/\""), "{etag}");

    let again = world.github.pulls(&world.name, 1, Some(&etag)).await.unwrap();
    assert_eq!(again, Conditional::NotModified);
    let last = world.fake.requests().pop().unwrap();
    assert_eq!((last.status, last.charged), (304, false));
    assert_eq!(last.path, "/repos/acme/fleet/pulls?state=all&sort=updated&direction=desc&per_page=100");

    world.repo.set_title(key.number, "Other");
    let news = world.github.pulls(&world.name, 1, Some(&etag)).await.unwrap();
    assert!(matches!(news, Conditional::Fresh { .. }));
}

#[tokio::test]
async fn later_pages_are_asked_for_by_number() {
    let world = World::new();
    world.open("one");
    let page = world.page(2).await;
    assert_eq!((page.pulls.len(), page.more), (0, false));
    let last = world.fake.requests().pop().unwrap();
    assert!(last.path.ends_with("&per_page=100&page=2"), "{}", last.path);
}

#[tokio::test]
async fn states_are_told_apart() {
    let world = World::new();
    let (merged, closed, open) = (world.open("one"), world.open("two"), world.open("three"));
    world.repo.merge(merged.number);
    world.repo.close(closed.number);
    world.repo.set_draft(open.number, true);
    world.repo.label(open.number, "team/web");
    let state = async |key: &PullKey| world.github.pull(key).await.unwrap().unwrap();
    assert_eq!(state(&merged).await.state, PullState::Merged);
    assert_eq!(state(&closed).await.state, PullState::Closed);
    let open = state(&open).await;
    assert!(open.draft && open.labels.contains("team/web") && open.state == PullState::Open);
    let missing = PullKey { repo: world.name.clone(), number: 99 };
    assert_eq!(world.github.pull(&missing).await.unwrap(), None);
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_is_said() {
    let world = World::new();
    let listing = FaultKind::Answer(200, json!([{"number": 8, "title": "No more"}, 3]));
    world.fake.fault(Fault::once("GET", "/repos/acme/fleet/pulls", listing));
    let page = world.page(1).await;
    assert_eq!((page.pulls.len(), page.unreadable.len()), (0, 2));
    assert!(page.unreadable[0].starts_with("`acme/fleet#8` is skipped"), "{:?}", page.unreadable);
}

#[tokio::test]
async fn files_have_both_names_of_a_rename() {
    let world = World::new();
    let changes = [("b.yaml", None), ("c.yaml", Some("b: 1\n")), ("a.yaml", Some("a: 2\n"))];
    let number = world.repo.open_pull(PullSpec::new("Rename", "rename", changes));
    let files = world.github.files(&PullKey { repo: world.name.clone(), number }).await.unwrap();
    let mut paths = files.paths;
    paths.sort();
    assert_eq!((paths.join(" ").as_str(), files.complete), ("a.yaml b.yaml c.yaml", true));
}

#[tokio::test]
async fn too_many_files_are_not_all() {
    let world = World::new();
    let key = world.open("one");
    for (count, complete) in [(2999, true), (3000, false)] {
        let files: Vec<Value> = (0..count).map(|n| json!({"filename": format!("f/{n}")})).collect();
        let listing = FaultKind::Answer(200, files.into());
        world.fake.fault(Fault::once("GET", "/repos/acme/fleet/pulls", listing));
        let files = world.github.files(&key).await.unwrap();
        assert_eq!((files.paths.len(), files.complete), (count, complete));
    }
}

#[tokio::test]
async fn branches_are_read_by_their_whole_name() {
    let world = World::new();
    let tip = world.repo.commit("feature/50%#ü", "Odd", [("a.yaml", Some("a: 3\n"))]);
    let read = async |branch: &str, etag: Option<&str>| world.github.branch(&world.name, branch, etag).await;
    let Conditional::Fresh { value, etag } = read("feature/50%#ü", None).await.unwrap() else {
        panic!("no ETag was sent")
    };
    assert_eq!(value.as_str(), tip);
    assert_eq!(read("feature/50%#ü", etag.as_deref()).await.unwrap(), Conditional::NotModified);
    let error = read("feature", None).await.unwrap_err();
    assert!(matches!(&error, ForgeError::NotFound(what) if what.contains("`feature`")), "{error}");
}

#[tokio::test]
async fn permissions_are_read() {
    let world = World::new();
    world.repo.set_private(true);
    for (login, wanted) in [
        ("alice", Permission::Write),
        ("fleet-admin", Permission::Admin),
        ("mallory", Permission::None),
        ("nobody/else?", Permission::None),
    ] {
        assert_eq!(world.github.permission(&world.name, login).await.unwrap(), wanted, "{login}");
    }
}

#[tokio::test]
async fn a_head_is_approved_once() {
    let world = World::new();
    let key = world.open("one");
    let approve = async || world.github.approve(&key, &world.head(&key), "Approved").await.unwrap();
    let Review::Approved { url } = approve().await else { panic!("it was not approved before") };
    assert_eq!(approve().await, Review::AlreadyApproved { url });
    let reviews = world.repo.reviews(key.number);
    assert_eq!(reviews.len(), 1);
    assert_eq!(
        (reviews[0].state.as_str(), reviews[0].commit_id.as_str()),
        ("APPROVED", world.head(&key).as_str())
    );

    world.repo.push_to_pull(key.number, [("a.yaml", Some("a: 9\n"))]);
    assert!(matches!(approve().await, Review::Approved { .. }), "another head is another approval");

    world.repo.push_to_pull(key.number, [("a.yaml", Some("a: 10\n"))]);
    world.fake.fault(Fault::once("POST", "/repos/acme/fleet/pulls", FaultKind::StatusAfter(502)));
    assert!(matches!(approve().await, Review::Approved { .. }));
    assert_eq!(world.repo.reviews(key.number).len(), 3);
}

#[tokio::test]
async fn nobody_approves_their_own() {
    let world = World::new();
    let mut spec = PullSpec::new("Own", "own", [("a.yaml", Some("a: 2\n"))]);
    spec.author = DEFAULT_LOGIN.to_owned();
    let key = PullKey { repo: world.name.clone(), number: world.repo.open_pull(spec) };
    let error = world.github.approve(&key, &world.head(&key), "").await.unwrap_err();
    assert!(!error.heals() && error.to_string().contains("nobody approve their own"), "{error}");
}

#[tokio::test]
async fn a_refused_token_and_a_hidden_repository_are_named() {
    let world = World::with(|_| Auth::Token("ghp_wrong".to_owned().into()));
    let error = world.github.pulls(&world.name, 1, None).await.unwrap_err();
    assert!(matches!(error, ForgeError::Unauthorized));
    assert_eq!(world.requests().len(), 1, "and not asked again");

    let world = World::new();
    let error = world.github.pulls(&"acme/secret".parse().unwrap(), 1, None).await.unwrap_err();
    assert!(matches!(&error, ForgeError::NotFound(what) if what == "repository `acme/secret`"), "{error}");
    world.fake.fault(Fault::once("GET", "/repos", FaultKind::Answer(403, json!({"message": "Blocked"}))));
    let error = world.github.pulls(&world.name, 1, None).await.unwrap_err();
    assert!(matches!(&error, ForgeError::Refused { reason, .. } if reason.contains("Blocked")), "{error}");
}

#[tokio::test]
async fn limits_are_obeyed_and_not_waited_for() {
    for (limit, wanted) in [
        (FaultKind::RateLimited(Some(7)), 7),
        (FaultKind::RateLimited(None), 60),
        (FaultKind::TooMany(Some(7)), 7),
        (FaultKind::TooMany(None), 60),
    ] {
        let world = World::new();
        let now = world.fake.clock().now();
        world.fake.fault(Fault::once("GET", "/repos", limit));
        for _ in 0..2 {
            let error = world.github.pulls(&world.name, 1, None).await.unwrap_err();
            assert!(matches!(error, ForgeError::RateLimited { until } if until == now + wanted), "{error}");
        }
        assert_eq!(world.requests().len(), 1, "nothing is asked before the time");
        world.fake.clock().advance(wanted);
        world.github.pulls(&world.name, 1, None).await.unwrap();
    }
    let world = World::new();
    world.fake.set_remaining(DEFAULT_TOKEN, 0);
    let error = world.github.pulls(&world.name, 1, None).await.unwrap_err();
    let reset = world.fake.clock().now() + 3600 + 1;
    assert!(matches!(error, ForgeError::RateLimited { until } if until == reset), "{error}");
}

#[tokio::test]
async fn failed_reads_are_tried_again() {
    for (kind, why) in [(FaultKind::Status(502), "status 502"), (FaultKind::Cut, "did not answer")] {
        let world = World::new();
        let fail = |times| world.fake.fault(Fault::once("GET", "/repos", kind.clone()).times(times));
        fail(2);
        world.github.pulls(&world.name, 1, None).await.unwrap();
        assert_eq!(world.requests().len(), 3);
        fail(3);
        let error = world.github.pulls(&world.name, 1, None).await.unwrap_err();
        assert!(error.heals() && error.to_string().contains(why), "{error}");
    }
}

#[tokio::test]
async fn an_app_shares_its_token() {
    let world = World::app(None);
    world.page(1).await;
    let minted = |requests: Vec<String>| requests.iter().filter(|r| r.ends_with("access_tokens 201")).count();
    assert_eq!(minted(world.requests()), 1);

    // A cold start: another process with the same state.
    let other = client(&world.fake, &world.table, app(&world.fake, None));
    assert_eq!(other.token_fingerprint().await.unwrap(), world.github.token_fingerprint().await.unwrap());
    other.pulls(&world.name, 1, None).await.unwrap();
    assert_eq!(world.requests(), ["GET /repos/acme/fleet/pulls 200"]);

    // Shortly before the hour is over there is a new one.
    let before = world.github.token_fingerprint().await.unwrap();
    world.fake.clock().advance(3600 - 299);
    world.page(1).await;
    assert_eq!(minted(world.requests()), 1);
    assert_ne!(world.github.token_fingerprint().await.unwrap(), before);
}

#[tokio::test]
async fn a_refused_app_token_is_replaced_once() {
    use secrecy::ExposeSecret as _;
    let world = World::app(Some(INSTALLATION_ID));
    let old = world.github.git_token(&world.name).await.unwrap().unwrap();
    world.fake.revoke_token(old.expose_secret());
    world.page(1).await;
    let statuses = world.requests().join("\n");
    assert!(statuses.contains("pulls 401") && statuses.ends_with("pulls 200"), "{statuses}");

    // A process that still holds the old one finds the new one.
    let new = world.github.git_token(&world.name).await.unwrap().unwrap();
    assert_ne!(new.expose_secret(), old.expose_secret());
    world.fake.fault(Fault::once("GET", "/repos", FaultKind::Status(401)).times(9));
    assert!(matches!(world.github.pulls(&world.name, 1, None).await, Err(ForgeError::Unauthorized)));
    assert_eq!(world.requests().iter().filter(|r| r.ends_with("pulls 401")).count(), 2);
}

#[tokio::test]
async fn an_app_comments_and_approves_as_its_bot() {
    let world = World::app(None);
    let key = world.open("one");
    for _ in 0..2 {
        world.github.sticky_comment(&key, "preflux", &["<!-- preflux -->".to_owned()]).await.unwrap();
        world.github.approve(&key, &world.head(&key), "").await.unwrap();
    }
    assert_eq!(world.comments(&key), [format!("{APP_SLUG}[bot]: <!-- preflux -->")]);
    assert_eq!(world.repo.reviews(key.number).len(), 1);
}

#[tokio::test]
async fn the_doctor_says_who_we_are_and_what_is_missing() {
    let world = World::new();
    let standing = world.github.doctor(&world.name, &[]).await.unwrap();
    assert_eq!((standing.login.as_str(), standing.missing.len()), (DEFAULT_LOGIN, 0), "{standing:?}");
    let also = [("checks", "write")];
    let missing = world.github.doctor(&world.name, &also).await.unwrap().missing.join(", ");
    assert!(missing.starts_with("a GitHub App") && !missing.contains("access"), "{missing}");
    world.repo.allow(DEFAULT_LOGIN, testkit::github::Permission::Read);
    let standing = world.github.doctor(&world.name, &[]).await.unwrap();
    assert!(standing.missing.join(" ").starts_with("write access"), "{standing:?}");
    let world = World::app(None);
    let standing = world.github.doctor(&world.name, &[]).await.unwrap();
    assert_eq!((standing.login.as_str(), standing.missing.len()), ("preflux[bot]", 0), "{standing:?}");
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused() {
    let fake = FakeGitHub::start(options()).unwrap();
    let clock: Arc<dyn Clock> = Arc::new(SameClock(fake.clock()));
    let refused = |api_url: &str, auth: Auth| {
        let ledger = Ledger::new(Arc::new(Memory::default()), Arc::clone(&clock));
        let settings = Settings {
            api_url: api_url.to_owned(),
            auth,
            clock: Arc::clone(&clock),
            ledger,
            carry_etags: false,
        };
        GitHub::new(settings).err().map(|error| error.to_string()).unwrap_or_default()
    };
    let token = |text: &str| Auth::Token(text.to_owned().into());
    assert!(refused("api.github.com", token("t")).contains("`api.github.com`"));
    assert!(refused("https://x", token(" \n")).contains("token is empty"));
    let app = Auth::App { app_id: 1, private_key_pem: "no key".to_owned().into(), installation: None };
    assert!(refused("https://x", app).contains("private key"));
    assert_eq!(refused("https://x", token("t")), "");
}

#[tokio::test]
async fn repositories_of_an_organisation_are_all_listed() {
    let names = |found: Vec<RepoName>| found.iter().map(ToString::to_string).collect::<Vec<_>>();
    for world in [World::new(), World::app(None), World::app(Some(INSTALLATION_ID))] {
        for number in 0..150 {
            world.fake.repo(&format!("acme/r{number:03}"));
        }
        world.fake.repo("acme/old").archive();
        world.fake.repo("other/fleet");
        let found = names(world.github.repositories("Acme").await.unwrap());
        assert_eq!((found.len(), found.first().map(String::as_str)), (151, Some("acme/fleet")), "{found:?}");
        assert!(!found.contains(&"acme/old".to_owned()) && !found.contains(&"other/fleet".to_owned()));
    }
    let missing = World::new().github.repositories("nobody").await.unwrap_err().to_string();
    assert!(missing.contains("organisation or account `nobody` does not exist"), "{missing}");
}

#[tokio::test]
async fn a_person_has_repositories_too() {
    let world = World::new();
    world.fake.repo(&format!("{DEFAULT_LOGIN}/dotfiles"));
    world.fake.repo(&format!("{DEFAULT_LOGIN}/clusters")).set_private(true);
    let found = world.github.repositories(DEFAULT_LOGIN).await.unwrap();
    let found: Vec<&str> = found.iter().map(RepoName::name).collect();
    assert_eq!(found, ["clusters", "dotfiles"]);
}
