//! What everyone may see of a change, kept beside what the team sees.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Change, Check};
use crate::provenance::{self, Disclosure, GitText, said};

/// What everyone may see of a change: text that stands in Git.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Public {
    /// The object before.
    pub before: Option<Value>,
    /// The object after.
    pub after: Option<Value>,
    /// Why the API server refuses it or could not judge it, in our own words.
    pub why: Option<String>,
    /// What else a reader must know of it.
    #[serde(default)]
    pub remarks: Vec<String>,
}

impl Change {
    /// Decides what the team and what everyone may see, by what Git holds of the object.
    pub fn disclose(&mut self, git: &GitText, disclosure: Disclosure) {
        if self.check == Check::RenderOnly {
            return;
        }
        let sides = (self.before.take(), self.after.take());
        let (before, after) = provenance::for_everyone(&sides, git);
        let why = self.check.why().map(|why| said::for_everyone(why, git));
        let remarks = self.remarks.iter().map(|remark| said::remark_for_everyone(remark, git)).collect();
        (self.before, self.after) = provenance::for_the_team(&sides, git, &self.object.group, disclosure);
        if let Check::Refused { why } | Check::NotValidated { why } = &mut self.check {
            *why = match disclosure {
                Disclosure::LiveValues => said::for_the_team(why, git),
                Disclosure::GitOnly | Disclosure::Untrusted => said::for_everyone(why, git),
            };
        }
        // Our own remarks quote nobody; one that does repeats the server.
        for remark in self.remarks.iter_mut().filter(|remark| remark.contains('"')) {
            *remark = match disclosure {
                Disclosure::LiveValues => said::for_the_team(remark, git),
                Disclosure::GitOnly | Disclosure::Untrusted => said::remark_for_everyone(remark, git),
            };
        }
        self.public = Some(Box::new(Public { before, after, why, remarks }));
    }

    /// The change as everyone may see it. Of one that was never disclosed, and that a cluster was asked about, only that it is there.
    pub fn for_everyone(&self) -> Self {
        if self.public.is_none() && self.check == Check::RenderOnly {
            return self.clone();
        }
        let Public { before, after, why, remarks } = self.public.as_deref().cloned().unwrap_or_default();
        let why = why.unwrap_or_else(|| said::REASON_IN_SLACK.to_owned());
        let check = match &self.check {
            Check::Refused { .. } => Check::Refused { why },
            Check::NotValidated { .. } => Check::NotValidated { why },
            other => other.clone(),
        };
        Self { check, before, after, remarks, public: None, ..self.clone() }
    }
}
