//! One history: things happen, polls and jobs run and die, and in the end everything must be as it should.

use std::collections::BTreeSet;
use std::ops::AddAssign;
use std::sync::Arc;
use std::time::Duration;

use domain::job::Job;
use domain::{Mode, Only, PathRules, PullState, RepoRule, Transition};
use flows::analyse::{DecryptionAccess, RemoteAccess};
use flows::poll::{PollCtx, poll};
use flows::work::{WorkCtx, work};
use ports::ledger::{Ledger, Phase, PullRecord};
use ports::{Clock as _, FixedClock, Queue as _, wire};

use crate::chance::Chance;
use crate::hub::{Hub, Pull, repo, sha};
use crate::parts::{Fuse, Line, Memory, Shown, Slack, Store, Waiting, trace};

/// A job is handed out this often.
const TRIES: u32 = 5;
/// A job whose worker died is handed out again after this.
const VISIBILITY: Duration = Duration::from_secs(900);
/// No history gets so far by itself; who does polls in circles.
const MOST_JOBS: usize = 5_000;

/// What a history, or many, had in it.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Told {
    pub(crate) events: u64,
    pub(crate) crashes: u64,
    pub(crate) crowds: u64,
    pub(crate) bases: u64,
    pub(crate) reported: u64,
    pub(crate) closed: u64,
    pub(crate) messages: u64,
}

impl AddAssign for Told {
    fn add_assign(&mut self, other: Self) {
        self.events += other.events;
        self.crashes += other.crashes;
        self.crowds += other.crowds;
        self.bases += other.bases;
        self.reported += other.reported;
        self.closed += other.closed;
        self.messages += other.messages;
    }
}

/// What the repository's one rule says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Everything,
    NoDrafts,
    Applications,
    OnClick,
    Merges,
}

impl Sort {
    fn rule(self) -> RepoRule {
        let mut rule = RepoRule::named(repo(), "C1");
        match self {
            Self::Everything => {}
            Self::NoDrafts => rule.drafts = Only::Not,
            Self::Applications => rule.paths = PathRules::new(&["apps/**".to_owned()], &[]).unwrap(),
            Self::OnClick => rule.mode = Mode::OnClick,
            Self::Merges => rule.on = Some([Transition::Merged].into()),
        }
        rule
    }
}

struct World {
    sort: Sort,
    clock: Arc<FixedClock>,
    chance: Arc<Chance>,
    fuse: Arc<Fuse>,
    hub: Arc<Hub>,
    line: Arc<Line>,
    slack: Arc<Slack>,
    ledger: Ledger,
    poll: PollCtx,
    work: WorkCtx,
    /// Pull requests that were over before a poll had come to its end.
    old: BTreeSet<u64>,
}

impl World {
    fn new(number: u64) -> Self {
        let (chance, fuse) = (Arc::new(Chance::new(number)), Arc::new(Fuse::default()));
        let clock = Arc::new(FixedClock::at(1_700_000_000));
        let hub = Arc::new(Hub::new(clock.clone(), chance.clone(), fuse.clone()));
        let line = Arc::new(Line::new(clock.clone(), fuse.clone()));
        let slack = Arc::new(Slack::new(fuse.clone()));
        let store = Arc::new(Store::new(fuse.clone()));
        let ledger = Ledger::new(Arc::new(Memory::new(clock.clone(), fuse.clone())), clock.clone());
        let sorts = [Sort::Everything, Sort::NoDrafts, Sort::Applications, Sort::OnClick, Sort::Merges];
        let sort = chance.one(&sorts);
        let poll = PollCtx {
            forge: hub.clone(),
            queue: line.clone(),
            ledger: ledger.clone(),
            chat: Some(slack.clone()),
            clock: clock.clone(),
            rules: vec![sort.rule()],
            events: Vec::new(),
            pace: Default::default(),
            first_reports: usize::MAX,
        };
        let work = WorkCtx {
            blueprints: Default::default(),
            operators: Default::default(),
            approvals: Default::default(),
            forge: hub.clone(),
            queue: line.clone(),
            ledger: ledger.clone(),
            chat: slack.clone(),
            reports: store.clone(),
            checkouts: store,
            cluster: Err("there is none".to_owned()),
            more_clusters: Vec::new(),
            drift: Default::default(),
            compare_within: Duration::from_secs(240),
            hold_back_when_render_differs: false,
            remotes: RemoteAccess::None("nothing is fetched here".to_owned()),
            decryption: DecryptionAccess::None("no keys".to_owned()),
            clock: clock.clone(),
            rules: vec![sort.rule()],
            trusted_logins: Vec::new(),
            cluster_names: Vec::new(),
            live_values: true,
            clone_urls: vec!["https://git.example/{owner}/{name}".to_owned()],
        };
        Self { sort, clock, chance, fuse, hub, line, slack, ledger, poll, work, old: BTreeSet::new() }
    }

    async fn polls(&self) {
        trace(|| format!("at {} polls", self.clock.now()));
        for (name, result) in poll(&self.poll).await {
            trace(|| format!("polled {name}: {result:?}"));
        }
    }

    /// GitHub's webhook says that something happened.
    async fn announced(&self, put_off: u32) {
        let job = Job::Look { repo: repo(), put_off };
        self.line.send(&wire::encode(&job), Duration::ZERO).await.unwrap();
    }

    /// Takes a job, and hands it out again when it fails; when the process dies, only after its visibility is over.
    async fn works(&self) {
        let Some(job) = self.line.take() else { return };
        trace(|| format!("at {} takes {}", self.clock.now(), job.body));
        let result = work(&self.work, &job.body, job.tries >= TRIES).await;
        match result {
            _ if self.fuse.is_out() || self.chance.percent(5) => self.again(job, VISIBILITY),
            Err(error) => {
                let after = error.again_after(job.tries);
                self.again(job, after);
            }
            Ok(_) => {}
        }
    }

    /// Takes a job and carries it out; nothing goes wrong.
    async fn works_surely(&self) {
        let job = self.line.take().unwrap();
        work(&self.work, &job.body, false).await.unwrap();
    }

    fn again(&self, job: Waiting, after: Duration) {
        if job.tries < TRIES {
            self.line.put_back(job, after);
        }
    }

    /// Whether a poll has come to its end. What was over before is nobody's news.
    async fn is_watched(&self) -> bool {
        self.ledger.note(&format!("watermark#{}", repo())).await.unwrap().is_some()
    }

    /// One step; whether something died in it.
    async fn step(&mut self) -> bool {
        self.clock.advance(self.chance.one(&[0, 0, 0, 1, 2, 7, 60, 400]));
        if self.chance.percent(40) {
            for _ in 0..=self.chance.below(3) {
                self.hub.event();
            }
            if self.chance.percent(40) {
                self.announced(0).await;
            }
            return false;
        }
        if self.chance.percent(40) {
            self.fuse.light(self.chance.below(40), self.chance.percent(60));
        }
        *self.hub.busy.lock().unwrap() = true;
        match self.chance.below(8) {
            0..3 => self.polls().await,
            3..5 => self.works().await,
            other => {
                self.fuse.interleave(Some(self.chance.clone()));
                match other {
                    5 => drop(tokio::join!(self.polls(), self.polls())),
                    6 => drop(tokio::join!(self.polls(), self.works())),
                    _ => drop(tokio::join!(self.works(), self.works())),
                }
                self.fuse.interleave(None);
            }
        }
        *self.hub.busy.lock().unwrap() = false;
        self.fuse.renew()
    }

    /// Time passes, and nothing goes wrong any more.
    async fn settles(&self) {
        let mut jobs = 0;
        let mut rounds = 0;
        while rounds < 4 || !self.line.is_empty() {
            // What died without anybody noticing is made good within the hour.
            self.clock.advance(if rounds == 2 { 3_700 } else { 1_000 });
            self.polls().await;
            while let Some(job) = self.line.take() {
                trace(|| format!("at {} takes {}", self.clock.now(), job.body));
                if let Err(error) = work(&self.work, &job.body, job.tries >= TRIES).await {
                    let after = error.again_after(job.tries);
                    self.again(job, after);
                }
                jobs += 1;
                assert!(jobs < MOST_JOBS, "jobs make jobs without end");
            }
            rounds += 1;
            assert!(rounds < 50, "the queue is never empty");
        }
    }
}

/// Tells the history of this number, and checks its end.
pub(crate) async fn tell(number: u64) -> Told {
    let mut world = World::new(number);
    for _ in 0..world.chance.below(6) {
        world.hub.event();
    }
    world.clock.advance(5);
    let mut told = Told::default();
    for _ in 0..12 + world.chance.below(20) {
        let watched = world.is_watched().await;
        told.crashes += u64::from(Box::pin(world.step()).await);
        if !watched {
            let over = |pull: &Pull| pull.state != PullState::Open;
            world.old = world.hub.pulls().into_iter().filter(over).map(|pull| pull.number).collect();
        }
    }
    world.settles().await;
    let shown = world.slack.messages.lock().unwrap().clone();
    for pull in world.hub.pulls() {
        let record = world.ledger.pull(&key(&pull)).await.unwrap();
        check(&world, &pull, record.as_ref(), &shown);
        told.reported += u64::from(record.is_some_and(|record| record.phase == Phase::Reported));
        told.closed += u64::from(pull.state != PullState::Open);
    }
    let state = world.hub.state.lock().unwrap();
    (told.events, told.crowds, told.bases) = (state.events, state.crowds, state.bases);
    told.messages = shown.len() as u64;
    told
}

/// What a webhook wants while somebody polls comes after that poll, and not for ever.
pub(crate) async fn looks_after_a_poll() {
    let world = World::new(1);
    (0..6).for_each(|_| world.hub.event());
    world.clock.advance(5);
    world.polls().await;
    assert!(world.is_watched().await);
    while world.line.take().is_some() {}
    let lease = world.ledger.lease(&format!("poll#{}", repo()), 300).await.unwrap().unwrap();
    for (put_off, again) in [(0, Some(1)), (5, Some(6)), (6, None)] {
        world.announced(put_off).await;
        world.works_surely().await;
        assert!(world.line.take().is_none(), "not at once");
        world.clock.advance(10);
        let next = world.line.take().map(|job| wire::decode(&job.body).unwrap());
        assert_eq!(next, again.map(|put_off| Job::Look { repo: repo(), put_off }));
    }
    world.ledger.release(lease).await.unwrap();
}

fn key(pull: &Pull) -> domain::PullKey {
    domain::PullKey { repo: repo(), number: pull.number }
}

/// What must hold of every pull request at the end.
fn check(world: &World, pull: &Pull, record: Option<&PullRecord>, shown: &[Shown]) {
    let name = key(pull).to_string();
    let messages: Vec<&Shown> = shown.iter().filter(|m| m.thread.is_none() && m.key == name).collect();
    let details = shown.iter().filter(|m| m.thread.is_some() && m.key == format!("details#{name}")).count();
    let what = format!("{:?} {pull:?}\n{record:#?}\n{messages:#?}", world.sort);
    assert!(messages.len() <= 1 && details <= 1, "said twice: {what}");
    let head = sha(pull.head);
    let says = |text: &str| messages.first().is_some_and(|message| message.text.contains(text));
    let open = pull.state == PullState::Open;
    let wanted = match world.sort {
        Sort::Everything | Sort::OnClick => open,
        Sort::NoDrafts => open && !pull.draft,
        Sort::Applications => open && pull.number % 2 == 1,
        Sort::Merges => false,
    };
    if wanted {
        let record = record.unwrap_or_else(|| panic!("missed: {what}"));
        assert_eq!(record.pull.head, head, "the final head is not the one that is known: {what}");
        assert!(says(head.short()), "the final head is not shown: {what}");
        if world.sort == Sort::OnClick {
            assert!(record.phase == Phase::Offered && says("Not diffed yet"), "not offered: {what}");
            return;
        }
        assert_eq!(record.phase, Phase::Reported, "not reported: {what}");
        assert_eq!(record.base_tip, Some(sha(world.hub.tip())), "reported against another base: {what}");
        assert!(!says("Waiting to be diffed") && !says("Being diffed"), "it looks unfinished: {what}");
    } else if !open && !messages.is_empty() {
        let word = if pull.state == PullState::Merged { "Merged" } else { "Closed without a merge" };
        assert!(says(word), "its end is not shown: {what}");
    }
    if world.sort == Sort::Merges {
        let told = usize::from(pull.state == PullState::Merged);
        let old = world.old.contains(&pull.number) && messages.is_empty();
        assert!(messages.len() == told || old, "merges are told, and nothing else: {what}");
    }
    if world.sort == Sort::Applications && pull.number.is_multiple_of(2) {
        assert!(messages.is_empty(), "nobody wanted that: {what}");
    }
}
