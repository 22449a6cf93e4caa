//! Pull requests fetched from a fake GitHub that serves real git over HTTP.
#![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::report::Mode;
use domain::{Author, CommitSha, PullRequest, PullState, RepoName};
use git::{GitCache, Limits, Settings, TokenSource};
use kustomize::{EntryKind, TreeError};
use ports::{Checkout, CheckoutError, Checkouts as _};
use secrecy::SecretString;
use testkit::faults::{Fault, FaultKind};
use testkit::github::{Change, FakeGitHub, Options, PullSpec, RepoHandle, What};

struct NoToken;

#[async_trait]
impl TokenSource for NoToken {
    async fn token(&self, _: &RepoName) -> Result<Option<SecretString>, CheckoutError> {
        Ok(None)
    }
}

struct World {
    github: FakeGitHub,
    repo: RepoHandle,
    dir: tempfile::TempDir,
    cache: GitCache,
}

impl World {
    /// A repository with three files on `main`.
    fn new() -> Self {
        Self::limited(Limits::default())
    }

    fn limited(limits: Limits) -> Self {
        let github = FakeGitHub::start(Options::default()).unwrap();
        let repo = github.repo("acme/fleet");
        repo.commit(
            "main",
            "Start",
            [
                ("apps/web.yaml", Some("replicas: 1\n")),
                ("apps/db.yaml", Some("size: 1\n")),
                ("README.md", Some("# Fleet\n")),
            ],
        );
        let dir = tempfile::tempdir().unwrap();
        let cache = cache(&github, &dir, limits);
        Self { github, repo, dir, cache }
    }

    /// Opens a pull request with one commit.
    fn open(&self, changes: impl IntoIterator<Item: Into<Change>>) -> u64 {
        self.repo.open_pull(PullSpec::new("Change", "change", changes))
    }

    fn pull(&self, number: u64) -> PullRequest {
        let pull = self.repo.pull(number);
        PullRequest {
            key: format!("acme/fleet#{number}").parse().unwrap(),
            title: pull.title,
            author: Author { login: pull.author, bot: false },
            state: PullState::Open,
            draft: false,
            labels: BTreeSet::new(),
            head_branch: pull.head_ref,
            head: pull.head_sha.parse().unwrap(),
            base_branch: pull.base_ref,
            base: pull.base_sha.parse().unwrap(),
            fork: pull.fork,
            head_owner: None,
            url: String::new(),
            updated_at: 0,
            closed_at: None,
        }
    }

    fn tip(&self) -> CommitSha {
        self.repo.head("main").unwrap().parse().unwrap()
    }

    async fn try_checkout(&self, number: u64) -> Result<Checkout, CheckoutError> {
        self.cache.pull(&self.pull(number), &self.tip()).await
    }

    async fn checkout(&self, number: u64) -> Checkout {
        self.try_checkout(number).await.unwrap()
    }

    /// What git itself says of two commits.
    fn git(&self, args: &[&str]) -> String {
        let output = Command::new("git").current_dir(self.repo.git_dir()).args(args).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Holds a checkout against git: the same files with the same bytes on both sides, the same changed paths.
    fn check_against_git(&self, checkout: &Checkout) {
        let (base, result) = (checkout.comparison.base.as_str(), checkout.comparison.result.as_str());
        let changed = self.git(&["diff", "--name-only", "--no-renames", "-z", base, result]);
        let changed: BTreeSet<String> = changed.split_terminator('\0').map(str::to_owned).collect();
        assert_eq!(checkout.changed, changed);
        for (commit, tree) in [(base, &checkout.base), (result, &checkout.result)] {
            let listed = self.git(&["ls-tree", "-r", "-z", commit]);
            for line in listed.split_terminator('\0') {
                let (head, path) = line.split_once('\t').unwrap();
                let mode = head.split(' ').next().unwrap();
                let kind = match mode {
                    "120000" => EntryKind::Symlink,
                    "160000" => EntryKind::Submodule,
                    _ => EntryKind::File,
                };
                assert_eq!(tree.kind(path), Some(kind), "{path}");
                if kind == EntryKind::File {
                    let bytes = self.git(&["show", &format!("{commit}:{path}")]);
                    assert_eq!(&*tree.read(path).unwrap(), bytes.as_bytes(), "{path}");
                }
            }
        }
    }
}

fn cache(github: &FakeGitHub, dir: &tempfile::TempDir, limits: Limits) -> GitCache {
    GitCache::new(Settings {
        cache_dir: dir.path().join("git"),
        remote: git::remote_at(&github.url()),
        token: Arc::new(NoToken),
        limits,
    })
}

const RAISE: (&str, Option<&str>) = ("apps/web.yaml", Some("replicas: 2\n"));

#[tokio::test]
async fn the_merge_result_is_compared_with_the_base_tip() {
    let world = World::new();
    let number = world.open([RAISE]);
    // The base moves on; GitHub's merge follows it.
    world.repo.commit("main", "Grow", [("apps/db.yaml", Some("size: 2\n"))]);
    let checkout = world.checkout(number).await;
    assert_eq!(checkout.comparison.mode, Mode::MergeResult);
    assert_eq!(checkout.comparison.base, world.tip());
    assert_eq!(checkout.changed, BTreeSet::from(["apps/web.yaml".to_owned()]));
    assert_eq!(&*checkout.result.read("apps/db.yaml").unwrap(), b"size: 2\n");
    world.check_against_git(&checkout);
}

#[tokio::test]
async fn without_a_merge_the_head_is_compared_with_the_merge_base() {
    let world = World::new();
    let fork_point = world.tip();
    let number = world.open([RAISE]);
    world.repo.commit("main", "Clash", [("apps/web.yaml", Some("replicas: 9\n"))]);
    let checkout = world.checkout(number).await;
    assert_eq!(checkout.comparison.mode, Mode::HeadAgainstMergeBase);
    assert_eq!(checkout.comparison.base, fork_point);
    assert_eq!(checkout.comparison.result, world.pull(number).head);
    world.check_against_git(&checkout);
}

#[tokio::test]
async fn an_old_merge_is_not_used() {
    let world = World::new();
    let number = world.open([RAISE]);
    world.checkout(number).await;
    world.repo.hold_merge(number, true);
    world.repo.commit("main", "Grow", [("apps/db.yaml", Some("size: 2\n"))]);
    let checkout = world.checkout(number).await;
    assert_eq!(checkout.comparison.mode, Mode::HeadAgainstMergeBase);
    assert_eq!(checkout.changed, BTreeSet::from(["apps/web.yaml".to_owned()]));
    world.check_against_git(&checkout);
}

#[tokio::test]
async fn a_merge_base_far_back_is_found() {
    let world = World::new();
    let fork_point = world.tip();
    let number = world.open([RAISE]);
    for n in 0..70 {
        let text = format!("replicas: {}\n", 100 + n);
        world.repo.commit("main", "Clash", [("apps/web.yaml", Some(text.as_str()))]);
    }
    let checkout = world.checkout(number).await;
    assert_eq!(checkout.comparison.base, fork_point);
    // The same once more, from what is there.
    assert_eq!(world.checkout(number).await.comparison, checkout.comparison);
}

#[tokio::test]
async fn histories_without_a_common_commit_are_said() {
    let world = World::new();
    let number = world.open([RAISE]);
    world.repo.hold_merge(number, true);
    let tree = world.git(&["rev-parse", "main^{tree}"]);
    let root =
        world.git(&["-c", "user.name=x", "-c", "user.email=x@x", "commit-tree", tree.trim(), "-m", "Root"]);
    world.repo.force_push("main", root.trim());
    let error = world.try_checkout(number).await.err().unwrap().to_string();
    assert!(error.contains("share no commit"), "{error}");
}

#[tokio::test]
async fn attributes_links_and_submodules_hide_nothing() {
    let world = World::new();
    let hidden = |path: &str, what: What| Change { path: path.to_owned(), what };
    let number = world.open([
        hidden(
            ".gitattributes",
            What::File(b"evil.yaml export-ignore\n*.yaml filter=lfs text eol=crlf\n".to_vec()),
        ),
        hidden("evil.yaml", What::File(b"a: $Format:%H$\n".to_vec())),
        hidden("link.yaml", What::Symlink("/etc/passwd".to_owned())),
        hidden("run.sh", What::Executable(b"#!/bin/sh\n".to_vec())),
        hidden("vendor/lib", What::Submodule("1".repeat(40))),
        hidden(
            "big.bin",
            What::File(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n".to_vec()),
        ),
    ]);
    let checkout = world.checkout(number).await;
    world.check_against_git(&checkout);
    assert_eq!(checkout.changed.len(), 6);
    let tree = &checkout.result;
    assert_eq!(tree.read("link.yaml"), Err(TreeError::NotFound { path: "link.yaml".to_owned() }));
    assert_eq!(tree.kind("link.yaml/x"), None);
    assert_eq!(tree.kind("apps"), Some(EntryKind::Directory));
    assert!(tree.list("evil.yaml").is_err());
    let names: Vec<String> = tree.list("").unwrap().into_iter().map(|e| e.name).collect();
    let mut sorted = names.clone();
    sorted.sort();
    assert_eq!(names, sorted);
    assert_eq!(names.len(), 8, "{names:?}");
    assert!(checkout.notes.iter().any(|n| n.contains("submodules") && n.contains("`vendor/lib`")));
    assert!(checkout.notes.iter().any(|n| n.contains("Git LFS") && n.contains("`big.bin`")));
}

#[tokio::test]
async fn changed_paths_are_those_that_git_names() {
    let world = World::new();
    world.repo.commit(
        "main",
        "More",
        [("a/x", Some("1")), ("a-b", Some("1")), ("a.b/c", Some("1")), ("z", Some("1"))],
    );
    let number = world.open([
        ("a/x", None),
        ("a", Some("a file now")),
        ("z", None),
        ("z/y", Some("a directory now")),
        ("a.b/c", Some("2")),
        ("README.md", None),
        ("docs/README.md", Some("# Fleet\n")),
    ]);
    let checkout = world.checkout(number).await;
    world.check_against_git(&checkout);
    assert_eq!(checkout.changed.len(), 7);
}

#[tokio::test]
async fn a_second_checkout_fetches_little() {
    let world = World::new();
    let noise = noise(100_000);
    world.repo.commit("main", "Noise", [("noise.txt", Some(noise.as_str()))]);
    let number = world.open([RAISE]);
    world.checkout(number).await;
    let before = bytes(world.dir.path());
    world.repo.push_to_pull(number, [("apps/web.yaml", Some("replicas: 3\n"))]);
    let checkout = world.checkout(number).await;
    assert_eq!(&*checkout.result.read("apps/web.yaml").unwrap(), b"replicas: 3\n");
    let added = bytes(world.dir.path()) - before;
    assert!(before > 60_000 && added < 10_000, "{before} bytes, then {added} more");

    // Another process finds what this one has left; one that runs beside it keeps to itself.
    let beside = cache(&world.github, &world.dir, Limits::default());
    beside.pull(&world.pull(number), &world.tip()).await.unwrap();
    let World { cache: first, github, repo, dir } = world;
    drop((first, beside, checkout));
    let world = World { cache: cache(&github, &dir, Limits::default()), github, repo, dir };
    let before = bytes(world.dir.path());
    world.check_against_git(&world.checkout(number).await);
    assert!(bytes(world.dir.path()) - before < 10_000);
}

#[tokio::test]
async fn a_broken_cache_is_replaced() {
    let world = World::new();
    let number = world.open([RAISE]);
    drop(world.checkout(number).await);
    for entry in std::fs::read_dir(world.dir.path().join("git/acme/fleet")).unwrap().flatten() {
        let pack = entry.path().join("objects/pack");
        for file in std::fs::read_dir(pack).into_iter().flatten().flatten() {
            std::fs::remove_file(file.path()).unwrap();
        }
    }
    world.check_against_git(&world.checkout(number).await);
}

#[tokio::test]
async fn trees_outlive_the_cache_that_they_came_from() {
    let world = World::limited(Limits { repo_bytes: 150_000, ..Limits::default() });
    let number = world.open([RAISE]);
    let old = world.checkout(number).await;
    for n in 0..6 {
        let text = format!("replicas: {n}\n");
        world.repo.push_to_pull(number, [("apps/web.yaml", Some(text.as_str()))]);
        world.check_against_git(&world.checkout(number).await);
    }
    assert_eq!(&*old.result.read("apps/web.yaml").unwrap(), b"replicas: 2\n");
    drop(old);
    let left = std::fs::read_dir(world.dir.path().join("git/acme/fleet")).unwrap().count();
    assert_eq!(left, 2, "one store and the lock");
}

#[tokio::test]
async fn limits_are_said() {
    let number = |world: &World| world.open([("a", Some("1")), ("b", Some("2")), ("c", Some("3"))]);

    let world = World::limited(Limits { changed_paths: 2, ..Limits::default() });
    let error = world.try_checkout(number(&world)).await.err().unwrap().to_string();
    assert!(error.contains("more than 2 paths differ"), "{error}");

    let world = World::limited(Limits { repo_bytes: 10_000, ..Limits::default() });
    let error = world.try_checkout(number(&world)).await.err().unwrap();
    assert!(matches!(&error, CheckoutError::TooLarge { limit, .. } if limit.contains("10000")), "{error}");

    let world = World::limited(Limits { fetch_time: Duration::ZERO, ..Limits::default() });
    let number_of_slow = number(&world);
    // Longer than the fetch is left unwatched.
    let slow = FaultKind::Slow(Duration::from_millis(400));
    world.github.fault(Fault::once("POST", "/acme/fleet.git", slow).times(9));
    let error = world.try_checkout(number_of_slow).await.err().unwrap();
    assert!(error.heals() && error.to_string().contains("longer than 0 s"), "{error}");

    let world = World::limited(Limits { file_bytes: 3, ..Limits::default() });
    let checkout = world.checkout(number(&world)).await;
    let error = checkout.result.read("README.md").unwrap_err();
    assert!(matches!(error, TreeError::TooLarge { limit: 3, .. }), "{error}");
    assert_eq!(&*checkout.result.read("a").unwrap(), b"1");
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let world = World::new();
    let number = world.open([RAISE]);
    let gone: CommitSha = "1234567890".repeat(4).parse().unwrap();
    let mut pull = world.pull(number);
    pull.head = gone.clone();
    let error = world.cache.pull(&pull, &world.tip()).await.err().unwrap();
    assert!(matches!(&error, CheckoutError::Gone { what, .. } if what == gone.as_str()), "{error}");
    assert!(!error.heals());

    let mut pull = world.pull(number);
    pull.key = "acme/other#1".parse().unwrap();
    let error = world.cache.pull(&pull, &world.tip()).await.err().unwrap();
    assert!(matches!(&error, CheckoutError::NotFound(repo) if repo == "acme/other"), "{error}");

    world.repo.set_private(true);
    let error = world.try_checkout(number).await.err().unwrap();
    assert!(matches!(error, CheckoutError::NotFound(_)), "{error}");
}

#[tokio::test]
async fn a_server_in_trouble_heals() {
    let world = World::new();
    let number = world.open([RAISE]);
    world.github.fault(Fault::once("GET", "/acme/fleet.git", FaultKind::Status(503)));
    let error = world.try_checkout(number).await.err().unwrap();
    assert!(error.heals() && error.to_string().contains("503"), "{error}");
    world.check_against_git(&world.checkout(number).await);
}

#[tokio::test]
async fn tokens_stay_off_plain_http() {
    struct Forbidden;

    #[async_trait]
    impl TokenSource for Forbidden {
        async fn token(&self, _: &RepoName) -> Result<Option<SecretString>, CheckoutError> {
            panic!("a token was asked for although the address is not HTTPS")
        }
    }
    let world = World::new();
    let number = world.open([RAISE]);
    world.github.set_require_git_auth(true);
    let cache = GitCache::new(Settings {
        cache_dir: world.dir.path().join("other"),
        remote: git::remote_at(&world.github.url()),
        token: Arc::new(Forbidden),
        limits: Limits::default(),
    });
    let error = cache.pull(&world.pull(number), &world.tip()).await.err().unwrap();
    assert!(matches!(error, CheckoutError::NotFound(_)), "{error}");
}

/// Text that hardly compresses.
fn noise(length: usize) -> String {
    let mut state = 1u32;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        char::from(b' ' + (state % 94) as u8)
    })
    .take(length)
    .collect()
}

fn bytes(dir: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(dir).unwrap().flatten();
    entries
        .map(|entry| {
            let meta = entry.metadata().unwrap();
            if meta.is_dir() { bytes(&entry.path()) } else { meta.len() }
        })
        .sum()
}
