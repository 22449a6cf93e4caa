//! Git over smart HTTP, read-only: `git upload-pack` answers, pushes are refused, private repositories ask for a token first.

use std::io::{Read as _, Write as _};
use std::process::Stdio;

use super::auth::{self, Access, Caller};
use super::git::Bare;
use super::rest::{Answer, Ask};
use super::{Inner, moved};

pub(crate) fn handle(inner: &Inner, ask: &Ask) -> Answer {
    let Some((full, action)) = ask.path.trim_start_matches('/').split_once(".git/") else {
        return plain(404, "Not Found");
    };
    let bare = match repository(inner, ask, full) {
        Ok(bare) => bare,
        Err(refusal) => return refusal,
    };
    match (ask.method.as_str(), action, ask.query.get("service").map(String::as_str)) {
        ("GET", "info/refs", Some("git-upload-pack")) => advertise(&bare, ask),
        ("POST", "git-upload-pack", _) => upload_pack(&bare, ask),
        ("GET", "info/refs", Some("git-receive-pack")) | ("POST", "git-receive-pack", _) => {
            plain(403, "Write access to repository not granted.")
        }
        ("GET", "info/refs", _) => plain(403, "Please upgrade your git client."),
        _ => plain(404, "Not Found"),
    }
}

/// As github.com: 401 with a challenge to who shows nothing, 404 to who may not see it.
fn repository(inner: &Inner, ask: &Ask, full: &str) -> Result<Bare, Answer> {
    let challenge =
        || plain(401, "Authentication required").with("www-authenticate", "Basic realm=\"GitHub\"");
    let caller = match auth::caller(inner, ask.header("authorization")) {
        None | Some(Caller::App) => {
            return Err(
                plain(401, "Invalid username or token.").with("www-authenticate", "Basic realm=\"GitHub\"")
            );
        }
        Some(Caller::Anonymous) if inner.git_auth() => return Err(challenge()),
        Some(caller) => caller,
    };
    if let Some(elsewhere) = moved::git_redirect(inner, ask, &caller, full) {
        return Err(elsewhere);
    }
    let state = inner.state();
    let repo = state.repos.get(&full.to_ascii_lowercase());
    match repo.map(|repo| (auth::access(&state, repo, &caller, "contents", "read"), repo)) {
        Some((Access::Granted, repo)) => Ok(repo.bare.clone()),
        Some((Access::Refused, _)) => Err(plain(403, "Resource not accessible by integration")),
        _ if matches!(caller, Caller::Anonymous) => Err(challenge()),
        _ => Err(plain(404, "Repository not found.")),
    }
}

fn plain(status: u16, text: &str) -> Answer {
    Answer {
        status,
        headers: vec![("content-type", "text/plain; charset=utf-8".to_owned())],
        body: text.as_bytes().to_vec(),
    }
}

fn advertise(bare: &Bare, ask: &Ask) -> Answer {
    let Some(refs) = run(bare, ask, &["upload-pack", "--stateless-rpc", "--advertise-refs", "."], &[]) else {
        return plain(500, "git failed");
    };
    let mut body = Vec::new();
    if ask.header("git-protocol").is_none_or(|p| !p.contains("version=2")) {
        body.extend_from_slice(b"001e# service=git-upload-pack\n0000");
    }
    body.extend(refs);
    git_answer("application/x-git-upload-pack-advertisement", body)
}

fn upload_pack(bare: &Bare, ask: &Ask) -> Answer {
    let Some(input) = inflated(ask) else { return plain(400, "the body's encoding is not supported") };
    match run(bare, ask, &["upload-pack", "--stateless-rpc", "."], &input) {
        Some(body) => git_answer("application/x-git-upload-pack-result", body),
        None => plain(500, "git failed"),
    }
}

fn git_answer(content_type: &str, body: Vec<u8>) -> Answer {
    Answer {
        status: 200,
        headers: vec![("content-type", content_type.to_owned()), ("cache-control", "no-cache".to_owned())],
        body,
    }
}

/// git compresses large requests; the `gzip` program undoes that, so that no compression library is needed here.
fn inflated(ask: &Ask) -> Option<Vec<u8>> {
    match ask.header("content-encoding") {
        None | Some("identity") => Some(ask.body.to_vec()),
        Some("gzip" | "x-gzip") => {
            let mut gzip = std::process::Command::new("gzip");
            piped(gzip.args(["-d", "-c"]), &ask.body)
        }
        Some(_) => None,
    }
}

fn run(bare: &Bare, ask: &Ask, args: &[&str], input: &[u8]) -> Option<Vec<u8>> {
    let mut command = bare.command(args);
    if let Some(protocol) = ask.header("git-protocol") {
        command.env("GIT_PROTOCOL", protocol);
    }
    piped(&mut command, input)
}

/// Feeds a program from one thread and reads it in another: packs are larger than a pipe. upload-pack ends with an error when the
/// client asks for what is not there, having said so in its output, so the status does not matter where there is output.
fn piped(command: &mut std::process::Command, input: &[u8]) -> Option<Vec<u8>> {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let (mut stdin, mut stdout) = (child.stdin.take()?, child.stdout.take()?);
    let mut output = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input));
        stdout.read_to_end(&mut output)
    })
    .ok()?;
    let status = child.wait().ok()?;
    (status.success() || !output.is_empty()).then_some(output)
}
