//! Who may approve, and when: real clicks through the flow, against a stand-in for GitHub that refuses what GitHub refuses. What counts is
//! which reviews stand on GitHub in the end, and whose.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use backend_embedded::{FileReports, Sqlite};
use domain::approve::{Account, Makers};
use domain::interact::{Action, Click, Command, Person, ReportRecord};
use domain::job::Job;
use domain::{Budget, CommitSha, Permission as Right, PullKey, PullRequest, RepoName, RepoRule};
use flows::analyse::{DecryptionAccess, RemoteAccess};
use flows::work::{Approvals, WorkCtx, work};
use github::{Auth, GitHub, LinkedPeople, PeopleSettings, Settings};
use ports::ledger::Ledger;
use ports::{
    Chat, ChatError, ChatMessage, Checkout, CheckoutError, Checkouts, Clock, Conditional, Forge, ForgeError,
    MessageRef, People, PersonError, PullPage, Review, Verdict, wire,
};
use testkit::github::{
    CLIENT_ID, CLIENT_SECRET, DEFAULT_TOKEN, FakeGitHub, Options, Permission, PullSpec, RepoHandle,
};

const CALLBACK: &str = "https://preflux.example/github/callback";
const FILE: (&str, Option<&str>) = ("apps/a.yaml", Some("a: 1\n"));

struct SameClock(testkit::clock::Clock);

impl Clock for SameClock {
    fn now(&self) -> i64 {
        self.0.now()
    }
}

/// What was said in Slack.
#[derive(Default)]
struct Said(Mutex<Vec<String>>);

#[async_trait]
impl Chat for Said {
    async fn post(
        &self,
        _: &str,
        _: Option<&MessageRef>,
        _: &str,
        _: &ChatMessage,
    ) -> Result<MessageRef, ChatError> {
        Ok(MessageRef { channel: "C1".to_owned(), ts: "1.1".to_owned() })
    }

    async fn find(&self, _: &str, _: Option<&MessageRef>, _: &str) -> Result<Option<MessageRef>, ChatError> {
        Ok(None)
    }

    async fn update(&self, _: &MessageRef, _: &ChatMessage) -> Result<(), ChatError> {
        Ok(())
    }

    async fn upload(&self, _: &MessageRef, _: &str, _: &str, _: &str) -> Result<(), ChatError> {
        Ok(())
    }

    async fn answer(&self, _: &str, private: bool, message: &ChatMessage) -> Result<(), ChatError> {
        assert!(private, "answers are for whoever asked alone");
        self.0.lock().unwrap().push(message.text.clone());
        Ok(())
    }
}

struct NoTrees;

#[async_trait]
impl Checkouts for NoTrees {
    async fn pull(&self, pull: &PullRequest, _: &CommitSha) -> Result<Checkout, CheckoutError> {
        Err(CheckoutError::Unauthorized(pull.key.to_string()))
    }
}

type Event = Box<dyn Fn() + Send + Sync>;

/// GitHub, as seen by somebody to whom something happens right before one of the questions.
struct Watched {
    github: Arc<GitHub>,
    people: Arc<LinkedPeople>,
    asked: AtomicU32,
    before: Mutex<Option<(u32, Event)>>,
}

impl Watched {
    fn step(&self) {
        let now = self.asked.fetch_add(1, Ordering::SeqCst);
        if let Some((at, event)) = &*self.before.lock().unwrap()
            && *at == now
        {
            event();
        }
    }
}

#[async_trait]
impl Forge for Watched {
    async fn token_fingerprint(&self) -> Result<String, ForgeError> {
        self.github.token_fingerprint().await
    }

    async fn pulls(
        &self,
        repo: &RepoName,
        page: u32,
        etag: Option<&str>,
    ) -> Result<Conditional<PullPage>, ForgeError> {
        self.github.pulls(repo, page, etag).await
    }

    async fn pull(&self, key: &PullKey) -> Result<Option<PullRequest>, ForgeError> {
        self.step();
        self.github.pull(key).await
    }

    async fn files(&self, key: &PullKey) -> Result<ports::ChangedFiles, ForgeError> {
        self.github.files(key).await
    }

    async fn branch(
        &self,
        repo: &RepoName,
        branch: &str,
        etag: Option<&str>,
    ) -> Result<Conditional<CommitSha>, ForgeError> {
        self.github.branch(repo, branch, etag).await
    }

    async fn budget(&self, repo: &RepoName) -> Result<Option<Budget>, ForgeError> {
        self.github.budget(repo).await
    }

    async fn repositories(&self, owner: &str) -> Result<Vec<RepoName>, ForgeError> {
        self.github.repositories(owner).await
    }

    async fn permission(&self, repo: &RepoName, login: &str) -> Result<Right, ForgeError> {
        self.step();
        self.github.permission(repo, login).await
    }

    async fn sticky_comment(
        &self,
        key: &PullKey,
        marker: &str,
        parts: &[String],
    ) -> Result<String, ForgeError> {
        self.github.sticky_comment(key, marker, parts).await
    }

    async fn approve(&self, key: &PullKey, head: &CommitSha, body: &str) -> Result<Review, ForgeError> {
        self.github.approve(key, head, body).await
    }
}

#[async_trait]
impl People for Watched {
    async fn begin(&self, who: &Person) -> Result<String, PersonError> {
        self.people.begin(who).await
    }

    async fn finish(&self, who: &Person, code: &str) -> Result<String, PersonError> {
        self.people.finish(who, code).await
    }

    async fn unlink(&self, who: &Person) -> Result<bool, PersonError> {
        self.people.unlink(who).await
    }

    async fn account(&self, who: &Person) -> Result<Account, PersonError> {
        self.step();
        self.people.account(who).await
    }

    async fn makers(&self, who: &Person, key: &PullKey) -> Result<Makers, PersonError> {
        self.step();
        self.people.makers(who, key).await
    }

    async fn review(
        &self,
        who: &Person,
        key: &PullKey,
        head: &CommitSha,
        verdict: Verdict,
        body: &str,
    ) -> Result<Review, PersonError> {
        self.step();
        self.people.review(who, key, head, verdict, body).await
    }

    async fn dismiss(
        &self,
        who: &Person,
        key: &PullKey,
        head: &CommitSha,
        why: &str,
    ) -> Result<(), PersonError> {
        self.people.dismiss(who, key, head, why).await
    }
}

struct World {
    fake: FakeGitHub,
    repo: RepoHandle,
    pull: u64,
    head: String,
    slack: Arc<Said>,
    watched: Arc<Watched>,
    ledger: Ledger,
    ctx: WorkCtx,
    dir: tempfile::TempDir,
}

fn person(id: &str) -> Person {
    Person { team: "T1".to_owned(), id: id.to_owned(), name: id.to_lowercase() }
}

impl World {
    /// A pull request of `alice`, whose one commit says this.
    async fn new(message: &str) -> Self {
        let fake =
            FakeGitHub::start(Options { watch: described::watch().into(), ..Options::default() }).unwrap();
        fake.set_callback(CALLBACK);
        let repo = fake.repo("acme/fleet");
        repo.commit("main", "start", [FILE]);
        repo.commit_as("alice", "change", message, [("apps/a.yaml", Some("a: 2\n"))]);
        let pull = repo.open_pull(PullSpec::new("A change", "change", Vec::<testkit::github::Change>::new()));
        let head = repo.pull(pull).head_sha;
        let dir = tempfile::tempdir().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SameClock(fake.clock()));
        let table = Arc::new(Sqlite::open(&dir.path().join("state.db"), clock.clone()).unwrap());
        let ledger = Ledger::new(table.clone(), clock.clone());
        let watched = Arc::new(Watched {
            github: Arc::new(
                GitHub::new(Settings {
                    api_url: fake.url(),
                    auth: Auth::Token(DEFAULT_TOKEN.into()),
                    clock: clock.clone(),
                    ledger: ledger.clone(),
                })
                .unwrap(),
            ),
            people: Arc::new(people(&fake, &clock, &ledger)),
            asked: AtomicU32::new(0),
            before: Mutex::default(),
        });
        let slack = Arc::new(Said::default());
        let rule = RepoRule::named("acme/fleet".parse().unwrap(), "C1");
        let ctx = WorkCtx {
            forge: watched.clone(),
            queue: table.clone(),
            ledger: ledger.clone(),
            chat: slack.clone(),
            reports: Arc::new(FileReports::new(dir.path().join("reports"))),
            checkouts: Arc::new(NoTrees),
            cluster: Err("there is none".to_owned()),
            more_clusters: Vec::new(),
            hold_back_when_render_differs: false,
            drift: Default::default(),
            compare_within: std::time::Duration::from_secs(240),
            remotes: RemoteAccess::None("nothing is fetched here".to_owned()),
            decryption: DecryptionAccess::None("nothing is decrypted here".to_owned()),
            approvals: Approvals { people: Some(watched.clone()), ..Approvals::default() },
            clock,
            rules: vec![rule],
            trusted_logins: Vec::new(),
            live_values: true,
            clone_urls: Vec::new(),
        };
        let world = Self { fake, repo, pull, head, slack, watched, ledger, ctx, dir };
        world.report().await;
        world
    }

    /// What a report of the head as it is now leaves for clicks.
    async fn report(&self) {
        let record = ReportRecord {
            id: "report-1".parse().unwrap(),
            pull: format!("acme/fleet#{}", self.pull).parse().unwrap(),
            head: self.head.parse().unwrap(),
            base: self.repo.head("main").unwrap().parse().unwrap(),
            base_branch: Some("main".to_owned()),
            channel: "C1".to_owned(),
            made_at: self.fake.clock().now(),
        };
        self.ledger.save_report(&record).await.unwrap();
    }

    fn last(&self) -> String {
        self.slack.0.lock().unwrap().last().cloned().unwrap_or_default()
    }

    async fn command(&self, who: &Person, text: &str) -> String {
        let command = Command {
            text: text.to_owned(),
            by: who.clone(),
            channel: "C1".to_owned(),
            trigger: "t".to_owned(),
            answer_url: "https://slack.example".to_owned(),
        };
        work(&self.ctx, &wire::encode(&Job::Command(command)), true).await.unwrap();
        self.last()
    }

    /// What a browser brings back from an address that Slack showed.
    async fn browser(&self, said: &str, login: &str) -> String {
        let address = said.split_whitespace().find(|word| word.contains("/login/oauth/")).unwrap();
        let back = self.fake.authorize(&address.replace("&amp;", "&"), login).unwrap();
        let part = |name: &str| back.split(['?', '&']).find_map(|p| p.strip_prefix(name)).unwrap().to_owned();
        assert!(self.ledger.use_state(&part("state=")).await.unwrap().is_some());
        part("code=")
    }

    async fn link(&self, who: &Person, login: &str) {
        let said = self.command(who, "link").await;
        let code = self.browser(&said, login).await;
        let said = self.command(who, &format!("link {code}")).await;
        assert!(said.contains(login), "{said}");
    }

    async fn click(&self, who: &Person) -> String {
        let click = Click {
            action: Action::Approve,
            report: "report-1".parse().unwrap(),
            by: who.clone(),
            channel: "C1".to_owned(),
            message: "1.1".to_owned(),
            trigger: "t".to_owned(),
            answer_url: "https://slack.example".to_owned(),
        };
        work(&self.ctx, &wire::encode(&Job::Click(click)), true).await.unwrap();
        self.last()
    }

    /// Who approved what, as it stands.
    fn approvals(&self) -> Vec<(String, String)> {
        let reviews = self.repo.reviews(self.pull).into_iter();
        reviews.filter(|r| r.state == "APPROVED").map(|r| (r.author, r.commit_id)).collect()
    }

    async fn refuses(&self, who: &Person, why: &str) {
        let said = self.click(who).await;
        assert!(said.contains("Nothing was approved") && said.contains(why), "`{why}`: {said}");
        assert_eq!(self.approvals(), [], "{why}");
    }
}

fn people(fake: &FakeGitHub, clock: &Arc<dyn Clock>, ledger: &Ledger) -> LinkedPeople {
    LinkedPeople::new(PeopleSettings {
        api_url: fake.url(),
        web_url: fake.url(),
        client_id: CLIENT_ID.to_owned(),
        client_secret: CLIENT_SECRET.into(),
        callback_url: CALLBACK.to_owned(),
        clock: clock.clone(),
        ledger: ledger.clone(),
    })
    .unwrap()
}

#[tokio::test]
async fn who_had_no_hand_in_it_approves_as_themselves() {
    let world = World::new("A change").await;
    let bob = person("UBOB");
    world.refuses(&bob, "is not linked").await;
    world.link(&bob, "bob").await;
    let said = world.click(&bob).await;
    assert!(said.contains("Approved as `bob`"), "{said}");
    assert_eq!(world.approvals(), [("bob".to_owned(), world.head.clone())]);
    world.click(&bob).await;
    assert_eq!(world.approvals().len(), 1, "once");
}

#[tokio::test]
async fn whoever_had_a_hand_in_it_is_refused() {
    let trailers = "A change\n\nCo-authored-by: Carol <carol@users.noreply.github.com>\nco-authored-by: D <dave@example.com>";
    let world = World::new(trailers).await;
    world.fake.set_emails("dave", &["Dave@example.com"]);
    world.repo.set_committer(&world.head, "erin");
    world.repo.set_pusher(&world.head, Some("frank"));
    for (login, why) in [
        ("alice", "you opened"),
        ("carol", "you are a co-author"),
        ("dave", "you are a co-author"),
        ("erin", "you committed"),
        ("frank", "you pushed"),
        ("reader", "cannot write"),
    ] {
        let right = if login == "reader" { Permission::Read } else { Permission::Write };
        world.repo.allow(login, right);
        let who = person(&format!("U{login}"));
        world.link(&who, login).await;
        world.refuses(&who, why).await;
    }
    let bob = person("UBOB");
    world.link(&bob, "bob").await;
    // The link is this person's, in this workspace.
    let elsewhere = Person { team: "T2".to_owned(), ..bob.clone() };
    world.refuses(&elsewhere, "is not linked").await;
    world.repo.set_pusher(&world.head, None);
    world.refuses(&bob, "does not tell who pushed").await;
    world.repo.set_pusher(&world.head, Some("frank"));
    world.fake.hide_emails();
    world.refuses(&bob, "Email addresses: read").await;
}

#[tokio::test]
async fn a_move_or_an_end_before_any_step_leaves_no_approval() {
    for step in 0..7 {
        for closes in [false, true] {
            let world = World::new("A change").await;
            let bob = person("UBOB");
            world.link(&bob, "bob").await;
            let (repo, pull) = (world.repo.clone(), world.pull);
            let event: Event = Box::new(move || {
                if closes {
                    repo.close(pull);
                } else {
                    repo.push_to_pull_as("mallory", pull, [("apps/b.yaml", Some("b: 1\n"))]);
                }
            });
            *world.watched.before.lock().unwrap() = Some((step, event));
            world.watched.asked.store(0, Ordering::SeqCst);
            let said = world.click(&bob).await;
            let asked = world.watched.asked.load(Ordering::SeqCst);
            assert!(asked > step, "step {step} is reached: {asked}");
            if closes && step == 6 {
                // It was closed after the approval had landed.
                assert_eq!(world.approvals().len(), 1);
                continue;
            }
            assert!(said.contains("Nothing was approved"), "step {step}, closes {closes}: {said}");
            assert_eq!(world.approvals(), [], "step {step}, closes {closes}: {said}");
        }
    }
}

#[tokio::test]
async fn an_old_report_a_draft_and_another_base_are_no_ground() {
    let world = World::new("A change").await;
    let bob = person("UBOB");
    world.link(&bob, "bob").await;
    let shared = |world: &World| WorkCtx {
        approvals: Approvals {
            people: world.ctx.approvals.people.clone(),
            shared_identity: true,
            most_age_s: 86_400,
        },
        forge: world.ctx.forge.clone(),
        queue: world.ctx.queue.clone(),
        ledger: world.ctx.ledger.clone(),
        chat: world.ctx.chat.clone(),
        reports: world.ctx.reports.clone(),
        checkouts: world.ctx.checkouts.clone(),
        cluster: Err(String::new()),
        more_clusters: Vec::new(),
        hold_back_when_render_differs: false,
        drift: Default::default(),
        compare_within: world.ctx.compare_within,
        remotes: world.ctx.remotes.clone(),
        decryption: DecryptionAccess::None(String::new()),
        clock: world.ctx.clock.clone(),
        rules: world.ctx.rules.clone(),
        trusted_logins: Vec::new(),
        live_values: true,
        clone_urls: Vec::new(),
    };
    world.fake.clock().advance(86_401);
    world.refuses(&bob, "older than 1440 minutes").await;
    world.report().await;
    // The token was eight hours' worth: it is renewed by itself.
    assert!(world.click(&bob).await.contains("Approved as `bob`"));
    let mut world = World::new("A change").await;
    world.ctx = shared(&world);
    let said = world.click(&bob).await;
    assert!(said.contains("not as you"), "{said}");
    let reviews = world.repo.reviews(world.pull);
    assert!(reviews[0].body.contains("account that Preflux uses"), "{}", reviews[0].body);
}

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
    assert!(world.click(&bob).await.contains("Approved as `bob`"));
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
    let said = world.slack.0.lock().unwrap().join("\n");
    for token in tokens {
        assert!(!kept.contains(&token) && !said.contains(&token), "a token is readable");
    }
}
