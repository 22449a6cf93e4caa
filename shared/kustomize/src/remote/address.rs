//! Addresses of directories in git repositories, taken apart as kustomize does.

use std::time::Duration;

/// How long kustomize lets each git command take, unless the address says otherwise.
const TIMEOUT: Duration = Duration::from_secs(27);

/// The address of a directory in a git repository, such as `https://github.com/org/repo//deploy?ref=v1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteAddress {
    /// Scheme, user and host, up to the repository's path: `https://github.com/`, `git@example.com:`.
    pub host: String,
    /// The repository's path on the host: `org/repo`, `org/repo.git`.
    pub repository: String,
    /// The directory within the repository; empty for its root. It never leaves the repository.
    pub directory: String,
    /// The branch, tag or commit; empty for the repository's own default.
    pub reference: String,
    /// Whether submodules are wanted too.
    pub submodules: bool,
    /// How long each git command may take.
    pub timeout: Duration,
}

impl RemoteAddress {
    /// Takes an address apart; `None` when kustomize does not take it for a git repository's.
    #[must_use]
    pub fn parse(address: &str) -> Option<Self> {
        if address.starts_with('/') {
            return None;
        }
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let (host, path) = host(path)?;
        let whole = host.starts_with(FILE);
        let (repository, directory) = split_marked(path).or_else(|| split_short(path, whole))?;
        if repository.is_empty() || leaves(directory) {
            return None;
        }
        let directory = directory.strip_prefix('/').unwrap_or(directory);
        let mut parsed = RemoteAddress {
            host,
            repository: repository.to_owned(),
            directory: directory.to_owned(),
            reference: String::new(),
            submodules: true,
            timeout: TIMEOUT,
        };
        if let Some(pairs) = decode(query) {
            parsed.take_query(&pairs);
        }
        Some(parsed)
    }

    /// What git clones.
    #[must_use]
    pub fn clone_url(&self) -> String {
        format!("{}{}", self.host, self.repository)
    }

    fn take_query(&mut self, pairs: &[(String, String)]) {
        let first = |name: &str| pairs.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
        let filled = |name: &str| first(name).filter(|value| !value.is_empty());
        self.reference = filled("ref").or_else(|| first("version")).unwrap_or_default().to_owned();
        self.timeout = filled("timeout").and_then(duration).unwrap_or(TIMEOUT);
        let falsehoods = ["0", "f", "F", "false", "FALSE", "False"];
        self.submodules = filled("submodules").is_none_or(|value| !falsehoods.contains(&value));
    }
}

const FILE: &str = "file://";
const SCHEMES: [&str; 4] = ["ssh://", "https://", "http://", FILE];

/// Splits the host off: everything that git needs before the repository's path.
fn host(address: &str) -> Option<(String, &str)> {
    let address = strip_ignoring_case(address, "git::").unwrap_or(address);
    let found = SCHEMES.iter().find_map(|s| Some((*s, strip_ignoring_case(address, s)?)));
    let (scheme, after_scheme) = found.unwrap_or(("", address));
    let (user, rest) = user(after_scheme);
    let lower = rest.to_ascii_lowercase();
    let github = lower.starts_with("github.com/") || lower.starts_with("github.com:");
    let scp = scheme.is_empty() && (!user.is_empty() || github);
    if scheme.is_empty() && !scp {
        return None;
    }
    if scheme == FILE {
        return Some((scheme.to_owned(), after_scheme));
    }
    let (host, path) =
        separator(rest, scp).and_then(|at| rest.split_at_checked(at + 1)).unwrap_or((rest, ""));
    if github {
        let over_ssh = scheme == "ssh://" || !user.is_empty();
        let host = if over_ssh { format!("{user}github.com:") } else { "https://github.com/".to_owned() };
        return Some((host, path));
    }
    (!host.is_empty()).then(|| (format!("{scheme}{user}{host}"), path))
}

fn strip_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// Splits `user@` off.
fn user(text: &str) -> (&str, &str) {
    let valid = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    match text.split_once('@') {
        Some((name, _)) if valid(name) => text.split_at(name.len() + 1),
        _ => ("", text),
    }
}

/// Where the host ends: at a slash, or as ssh writes it at a colon before any.
fn separator(text: &str, scp: bool) -> Option<usize> {
    let slash = text.find('/');
    let colon = text.find(':').filter(|_| scp);
    match (slash, colon) {
        (None, colon) => colon,
        (Some(slash), Some(colon)) if colon > 0 && colon < slash => Some(colon),
        (slash, _) => slash,
    }
}

/// Splits where `_git/`, `//` or `.git` says that the repository's path ends.
fn split_marked(path: &str) -> Option<(&str, &str)> {
    if let Some(at) = path.find("_git/") {
        let from = at + "_git/".len();
        let end = path.get(from..)?.find('/').map(|slash| from + slash);
        return Some(
            end.map_or((path, ""), |end| {
                (path.get(..end).unwrap_or(path), path.get(end + 1..).unwrap_or(""))
            }),
        );
    }
    path.split_once("//")
        .or_else(|| path.find(".git").and_then(|at| path.split_at_checked(at + ".git".len())))
}

/// Takes two parts for the repository, or all of them.
fn split_short(path: &str, whole: bool) -> Option<(&str, &str)> {
    if whole {
        return Some((path, ""));
    }
    let (_, rest) = path.split_once('/')?;
    match rest.split_once('/') {
        Some((_, directory)) => Some((path.get(..path.len() - directory.len() - 1)?, directory)),
        None => Some((path, "")),
    }
}

/// Whether a directory goes out of the repository.
fn leaves(directory: &str) -> bool {
    let directory = directory.strip_prefix('/').unwrap_or(directory);
    !directory.starts_with('/')
        && crate::loader::join_lexically("", directory).split('/').next() == Some("..")
}

/// The pairs of a query; `None` when Go finds it malformed.
fn decode(query: &str) -> Option<Vec<(String, String)>> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if pair.contains(';') { None } else { Some((unescape(name)?, unescape(value)?)) }
        })
        .collect()
}

fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                let digits = std::str::from_utf8(&digits).ok().filter(|d| !d.starts_with('+'))?;
                u8::from_str_radix(digits, 16).ok()?
            }
            byte => byte,
        });
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Whole seconds, or numbers with units such as `1m30s`; nothing that is not positive.
fn duration(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.strip_prefix('+').unwrap_or(text).parse::<u32>() {
        return Some(Duration::from_secs(seconds.into())).filter(|d| !d.is_zero());
    }
    let (mut rest, mut total) = (text.strip_prefix('+').unwrap_or(text), 0.0);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at_checked(digits)?;
        let units =
            [("ns", 1e-9), ("us", 1e-6), ("µs", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
        let (after, unit) = units.iter().find_map(|(name, unit)| {
            let after = after.strip_prefix(name)?;
            let ends = after.is_empty() || after.starts_with(|c: char| c.is_ascii_digit() || c == '.');
            ends.then_some((after, unit))
        })?;
        total += number.parse::<f64>().ok()? * unit;
        rest = after;
    }
    Duration::try_from_secs_f64(total).ok().filter(|d| !d.is_zero())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let check = |address: &str, host: &str, repository: &str, directory: &str, reference: &str| {
            let parsed = RemoteAddress::parse(address).unwrap();
            let got = (&*parsed.host, &*parsed.repository, &*parsed.directory, &*parsed.reference);
            assert_eq!(got, (host, repository, directory, reference), "{address}");
        };
        let github = "https://github.com/";
        check("https://github.com/org/repo//deploy/base?ref=v1", github, "org/repo", "deploy/base", "v1");
        check("github.com/org/repo", github, "org/repo", "", "");
        check("GitHub.com/org/repo/a/b?version=v2", github, "org/repo", "a/b", "v2");
        check(
            "http://github.com/org/repo.git/a?ref=&version=x",
            github,
            "org/repo.git",
            "/a".trim_start_matches('/'),
            "x",
        );
        check("git@github.com:org/repo.git//a", "git@github.com:", "org/repo.git", "a", "");
        check("ssh://git@github.com/org/repo", "git@github.com:", "org/repo", "", "");
        check("ssh://github.com/org/repo", "github.com:", "org/repo", "", "");
        check("https://me@github.com/org/repo", "me@github.com:", "org/repo", "", "");
        check("git::https://gitlab.example/a/b/c", "https://gitlab.example/", "a/b", "c", "");
        check("me@host.example:a/b/c.git/d", "me@host.example:", "a/b/c.git", "d", "");
        check("me@host.example/a/b/c", "me@host.example/", "a/b", "c", "");
        check("ssh://me@host.example:22/a/b", "ssh://me@host.example:22/", "a/b", "", "");
        check(
            "https://dev.example/o/p/_git/repo/a/b?ref=x",
            "https://dev.example/",
            "o/p/_git/repo",
            "a/b",
            "x",
        );
        check("https://dev.example/o/p/_git/repo", "https://dev.example/", "o/p/_git/repo", "", "");
        check("file:///srv/repo", "file://", "/srv/repo", "", "");
        check("file:///srv/repo//sub", "file://", "/srv/repo", "sub", "");
        check("https://h.example/a/b?ref=a%2Fb+c", "https://h.example/", "a/b", "", "a/b c");
        check("https://h.example/a/b?ref=v1;x", "https://h.example/", "a/b", "", "");
        check(
            "https://raw.example/org/repo/main/file.yaml",
            "https://raw.example/",
            "org/repo",
            "main/file.yaml",
            "",
        );
    }

    #[test]
    fn other_paths_are_no_addresses() {
        for local in [
            "../base",
            "base",
            "a@b",
            "https",
            "https://",
            "gh:org/repo",
            "gh-pages",
            "dir.git/x",
            "/srv/a/b",
            "github.com",
            "https://host.example/file.yaml",
            "https://h.example/a/b//../c",
            "1me@h:a/b",
            "me_2@h.example:a/b",
            "git@github.com",
        ] {
            assert_eq!(RemoteAddress::parse(local), None, "{local}");
        }
    }

    #[test]
    fn the_rest_of_the_query_is_read() {
        let parse = |query: &str| RemoteAddress::parse(&format!("github.com/a/b?{query}")).unwrap();
        assert!(
            parse("").submodules
                && !parse("submodules=false").submodules
                && parse("submodules=no").submodules
        );
        for (text, seconds) in
            [("61", 61.0), ("1m30s", 90.0), ("0.5s", 0.5), ("0", 27.0), ("-3", 27.0), ("x", 27.0)]
        {
            assert_eq!(parse(&format!("timeout={text}")).timeout.as_secs_f64(), seconds, "{text}");
        }
    }
}
