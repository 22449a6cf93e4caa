//! Who a linked person is, and who had a hand in a pull request: its commits with their co-authors, and who pushed its head.

use std::collections::BTreeSet;

use domain::approve::{Account, MOST_COMMITS, Maker, Makers, Role, co_authors};
use domain::interact::Person;
use domain::{CommitSha, PullKey};
use http::Method;
use ports::{ForgeError, PersonError};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::LinkedPeople;
use super::held::{Actor, Held};
use crate::http::{Ask, escaped};
use crate::policy::{has_next, parsed};
use crate::read::repo_path;
use crate::wire::User;

/// Pages of 100 commits; GitHub lists 250.
const COMMIT_PAGES: u32 = 3;
/// E-mail addresses and pushes that are looked at: one page.
const PER_PAGE: usize = 100;

#[derive(Deserialize)]
struct Address {
    email: String,
}

#[derive(Deserialize)]
struct Pull {
    commits: u64,
    head: End,
}

#[derive(Deserialize)]
struct End {
    sha: CommitSha,
    #[serde(rename = "ref")]
    branch: String,
    repo: Option<Named>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
    owner: User,
}

#[derive(Deserialize)]
struct Commit {
    sha: CommitSha,
    commit: Inner,
    author: Option<Login>,
    committer: Option<Login>,
}

/// An account of a commit; GitHub writes `{}` for some that are gone.
#[derive(Deserialize)]
struct Login {
    id: Option<u64>,
    login: Option<String>,
}

#[derive(Deserialize)]
struct Inner {
    message: String,
    author: Option<Signed>,
    committer: Option<Signed>,
}

#[derive(Deserialize)]
struct Signed {
    email: Option<String>,
}

#[derive(Deserialize)]
struct Push {
    after: String,
    actor: Option<User>,
}

impl LinkedPeople {
    pub(super) async fn own_account(&self, who: &Person) -> Result<Account, PersonError> {
        let actor = self.acting(who, None).await?;
        Ok(Account { emails: self.addresses(&actor).await?, id: actor.account, login: actor.login })
    }

    /// Whose tokens these are, before they are kept.
    pub(super) async fn account_of(&self, _who: &Person, held: &Held) -> Result<User, PersonError> {
        let ask = asking("/user", "reading who you are", "your account");
        Ok(parsed(&self.ask_with(held, ask).await?, ask.doing)?)
    }

    /// Their own addresses; `None` where the App may not read them, or where there are more than one page. Nobody has none.
    async fn addresses(&self, actor: &Actor<'_>) -> Result<Option<BTreeSet<String>>, PersonError> {
        let path = format!("/user/emails?per_page={PER_PAGE}");
        let ask = asking(&path, "reading your e-mail addresses", "your e-mail addresses");
        match self.ask_as(actor, ask).await {
            Ok(answer) if !has_next(&answer) => {
                let all: Vec<Address> = parsed(&answer, ask.doing)?;
                let all = all.into_iter().map(|address| address.email.trim().to_lowercase());
                Ok(Some(all.collect::<BTreeSet<_>>()).filter(|all| !all.is_empty()))
            }
            Ok(_) | Err(PersonError::Forge(ForgeError::NotFound(_) | ForgeError::Refused { .. })) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn makers_of(&self, who: &Person, key: &PullKey) -> Result<Makers, PersonError> {
        let (path, what) = (format!("{}/pulls/{}", repo_path(&key.repo), key.number), format!("`{key}`"));
        let doing = format!("reading who made `{key}`");
        let pull: Pull = self.read(who, &path, &doing, &what).await?;
        let mut makers = Makers {
            head: pull.head.sha.clone(),
            commits: pull.commits,
            read: 0,
            makers: Vec::new(),
            pusher: None,
        };
        if pull.commits > MOST_COMMITS {
            return Ok(makers);
        }
        let mut last = None;
        for page in 1..=COMMIT_PAGES {
            let path = format!("{path}/commits?per_page={PER_PAGE}&page={page}");
            let ask = asking(&path, &doing, &what);
            let answer = self.ask(who, ask).await?;
            let commits: Vec<Commit> = parsed(&answer, &doing)?;
            makers.read += commits.len() as u64;
            last = commits.last().map(|commit| commit.sha.clone()).or(last);
            commits.into_iter().for_each(|commit| made(commit, &mut makers.makers));
            if !has_next(&answer) {
                break;
            }
        }
        // Commits that arrived while these were read are of another head.
        if let Some(last) = last.filter(|last| *last != makers.head) {
            makers.head = last;
        }
        makers.pusher = self.pusher(who, &pull.head).await?;
        Ok(makers)
    }

    /// Who brought the branch to this commit last; `None` where GitHub does not tell (a fork that is gone or hidden, an older server).
    async fn pusher(&self, who: &Person, head: &End) -> Result<Option<(u64, String)>, PersonError> {
        let Some(repo) = &head.repo else { return Ok(None) };
        let path = format!(
            "/repos/{}/{}/activity?ref={}&per_page={PER_PAGE}",
            escaped(&repo.owner.login),
            escaped(&repo.name),
            escaped(&format!("refs/heads/{}", head.branch)),
        );
        match self.read::<Vec<Push>>(who, &path, "reading who pushed", "the head's repository").await {
            Ok(pushes) => {
                let last = pushes.into_iter().find(|push| push.after == head.sha.as_str());
                Ok(last.and_then(|push| push.actor).map(|actor| (actor.id, actor.login)))
            }
            Err(PersonError::Forge(ForgeError::NotFound(_) | ForgeError::Refused { .. })) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn read<T: DeserializeOwned>(
        &self,
        who: &Person,
        path: &str,
        doing: &str,
        what: &str,
    ) -> Result<T, PersonError> {
        Ok(parsed(&self.ask(who, asking(path, doing, what)).await?, doing)?)
    }
}

pub(super) fn asking<'a>(path: &'a str, doing: &'a str, what: &'a str) -> Ask<'a> {
    Ask { method: &Method::GET, path, etag: None, body: None, doing, what }
}

fn made(commit: Commit, makers: &mut Vec<Maker>) {
    let account = |login: Option<Login>| login.and_then(|login| Some((login.id?, login.login?)));
    let email = |signed: Option<Signed>| signed.and_then(|signed| signed.email).unwrap_or_default();
    let Commit { sha, commit: Inner { message, author: wrote, committer: committed }, author, committer } =
        commit;
    let maker = |role, account, email| Maker { role, commit: sha.clone(), account, email };
    makers.push(maker(Role::Author, account(author), email(wrote)));
    makers.push(maker(Role::Committer, account(committer), email(committed)));
    makers.extend(co_authors(&message).map(|address| maker(Role::CoAuthor, None, address.to_owned())));
}
