//! A pull request with a report, people with GitHub accounts, and clicks that are carried out.

use std::io::Write as _;
use std::process;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use backend_embedded::{FileReports, Sqlite};
use domain::interact::{Action, Click, Command, Person, ReportRecord};
use domain::job::Job;
use domain::{Acts, CommitSha, MergeMethod, PullRequest, RepoRule};
use flows::analyse::{DecryptionAccess, RemoteAccess};
use flows::work::{Approvals, WorkCtx, work};
use github::{Auth, GitHub, LinkedPeople, PeopleSettings, Settings};
use ports::ledger::Ledger;
use ports::{
    Chat, ChatError, ChatMessage, Checkout, CheckoutError, Checkouts, Clock, Consumer as _, MessageRef, wire,
};
use testkit::github::{
    CLIENT_ID, CLIENT_SECRET, DEFAULT_TOKEN, FakeGitHub, Options, PullSpec, PullState, RepoHandle,
};

pub(crate) const CALLBACK: &str = "https://preflux.example/github/callback";
const FILE: (&str, Option<&str>) = ("apps/a.yaml", Some("a: 1\n"));

pub(crate) struct SameClock(pub(crate) testkit::clock::Clock);

impl Clock for SameClock {
    fn now(&self) -> i64 {
        self.0.now()
    }
}

/// What was said in Slack.
#[derive(Default)]
pub(crate) struct Said {
    pub(crate) answers: Mutex<Vec<String>>,
    /// The blocks of the newest answer, and whether it took the place of a message.
    pub(crate) shown: Mutex<(Vec<serde_json::Value>, bool)>,
    /// Told to one person, because no answer was taken any more.
    pub(crate) whispers: Mutex<Vec<(String, String)>>,
    /// Whether answers are still taken.
    pub(crate) late: std::sync::atomic::AtomicBool,
}

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
        if self.late.load(Ordering::SeqCst) {
            let reason = "expired_url".to_owned();
            return Err(ChatError::Refused { method: "the answer".to_owned(), reason });
        }
        self.answers.lock().unwrap().push(message.text.clone());
        *self.shown.lock().unwrap() = (message.blocks.clone(), false);
        Ok(())
    }

    async fn replace(&self, url: &str, message: &ChatMessage) -> Result<(), ChatError> {
        self.answer(url, true, message).await?;
        self.shown.lock().unwrap().1 = true;
        Ok(())
    }

    async fn whisper(&self, channel: &str, person: &str, message: &ChatMessage) -> Result<(), ChatError> {
        assert_eq!(channel, "C1");
        self.whispers.lock().unwrap().push((person.to_owned(), message.text.clone()));
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

pub(crate) struct World {
    pub(crate) fake: FakeGitHub,
    pub(crate) repo: RepoHandle,
    pub(crate) pull: u64,
    pub(crate) head: String,
    pub(crate) slack: Arc<Said>,
    pub(crate) table: Arc<Sqlite>,
    pub(crate) ledger: Ledger,
    pub(crate) ctx: WorkCtx,
    pub(crate) dir: tempfile::TempDir,
}

pub(crate) fn person(id: &str) -> Person {
    Person { team: "T1".to_owned(), id: id.to_owned(), name: id.to_lowercase() }
}

impl World {
    /// A pull request of `alice`, whose one commit says this.
    pub(crate) async fn new(message: &str) -> Self {
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
        let github = GitHub::new(Settings {
            api_url: fake.url(),
            auth: Auth::Token(DEFAULT_TOKEN.into()),
            clock: clock.clone(),
            ledger: ledger.clone(),
            carry_etags: false,
        });
        let people = Arc::new(people(&fake, &clock, &ledger));
        let slack = Arc::new(Said::default());
        let rule = RepoRule {
            acts: Acts { request_changes: true, merge: Some(MergeMethod::Squash) },
            ..RepoRule::named("acme/fleet".parse().unwrap(), "C1")
        };
        let ctx = WorkCtx {
            blueprints: Default::default(),
            operators: Default::default(),
            forge: Arc::new(github.unwrap()),
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
            approvals: Approvals { people: Some(people), ..Approvals::default() },
            clock,
            rules: vec![rule],
            trusted_logins: Vec::new(),
            cluster_names: Vec::new(),
            live_values: true,
            clone_urls: Vec::new(),
        };
        let world = Self { fake, repo, pull, head, slack, table, ledger, ctx, dir };
        world.report().await;
        world
    }

    /// A pull request of `alice` with so many commits; the first one names somebody as its co-author.
    pub(crate) async fn with_commits(count: usize, co_author: &str) -> Self {
        let mut world = Self::new("A change").await;
        let mut stream = String::new();
        for number in 1..=count {
            let message = match number {
                1 => format!("One\n\nCo-Authored-By: X <{co_author}@users.noreply.github.com>\n"),
                _ => format!("Commit {number}\n"),
            };
            let (who, from) = ("alice <alice@users.noreply.github.com>", world.repo.head("main").unwrap());
            let from = if number == 1 { format!("from {from}\n") } else { String::new() };
            let file = format!("n: {number}\n");
            stream.push_str(&format!(
                "commit refs/heads/change\nauthor {who} {number} +0000\ncommitter {who} {number} +0000\n\
                 data {}\n{message}{from}M 100644 inline apps/a.yaml\ndata {}\n{file}\n",
                message.len(),
                file.len(),
            ));
        }
        let mut git = process::Command::new("git");
        git.arg("-C").arg(world.repo.git_dir()).args(["fast-import", "--force", "--quiet"]);
        let mut child = git.stdin(process::Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(stream.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
        // Whatever changes brings what the stand-in shows up to date with Git.
        world.repo.set_title(world.pull, "Many commits");
        world.head = world.repo.pull(world.pull).head_sha;
        world.report().await;
        world
    }

    pub(crate) fn is_open(&self) -> bool {
        self.repo.pull(self.pull).state == PullState::Open
    }

    /// What a report of the head as it is now leaves for clicks.
    pub(crate) async fn report(&self) {
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

    pub(crate) fn last(&self) -> String {
        self.slack.answers.lock().unwrap().last().cloned().unwrap_or_default()
    }

    pub(crate) async fn command(&self, who: &Person, text: &str) -> String {
        self.command_of(who, text, "t").await
    }

    /// A command that Slack calls so; one that comes again has the same name.
    pub(crate) async fn command_of(&self, who: &Person, text: &str, trigger: &str) -> String {
        let command = Command {
            text: text.to_owned(),
            by: who.clone(),
            channel: "C1".to_owned(),
            trigger: trigger.to_owned(),
            answer_url: "https://slack.example".to_owned(),
            replaces: false,
        };
        work(&self.ctx, &wire::encode(&Job::Command(command)), true).await.unwrap();
        self.last()
    }

    /// What a browser brings back from an address that Slack showed.
    pub(crate) async fn browser(&self, said: &str, login: &str) -> String {
        let address = said.split_whitespace().find(|word| word.contains("/login/oauth/")).unwrap();
        let back = self.fake.authorize(&address.replace("&amp;", "&"), login).unwrap();
        let part = |name: &str| back.split(['?', '&']).find_map(|p| p.strip_prefix(name)).unwrap().to_owned();
        assert!(self.ledger.use_state(&part("state=")).await.unwrap().is_some());
        part("code=")
    }

    pub(crate) async fn link(&self, who: &Person, login: &str) {
        let said = self.command(who, "link").await;
        let code = self.browser(&said, login).await;
        let said = self.command(who, &format!("link {code}")).await;
        assert!(said.contains(login), "{said}");
    }

    /// A click on a button; one with a form behind it is a click with a reason.
    pub(crate) fn clicked(&self, who: &Person, action: Action) -> String {
        let click = Click {
            action,
            report: "report-1".parse().unwrap(),
            by: who.clone(),
            channel: "C1".to_owned(),
            message: "1.1".to_owned(),
            trigger: "t".to_owned(),
            answer_url: "https://slack.example".to_owned(),
            reason: action.asks_for_reason().then(|| "ask @acme/admins".to_owned()),
        };
        wire::encode(&Job::Click(click))
    }

    pub(crate) async fn act(&self, who: &Person, action: Action) -> String {
        work(&self.ctx, &self.clicked(who, action), true).await.unwrap();
        self.last()
    }

    /// Carries out what was queued, and gives the jobs.
    pub(crate) async fn queued(&self) -> Vec<Job> {
        let mut jobs = Vec::new();
        for delivery in self.table.receive(10, Duration::from_secs(900), Duration::ZERO).await.unwrap() {
            jobs.push(wire::decode(&delivery.body).unwrap());
            self.table.ack(&delivery).await.unwrap();
        }
        jobs
    }

    /// Who approved what, as it stands.
    pub(crate) fn approvals(&self) -> Vec<(String, String)> {
        self.reviews("APPROVED")
    }

    /// Who left which reviews that stand like this.
    pub(crate) fn reviews(&self, state: &str) -> Vec<(String, String)> {
        let reviews = self.repo.reviews(self.pull).into_iter();
        reviews.filter(|r| r.state == state).map(|r| (r.author, r.commit_id)).collect()
    }

    pub(crate) async fn refuses(&self, who: &Person, why: &str) {
        let said = self.act(who, Action::Approve).await;
        assert!(said.contains("Nothing was approved") && said.contains(why), "`{why}`: {said}");
        assert_eq!(self.approvals(), [], "{why}");
    }
}

pub(crate) fn people(fake: &FakeGitHub, clock: &Arc<dyn Clock>, ledger: &Ledger) -> LinkedPeople {
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
