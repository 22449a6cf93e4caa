//! What is watched, which pull requests count, and where their reports go. Rules are tried in order, and the first one that wants a
//! pull request decides: a pull request has one message.

mod events;
mod paths;
mod select;

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use crate::mark::{CheckKind, Trait};
use crate::names::RepoName;
use crate::pull::{PullRequest, PullState};

pub use events::{EventMatch, EventRule, Holds};
pub use paths::{PathRules, RuleError};
pub use select::{Repositories, Selection};

/// What happened to a pull request between two looks at it. Anything else that moves is no news.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transition {
    /// It is open, and new to us.
    Opened,
    /// Its head moved.
    Synchronized,
    /// It stopped being a draft.
    ReadyForReview,
    /// It was closed, and is open again.
    Reopened,
    /// It got a label.
    Labeled,
    /// It was closed without a merge.
    Closed,
    /// It was merged.
    Merged,
}

impl Transition {
    /// Every transition, in a pull request's order.
    pub const ALL: [Self; 7] = [
        Self::Opened,
        Self::Synchronized,
        Self::ReadyForReview,
        Self::Reopened,
        Self::Labeled,
        Self::Closed,
        Self::Merged,
    ];

    /// What it is called in a configuration; GitHub's own words for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Synchronized => "synchronized",
            Self::ReadyForReview => "ready_for_review",
            Self::Reopened => "reopened",
            Self::Labeled => "labeled",
            Self::Closed => "closed",
            Self::Merged => "merged",
        }
    }

    /// The transition of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|transition| transition.word() == word)
    }
}

/// Whether things of one sort count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Only {
    /// They count like all others.
    #[default]
    Too,
    /// They do not count.
    Not,
    /// Nothing else counts.
    Only,
}

impl Only {
    fn accepts(self, is: bool) -> bool {
        match self {
            Self::Too => true,
            Self::Not => !is,
            Self::Only => is,
        }
    }
}

/// When a pull request is diffed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// When it changes.
    #[default]
    Automatic,
    /// When somebody asks for it by the button of its message.
    OnClick,
}

/// How a pull request is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeMethod {
    /// By a merge commit.
    Merge,
    /// As one commit.
    Squash,
    /// Commit by commit, without a merge commit.
    Rebase,
}

impl MergeMethod {
    /// Every method.
    pub const ALL: [Self; 3] = [Self::Merge, Self::Squash, Self::Rebase];

    /// GitHub's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Squash => "squash",
            Self::Rebase => "rebase",
        }
    }
}

/// What people may do with a pull request from its message with their own accounts, besides approving it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Acts {
    /// Whether they may ask for changes.
    pub request_changes: bool,
    /// How they may merge it; `None` where they may not.
    pub merge: Option<MergeMethod>,
}

/// How a button looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ButtonStyle {
    /// Like any other.
    #[default]
    Plain,
    /// Green: what one would do.
    Primary,
    /// Red: what one should think about.
    Danger,
}

/// A button that a rule adds to a pull request's message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    /// What stands on it; a template.
    pub text: String,
    /// How it looks.
    pub style: ButtonStyle,
    /// What it does.
    pub does: ButtonDoes,
}

/// What a button does; templates over the pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ButtonDoes {
    /// Opens a page.
    Url(String),
    /// Runs a command, as if it had been typed after `/flux`. Each word of it is a template of its own, so that nothing that a pull
    /// request says becomes more than one word.
    Command(Vec<String>),
}

/// What is watched, which of its pull requests count, and what becomes of them.
#[derive(Debug, Clone)]
pub struct RepoRule {
    /// The repositories.
    pub repositories: Repositories,
    /// The Slack channel id that reports go to.
    pub channel: String,
    /// The transitions that count; `None` is everything that may change the report.
    pub on: Option<BTreeSet<Transition>>,
    /// Files that count.
    pub paths: PathRules,
    /// Labels that count.
    pub labels: Selection,
    /// Authors that count, by login.
    pub authors: Selection,
    /// Branches that it would be merged into.
    pub base_branches: Selection,
    /// Branches that it comes from.
    pub head_branches: Selection,
    /// Whether drafts count.
    pub drafts: Only,
    /// Whether pull requests from forks count.
    pub forks: Only,
    /// Whether it is diffed at once or when somebody asks.
    pub mode: Mode,
    /// Further buttons of the message.
    pub buttons: Vec<Button>,
    /// What people may do with their own accounts.
    pub acts: Acts,
    /// What is written beside each head that is reported; `None` is nothing.
    pub check: Option<CheckKind>,
    /// The labels that reports put on their pull requests, by what they hold.
    pub add_labels: BTreeMap<Trait, String>,
}

fn id_of(said: &str) -> String {
    hex::encode(&Sha256::digest(said)[..6])
}

impl RepoRule {
    /// Every pull request of these repositories, diffed at once, reported to this channel.
    pub fn new(repositories: Repositories, channel: &str) -> Self {
        Self {
            repositories,
            channel: channel.to_owned(),
            on: None,
            paths: PathRules::default(),
            labels: Selection::default(),
            authors: Selection::default(),
            base_branches: Selection::default(),
            head_branches: Selection::default(),
            drafts: Only::Too,
            forks: Only::Too,
            mode: Mode::Automatic,
            buttons: Vec::new(),
            acts: Acts::default(),
            check: None,
            add_labels: BTreeMap::new(),
        }
    }

    /// Every pull request of one repository.
    pub fn named(repo: RepoName, channel: &str) -> Self {
        Self::new(Repositories::Named(repo), channel)
    }

    /// Whether every pull request counts and everything that happens to it, so that no later rule of its repositories is ever asked.
    pub fn takes_everything(&self) -> bool {
        let names = [&self.labels, &self.authors, &self.base_branches, &self.head_branches];
        self.on.is_none()
            && self.paths.accept_all()
            && names.iter().all(|names| names.accept_all())
            && (self.drafts, self.forks) == (Only::Too, Only::Too)
    }

    /// A short id of what the rule says, by which a later run knows it again. Another text is another rule.
    pub fn id(&self) -> String {
        id_of(&format!("{self:?}"))
    }

    /// Whether this pull request counts, by everything but its files.
    pub fn accepts(&self, pull: &PullRequest) -> bool {
        self.drafts.accepts(pull.draft)
            && self.forks.accepts(pull.fork)
            && self.base_branches.accept(&pull.base_branch)
            && self.head_branches.accept(&pull.head_branch)
            && self.authors.accept(&pull.author.login)
            && self.labels.accept_any(pull.labels.iter().map(String::as_str))
    }

    /// Whether closings are announced even of pull requests that had no message before.
    pub fn announces(&self, state: PullState) -> bool {
        let wanted = match state {
            PullState::Open => return false,
            PullState::Closed => Transition::Closed,
            PullState::Merged => Transition::Merged,
        };
        self.on.as_ref().is_some_and(|on| on.contains(&wanted))
    }
}
