//! Who may approve a pull request: nobody who had a hand in it, and never without knowing that; and what any review or merge stands
//! on. The sentences stand beside their cases.

use std::collections::BTreeSet;
use std::fmt;

use crate::interact::ReportRecord;
use crate::names::CommitSha;
use crate::pull::PullRequest;
use crate::trust::Permission;

/// GitHub lists no more commits of a pull request than this.
pub const MOST_COMMITS: u64 = 250;

/// A person's own account on GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// GitHub's id; logins change.
    pub id: u64,
    /// The login as it is now.
    pub login: String,
    /// The account's e-mail addresses in lower case; `None` where they may not be read.
    pub emails: Option<BTreeSet<String>>,
}

/// What somebody did for a pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Wrote a commit.
    Author,
    /// Made a commit of it.
    Committer,
    /// Is named as the co-author of a commit.
    CoAuthor,
}

/// Somebody who had a hand in a commit, as far as it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maker {
    /// What they did.
    pub role: Role,
    /// The commit.
    pub commit: CommitSha,
    /// Their account's id and login, where GitHub knows them.
    pub account: Option<(u64, String)>,
    /// The e-mail address that the commit names.
    pub email: String,
}

/// Everybody who had a hand in a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Makers {
    /// The head that this was read for.
    pub head: CommitSha,
    /// Commits that the pull request has.
    pub commits: u64,
    /// Commits that could be read.
    pub read: u64,
    /// By commit.
    pub makers: Vec<Maker>,
    /// Id and login of who pushed the head; `None` where GitHub does not tell.
    pub pusher: Option<(u64, String)>,
}

/// Why somebody's own approval is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Objection {
    /// They opened it.
    OpenedIt,
    /// They had a hand in a commit.
    Contributed(Role, CommitSha),
    /// They pushed the head.
    PushedIt,
    /// Nobody knows who pushed the head.
    PusherUnknown,
    /// There are more commits than GitHub lists.
    TooManyCommits(u64),
    /// What was read is not what was reported.
    Moved,
    /// A commit names an address without an account, and theirs may not be read.
    AddressUnknown(CommitSha),
    /// They may not write to the repository.
    MayNotWrite,
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OpenedIt => write!(f, "you opened this pull request. Ask somebody else to review it"),
            Self::Contributed(role, commit) => {
                let did = match role {
                    Role::Author => "wrote",
                    Role::Committer => "committed",
                    Role::CoAuthor => "are a co-author of",
                };
                write!(f, "you {did} its commit {}. Ask somebody else to review it", commit.short())
            }
            Self::PushedIt => write!(f, "you pushed its newest commit. Ask somebody else to review it"),
            Self::PusherUnknown => write!(
                f,
                "GitHub does not tell who pushed its newest commit, so it could have been you. Approve on GitHub"
            ),
            Self::TooManyCommits(count) => write!(
                f,
                "it has {count} commits, and GitHub lists {MOST_COMMITS} of them, so you could have written one. Approve on GitHub"
            ),
            Self::Moved => write!(f, "new commits arrived just now. Wait for their report"),
            Self::AddressUnknown(commit) => write!(
                f,
                "commit {} names an e-mail address without an account, and it could be yours. Give the GitHub App the account permission `Email addresses: read`, or approve on GitHub",
                commit.short()
            ),
            Self::MayNotWrite => write!(
                f,
                "your GitHub account cannot write to the repository, so your approval would not count. Ask its maintainers for access"
            ),
        }
    }
}

/// Whether an account may approve what was reported. A floor under GitHub's own rules: addresses in commits can be made up.
pub fn may_approve(
    account: &Account,
    held: Permission,
    pull: &PullRequest,
    reported: &CommitSha,
    made: &Makers,
) -> Result<(), Objection> {
    if pull.author.login.eq_ignore_ascii_case(&account.login) {
        return Err(Objection::OpenedIt);
    }
    if made.head != *reported || pull.head != *reported {
        return Err(Objection::Moved);
    }
    if made.commits > MOST_COMMITS || made.read < made.commits {
        return Err(Objection::TooManyCommits(made.commits));
    }
    for maker in &made.makers {
        match is(account, maker) {
            Some(true) => return Err(Objection::Contributed(maker.role, maker.commit.clone())),
            Some(false) => {}
            None => return Err(Objection::AddressUnknown(maker.commit.clone())),
        }
    }
    match &made.pusher {
        None => return Err(Objection::PusherUnknown),
        Some((id, login)) if *id == account.id || login.eq_ignore_ascii_case(&account.login) => {
            return Err(Objection::PushedIt);
        }
        Some(_) => {}
    }
    if held < Permission::Write { Err(Objection::MayNotWrite) } else { Ok(()) }
}

/// Whether a maker is this account; `None` when that cannot be known.
fn is(account: &Account, maker: &Maker) -> Option<bool> {
    let email = maker.email.trim().to_lowercase();
    let named = |(id, login): &(u64, String)| *id == account.id || login.eq_ignore_ascii_case(&account.login);
    let addressed = account.emails.as_ref().map(|own| own.contains(&email));
    if maker.account.as_ref().is_some_and(named) || addressed == Some(true) {
        return Some(true);
    }
    if let Some((local, _)) = email.split_once('@').filter(|(_, host)| host.starts_with("users.noreply.")) {
        let (id, login) = local.split_once('+').unwrap_or(("", local));
        return Some(id == account.id.to_string() || login.eq_ignore_ascii_case(&account.login));
    }
    // An address that GitHub gave to another account is that account's.
    if maker.account.is_some() { Some(false) } else { addressed }
}

/// The addresses that a commit's message names as co-authors.
pub fn co_authors(message: &str) -> impl Iterator<Item = &str> {
    const TRAILER: &str = "co-authored-by";
    message.lines().filter_map(|line| {
        let line = line.trim();
        let head = line.get(..TRAILER.len()).filter(|head| head.eq_ignore_ascii_case(TRAILER))?;
        let rest = line[head.len()..].trim_start().strip_prefix(':')?;
        let inside = rest.rsplit_once('<').map_or(rest, |(_, inside)| inside);
        Some(inside.trim().trim_end_matches('>').trim())
    })
}

/// Why a review or a merge of what was reported is refused, whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stale {
    /// It is a draft.
    Draft,
    /// The report is older than so many minutes.
    TooOld(i64),
    /// It goes into another branch now.
    OtherBase,
}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Draft => write!(f, "the pull request is a draft. Its author marks it as ready first"),
            Self::TooOld(minutes) => {
                write!(f, "the report is older than {minutes} minutes. Use Run again and read the new one")
            }
            Self::OtherBase => write!(
                f,
                "the pull request goes into another branch than the report compared it with. Use Run again"
            ),
        }
    }
}

/// Whether a report is still what an approval or a merge can stand on.
pub fn is_current(record: &ReportRecord, pull: &PullRequest, now: i64, most_age_s: i64) -> Result<(), Stale> {
    if pull.draft { Err(Stale::Draft) } else { is_fresh(record, pull, now, most_age_s) }
}

/// Whether a report is still what a request for changes can stand on: a draft may have one.
pub fn is_fresh(record: &ReportRecord, pull: &PullRequest, now: i64, most_age_s: i64) -> Result<(), Stale> {
    if record.base_branch.as_ref().is_some_and(|branch| *branch != pull.base_branch) {
        return Err(Stale::OtherBase);
    }
    if now.saturating_sub(record.made_at) > most_age_s { Err(Stale::TooOld(most_age_s / 60)) } else { Ok(()) }
}
