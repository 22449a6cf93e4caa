//! The repositories of an organisation, or of a person: what the App is installed on, or what a personal token sees.

use domain::RepoName;
use http::Method;
use ports::ForgeError;
use serde::Deserialize;

use crate::GitHub;
use crate::http::{Ask, escaped};
use crate::policy::{has_next, parsed};

/// Pages of 100 repositories at most; an owner with more is an error, so that none is missed without a word.
const MAX_PAGES: u32 = 100;

/// A repository in a list.
#[derive(Deserialize)]
struct Listed {
    full_name: String,
    #[serde(default)]
    archived: bool,
    #[serde(default)]
    disabled: bool,
}

/// GitHub lists an installation's repositories inside an object, and others bare.
#[derive(Deserialize)]
#[serde(untagged)]
enum Page {
    Bare(Vec<Listed>),
    Inside { repositories: Vec<Listed> },
}

impl GitHub {
    /// What `owner` has that may have pull requests: neither archived nor disabled.
    pub(crate) async fn repositories_of(&self, owner: &str) -> Result<Vec<RepoName>, ForgeError> {
        let doing = format!("listing the repositories of `{owner}`");
        // Tokens are per owner: any name below this one gets the right one.
        let refused = |reason: &str| ForgeError::Refused { doing: doing.clone(), reason: reason.to_owned() };
        let any: RepoName = format!("{owner}/-").parse().map_err(|_| refused("it is no login"))?;
        if self.is_app() {
            self.find_installation_of(owner).await?;
            return self.listed(&any, owner, "/installation/repositories", &doing).await;
        }
        let organisation = format!("/orgs/{}/repos", escaped(owner));
        match self.listed(&any, owner, &organisation, &doing).await {
            Err(ForgeError::NotFound(_)) => {}
            other => return other,
        }
        // A person: what is public, and what the token's own account may see of it besides.
        let public = format!("/users/{}/repos", escaped(owner));
        let mut found = self.listed(&any, owner, &public, &doing).await?;
        found.extend(self.listed(&any, owner, "/user/repos", &doing).await?);
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    async fn listed(
        &self,
        any: &RepoName,
        owner: &str,
        path: &str,
        doing: &str,
    ) -> Result<Vec<RepoName>, ForgeError> {
        let mut found = Vec::new();
        for page in 1..=MAX_PAGES {
            let path = format!("{path}?per_page=100&page={page}");
            let what = format!("organisation or account `{owner}`");
            let ask = Ask { method: &Method::GET, path: &path, etag: None, body: None, doing, what: &what };
            let answer = self.ask(any, ask).await?;
            let (Page::Bare(listed) | Page::Inside { repositories: listed }) = parsed(&answer, doing)?;
            let alive = listed.into_iter().filter(|repository| !repository.archived && !repository.disabled);
            let names = alive.filter_map(|repository| repository.full_name.parse::<RepoName>().ok());
            found.extend(names.filter(|name| name.owner().eq_ignore_ascii_case(owner)));
            if !has_next(&answer) {
                return Ok(found);
            }
        }
        let reason =
            format!("it has more than {} repositories; name them in the configuration", MAX_PAGES * 100);
        Err(ForgeError::Refused { doing: doing.to_owned(), reason })
    }
}
