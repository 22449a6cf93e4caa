//! Where a text comes from decides who may read it. What stands in Git may be shown to everyone who sees the pull request; what only
//! the cluster knows is for the team, as far as its field is known to hold no secret.
//!
//! [`GitText`] is what Git holds of one object; `walk` puts marks in place of the rest; `fields` lists the fields whose live values a
//! team may see; [`said`] does the same to the API server's sentences.

mod fields;
pub mod said;
mod walk;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::mask::{Mask, is_mark};

/// In place of a value that is not in Git, where the team reads.
pub const LIVE: &str = "‹live value›";
/// In place of another value that is not in Git, beside the first.
pub const OTHER_LIVE: &str = "‹another live value›";
/// In place of a value that is not in Git, where everyone reads.
pub const IN_SLACK: &str = "‹live value, shown in Slack›";
/// In place of another value that is not in Git, beside the first.
pub const OTHER_IN_SLACK: &str = "‹another live value, shown in Slack›";
/// In place of the names of fields that are not in Git and differ.
pub const FIELDS: &str = "‹fields that Git does not have›";

/// How much a report may tell the team that reads it in Slack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disclosure {
    /// Nobody vouches for the pull request: nothing but Git's own text, and no verdict on what is in a Secret.
    Untrusted,
    /// Nothing but Git's own text.
    GitOnly,
    /// Live values too, of fields that are known to hold no secrets.
    #[default]
    LiveValues,
}

/// Every name and every value of an object that stands in Git, on either side.
#[derive(Debug, Clone, Default)]
pub struct GitText {
    texts: BTreeSet<String>,
}

impl GitText {
    /// The texts of an object's two renders, masked as the report's sides are.
    pub fn of(before: Option<&Value>, after: Option<&Value>, mask: &Mask) -> Self {
        let (before, after) = mask.pair(before.cloned(), after.cloned());
        let mut found = Self::default();
        [before, after].iter().flatten().for_each(|side| found.add(side));
        found
    }

    fn add(&mut self, value: &Value) {
        match value {
            Value::Object(fields) => fields.iter().for_each(|(key, value)| {
                self.texts.insert(key.clone());
                self.add(value);
            }),
            Value::Array(items) => items.iter().for_each(|item| self.add(item)),
            scalar => drop(self.texts.insert(text_of(scalar))),
        }
    }

    /// Whether this text stands there, as a whole name or value.
    pub fn has(&self, text: &str) -> bool {
        self.texts.contains(text)
    }

    /// Whether a value may be shown to everyone.
    fn shows(&self, scalar: &Value) -> bool {
        let text = text_of(scalar);
        is_mark(&text) || self.has(&text)
    }
}

fn text_of(scalar: &Value) -> String {
    scalar.as_str().map_or_else(|| scalar.to_string(), str::to_owned)
}

/// Both sides of one object.
pub type Sides = (Option<Value>, Option<Value>);

/// Both sides for everyone: what is not in Git is left out, or marked where it differs.
pub fn for_everyone(sides: &Sides, git: &GitText) -> Sides {
    walk::Walk { git, rule: walk::Rule::Git }.sides(sides)
}

/// Both sides for the team: every field is there, and values that may be secret and are not in Git are marked.
pub fn for_the_team(sides: &Sides, git: &GitText, group: &str, disclosure: Disclosure) -> Sides {
    match disclosure {
        Disclosure::Untrusted | Disclosure::GitOnly => {
            walk::Walk { git, rule: walk::Rule::GitForTheTeam }.sides(sides)
        }
        Disclosure::LiveValues => {
            let known = fields::is_known(group);
            walk::Walk { git, rule: walk::Rule::NoSecrets { known } }.sides(sides)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn deployment(image: &str, env: &str, more: Value) -> Value {
        let env = json!([{"name": "DSN", "value": env}]);
        json!({"kind": "Deployment", "metadata": {"name": "web", "annotations": more}, "spec": {"replicas": 2, "containers": [{"name": "web", "image": image, "env": env}]}})
    }

    fn git() -> GitText {
        let side = |image: &str| deployment(image, "from-git", json!({"team": "shop"}));
        GitText::of(Some(&side("web:1")), Some(&side("web:2")), &Mask::default())
    }

    fn live() -> Sides {
        let mut live = deployment("web:hotfix", "l1ve-dsn", json!({"team": "shop", "l1ve-key": "l1ve"}));
        live["spec"]["replicas"] = json!(5);
        (Some(deployment("web:1", "from-git", json!({"team": "shop"}))), Some(live))
    }

    #[test]
    fn everyone_sees_what_git_holds() {
        let (before, after) = for_everyone(&live(), &git());
        assert_eq!(before, live().0);
        let mut expected = deployment(IN_SLACK, IN_SLACK, json!({"team": "shop", FIELDS: IN_SLACK}));
        expected["spec"]["replicas"] = json!(IN_SLACK);
        assert_eq!(after, Some(expected));
    }

    #[test]
    fn the_team_sees_fields_that_hold_no_secrets() {
        let (_, after) = for_the_team(&live(), &git(), "apps", Disclosure::LiveValues);
        let mut expected = deployment("web:hotfix", LIVE, json!({"team": "shop", "l1ve-key": LIVE}));
        expected["spec"]["replicas"] = json!(5);
        assert_eq!(after, Some(expected));
        let (_, after) = for_the_team(&live(), &git(), "example.test", Disclosure::LiveValues);
        assert_eq!(
            after.map(|v| v["spec"]["containers"][0]["image"].clone()),
            Some(json!(LIVE)),
            "of kinds that nobody knows, no texts"
        );
        let (_, after) = for_the_team(&live(), &git(), "apps", Disclosure::GitOnly);
        assert_eq!(after.map(|v| v["spec"]["replicas"].clone()), Some(json!(LIVE)));
    }

    #[test]
    fn two_live_values_differ_visibly() {
        let side = |a: &str, more: Value| Some(json!({"kind": "ConfigMap", "data": {"a": a}, "more": more}));
        let sides = (side("l1ve", json!(1)), side("l2ve", json!(2)));
        let git = GitText::of(side("git", json!(null)).as_ref(), None, &Mask::default());
        let (before, after) = for_everyone(&sides, &git);
        assert_eq!(before.map(|v| v["data"]["a"].clone()), Some(json!(IN_SLACK)));
        assert_eq!(after.map(|v| v["data"]["a"].clone()), Some(json!(OTHER_IN_SLACK)));
    }

    #[test]
    fn fields_that_the_cluster_fills_in_are_left_out_for_everyone() {
        let side = |policy: &str, image: &str| Some(json!({"spec": {"image": image, "policy": policy}}));
        let git = json!({"spec": {"image": "web:1"}});
        let git = GitText::of(Some(&git), Some(&json!({"spec": {"image": "web:2"}})), &Mask::default());
        let sides = for_everyone(&(side("Always", "web:1"), side("Always", "web:2")), &git);
        assert_eq!(
            sides,
            (Some(json!({"spec": {"image": "web:1"}})), Some(json!({"spec": {"image": "web:2"}})))
        );
        let (before, after) = for_everyone(&(side("Always", "web:1"), side("Never", "web:1")), &git);
        assert_eq!(before, Some(json!({"spec": {"image": "web:1", FIELDS: IN_SLACK}})));
        assert_eq!(after, Some(json!({"spec": {"image": "web:1", FIELDS: OTHER_IN_SLACK}})));
        let created = for_everyone(&(None, side("Always", "web:1")), &git);
        assert_eq!(created, (None, Some(json!({"spec": {"image": "web:1"}}))));
    }
}
