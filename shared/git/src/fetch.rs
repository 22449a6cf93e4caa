//! One fetch: by commit id or ref, to a depth, within bytes and time, with a token only over HTTPS; and what its failure means.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use gix::bstr::ByteSlice as _;
use gix::remote::fetch::{Shallow, Tags};
use gix::{ObjectId, Repository, remote};
use ports::CheckoutError;
use secrecy::{ExposeSecret as _, SecretString};

use crate::Limits;
use crate::checkout::Job;
use crate::store::Store;

/// How often a running fetch is measured.
const WATCH: Duration = Duration::from_millis(200);
/// Longest part of an error chain that is shown, in characters.
const MAX_REASON: usize = 400;

/// What to fetch, from where, and what it may cost.
#[derive(Clone)]
pub(crate) struct Order {
    /// What the repository is called in errors.
    pub(crate) repo: String,
    pub(crate) url: String,
    pub(crate) token: Option<SecretString>,
    pub(crate) specs: Vec<String>,
    pub(crate) limits: Limits,
}

/// Why a fetch failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// As the caller should hear it.
    Final(CheckoutError),
    /// The cache would be over its size.
    Full,
    /// Perhaps the cache is broken.
    Suspect(String),
}

/// How a repository is opened: nobody's configuration is read, and no object may ask for more than 256 MiB of memory.
pub(crate) fn opening() -> gix::open::Options {
    gix::open::Options::isolated().config_overrides(["gitoxide.objects.allocLimit=268435456"])
}

/// Opens the store as a bare repository, making it first when it is not there.
pub(crate) fn open(store: &Store) -> Result<Repository, Failure> {
    let opened = if store.dir.join("HEAD").exists() {
        gix::ThreadSafeRepository::open_opts(&store.dir, opening().open_path_as_is(true))
    } else {
        let bare = gix::create::Kind::Bare;
        let options = gix::create::Options { destination_must_be_empty: Some(true), ..Default::default() };
        gix::ThreadSafeRepository::init_opts(&store.dir, bare, options, opening())
    };
    opened.map(|repo| repo.to_thread_local()).map_err(|error| Failure::Suspect(chain(&error)))
}

/// Fetches the two commits, and the merge ref if there is one, with `depth` commits of history. Gives the merge commit.
pub(crate) fn pull(
    repo: &Repository,
    store: &Store,
    job: &Job,
    depth: NonZeroU32,
) -> Result<Option<ObjectId>, Failure> {
    let merge_ref = format!("refs/preflux/pull/{}/merge", job.number);
    let wanted = |sha: &domain::CommitSha| format!("+{sha}:refs/preflux/commit/{sha}");
    let specs = vec![
        wanted(&job.base_tip),
        wanted(&job.head),
        format!("+refs/pull/{}/merge:{merge_ref}", job.number),
    ];
    let order = Order {
        repo: job.repo.to_string(),
        url: job.url.clone(),
        token: job.token.clone(),
        specs,
        limits: job.limits.clone(),
    };
    fetch(repo, store, &order, depth, &merge_ref)
}

/// Fetches what is ordered, with `depth` commits of history. Gives what `shown`, one of the local refs, is now.
pub(crate) fn fetch(
    repo: &Repository,
    store: &Store,
    job: &Order,
    depth: NonZeroU32,
    shown: &str,
) -> Result<Option<ObjectId>, Failure> {
    let stop = AtomicBool::new(false);
    let why = AtomicU8::new(RUNNING);
    let result = std::thread::scope(|scope| {
        let (done, ended) = mpsc::channel::<()>();
        scope.spawn(|| watch(store, job, &stop, &why, ended));
        let result = receive(repo, job, depth, shown, &stop);
        drop(done);
        result
    });
    if result.is_ok() && store.bytes() > job.limits.repo_bytes {
        return Err(Failure::Full);
    }
    result.map_err(|error| match why.load(Ordering::SeqCst) {
        TOO_LARGE => Failure::Full,
        TOO_LONG => Failure::Final(CheckoutError::Unavailable {
            repo: job.repo.clone(),
            reason: format!("the fetch took longer than {} s", job.limits.fetch_time.as_secs()),
        }),
        _ => judge(job, &error),
    })
}

const RUNNING: u8 = 0;
const TOO_LARGE: u8 = 1;
const TOO_LONG: u8 = 2;

/// Stops a fetch that grows or lasts too much.
fn watch(store: &Store, job: &Order, stop: &AtomicBool, why: &AtomicU8, ended: mpsc::Receiver<()>) {
    let start = Instant::now();
    while ended.recv_timeout(WATCH) == Err(mpsc::RecvTimeoutError::Timeout) {
        let reason = if start.elapsed() > job.limits.fetch_time {
            TOO_LONG
        } else if store.bytes() > job.limits.repo_bytes {
            TOO_LARGE
        } else {
            continue;
        };
        why.store(reason, Ordering::SeqCst);
        stop.store(true, Ordering::SeqCst);
        return;
    }
}

fn receive(
    repo: &Repository,
    job: &Order,
    depth: NonZeroU32,
    shown: &str,
    stop: &AtomicBool,
) -> Result<Option<ObjectId>, gix::Error> {
    let remote = repo
        .remote_at(job.url.as_str())?
        .with_fetch_tags(Tags::None)
        .with_refspecs(job.specs.iter().map(String::as_str), remote::Direction::Fetch)?;
    let mut connection = remote.connect(remote::Direction::Fetch)?;
    connection.set_credentials(|action| Ok(credentials(job, action)));
    let prepared = connection.prepare_fetch(gix::progress::Discard, remote::ref_map::Options::default())?;
    let found = prepared.ref_map().mappings.iter().find_map(|mapping| {
        let ours = mapping.local.as_ref().is_some_and(|name| name == shown);
        ours.then(|| mapping.remote.as_id().map(ToOwned::to_owned)).flatten()
    });
    prepared.with_shallow(Shallow::DepthAtRemote(depth)).receive(gix::progress::Discard, stop)?;
    Ok(found)
}

/// Our token when the server asks for one, and never for a URL that is not HTTPS.
fn credentials(
    job: &Order,
    action: gix::credentials::helper::Action,
) -> Option<gix::credentials::protocol::Outcome> {
    let gix::credentials::helper::Action::Get(context) = action else { return None };
    let https = context.url.as_ref().is_some_and(|url| url.starts_with_str("https://"));
    let token = job.token.as_ref().filter(|_| https)?;
    Some(gix::credentials::protocol::Outcome {
        identity: gix::sec::identity::Account {
            username: "x-access-token".to_owned(),
            password: token.expose_secret().to_owned(),
            oauth_refresh_token: None,
        },
        next: context.into(),
    })
}

fn judge(job: &Order, error: &gix::Error) -> Failure {
    let said = chain(error);
    let repo = job.repo.clone();
    let status = |code: &str| said.contains(&format!("Received HTTP status {code}"));
    if status("404") {
        return Failure::Final(CheckoutError::NotFound(repo));
    }
    if status("403") {
        return Failure::Final(CheckoutError::Unauthorized(repo));
    }
    if error.is_unauthenticated() {
        // Without a token, a private repository and a missing one look the same.
        let refused = job.token.is_some();
        let error = if refused { CheckoutError::Unauthorized(repo) } else { CheckoutError::NotFound(repo) };
        return Failure::Final(error);
    }
    if let Some(rest) = said.split("not our ref ").nth(1) {
        let what = rest.chars().take_while(char::is_ascii_hexdigit).collect();
        return Failure::Final(CheckoutError::Gone { what, repo });
    }
    if error.is_retryable() || status("5") || status("429") {
        return Failure::Final(CheckoutError::Unavailable { repo, reason: said });
    }
    Failure::Suspect(said)
}

/// An error with its causes on one line, cut. gix puts URLs into it, never credentials.
pub(crate) fn chain(error: &gix::Error) -> String {
    let mut text = String::new();
    for cause in error.iter_errors() {
        let more = cause.to_string();
        if !text.contains(&more) {
            text.push_str(if text.is_empty() { "" } else { ": " });
            text.push_str(&more);
        }
    }
    text.chars().filter(|c| !c.is_control()).take(MAX_REASON).collect()
}

#[cfg(test)]
mod tests {
    use gix::credentials::helper::Action;
    use gix::credentials::protocol::Context;

    use super::*;

    fn job(token: Option<&str>) -> Order {
        Order {
            repo: "acme/fleet".to_owned(),
            url: "https://example.com/acme/fleet.git".to_owned(),
            token: token.map(|token| token.to_owned().into()),
            specs: Vec::new(),
            limits: crate::Limits::default(),
        }
    }

    #[test]
    fn tokens_go_over_https_only() {
        let asked = |token, url: &str| {
            let context = Context { url: Some(url.into()), ..Context::default() };
            credentials(&job(token), Action::Get(context)).map(|outcome| outcome.identity.password)
        };
        assert_eq!(asked(Some("t"), "https://example.com/x.git").as_deref(), Some("t"));
        assert_eq!(asked(Some("t"), "http://example.com/x.git"), None);
        assert_eq!(asked(Some("t"), "file:///x.git"), None);
        assert_eq!(asked(None, "https://example.com/x.git"), None);
    }

    /// What a failure that says `said` comes to.
    fn check(token: Option<&str>, error: gix::Error, wanted: &str) {
        let said = match judge(&job(token), &error) {
            Failure::Final(error) => error.to_string(),
            other => format!("{other:?}"),
        };
        assert!(said.contains(wanted), "{said:?} is not {wanted:?}");
    }

    #[test]
    fn failures_are_judged() {
        let plain = |text: &str| gix::Error::from_error(std::io::Error::other(text.to_owned()));
        let refused = || gix::error::unauthenticated("who are you").into();
        check(Some("t"), refused(), "refused the token for `acme/fleet`");
        check(None, refused(), "`acme/fleet` does not exist");
        check(Some("t"), plain("Received HTTP status 403"), "refused the token");
        check(Some("t"), plain("Received HTTP status 404"), "does not exist");
        check(None, plain("Received HTTP status 502"), "could not be fetched: Received HTTP status 502");
        check(None, plain("upload-pack: not our ref abc123\n"), "`abc123` is not in");
        check(None, plain("odd"), "Suspect(\"odd\")");
    }
}
