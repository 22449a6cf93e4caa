//! `repositories`: what is watched, which pull requests count, and what becomes of them.

use std::collections::{BTreeMap, BTreeSet};

use domain::mark::{CheckKind, Trait};
use domain::{
    Acts, Button, ButtonDoes, ButtonStyle, MergeMethod, Mode, Only, PathRules, RepoName, RepoRule,
    Repositories, Selection, Transition, sample_event,
};
use serde_json::{Value, json};
use templates::{Kind, Template};

use super::GitHubIdentity;
use super::fields::{Fields, any_of};
use super::people::PeopleConfig;

/// Buttons that one rule may add; a message has room for so many more than its own.
const MOST_BUTTONS: usize = 5;
/// What GitHub takes as a label's name, in characters.
const MOST_OF_LABEL: usize = 50;

/// Reads the list; what people may do follows from who they can be. What is wrong is noted; rules that can be used all the same are given.
pub(super) fn read(root: &mut Fields, people: &PeopleConfig, identity: &GitHubIdentity) -> Vec<RepoRule> {
    let mut rules: Vec<RepoRule> = Vec::new();
    let needed = "list at least one, with `name` and `channel`";
    let Some(listed) = root.some_objects("repositories", needed) else { return rules };
    for mut fields in listed {
        let repositories = repositories(&mut fields);
        let channel = channel(&mut fields);
        let rule = repositories.map(|repositories| rule(&mut fields, repositories, &channel, people));
        let runs = rule.as_ref().is_some_and(|rule| rule.check == Some(CheckKind::Run));
        if runs && matches!(identity, GitHubIdentity::Token(_)) {
            let what = "is `run`, which GitHub takes from Apps alone, beside a token: set `status`, or use `github.app`";
            fields.problem("check", what);
        }
        if rule.is_none() {
            // Its other fields are still looked at, for their own problems.
            let none = Repositories::Discovered { names: Selection::default() };
            self::rule(&mut fields, none, &channel, people);
        }
        let named = rule.as_ref().and_then(|rule| match &rule.repositories {
            Repositories::Named(repo) => Some(repo.clone()),
            _ => None,
        });
        let none = BTreeSet::new();
        let shadowed = |repo: &RepoName| {
            rules.iter().any(|earlier| earlier.takes_everything() && earlier.repositories.mean(repo, &none))
        };
        if named.as_ref().is_some_and(shadowed) {
            fields.problem("name", "is never asked: an earlier rule takes everything of this repository");
        }
        fields.finish();
        rules.extend(rule);
    }
    rules
}

fn rule(fields: &mut Fields, repositories: Repositories, channel: &str, people: &PeopleConfig) -> RepoRule {
    RepoRule {
        on: transitions(fields),
        paths: paths(fields),
        labels: selection(fields, "labels", true),
        authors: selection(fields, "authors", true),
        base_branches: selection(fields, "base_branches", false),
        head_branches: selection(fields, "head_branches", false),
        drafts: only(fields, "drafts"),
        forks: only(fields, "forks"),
        mode: mode(fields),
        buttons: buttons(fields, Some(&sample_event())),
        acts: acts(fields, people),
        check: check_kind(fields),
        add_labels: add_labels(fields),
        ..RepoRule::new(repositories, channel)
    }
}

/// One of `name`, `organization` and `discover`.
pub(super) fn repositories(fields: &mut Fields) -> Option<Repositories> {
    let name = fields.text("name");
    let owner = fields.text("organization");
    let discover = fields.flag("discover").unwrap_or(false);
    let names = selection(fields, "repositories", true);
    fields.refine("name", || json!({"pattern": "^[^/]+/[^/]+$"}));
    fields.refine("", || json!({"anyOf": any_of(["name", "organization", "discover"])}));
    let given = usize::from(name.is_some()) + usize::from(owner.is_some()) + usize::from(discover);
    if given != 1 {
        let what = "says nothing of which repositories it is about, or more than one thing: give `name` (`owner/name`), `organization` or `discover: true`";
        fields.problem("", what);
        return None;
    }
    if let Some(name) = name {
        if !names.accept_all() {
            fields.problem("repositories", "is for `organization` and `discover`: `name` names one already");
        }
        let repo = name.parse::<RepoName>();
        return repo
            .map_err(|error| fields.problem("name", &error.to_string()))
            .ok()
            .map(Repositories::Named);
    }
    let Some(owner) = owner else { return Some(Repositories::Discovered { names }) };
    if format!("{owner}/-").parse::<RepoName>().is_err() {
        fields.problem("organization", "must be the login of an organisation or of a person");
        return None;
    }
    Some(Repositories::Of { owner, names })
}

pub(super) fn channel(fields: &mut Fields) -> String {
    let channel = fields.needed("channel", "the id of the Slack channel (`C...`) that its reports go to");
    fields.refine("channel", || json!({"pattern": "^[CDG][0-9A-Z]*$"}));
    let id = channel.starts_with(['C', 'G', 'D'])
        && channel.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    if !id && !channel.is_empty() {
        let what = "must be a channel's id (`C...`, in Slack under the channel's details), not its name";
        fields.problem("channel", what);
    }
    channel
}

fn transitions(fields: &mut Fields) -> Option<BTreeSet<Transition>> {
    let nothing = "nothing would ever be reported: leave it out to have everything";
    let words = fields.choices("on", &Transition::ALL.map(Transition::word), nothing)?;
    Some(words.into_iter().filter_map(Transition::from_word).collect())
}

fn paths(fields: &mut Fields) -> PathRules {
    let (include, exclude) = fields.include_exclude("paths");
    PathRules::new(&include, &exclude).unwrap_or_else(|error| {
        fields.problem("paths", &format!("cannot be used: {error}"));
        PathRules::default()
    })
}

/// A list of patterns, or a map with `include` and `exclude`.
fn selection(fields: &mut Fields, name: &str, any_case: bool) -> Selection {
    let (include, exclude) = fields.include_exclude(name);
    Selection::new(&include, &exclude, any_case).unwrap_or_else(|error| {
        fields.problem(name, &format!("cannot be used: {error}"));
        Selection::default()
    })
}

fn only(fields: &mut Fields, name: &str) -> Only {
    match fields.flag_or_word(name, "only") {
        None | Some(Some(true)) => Only::Too,
        Some(Some(false)) => Only::Not,
        Some(None) => Only::Only,
    }
}

fn mode(fields: &mut Fields) -> Mode {
    match fields.choice("diff", &["automatic", "on_click"]) {
        Some("on_click") => Mode::OnClick,
        _ => Mode::Automatic,
    }
}

/// What people do with their own accounts, where they can link them.
fn acts(fields: &mut Fields, people: &PeopleConfig) -> Acts {
    let words = ["off"].into_iter().chain(MergeMethod::ALL.map(MergeMethod::word)).collect::<Vec<_>>();
    let word = fields.choice("merge", &words);
    let merge = MergeMethod::ALL.into_iter().find(|method| word == Some(method.word()));
    if merge.is_some() && people.app.is_none() {
        fields.problem(
            "merge",
            "needs people's own GitHub accounts: set `people`, with the GitHub App that they link them with",
        );
    }
    Acts { request_changes: people.app.is_some(), merge }
}

fn check_kind(fields: &mut Fields) -> Option<CheckKind> {
    match fields.choice("check", &["run", "status"]) {
        Some("run") => Some(CheckKind::Run),
        Some("status") => Some(CheckKind::Status),
        _ => None,
    }
}

fn add_labels(fields: &mut Fields) -> BTreeMap<Trait, String> {
    let mut map = fields.object("add_labels");
    let mut labels = BTreeMap::new();
    for of in Trait::ALL {
        let label = map.text(of.word());
        map.refine(of.word(), || json!({"maxLength": MOST_OF_LABEL}));
        let Some(label) = label else { continue };
        if label.chars().count() > MOST_OF_LABEL || label.trim() != label {
            let what =
                format!("is no label's name: at most {MOST_OF_LABEL} characters, and no blanks around them");
            map.problem(of.word(), &what);
        }
        labels.insert(of, label);
    }
    map.finish();
    labels
}

/// Buttons; their templates are tried on `sample`, where it is known what they will be filled in with.
pub(super) fn buttons(fields: &mut Fields, sample: Option<&Value>) -> Vec<Button> {
    let listed = fields.objects("buttons").unwrap_or_default();
    fields.refine("buttons", || json!({"maxItems": MOST_BUTTONS}));
    if listed.len() > MOST_BUTTONS {
        fields.problem("buttons", &format!("has more than {MOST_BUTTONS} buttons"));
    }
    listed.into_iter().filter_map(|listed| button(listed, sample)).collect()
}

fn button(mut fields: Fields, sample: Option<&Value>) -> Option<Button> {
    let text = fields.needed("text", "what stands on the button");
    check(&fields, "text", &text, Kind::Text, sample);
    let style = match fields.choice("style", &["plain", "primary", "danger"]) {
        Some("primary") => ButtonStyle::Primary,
        Some("danger") => ButtonStyle::Danger,
        _ => ButtonStyle::Plain,
    };
    let (url, command) = (fields.text("url"), fields.text("command"));
    fields.refine("", || json!({"anyOf": any_of(["url", "command"])}));
    let does = match (url, command) {
        (Some(url), None) => {
            check(&fields, "url", &url, Kind::Address, sample);
            Some(ButtonDoes::Url(url))
        }
        (None, Some(command)) => Some(ButtonDoes::Command(words(&fields, &command, sample))),
        _ => {
            fields.problem("", "needs either `url` or `command`");
            None
        }
    };
    fields.finish();
    does.map(|does| Button { text, style, does })
}

/// A command's words. Blanks inside of `{{ }}` and `{% %}` do not split.
fn words(fields: &Fields, command: &str, sample: Option<&Value>) -> Vec<String> {
    let (mut words, mut word, mut depth) = (Vec::new(), String::new(), 0_usize);
    let mut before = ' ';
    for c in command.chars() {
        match (before, c) {
            ('{', '{' | '%') => depth += 1,
            ('}' | '%', '}') => depth = depth.saturating_sub(1),
            _ => {}
        }
        before = c;
        if c.is_whitespace() && depth == 0 {
            words.push(std::mem::take(&mut word));
        } else {
            word.push(c);
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    // What people write in front of a command elsewhere is not part of it here.
    if words.first().is_some_and(|word| word == "/flux" || word == "flux") {
        words.remove(0);
    }
    words.iter().for_each(|word| check(fields, "command", word, Kind::Text, sample));
    words
}

/// Reads a template, and fills it in with something made up, so that a name that is not there is found now.
fn check(fields: &Fields, name: &str, text: &str, kind: Kind, sample: Option<&Value>) {
    let tried = Template::parse(text, kind).and_then(|template| match sample {
        Some(sample) => template.render(sample, 16 * 1024).map(drop),
        None => Ok(()),
    });
    if let Err(error) = tried {
        fields.problem(name, &format!("is a template that cannot be used: {error}"));
    }
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        reason = "a configuration of the cases that should parse and does not is the failure"
    )]
    use super::super::{Config, Defaults};
    use super::*;

    const HEAD: &str =
        "github: {token: 'env:A'}\nslack: {bot_token: 'env:A', signing_secret: 'env:B'}\nrepositories:\n";

    const PEOPLE: &str = "people: {client_id: a, client_secret: b, public_url: 'https://p.example'}\n";

    fn rules(text: &str) -> Result<Vec<RepoRule>, Vec<String>> {
        let config = Config::parse(&format!("{HEAD}{text}"), &Defaults::default());
        config.map(|config| config.repositories).map_err(|error| error.0)
    }

    #[test]
    fn everything_that_a_rule_can_say_is_read() {
        let rules = rules(
            "
- name: acme/fleet
  channel: C1
  on: [labeled, merged]
  labels: {include: ['flux/*'], exclude: [wip]}
  authors: {exclude: ['renovate[bot]']}
  base_branches: [main, 'release-*']
  head_branches: {exclude: [tmp]}
  drafts: false
  forks: only
  paths: [apps/**]
  diff: on_click
  check: status
  add_labels: {deletes: 'flux: deletes', unchanged: noop}
  buttons:
  - {text: 'Diff #{{ pull_request.number }}', style: primary, command: 'flux diff ks podinfo --github-ref {{ pull_request.number }}'}
  - {text: CI, url: 'https://ci.acme.dev/{{ pull_request.head.branch }}'}
- {organization: acme, repositories: [fleet-*], channel: C2}
- {discover: true, channel: C3}
",
        )
        .unwrap();
        let [first, second, third] = rules.as_slice() else { panic!("{rules:?}") };
        assert_eq!(first.on, Some([Transition::Labeled, Transition::Merged].into()));
        assert_eq!((first.drafts, first.forks, first.mode), (Only::Not, Only::Only, Mode::OnClick));
        assert_eq!(first.check, Some(CheckKind::Status));
        let labels = [(Trait::Deletes, "flux: deletes".to_owned()), (Trait::Unchanged, "noop".to_owned())];
        assert_eq!(first.add_labels, labels.into());
        assert!(first.labels.accept("flux/infra") && !first.labels.accept("wip"));
        assert!(!first.authors.accept("Renovate[bot]") && first.base_branches.accept("release-1"));
        let command = ["diff", "ks", "podinfo", "--github-ref", "{{ pull_request.number }}"];
        let does = ButtonDoes::Command(command.map(str::to_owned).to_vec());
        assert_eq!(first.buttons[0].does, does);
        assert!(
            matches!(&second.repositories, Repositories::Of { owner, names } if owner == "acme" && names.accept("fleet-eu"))
        );
        assert!(matches!(third.repositories, Repositories::Discovered { .. }));
        assert!(!first.takes_everything() && second.takes_everything());
    }

    #[test]
    fn people_do_what_a_rule_lets_them_as_themselves() {
        let acts = |merge: &str, people: &str| {
            rules(&format!("- {{name: acme/fleet, channel: C1{merge}}}\n{people}")).map(|rules| rules[0].acts)
        };
        let all = |merge| Ok(Acts { request_changes: true, merge });
        assert_eq!(acts("", ""), Ok(Acts::default()));
        assert_eq!(acts(", merge: off", ""), Ok(Acts::default()));
        assert_eq!(acts("", PEOPLE), all(None));
        assert_eq!(acts(", merge: off", PEOPLE), all(None));
        assert_eq!(acts(", merge: squash", PEOPLE), all(Some(MergeMethod::Squash)));
        assert_eq!(acts(", merge: rebase", PEOPLE), all(Some(MergeMethod::Rebase)));
        let found = acts(", merge: merge", "").unwrap_err();
        assert!(found[0].starts_with("line 4: `repositories[0].merge` needs people's own"), "{found:?}");
        let found = acts(", merge: true", PEOPLE).unwrap_err();
        let wanted = "line 4: `repositories[0].merge` must be `off`, `merge`, `squash` or `rebase`";
        assert!(found[0].starts_with(wanted), "{found:?}");
    }

    #[test]
    fn every_problem_has_its_line() {
        let found = rules(
            "- name: acme/fleet
  channel: C1
- channel: '#deploys'
  on: [opened, pushed]
- {name: acme/fleet, channel: C1}
- organization: 'a b'
  channel: C1
  drafts: maybe
  diff: never
  labels: ['']
  buttons:
  - {text: '{{ pull_request.nr }}', url: 'https://x'}
  - {text: x, command: 'get {{ x'}
  - {text: x}
- {name: acme/x, channel: C1, repositories: [y], on: []}
- name: acme/z
  channel: C1
  check: run
  add_labels: {deletes: ' x', grows: y}
",
        )
        .unwrap_err();
        for (found, wanted) in found.iter().zip([
            "line 6: `repositories[1]` says nothing of which repositories",
            "line 6: `repositories[1].channel` must be a channel's id",
            "line 7: `repositories[1].on` has `pushed`, which is not one of `opened`",
            "line 8: `repositories[2].name` is never asked",
            "line 9: `repositories[3].organization` must be the login",
            "line 11: `repositories[3].drafts` must be true, false or `only`",
            "line 12: `repositories[3].diff` must be `automatic` or `on_click`",
            "line 13: `repositories[3].labels` cannot be used: pattern ``",
            "line 15: `repositories[3].buttons[0].text` is a template that cannot be used: it names something",
            "line 16: `repositories[3].buttons[1].command` is a template that cannot be used: syntax error",
            "line 17: `repositories[3].buttons[2]` needs either `url` or `command`",
            "line 18: `repositories[4].repositories` is for `organization` and `discover`",
            "line 18: `repositories[4].on` is empty",
            "line 21: `repositories[5].check` is `run`, which GitHub takes from Apps alone",
            "line 22: `repositories[5].add_labels.deletes` is no label's name",
            "line 22: `repositories[5].add_labels.grows` is not known here",
        ]) {
            assert!(found.starts_with(wanted), "{found}\n{wanted}");
        }
        assert_eq!(found.len(), 16, "{found:#?}");
    }
}
