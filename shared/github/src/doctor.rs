//! What `preflux doctor` asks: who we are on GitHub, and which permissions are missing.

use std::collections::BTreeMap;

use domain::RepoName;
use http::Method;
use ports::ForgeError;
use serde::Deserialize;

use crate::GitHub;
use crate::http::Ask;
use crate::policy::parsed;
use crate::read::repo_path;
use crate::wire::{Repository, User};

/// What an App needs: contents to render, pull requests to list, comment and approve.
const NEEDED: [(&str, &str); 3] = [("metadata", "read"), ("contents", "read"), ("pull_requests", "write")];

/// How we stand to a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Who our comments and reviews are by.
    pub login: String,
    /// Permissions that are missing, each as a phrase such as `pull_requests: write`; empty when all is well.
    pub missing: Vec<String>,
}

impl GitHub {
    /// Asks GitHub who we are and what we may do in `repo`: what every rule needs, and `also` (`checks: write` as its two words).
    ///
    /// # Errors
    /// The token is refused, the repository is not visible, or GitHub does not answer.
    pub async fn doctor(&self, repo: &RepoName, also: &[(&str, &str)]) -> Result<Standing, ForgeError> {
        if self.tokens.app_id().is_some() {
            return self.app_standing(repo, also).await;
        }
        let account: User = self.get(repo, "/user", "asking GitHub who we are", "our account").await?;
        let doing = format!("reading repository `{repo}`");
        let found: Repository =
            self.get(repo, &repo_path(repo), &doing, &format!("repository `{repo}`")).await?;
        let rights = found.permissions.unwrap_or_default();
        let mut missing = Vec::new();
        if !rights.pull {
            missing.push("read access to the repository".to_owned());
        }
        if !rights.push {
            missing.push("write access to the repository (without it an approval does not count)".to_owned());
        }
        if also.iter().any(|(name, _)| *name == "checks") {
            missing.push("a GitHub App, from which alone GitHub takes check runs (a token can do with `check: status`)".to_owned());
        }
        Ok(Standing { login: account.login, missing })
    }

    async fn app_standing(&self, repo: &RepoName, also: &[(&str, &str)]) -> Result<Standing, ForgeError> {
        #[derive(Deserialize)]
        struct Installation {
            #[serde(default)]
            permissions: BTreeMap<String, String>,
        }
        let login = format!("{}[bot]", self.app_slug().await?);
        let doing = format!("reading the App's installation on `{repo}`");
        let (path, what) =
            (format!("{}/installation", repo_path(repo)), format!("the App's installation on `{repo}`"));
        let ask =
            Ask { method: &Method::GET, path: &path, etag: None, body: None, doing: &doing, what: &what };
        let found: Installation = parsed(&self.ask_as_app(ask).await?, &doing)?;
        let granted = |name: &str, level: &str| {
            found.permissions.get(name).is_some_and(|held| held == level || held == "write")
        };
        let missing = NEEDED
            .iter()
            .chain(also)
            .filter(|(name, level)| !granted(name, level))
            .map(|(name, level)| format!("{name}: {level}"))
            .collect();
        Ok(Standing { login, missing })
    }
}
