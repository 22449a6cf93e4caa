//! Remotes fetched by address: a fake GitHub that serves real git over HTTP, and a server that answers as it is told.
#![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::RemoteHosts;
use git::{Limits, RemoteCache};
use ports::{CheckoutError, Remotes as _};
use testkit::github::{FakeGitHub, Options};

fn cache(dir: &tempfile::TempDir, limits: Limits) -> RemoteCache {
    RemoteCache::new(dir.path().join("git"), limits).unwrap()
}

#[tokio::test]
async fn a_reference_is_a_branch_a_tag_or_a_commit() {
    let github = FakeGitHub::start(Options::default()).unwrap();
    let repo = github.repo("acme/bases");
    let first = repo.commit("main", "Start", [("base/a.yaml", Some("a: 1\n"))]);
    repo.commit("release/1.0", "Release", [("base/a.yaml", Some("a: 2\n"))]);
    let second = repo.commit("main", "Go on", [("base/a.yaml", Some("a: 3\n"))]);
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(&dir, Limits::default());
    let url = format!("{}/acme/bases.git", github.url());
    let text = async |reference: Option<&str>| {
        let tree = cache.tree(&url, reference).await.unwrap();
        (String::from_utf8(tree.tree.read("base/a.yaml").unwrap().to_vec()).unwrap(), tree.commit)
    };
    assert_eq!(text(None).await, ("a: 3\n".to_owned(), second.clone()));
    assert_eq!(text(Some("main")).await, ("a: 3\n".to_owned(), second));
    assert_eq!(text(Some("release/1.0")).await.0, "a: 2\n");
    assert_eq!(text(Some("refs/heads/release/1.0")).await.0, "a: 2\n");
    assert_eq!(text(Some(&first)).await, ("a: 1\n".to_owned(), first.clone()));

    let third = repo.commit("main", "Once more", [("base/a.yaml", Some("a: 4\n"))]);
    assert_eq!(text(Some("main")).await, ("a: 4\n".to_owned(), third));
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let github = FakeGitHub::start(Options::default()).unwrap();
    github.repo("acme/bases").commit("main", "Start", [("a", Some("1"))]);
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(&dir, Limits::default());
    let url = format!("{}/acme/bases.git", github.url());
    for reference in ["nowhere", "*", "main:refs/heads/x"] {
        let error = cache.tree(&url, Some(reference)).await.err().unwrap();
        assert!(matches!(&error, CheckoutError::Gone { what, .. } if what == reference), "{error}");
    }
    let error = cache.tree(&format!("{}/acme/none.git", github.url()), None).await.err().unwrap();
    assert!(matches!(error, CheckoutError::NotFound(_)), "{error}");
}

/// A server that gives every request the same answer, and counts them.
fn server(answer: String) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            for line in lines {
                if line.unwrap().is_empty() {
                    break;
                }
            }
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    (url, count)
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}

#[tokio::test]
async fn redirects_stay_at_allowed_hosts() {
    let (secret, asked) = server(answer("200 OK", "", "kind: Secret"));
    let (front, _) = server(answer("302 Found", &format!("location: {secret}/x\r\n"), ""));
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(&dir, Limits::default());
    let allowed = |hosts: &[&String]| {
        RemoteHosts::new(&hosts.iter().map(|h| (*h).clone()).collect::<Vec<_>>()).unwrap()
    };
    let error = cache.file(&format!("{front}/a.yaml"), &allowed(&[&front])).await.unwrap_err();
    assert!(error.to_string().contains("redirects to a host that is not allowed"), "{error}");
    let error = cache.tree(&format!("{front}/a/b.git"), None).await.err().unwrap();
    assert!(!matches!(error, CheckoutError::Gone { .. }), "{error}");
    assert_eq!(asked.load(Ordering::SeqCst), 0, "the other server was asked");

    let bytes = cache.file(&format!("{front}/a.yaml"), &allowed(&[&front, &secret])).await.unwrap();
    assert_eq!(&*bytes, b"kind: Secret");
}

#[tokio::test]
async fn files_are_bounded_and_their_absence_is_told() {
    let (large, _) = server(answer("200 OK", "", &"x".repeat(200)));
    let (none, _) = server(answer("404 Not Found", "", ""));
    let (broken, _) = server(answer("503 Busy", "", ""));
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(&dir, Limits { file_bytes: 100, ..Limits::default() });
    let error = cache.file(&large, &RemoteHosts::default()).await.unwrap_err();
    assert!(error.to_string().contains("is at a host that is not allowed"), "{error}");
    let hosts = RemoteHosts::new(&[large.clone(), none.clone(), broken.clone()]).unwrap();
    let error = cache.file(&large, &hosts).await.unwrap_err();
    assert!(matches!(error, CheckoutError::TooLarge { .. }), "{error}");
    let error = cache.file(&none, &hosts).await.unwrap_err();
    assert!(matches!(error, CheckoutError::NotFound(_)), "{error}");
    let error = cache.file(&broken, &hosts).await.unwrap_err();
    assert!(error.heals(), "{error}");
}
