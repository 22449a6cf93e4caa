//! A repository with a pull request, processes of ours that write to it, and trouble at any of their requests.

#[path = "../world/memory.rs"]
mod memory;

use std::sync::Arc;
use std::time::Duration;

use domain::interact::Person;
use domain::{PullKey, RepoName};
use github::{Auth, GitHub, LinkedPeople, PeopleSettings, Settings};
use ports::ledger::Ledger;
use ports::{Clock, People as _, Table};
use testkit::faults::{Fault, FaultKind};
use testkit::github::{
    APP_ID, CLIENT_ID, CLIENT_SECRET, DEFAULT_LOGIN, DEFAULT_TOKEN, FakeGitHub, Options, PullSpec, RepoHandle,
};

use memory::{Memory, SameClock};

/// Who we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum As {
    Person,
    App,
}

pub(crate) const BOTH: [As; 2] = [As::Person, As::App];

/// What goes wrong at one request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Trouble {
    /// It is not handled.
    Lost,
    /// It is handled, and we do not hear of it.
    Unheard,
    /// It is handled, and the connection breaks in the middle of the answer.
    Cut,
    /// The secondary rate limit.
    Limited,
    /// It is handled, we do not hear of it, and nothing that we ask after it arrives: a process that dies there.
    Death,
}

pub(crate) const TROUBLES: [Trouble; 5] =
    [Trouble::Lost, Trouble::Unheard, Trouble::Cut, Trouble::Limited, Trouble::Death];

pub(crate) struct World {
    pub(crate) fake: FakeGitHub,
    pub(crate) repo: RepoHandle,
    table: Arc<Memory>,
    pub(crate) who: As,
}

impl World {
    pub(crate) fn new(who: As) -> Self {
        Self::watched(who, described::watch())
    }

    /// A world whose exchanges somebody else looks at.
    pub(crate) fn watched(who: As, watch: Option<described::Watch>) -> Self {
        let fake = FakeGitHub::start(Options { watch: watch.into(), ..Options::default() }).unwrap();
        let repo = fake.repo("acme/fleet");
        repo.commit("main", "Start", [("a.yaml", Some("a: 1\n"))]);
        Self { fake, repo, table: Arc::default(), who }
    }

    pub(crate) fn open(&self, branch: &str) -> PullKey {
        let number = self.repo.open_pull(PullSpec::new(branch, branch, [("a.yaml", Some(branch))]));
        PullKey { repo: self.name(), number }
    }

    pub(crate) fn name(&self) -> RepoName {
        "acme/fleet".parse().unwrap()
    }

    /// A process that has asked nothing yet.
    pub(crate) fn process(&self) -> GitHub {
        self.process_as(self.who)
    }

    /// The same with another account of ours, and with the same state.
    pub(crate) fn process_as(&self, who: As) -> GitHub {
        self.signed_in(match who {
            As::Person => Auth::Token(DEFAULT_TOKEN.to_owned().into()),
            As::App => Auth::App {
                app_id: APP_ID,
                private_key_pem: self.fake.app_key_pem().into(),
                installation: None,
            },
        })
    }

    pub(crate) fn signed_in(&self, auth: Auth) -> GitHub {
        let clock: Arc<dyn Clock> = Arc::new(SameClock(self.fake.clock()));
        let table: Arc<dyn Table> = Arc::<Memory>::clone(&self.table);
        let ledger = Ledger::new(table, Arc::clone(&clock));
        GitHub::new(Settings { api_url: self.fake.url(), auth, clock, ledger, carry_etags: false }).unwrap()
    }

    /// Where people's own accounts are, with one of them linked.
    pub(crate) async fn people(&self, who: &Person, login: &str) -> LinkedPeople {
        const CALLBACK: &str = "https://preflux.example/github/callback";
        self.fake.set_callback(CALLBACK);
        let clock: Arc<dyn Clock> = Arc::new(SameClock(self.fake.clock()));
        let table: Arc<dyn Table> = Arc::<Memory>::clone(&self.table);
        let ledger = Ledger::new(table, Arc::clone(&clock));
        let people = LinkedPeople::new(PeopleSettings {
            api_url: self.fake.url(),
            web_url: self.fake.url(),
            client_id: CLIENT_ID.to_owned(),
            client_secret: CLIENT_SECRET.into(),
            callback_url: CALLBACK.to_owned(),
            clock,
            ledger: ledger.clone(),
        });
        let people = people.unwrap();
        let back = self.fake.authorize(&people.begin(who).await.unwrap(), login).unwrap();
        let part = |name: &str| back.split(['?', '&']).find_map(|p| p.strip_prefix(name)).unwrap().to_owned();
        assert!(ledger.use_state(&part("state=")).await.unwrap().is_some());
        assert_eq!(people.finish(who, &part("code=")).await.unwrap(), login);
        people
    }

    /// Our login.
    pub(crate) fn us(&self) -> String {
        match self.who {
            As::Person => DEFAULT_LOGIN.to_owned(),
            As::App => "preflux[bot]".to_owned(),
        }
    }

    /// Lets `before` requests pass, and then this happens.
    pub(crate) fn trouble(&self, before: u32, trouble: Trouble) {
        let any = |times, kind| Fault { method: String::new(), path_prefix: "/".to_owned(), times, kind };
        if before > 0 {
            self.fake.fault(any(before, FaultKind::Slow(Duration::ZERO)));
        }
        self.fake.fault(any(
            1,
            match trouble {
                Trouble::Lost => FaultKind::Status(502),
                Trouble::Unheard | Trouble::Death => FaultKind::StatusAfter(502),
                Trouble::Cut => FaultKind::Cut,
                Trouble::Limited => FaultKind::RateLimited(Some(30)),
            },
        ));
        if matches!(trouble, Trouble::Death) {
            self.fake.fault(any(1000, FaultKind::Status(502)));
        }
    }

    /// The trouble is over: what waited has waited long enough.
    pub(crate) fn calm(&self) {
        self.fake.forget_faults();
        self.fake.clock().advance(60);
    }

    /// Requests so far that changed something, as `METHOD status`.
    pub(crate) fn writes(&self) -> Vec<String> {
        let seen = self.fake.requests();
        self.fake.forget_requests();
        let writes = seen.iter().filter(|r| r.method != "GET" && !r.path.contains("access_tokens"));
        writes.map(|r| format!("{} {}", r.method, r.status)).collect()
    }
}
