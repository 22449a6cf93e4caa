//! GitHub in the configuration: where it is, who we are, and who reads beside us.

use serde_json::json;

use super::fields::{Fields, any_of};
use super::{Defaults, GitHubConfig, GitHubIdentity};

/// Identities that read beside the first one, at most.
const MOST_READERS: usize = 20;

impl GitHubIdentity {
    /// What it is called in the log: the name of its secret, or its App.
    pub fn name(&self) -> String {
        match self {
            Self::Token(name) | Self::Bundle(name) => name.clone(),
            Self::App { id, .. } => format!("App {id}"),
        }
    }
}

pub(super) fn read(mut fields: Fields, defaults: &Defaults) -> GitHubConfig {
    let api_url = fields.url("api_url").unwrap_or_else(|| "https://api.github.com".to_owned());
    let git_url = fields.url("git_url").unwrap_or_else(|| git_url(&api_url));
    let by_default = defaults.github_secret.clone().map(GitHubIdentity::Bundle);
    let identity = identity(&mut fields, by_default);
    let readers = readers(&mut fields, &identity);
    let webhook_secret = fields.text("webhook_secret");
    let carry_etags = fields.flag("carry_etags").unwrap_or(false);
    let trusted = fields.texts("trusted");
    fields.finish();
    GitHubConfig { api_url, git_url, identity, readers, webhook_secret, carry_etags, trusted }
}

fn readers(fields: &mut Fields, first: &GitHubIdentity) -> Vec<GitHubIdentity> {
    let mut all = vec![first.clone()];
    for mut reader in fields.objects("readers").unwrap_or_default() {
        reader.refine("", || json!({"anyOf": any_of(["token", "app", "secret"])}));
        let found = identity(&mut reader, None);
        if all.contains(&found) {
            reader.problem("", "names an identity that stands before it: each has a limit of its own");
        }
        all.push(found);
        reader.finish();
    }
    fields.refine("readers", || json!({"maxItems": MOST_READERS}));
    let readers = all.split_off(1);
    if readers.len() > MOST_READERS {
        fields.problem("readers", &format!("has more than {MOST_READERS} entries"));
    }
    readers
}

/// Exactly one of three.
fn identity(fields: &mut Fields, by_default: Option<GitHubIdentity>) -> GitHubIdentity {
    let (token, bundle) = (fields.text("token"), fields.text("secret"));
    let app = fields.optional_object("app").map(app);
    let given = [token.map(GitHubIdentity::Token), app, bundle.map(GitHubIdentity::Bundle)];
    let mut given: Vec<GitHubIdentity> = given.into_iter().flatten().collect();
    if given.len() > 1 {
        fields.problem("", "has more than one of `token`, `app` and `secret`: keep one");
    }
    given.pop().or(by_default).unwrap_or_else(|| {
        fields.problem("", "says nothing of who we are: give `token`, `app` or `secret` (names of secrets)");
        GitHubIdentity::Token(String::new())
    })
}

fn app(mut app: Fields) -> GitHubIdentity {
    let id = app.number("id").unwrap_or_default();
    let identity = GitHubIdentity::App {
        id,
        private_key: app.needed("private_key", "the name of the secret that holds the App's private key"),
        installation: app.number("installation"),
    };
    if id == 0 {
        app.problem("id", "is missing: the App's numeric id");
    }
    app.finish();
    identity
}

/// Where repositories are cloned from, when only the API's address is given.
fn git_url(api_url: &str) -> String {
    if api_url == "https://api.github.com" {
        return "https://github.com".to_owned();
    }
    api_url.trim_end_matches('/').trim_end_matches("/api/v3").to_owned()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "what should parse and does not is the failure")]
    use super::super::Config;
    use super::super::tests::without_lines;
    use super::*;

    fn parsed(github: &str) -> Result<GitHubConfig, Vec<String>> {
        let text = format!(
            "github: {github}\nslack: {{bot_token: 'env:A', signing_secret: 'env:B'}}\n\
             repositories: [{{name: acme/fleet, channel: C1}}]\n"
        );
        let config = Config::parse(&text, &Defaults::default());
        config.map(|config| config.github).map_err(|error| without_lines(error.0))
    }

    #[test]
    fn others_may_read_too() {
        assert_eq!(parsed("{token: a}").unwrap().readers, []);
        let several = "{app: {id: 1, private_key: k}, readers: [{token: b}, {app: {id: 2, private_key: l}}, {secret: c}]}";
        let found = parsed(several).unwrap();
        assert!(matches!(found.identity, GitHubIdentity::App { id: 1, .. }));
        let app = GitHubIdentity::App { id: 2, private_key: "l".to_owned(), installation: None };
        let wanted = [GitHubIdentity::Token("b".to_owned()), app, GitHubIdentity::Bundle("c".to_owned())];
        assert_eq!(found.readers, wanted);
    }

    #[test]
    fn a_webhook_is_off_unless_it_has_a_secret() {
        assert_eq!(parsed("{token: a}").unwrap().webhook_secret, None);
        let hooked = parsed("{token: a, webhook_secret: hook}").unwrap();
        assert_eq!(hooked.webhook_secret.as_deref(), Some("hook"));
        assert!(
            parsed("{token: a, webhook_secret: 7}").unwrap_err()[0].starts_with("`github.webhook_secret`")
        );
    }

    #[test]
    fn readers_that_cannot_be_are_named() {
        let problems = parsed("{token: a, readers: [{token: b, secret: c}, {}, {token: a}, {tokn: d}]}");
        let problems = problems.unwrap_err().join("\n");
        for wanted in [
            "`github.readers[0]` has more than one of",
            "`github.readers[1]` says nothing of who we are",
            "`github.readers[2]` names an identity that stands before it",
            "`github.readers[3].tokn`",
        ] {
            assert!(problems.contains(wanted), "{wanted}: {problems}");
        }
    }
}
