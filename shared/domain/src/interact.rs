//! What people do in Slack, and whether it may happen.

use serde::{Deserialize, Serialize};

use crate::names::{CommitSha, PullKey, ReportId};
use crate::pull::{PullRequest, PullState};

/// A person in Slack, by ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Workspace id (`T...`).
    pub team: String,
    /// User id (`U...`).
    pub id: String,
    /// The name shown; for words only, never for decisions.
    pub name: String,
}

/// What a button does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Publish the report as the pull request's comment.
    PostComment,
    /// Publish the whole report, over as many comments as it needs.
    PostWhole,
    /// Approve the reported head on GitHub.
    Approve,
    /// Ask for changes of the reported head on GitHub, with a reason.
    RequestChanges,
    /// Merge the reported head on GitHub.
    Merge,
    /// Open the pull request; the button is a link, the payload is only acknowledged.
    View,
    /// Diff again.
    RunAgain,
    /// Show this very head to the cluster, although its author may not.
    RunFull,
}

impl Action {
    /// Every action, in the order of the buttons.
    pub const ALL: [Self; 8] = [
        Self::PostComment,
        Self::PostWhole,
        Self::Approve,
        Self::RequestChanges,
        Self::Merge,
        Self::View,
        Self::RunAgain,
        Self::RunFull,
    ];

    /// The id that Slack sends back.
    pub fn id(self) -> &'static str {
        match self {
            Self::PostComment => "post_comment",
            Self::PostWhole => "post_whole",
            Self::Approve => "approve",
            Self::RequestChanges => "request_changes",
            Self::Merge => "merge",
            Self::View => "view",
            Self::RunAgain => "run_again",
            Self::RunFull => "run_full",
        }
    }

    /// The action of an id; `None` for one that is not ours.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.id() == id)
    }

    /// Whether it is carried out with what the person writes into a form.
    pub fn asks_for_reason(self) -> bool {
        self == Self::RequestChanges
    }
}

/// A click on a button of a report. It carries the report's id and nothing that could be forged into something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Click {
    /// What the button does.
    pub action: Action,
    /// The report that the button stood under.
    pub report: ReportId,
    /// Who clicked.
    pub by: Person,
    /// Channel of the message.
    pub channel: String,
    /// Timestamp id of the message.
    pub message: String,
    /// Slack's id of this very click; a repetition has the same one.
    pub trigger: String,
    /// Where a private answer goes (30 minutes, 5 uses).
    pub answer_url: String,
    /// What they wrote into the form of the button, if it has one.
    pub reason: Option<String>,
}

/// A slash command, `/flux ...`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Everything behind `/flux`.
    pub text: String,
    /// Who typed it.
    pub by: Person,
    /// Where.
    pub channel: String,
    /// Slack's id of this very command.
    pub trigger: String,
    /// Where the answer goes (30 minutes, 5 uses).
    pub answer_url: String,
    /// Whether the answer takes the place of the message whose button was pressed.
    pub replaces: bool,
}

/// What Slack tells us that a person did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Interaction {
    /// A button of a report.
    Click(Click),
    /// The form that a button of a report opened, filled in.
    Submitted(Click),
    /// A slash command.
    Command(Command),
    /// A button of a message that stands for a slash command. Slack shows nobody what is answered at once.
    Button(Command),
    /// Something of ours that needs no more than an acknowledgement (a link button), or that we do not know.
    Nothing,
}

/// That a person asked for the full diff of a head whose author may not reach a cluster. No other head is meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vouched {
    /// The head.
    pub head: CommitSha,
    /// Who asked.
    pub by: Person,
}

/// What is kept of a report so that a click on it can be checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportRecord {
    /// The report.
    pub id: ReportId,
    /// What it reports on.
    pub pull: PullKey,
    /// The head that was diffed.
    pub head: CommitSha,
    /// The base that it was compared with.
    pub base: CommitSha,
    /// The branch that the pull request went into; `None` in records of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_branch: Option<String>,
    /// The channel that it was posted to; clicks from elsewhere are refused.
    pub channel: String,
    /// When it was made, seconds since 1970.
    pub made_at: i64,
}

/// Why a click is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The pull request is closed or merged.
    NotOpen(PullState),
    /// The head moved since the report was made.
    HeadMoved,
    /// The click comes from another channel than the report was posted to.
    OtherChannel,
}

/// Checks a click against the stored report and the pull request as GitHub tells of it now.
pub fn check(click: &Click, record: &ReportRecord, now: &PullRequest) -> Result<(), Refusal> {
    if click.channel != record.channel {
        return Err(Refusal::OtherChannel);
    }
    if now.state != PullState::Open {
        return Err(Refusal::NotOpen(now.state));
    }
    // Running again is how a moved head gets its report, so it is the one action that a moved head allows.
    if now.head != record.head && click.action != Action::RunAgain {
        return Err(Refusal::HeadMoved);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn action_ids_go_round() {
        for action in Action::ALL {
            assert_eq!(Action::from_id(action.id()), Some(action));
        }
        assert_eq!(Action::from_id("delete"), None);
    }

    #[test]
    fn a_moved_head_may_be_diffed_again_and_nothing_else() {
        let name = |text: &str| text.to_owned();
        let sha = |digit: &str| digit.repeat(40).parse::<CommitSha>();
        let (Ok(head), Ok(other), Ok(pull), Ok(id)) =
            (sha("a"), sha("b"), "acme/fleet#7".parse::<PullKey>(), "report-1".parse::<ReportId>())
        else {
            panic!("the names are well formed")
        };
        let record = ReportRecord {
            id: id.clone(),
            pull: pull.clone(),
            head: head.clone(),
            base: other.clone(),
            base_branch: None,
            channel: name("C1"),
            made_at: 0,
        };
        let now = |head: &CommitSha, state| PullRequest {
            key: pull.clone(),
            title: name("t"),
            author: crate::pull::Author { login: name("eve"), bot: false },
            state,
            draft: false,
            labels: Default::default(),
            head_branch: name("f"),
            head: head.clone(),
            base_branch: name("main"),
            base: other.clone(),
            fork: true,
            head_owner: Some(name("eve")),
            url: String::new(),
            updated_at: 0,
            closed_at: None,
        };
        for action in Action::ALL {
            let click = |channel: &str| Click {
                action,
                report: id.clone(),
                by: Person { team: name("T1"), id: name("U1"), name: name("ann") },
                channel: name(channel),
                message: name("1.2"),
                trigger: name("t"),
                answer_url: String::new(),
                reason: None,
            };
            let open = PullState::Open;
            assert_eq!(check(&click("C1"), &record, &now(&head, open)), Ok(()));
            let moved = if action == Action::RunAgain { Ok(()) } else { Err(Refusal::HeadMoved) };
            assert_eq!(check(&click("C1"), &record, &now(&other, open)), moved, "{action:?}");
            assert_eq!(check(&click("C2"), &record, &now(&head, open)), Err(Refusal::OtherChannel));
            let closed = check(&click("C1"), &record, &now(&head, PullState::Closed));
            assert_eq!(closed, Err(Refusal::NotOpen(PullState::Closed)));
        }
    }
}
