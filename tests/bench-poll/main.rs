//! What polling hundreds of repositories costs: charged requests an hour, the time of a poll, and the memory of the process that polls. The
//! stand-in for GitHub, 80 ms away, counts as GitHub counts; who polls is a process of its own, so that its memory is its own.
//!
//! `bench-poll REPOSITORIES PULLS MINUTES` prints one line of JSON; `cargo xtask bench poll` makes a page of it.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot run says why and ends"
)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use backend_embedded::Sqlite;
use domain::{Pace, RepoRule, Repositories, Selection};
use flows::poll::{PollCtx, poll};
use github::{Auth, GitHub, Settings};
use ports::Clock;
use ports::ledger::{Ledger, Phase};
use serde_json::{Value, json};
use testkit::github::{APP_ID, FakeGitHub, Options, PullSpec};

/// How far away GitHub is.
const AWAY: Duration = Duration::from_millis(80);

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["polls", url, key, state] => polls(url, Path::new(key), Path::new(state)).await,
        [repositories, pulls, minutes] => {
            println!(
                "{}",
                hour(repositories.parse().unwrap(), pulls.parse().unwrap(), minutes.parse().unwrap())
            );
        }
        _ => panic!("REPOSITORIES PULLS MINUTES"),
    }
}

/// The time that the parent says it is.
struct Told(AtomicI64);

impl Clock for Told {
    fn now(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Polls whenever it reads a time, and says how long that took and how much memory it ever had.
async fn polls(url: &str, key: &Path, state: &Path) {
    let told = Arc::new(Told(AtomicI64::new(0)));
    let clock: Arc<dyn Clock> = told.clone();
    let mut lines = std::io::stdin().lock().lines();
    let mut context: Option<PollCtx> = None;
    while let Some(Ok(line)) = lines.next() {
        let reports = line.ends_with("reports");
        told.0.store(line.split(' ').next().unwrap().parse().unwrap(), Ordering::SeqCst);
        let ctx = context.get_or_insert_with(|| start(url, key, state, &clock));
        let begun = Instant::now();
        let results = poll(ctx).await;
        let took = begun.elapsed();
        for (name, result) in &results {
            assert!(result.is_ok(), "{name}: {result:?}");
        }
        if reports {
            report(ctx, state, &clock).await;
        }
        println!(
            "{}",
            json!({"ms": took.as_secs_f64() * 1e3, "peak_kb": peak_kb(), "polled": results.len()})
        );
    }
}

fn start(url: &str, key: &Path, state: &Path, clock: &Arc<dyn Clock>) -> PollCtx {
    let table = Arc::new(Sqlite::open(state, Arc::clone(clock)).unwrap());
    let ledger = Ledger::new(table.clone(), Arc::clone(clock));
    let private_key_pem = std::fs::read_to_string(key).unwrap().into();
    let settings = Settings {
        api_url: url.to_owned(),
        auth: Auth::App { app_id: APP_ID, private_key_pem, installation: None },
        clock: Arc::clone(clock),
        ledger: ledger.clone(),
        carry_etags: std::env::var_os("CARRY_ETAGS").is_some(),
    };
    let all = Repositories::Of { owner: "acme".to_owned(), names: Selection::default() };
    PollCtx {
        forge: Arc::new(GitHub::new(settings).unwrap()),
        queue: table,
        ledger,
        chat: None,
        clock: Arc::clone(clock),
        rules: vec![RepoRule::new(all, "C1")],
        events: Vec::new(),
        pace: Pace::default(),
        first_reports: usize::MAX,
    }
}

/// What the worker does with what was queued, as far as polling is concerned: everything is reported.
async fn report(ctx: &PollCtx, state: &Path, clock: &Arc<dyn Clock>) {
    let table = Sqlite::open(state, Arc::clone(clock)).unwrap();
    let listed = ports::Table::list(&table, "note").await.unwrap();
    for (key, _) in listed {
        let Some(repo) = key.sort.strip_prefix("watermark#") else { continue };
        for record in ctx.ledger.pulls(&repo.parse().unwrap()).await.unwrap() {
            let reported = |record: Option<ports::ledger::PullRecord>| {
                let mut record = record?;
                (record.phase, record.base_tip) = (Phase::Reported, Some(record.pull.base.clone()));
                Some(record)
            };
            ctx.ledger.change_pull(&record.pull.key, reported).await.unwrap();
        }
    }
}

/// The most memory that this process ever held, in kB.
fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).unwrap_or_default()
}

/// A process that polls.
struct Poller {
    child: Child,
    said: BufReader<std::process::ChildStdout>,
}

impl Poller {
    fn start(fake: &FakeGitHub, dir: &Path) -> Self {
        let key = dir.join("key.pem");
        std::fs::write(&key, fake.app_key_pem()).unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg("polls")
            .arg(fake.url())
            .arg(key)
            .arg(dir.join("state.db"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        Self { child, said }
    }

    fn poll(&mut self, now: i64, reports: bool) -> Value {
        let line = format!("{now}{}\n", if reports { " reports" } else { "" });
        self.child.stdin.as_mut().unwrap().write_all(line.as_bytes()).unwrap();
        let mut said = String::new();
        self.said.read_line(&mut said).unwrap();
        serde_json::from_str(&said).unwrap()
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Polls every minute, in a new process every ten, while every third minute something changes somewhere.
fn hour(repositories: usize, pulls: u64, minutes: u64) -> Value {
    let fake = FakeGitHub::start(Options { away: AWAY, ..Options::default() }).unwrap();
    for number in 0..repositories {
        let repo = fake.repo(&format!("acme/fleet-{number:03}"));
        repo.commit("main", "Start", [("a.yaml", Some("a: 1\n"))]);
        repo.open_pull(PullSpec::new("Change", "change", [("a.yaml", Some("a: 2\n"))]));
        repo.crowd(pulls - 1);
    }
    let dir = tempfile::tempdir().unwrap();
    let mut poller = Poller::start(&fake, dir.path());
    let first = poller.poll(fake.clock().now(), true);
    let counted = |fake: &FakeGitHub| {
        let seen = fake.requests();
        fake.forget_requests();
        let unchanged = seen.iter().filter(|r| r.status == 304).count();
        (seen.len(), unchanged, seen.iter().filter(|r| r.charged).count())
    };
    let at_first = counted(&fake);
    let (mut asked, mut unchanged, mut charged) = (0, 0, 0);
    let (mut times, mut peak) = (Vec::new(), first["peak_kb"].as_u64().unwrap());
    for minute in 1..=minutes {
        fake.clock().advance(60);
        if minute % 10 == 0 {
            poller = Poller::start(&fake, dir.path());
        }
        if minute % 3 == 0 {
            let busy = usize::try_from(minute * 7).unwrap() % repositories;
            let title = format!("Another title {minute}");
            fake.repo(&format!("acme/fleet-{busy:03}")).set_title(1 + minute % pulls, &title);
        }
        let said = poller.poll(fake.clock().now(), false);
        times.push(said["ms"].as_f64().unwrap());
        peak = peak.max(said["peak_kb"].as_u64().unwrap());
        let now = counted(&fake);
        (asked, unchanged, charged) = (asked + now.0, unchanged + now.1, charged + now.2);
    }
    json!({
        "repositories": repositories, "pulls": pulls, "minutes": minutes, "away_ms": AWAY.as_millis(),
        "first_ms": first["ms"], "first_charged": at_first.2, "poll_ms": times, "peak_kb": peak,
        "asked": asked, "unchanged": unchanged, "charged": charged,
    })
}
