//! `events`: what is told of repositories besides their pull requests.

use domain::{EventMatch, EventRule, Holds};
use templates::{Kind, Template};

use super::fields::Fields;
use super::rules::{buttons, channel, repositories};

/// GitHub's names of what happens in a repository.
const KINDS: [&str; 18] = [
    "CommitCommentEvent",
    "CreateEvent",
    "DeleteEvent",
    "DiscussionEvent",
    "ForkEvent",
    "GollumEvent",
    "IssueCommentEvent",
    "IssuesEvent",
    "MemberEvent",
    "PublicEvent",
    "PullRequestEvent",
    "PullRequestReviewCommentEvent",
    "PullRequestReviewEvent",
    "PullRequestReviewThreadEvent",
    "PushEvent",
    "ReleaseEvent",
    "SponsorshipEvent",
    "WatchEvent",
];
/// What is said where a rule has no words of its own.
const WORDS: &str =
    "{{ event.type | replace('Event', '') }} in {{ repository.full_name }} by {{ event.actor.login }}";

/// Reads the list. What is wrong is noted.
pub(super) fn read(root: &mut Fields) -> Vec<EventRule> {
    root.objects("events").unwrap_or_default().into_iter().filter_map(rule).collect()
}

fn rule(mut fields: Fields) -> Option<EventRule> {
    let repositories = repositories(&mut fields);
    let channel = channel(&mut fields);
    let listed = fields.some_objects("on", "list at least one, with `type`").unwrap_or_default();
    let on = listed.into_iter().map(one).collect();
    let text = fields.text("text").unwrap_or_else(|| WORDS.to_owned());
    if let Err(error) = Template::parse(&text, Kind::Text) {
        fields.problem("text", &format!("is a template that cannot be used: {error}"));
    }
    let buttons = buttons(&mut fields, None);
    fields.finish();
    Some(EventRule { repositories: repositories?, channel, on, text, buttons })
}

fn one(mut fields: Fields) -> EventMatch {
    let kind = fields.needed_choice("type", &KINDS).unwrap_or_default();
    let (path, value) = (fields.text("json_path"), fields.text("value"));
    if path.is_none() && value.is_some() {
        fields.problem("value", "is for what stands at `json_path`, which is missing");
    }
    let holds = path.map(|path| Holds::new(&path, value.as_deref()));
    if let Some(Err(error)) = &holds {
        let at = if value.as_ref() == Some(&error.pattern) { "value" } else { "json_path" };
        fields.problem(at, &format!("cannot be used: {error}"));
    }
    fields.finish();
    EventMatch { kind: kind.to_owned(), holds: holds.and_then(Result::ok) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a configuration that should parse and does not is the failure")]
    use super::super::{Config, Defaults};
    use super::*;

    fn parse(events: &str) -> Result<Vec<EventRule>, Vec<String>> {
        let rest =
            "github: {token: a}\nslack: {secret: b}\nrepositories: [{name: a/b, channel: C1}]\nevents:\n";
        let config = Config::parse(&format!("{rest}{events}"), &Defaults::default());
        config.map(|config| config.events).map_err(|error| error.0)
    }

    #[test]
    fn events_are_read() {
        let rules = parse(
            "- organization: acme
  channel: C2
  on:
  - {type: ReleaseEvent, json_path: $.payload.action, value: ^published$}
  - {type: WatchEvent}
  text: '*{{ event.payload.release.tag_name }}*'
  buttons: [{text: Open, url: '{{ event.payload.release.html_url | safe }}'}]
",
        )
        .unwrap();
        assert_eq!((rules[0].on.len(), rules[0].buttons.len(), rules[0].channel.as_str()), (2, 1, "C2"));
        assert!(rules[0].wants(&serde_json::json!({"type": "WatchEvent"})));
        assert!(
            parse("- {name: a/b, channel: C1, on: [{type: PushEvent}]}").unwrap()[0].text.contains("actor")
        );
    }

    #[test]
    fn every_problem_has_its_line() {
        let found = parse(
            "- name: a/b
  channel: C1
  on:
  - {type: StarEvent}
  - {type: PushEvent, json_path: '$.payload[', value: x}
  - {type: PushEvent, json_path: $.payload, value: '('}
  - {type: PushEvent, value: x}
  - {}
  text: '{{ event'
- {name: a/b, channel: C1}
",
        )
        .unwrap_err();
        for (found, wanted) in found.iter().zip([
            "line 8: `events[0].on[0].type` must be `CommitCommentEvent`, ",
            "line 9: `events[0].on[1].json_path` cannot be used: pattern `$.payload[`",
            "line 10: `events[0].on[2].value` cannot be used: pattern `(`",
            "line 11: `events[0].on[3].value` is for what stands at `json_path`",
            "line 12: `events[0].on[4].type` is missing",
            "line 13: `events[0].text` is a template that cannot be used: syntax error",
            "line 14: `events[1].on` is missing or empty",
        ]) {
            assert!(found.starts_with(wanted), "{found}\n{wanted}");
        }
        assert_eq!(found.len(), 7, "{found:#?}");
    }
}
