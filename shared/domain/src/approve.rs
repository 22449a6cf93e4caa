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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "the names are well formed")]
    use super::*;
    use crate::pull::{Author, PullState};

    fn sha(digit: &str) -> CommitSha {
        digit.repeat(40).parse().unwrap()
    }

    fn pull() -> PullRequest {
        PullRequest {
            key: "acme/fleet#7".parse().unwrap(),
            title: String::new(),
            author: Author { login: "Alice".to_owned(), bot: false },
            state: PullState::Open,
            draft: false,
            labels: BTreeSet::new(),
            head_branch: "f".to_owned(),
            head: sha("a"),
            base_branch: "main".to_owned(),
            base: sha("b"),
            fork: false,
            head_owner: None,
            url: String::new(),
            updated_at: 0,
            closed_at: None,
        }
    }

    fn bob(emails: Option<&[&str]>) -> Account {
        let emails = emails.map(|all| all.iter().map(|one| (*one).to_owned()).collect());
        Account { id: 2, login: "bob".to_owned(), emails }
    }

    /// A commit of alice, with one more who had a hand in it.
    fn makers(role: Role, account: Option<(u64, &str)>, email: &str) -> Makers {
        let maker = |role, account: Option<(u64, &str)>, email: &str| Maker {
            role,
            commit: sha("a"),
            account: account.map(|(id, login)| (id, login.to_owned())),
            email: email.to_owned(),
        };
        Makers {
            head: sha("a"),
            commits: 1,
            read: 1,
            makers: vec![
                maker(Role::Author, Some((1, "alice")), "a@example.com"),
                maker(role, account, email),
            ],
            pusher: Some((1, "alice".to_owned())),
        }
    }

    fn judged(account: &Account, made: &Makers) -> Result<(), Objection> {
        may_approve(account, Permission::Write, &pull(), &sha("a"), made)
    }

    #[test]
    fn whoever_had_a_hand_in_it_is_known_by_account_or_address() {
        let own: &[&str] = &["bob@example.com"];
        let by = |account, email| judged(&bob(Some(own)), &makers(Role::CoAuthor, account, email));
        let refused = Err(Objection::Contributed(Role::CoAuthor, sha("a")));
        assert_eq!(by(Some((2, "renamed")), "x@example.com"), refused, "by id");
        assert_eq!(by(Some((9, "BOB")), "x@example.com"), refused, "by login");
        assert_eq!(by(None, " Bob@Example.com "), refused, "by address");
        assert_eq!(by(None, "2+old-name@users.noreply.github.com"), refused, "by the id in an address");
        assert_eq!(by(None, "bob@users.noreply.github.example"), refused, "by the login in an address");
        assert_eq!(by(None, "carol@example.com"), Ok(()));
        assert_eq!(by(None, "3+carol@users.noreply.github.com"), Ok(()));
        // Whose addresses may not be read could be anybody without an account.
        let unknown = |account, email| judged(&bob(None), &makers(Role::Author, account, email));
        assert_eq!(unknown(None, "x@example.com"), Err(Objection::AddressUnknown(sha("a"))));
        assert_eq!(unknown(Some((3, "carol")), "x@example.com"), Ok(()));
    }

    #[test]
    fn what_is_not_known_is_refused() {
        let fine = makers(Role::Committer, Some((1, "alice")), "a@example.com");
        let check = |change: &dyn Fn(&mut Makers), expected| {
            let mut made = fine.clone();
            change(&mut made);
            assert_eq!(judged(&bob(Some(&[])), &made), expected);
        };
        check(&|_| (), Ok(()));
        check(&|made| made.head = sha("c"), Err(Objection::Moved));
        check(&|made| made.commits = 251, Err(Objection::TooManyCommits(251)));
        check(&|made| made.commits = 2, Err(Objection::TooManyCommits(2)));
        check(&|made| made.pusher = None, Err(Objection::PusherUnknown));
        check(&|made| made.pusher = Some((2, "x".to_owned())), Err(Objection::PushedIt));
        check(&|made| made.pusher = Some((9, "Bob".to_owned())), Err(Objection::PushedIt));
        let reader = may_approve(&bob(Some(&[])), Permission::Read, &pull(), &sha("a"), &fine);
        assert_eq!(reader, Err(Objection::MayNotWrite));
        let moved = may_approve(&bob(Some(&[])), Permission::Write, &pull(), &sha("c"), &fine);
        assert_eq!(moved, Err(Objection::Moved));
        let author = Account { login: "alice".to_owned(), ..bob(Some(&[])) };
        assert_eq!(judged(&author, &fine), Err(Objection::OpenedIt));
    }

    #[test]
    fn co_authors_are_read_however_they_are_written() {
        let check = |message: &str, expected: &[&str]| {
            assert_eq!(co_authors(message).collect::<Vec<_>>(), expected, "{message}");
        };
        check("t\n\nCo-authored-by: A <a@x>\nco-authored-by:B <b@x>", &["a@x", "b@x"]);
        check("t\n\n  CO-AUTHORED-BY : C <c@x> \r\n", &["c@x"]);
        check("Co-authored-by: <d@x>", &["d@x"]);
        check("Co-authored-by: e@x", &["e@x"]);
        check("Co-authored-by\nco-authored-bys: F <f@x>\nsigned-off-by: G <g@x>", &[]);
    }
}
