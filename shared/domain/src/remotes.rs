//! Which hosts a kustomization may name resources at. None, unless the operator says so.

/// Hosts that may be asked for remote bases and files, over HTTPS unless an entry says otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemoteHosts(Vec<String>);

/// An entry of the list that is no host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{entry}` is not a host: write `github.com`, `git.example.com:8443` or `http://git.internal:3000`")]
pub struct RemoteHostError {
    /// The entry as written.
    pub entry: String,
}

impl RemoteHosts {
    /// Reads a list of hosts (`github.com`, with a port where it is not 443) or whole origins (`http://git.internal:3000`).
    ///
    /// # Errors
    /// Names the first entry that is neither.
    pub fn new(entries: &[String]) -> Result<Self, RemoteHostError> {
        let origin = |entry: &String| {
            let whole = if entry.contains("://") { entry.clone() } else { format!("https://{entry}") };
            let origin = origin_of(&whole).filter(|origin| origin.len() == whole.trim_end_matches('/').len());
            origin.ok_or_else(|| RemoteHostError { entry: entry.clone() })
        };
        entries.iter().map(origin).collect::<Result<_, _>>().map(Self)
    }

    /// Whether nothing is allowed at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the address is at one of the hosts. An address with a user or password in it never is.
    pub fn allow(&self, url: &str) -> bool {
        origin_of(url).is_some_and(|origin| self.0.contains(&origin))
    }
}

/// `https://host:port` of an address, in lower case and without a default port; `None` of anything odd.
fn origin_of(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = rest.get(..end)?.to_ascii_lowercase();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    let default = match scheme.as_str() {
        "https" => ":443",
        "http" => ":80",
        _ => return None,
    };
    let authority = authority.strip_suffix(default).unwrap_or(&authority);
    (!authority.is_empty() && authority.chars().all(plain)).then(|| format!("{scheme}://{authority}"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn hosts(entries: &[&str]) -> Result<RemoteHosts, RemoteHostError> {
        RemoteHosts::new(&entries.iter().map(|e| (*e).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn only_listed_hosts_are_allowed() {
        let allowed = hosts(&["github.com", "git.example.com:8443", "http://127.0.0.1:3000"]).unwrap();
        let check = |url: &str, expected: bool| assert_eq!(allowed.allow(url), expected, "{url}");
        check("https://github.com/a/b.git", true);
        check("https://GitHub.com:443/a", true);
        check("http://github.com/a", false);
        check("https://github.com.evil.example/a", false);
        check("https://evil.example/github.com", false);
        check("https://github.com@evil.example/a", false);
        check("https://evil.example\\@github.com/a", false);
        check("https://user:pass@github.com/a", false);
        check("https://git.example.com/a", false);
        check("https://git.example.com:8443/a", true);
        check("http://127.0.0.1:3000/a.yaml", true);
        check("http://127.0.0.1:3001/a.yaml", false);
        check("ssh://git@github.com/a", false);
        check("github.com/a/b", false);
        assert!(!hosts(&[]).unwrap().allow("https://github.com/a"));
    }

    #[test]
    fn an_entry_that_is_no_host_is_named() {
        for bad in ["github.com/acme", "ftp://x", "", "a b", "https://u@h"] {
            assert_eq!(hosts(&["github.com", bad]).unwrap_err().entry, bad);
        }
    }
}
