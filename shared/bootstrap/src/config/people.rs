//! People's own GitHub accounts: the App that they link them with, and what their approvals, requests and merges stand on.

use super::fields::Fields;

/// A report at most, in minutes: a week.
const MOST_AGE_MIN: u64 = 10_080;

/// Who approves, and what it stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeopleConfig {
    /// The App that people link their accounts with; `None` where nobody can.
    pub app: Option<PeopleApp>,
    /// Whether the account that Preflux uses approves for people.
    pub shared_identity: bool,
    /// How old a report may be, in minutes.
    pub report_max_age_min: u64,
}

/// A GitHub App as an OAuth client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeopleApp {
    /// Its client id.
    pub client_id: String,
    /// The secret that holds its client secret.
    pub client_secret: String,
    /// Where browsers reach Preflux, without `/github/callback`.
    pub public_url: String,
}

impl PeopleApp {
    /// Where browsers come back to from GitHub.
    pub fn callback_url(&self) -> String {
        format!("{}/github/callback", self.public_url.trim_end_matches('/'))
    }
}

pub(super) fn read(root: &mut Fields) -> PeopleConfig {
    let mut fields = root.object("people");
    let (client_id, client_secret) = (fields.text("client_id"), fields.text("client_secret"));
    let public_url = fields.url("public_url");
    let shared_identity = fields.flag("shared_identity").unwrap_or(false);
    let report_max_age_min =
        fields.bounded("report_max_age_min", 1..=MOST_AGE_MIN, "minutes").unwrap_or(1440);
    let any = client_id.is_some() || client_secret.is_some() || public_url.is_some();
    if any && shared_identity {
        fields.problem("shared_identity", "stands beside a GitHub App that people link: keep one of the two");
    }
    let app = if any { app(&fields, client_id, client_secret, public_url) } else { None };
    fields.finish();
    PeopleConfig { app, shared_identity, report_max_age_min }
}

fn app(
    fields: &Fields,
    client_id: Option<String>,
    client_secret: Option<String>,
    public_url: Option<String>,
) -> Option<PeopleApp> {
    let needed = |name: &str, value: &Option<String>, what: &str| {
        if value.is_none() {
            fields.problem(name, what);
        }
    };
    needed("client_id", &client_id, "is missing: the client id of the GitHub App");
    needed(
        "client_secret",
        &client_secret,
        "is missing: the name of the secret that holds the App's client secret",
    );
    needed(
        "public_url",
        &public_url,
        "is missing: where browsers reach Preflux, such as `https://preflux.example.com`",
    );
    let public_url = public_url?;
    if !is_safe(&public_url) {
        fields.problem("public_url", "must begin with `https://`: GitHub's codes pass over it");
    }
    Some(PeopleApp { client_id: client_id?, client_secret: client_secret?, public_url })
}

/// Whether nobody on the way can read along; this machine itself counts.
fn is_safe(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://127.0.0.1") || url.starts_with("http://localhost")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a configuration that should parse and does not is the failure")]
    use crate::config::tests::without_lines;
    use crate::config::{Config, Defaults};

    fn parse(people: &str) -> Result<super::PeopleConfig, Vec<String>> {
        let rest = "github: {token: a}\nslack: {secret: b}\nrepositories: [{name: a/b, channel: C1}]\n";
        Config::parse(&format!("{rest}{people}"), &Defaults::default())
            .map(|config| config.people)
            .map_err(|error| without_lines(error.0))
    }

    #[test]
    fn nobody_approves_for_others_unless_it_is_said() {
        let none = parse("").unwrap();
        assert!(none.app.is_none() && !none.shared_identity && none.report_max_age_min == 1440);
        assert!(parse("people: {shared_identity: true}").unwrap().shared_identity);
        let app = "people: {client_id: a, client_secret: b, public_url: 'https://p.example/', report_max_age_min: 60}";
        let app = parse(app).unwrap();
        assert_eq!(app.report_max_age_min, 60);
        assert_eq!(app.app.unwrap().callback_url(), "https://p.example/github/callback");
    }

    #[test]
    fn what_is_half_said_is_a_problem() {
        let check = |text: &str, expected: &str| {
            let problems = parse(text).unwrap_err();
            assert!(problems.iter().any(|p| p.starts_with(expected)), "{expected}: {problems:?}");
        };
        check("people: {client_id: a}", "`people.client_secret` is missing");
        check("people: {client_id: a, client_secret: b}", "`people.public_url` is missing");
        let app = "client_id: a, client_secret: b, public_url:";
        check(&format!("people: {{{app} 'http://p.example'}}"), "`people.public_url` must begin");
        check(
            &format!("people: {{{app} 'https://p.example', shared_identity: true}}"),
            "`people.shared_identity`",
        );
        check("people: {report_max_age_min: 0}", "`people.report_max_age_min` must be");
    }
}
