//! One spelling for the many addresses of a git repository.

/// Hosts whose repository paths do not care for case.
const CASELESS_HOSTS: [&str; 4] = ["github.com", "gitlab.com", "bitbucket.org", "dev.azure.com"];

/// Other names of hosts: their ssh on the port of https, and their web pages.
const HOST_ALIASES: [(&str, &str); 4] = [
    ("ssh.github.com:443", "github.com"),
    ("www.github.com", "github.com"),
    ("altssh.gitlab.com:443", "gitlab.com"),
    ("altssh.bitbucket.org:443", "bitbucket.org"),
];

/// The address of a repository without what does not tell it apart: scheme, user, default port, trailing slash, `.git`.
///
/// Two addresses of one repository give equal results. Understands `http(s)://`, `ssh://`, `git://` and
/// `git@host:path`; Azure DevOps' `ssh.dev.azure.com/v3/o/p/r` is `dev.azure.com/o/p/_git/r`. The host is in lower
/// case; the path too for forges that do not tell case apart. `None` for anything without a host and a path.
pub fn normalise_url(url: &str) -> Option<String> {
    let (scheme, authority, path) = split(url.trim())?;
    let host_port = authority.rsplit_once('@').map_or(authority, |(_, host)| host).to_lowercase();
    let default_port = match scheme.as_str() {
        "https" => ":443",
        "http" => ":80",
        "ssh" => ":22",
        "git" => ":9418",
        _ => return None,
    };
    let host = host_port.strip_suffix(default_port).unwrap_or(&host_port);
    let host = HOST_ALIASES.iter().find(|(alias, _)| *alias == host).map_or(host, |(_, name)| name);
    let path = path.split(['?', '#']).next().unwrap_or_default().trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path).trim_end_matches('/');
    if host.is_empty()
        || path.is_empty()
        || host.contains(char::is_whitespace)
        || path.contains(char::is_whitespace)
    {
        return None;
    }
    let (host, path) = azure(host, path);
    let caseless = CASELESS_HOSTS.contains(&host.as_str());
    Some(format!("{host}/{}", if caseless { path.to_lowercase() } else { path }))
}

/// Scheme, authority and path; the short ssh form counts as ssh.
fn split(url: &str) -> Option<(String, &str, &str)> {
    if let Some((scheme, rest)) = url.split_once("://") {
        let (authority, path) = rest.split_once('/')?;
        return Some((scheme.to_lowercase(), authority, path));
    }
    let (authority, path) = url.split_once(':')?;
    (!authority.contains('/')).then_some(("ssh".into(), authority, path))
}

/// Azure DevOps has a form for ssh, and one with the organisation in the host.
fn azure(host: &str, path: &str) -> (String, String) {
    let parts: Vec<&str> = path.split('/').collect();
    match (host, parts.as_slice()) {
        ("ssh.dev.azure.com", ["v3", org, project, repo]) => {
            ("dev.azure.com".into(), format!("{org}/{project}/_git/{repo}"))
        }
        (host, [project, "_git", repo]) if host.ends_with(".visualstudio.com") => {
            let org = host.trim_end_matches(".visualstudio.com");
            ("dev.azure.com".into(), format!("{org}/{project}/_git/{repo}"))
        }
        _ => (host.to_owned(), path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expected: &str) {
        assert_eq!(normalise_url(url).as_deref(), Some(expected), "{url}");
    }

    #[test]
    fn forms_of_one_repository_are_equal() {
        for url in [
            "https://github.com/acme/fleet",
            "https://github.com/acme/fleet.git",
            "https://GitHub.com:443/Acme/Fleet/",
            "https://user:token@github.com/acme/fleet.git/",
            "ssh://git@github.com/acme/fleet",
            "ssh://git@github.com:22/acme/fleet.git",
            "git@github.com:acme/fleet.git",
            "http://github.com:80/acme/fleet",
            "ssh://git@ssh.github.com:443/acme/fleet.git",
        ] {
            check(url, "github.com/acme/fleet");
        }
        check("ssh://git@ssh.dev.azure.com/v3/o/p/r", "dev.azure.com/o/p/_git/r");
        check("git@ssh.dev.azure.com:v3/o/p/r", "dev.azure.com/o/p/_git/r");
        check("https://o@dev.azure.com/o/p/_git/r", "dev.azure.com/o/p/_git/r");
        check("https://o.visualstudio.com/p/_git/r", "dev.azure.com/o/p/_git/r");
    }

    #[test]
    fn what_tells_repositories_apart_stays() {
        check("https://git.example.com:8443/Team/Sub/Repo.git", "git.example.com:8443/Team/Sub/Repo");
        check("https://gitlab.com/a/b/c", "gitlab.com/a/b/c");
        check("ssh://git@git.example.com:443/a/b", "git.example.com:443/a/b");
    }

    #[test]
    fn what_is_no_address_is_none() {
        for url in [
            "",
            "fleet",
            "https://",
            "https://github.com",
            "https://github.com/",
            "ftp://a/b",
            "/srv/git/x",
            "a/b:c",
            "https://a b/c",
        ] {
            assert_eq!(normalise_url(url), None, "{url}");
        }
    }
}
