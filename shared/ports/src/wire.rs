//! What crosses the queue: a versioned form of its own. Old messages must keep parsing (`tests/wire` holds saved examples).

use domain::interact::{Action, Click, Command, Person};
use domain::job::{Cause, DiffJob, Job};
use domain::{CommitSha, PullKey, RepoName, ReportId};
use serde::{Deserialize, Serialize};

/// A queue message that nobody can read. It is logged, acknowledged and gone: retrying would not help.
#[derive(Debug, thiserror::Error)]
#[error("queue message cannot be read ({reason})")]
pub struct Unreadable {
    /// What is wrong with it; never the message itself.
    pub reason: String,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "v")]
enum Message {
    #[serde(rename = "1")]
    V1(MessageV1),
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case")]
enum MessageV1 {
    Diff {
        repo: RepoName,
        number: u64,
        head: CommitSha,
        cause: Cause,
    },
    Refresh {
        repo: RepoName,
        number: u64,
    },
    Mark {
        repo: RepoName,
        number: u64,
        report: ReportId,
    },
    Discover,
    Look {
        repo: RepoName,
        #[serde(default)]
        put_off: u32,
    },
    Click {
        action: Action,
        report: ReportId,
        by: Person,
        channel: String,
        message: String,
        trigger: String,
        answer_url: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    Command {
        text: String,
        by: Person,
        channel: String,
        trigger: String,
        answer_url: String,
        #[serde(default, skip_serializing_if = "is_not")]
        replaces: bool,
    },
}

/// Left out where it is not so.
fn is_not(flag: &bool) -> bool {
    !flag
}

/// A job as the text of a queue message, well under 1 KiB but for what people wrote themselves.
pub fn encode(job: &Job) -> String {
    let message = Message::V1(match job.clone() {
        Job::Diff(DiffJob { pull, head, cause }) => {
            MessageV1::Diff { repo: pull.repo, number: pull.number, head, cause }
        }
        Job::Refresh { pull } => MessageV1::Refresh { repo: pull.repo, number: pull.number },
        Job::Mark { pull, report } => MessageV1::Mark { repo: pull.repo, number: pull.number, report },
        Job::Discover => MessageV1::Discover,
        Job::Look { repo, put_off } => MessageV1::Look { repo, put_off },
        Job::Click(Click { action, report, by, channel, message, trigger, answer_url, reason }) => {
            MessageV1::Click { action, report, by, channel, message, trigger, answer_url, reason }
        }
        Job::Command(Command { text, by, channel, trigger, answer_url, replaces }) => {
            MessageV1::Command { text, by, channel, trigger, answer_url, replaces }
        }
    });
    serde_json::to_string(&message).expect("strings, numbers and names always serialise")
}

/// Reads a queue message. The error does not repeat the message, which may hold what a stranger wrote.
pub fn decode(text: &str) -> Result<Job, Unreadable> {
    let Message::V1(message) =
        serde_json::from_str(text).map_err(|e| Unreadable { reason: e.to_string() })?;
    Ok(match message {
        MessageV1::Diff { repo, number, head, cause } => {
            Job::Diff(DiffJob { pull: PullKey { repo, number }, head, cause })
        }
        MessageV1::Refresh { repo, number } => Job::Refresh { pull: PullKey { repo, number } },
        MessageV1::Mark { repo, number, report } => Job::Mark { pull: PullKey { repo, number }, report },
        MessageV1::Discover => Job::Discover,
        MessageV1::Look { repo, put_off } => Job::Look { repo, put_off },
        MessageV1::Click { action, report, by, channel, message, trigger, answer_url, reason } => {
            Job::Click(Click { action, report, by, channel, message, trigger, answer_url, reason })
        }
        MessageV1::Command { text, by, channel, trigger, answer_url, replaces } => {
            Job::Command(Command { text, by, channel, trigger, answer_url, replaces })
        }
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "names of the cases are well formed")]
    use super::*;

    #[test]
    fn jobs_go_round() {
        let pull: PullKey = "acme/fleet#7".parse().unwrap();
        let by = Person { team: "T1".to_owned(), id: "U1".to_owned(), name: "ann".to_owned() };
        let (channel, trigger, answer_url) = ("C1".to_owned(), "t".to_owned(), "https://x".to_owned());
        let jobs = [
            Job::Diff(DiffJob {
                pull: pull.clone(),
                head: "a".repeat(40).parse().unwrap(),
                cause: Cause::Opened,
            }),
            Job::Refresh { pull: pull.clone() },
            Job::Mark { pull, report: "report-1".parse().unwrap() },
            Job::Discover,
            Job::Look { repo: "acme/fleet".parse().unwrap(), put_off: 1 },
            Job::Click(Click {
                action: Action::Approve,
                report: "report-1".parse().unwrap(),
                by: by.clone(),
                channel: channel.clone(),
                message: "1.2".to_owned(),
                trigger: trigger.clone(),
                answer_url: answer_url.clone(),
                reason: Some("because".to_owned()),
            }),
            Job::Command(Command {
                text: "get ks".to_owned(),
                by,
                channel,
                trigger,
                answer_url,
                replaces: true,
            }),
        ];
        for job in jobs {
            assert_eq!(decode(&encode(&job)).unwrap(), job);
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_without_repeating_it() {
        for text in
            ["", "{}", "null", r#"{"v":"2","job":"diff"}"#, r#"{"v":"1","job":"diff","repo":"x y z"}"#]
        {
            let error = decode(text).unwrap_err().to_string();
            assert!(error.starts_with("queue message cannot be read"), "{error}");
        }
    }
}
