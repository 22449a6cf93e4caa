//! The one message of a pull request, for every state it can be in. Buttons stand only where they can work.

use domain::interact::Action;
use domain::report::{Finding, Report};
use domain::{ButtonStyle, MergeMethod, PullRequest, ReportId, Trust};
use serde_json::{Value, json};

use super::mrkdwn::{code, cost, escape, escape_within, sentence, words as plain};
use super::{ExtraButton, ExtraDoes, MessageView, State, context, limits, lines, section};
use crate::markdown::overflows;
use crate::safe::{cut, one_line};
use crate::words;
use crate::words::replies::label;

/// Objects listed before the rest is counted.
const OBJECTS: usize = 8;
/// Sentences of one kind shown before the rest is counted.
const SENTENCES: usize = 4;

// Units of each part. In the worst case, everything escaped and all of it there, they add up to less than `limits::ALL_TEXT`.
const TITLE: usize = 600;
const WHO: usize = 300;
const BRANCH: usize = 200;
const LINK: usize = 400;
const STATUS: usize = 1_000;
const RISK: usize = 450;
const CHANGES: usize = 2_400;
const FACT: usize = 350;
const NOTE: usize = 250;

/// The message: what notifications say, and the blocks. Never over a limit of [`limits`].
pub fn summary(view: &MessageView<'_>) -> (String, Vec<Value>) {
    let status = status(&view.state);
    let text = format!("{} {}: {status}", view.pull.key, one_line(&view.pull.title, 200));
    let mut blocks = vec![section("title", &title(view.pull))];
    match view.state {
        State::Queued | State::Running | State::Superseded | State::Offered { .. } => {
            blocks.push(section("status", &escape(&status)))
        }
        State::Failed { .. } => blocks.push(section("status", &format!("⚠️ {}", sentence(&status, STATUS)))),
        State::Reported(report) => blocks.extend(body(report)),
        State::Closed(report) | State::Merged(report) => {
            blocks.push(section("status", &format!("*{}*", escape(&status))));
            blocks.extend(report.map(|report| context("report", &[escape(&words::headline(report))])));
        }
    }
    if let Some(note) = view.note.filter(|note| !note.trim().is_empty()) {
        blocks.push(context("note", &[plain(note, NOTE)]));
    }
    let mut buttons = buttons(view);
    buttons.extend(extra(view, buttons.len()));
    if !buttons.is_empty() {
        blocks.push(json!({"type": "actions", "block_id": "actions", "elements": buttons}));
    }
    (escape_within(&text, limits::FALLBACK / 2), blocks)
}

/// One phrase about the state.
fn status(state: &State<'_>) -> String {
    match state {
        State::Queued => "Waiting to be diffed…".to_owned(),
        State::Offered { .. } => "Not diffed yet: press Diff to see what it does".to_owned(),
        State::Running => "Being diffed…".to_owned(),
        State::Reported(report) => words::headline(report),
        State::Failed { why, .. } => words::replies::diff_failed(why),
        State::Superseded => "Newer commits came in; a new diff is on its way…".to_owned(),
        State::Closed(_) => "Closed without a merge".to_owned(),
        State::Merged(_) => "Merged".to_owned(),
    }
}

fn title(pull: &PullRequest) -> String {
    // The title ends its line, so whatever formatting is in it ends there too.
    let link = match link(&pull.url) {
        Some(url) => format!("*<{}|{}>*", escape(url), escape(&pull.key.to_string())),
        None => format!("*{}*", escape(&pull.key.to_string())),
    };
    format!(
        "{link} {}\n{}: {} → {} · {}",
        plain(&pull.title, TITLE),
        plain(&words::proposal(pull), WHO),
        code(&pull.head_branch, BRANCH),
        code(&pull.base_branch, BRANCH),
        code(pull.head.short(), 8),
    )
}

/// The pull request's address, if it can stand in a link and a button.
fn link(url: &str) -> Option<&str> {
    let fine = url.starts_with("https://") || url.starts_with("http://");
    let plain = url.bytes().all(|b| b.is_ascii_graphic() && !b"|<>\"`\\".contains(&b));
    (fine && plain && escape(url).len() <= LINK).then_some(url)
}

fn body(report: &Report) -> Vec<Value> {
    let mut blocks = vec![section("counts", &format!("*{}*", escape(&words::headline(report))))];
    let risks: Vec<String> =
        words::risks(report).iter().map(|risk| format!("⚠️ {}", sentence(risk, RISK))).collect();
    if !risks.is_empty() {
        blocks.push(section("risks", &risks.join("\n")));
    }
    let changes = changes(report);
    if !changes.is_empty() {
        blocks.push(section("changes", &changes));
    }
    blocks.push(context("facts", &facts(report)));
    let notes = notes(report);
    if !notes.is_empty() {
        blocks.push(context("notes", &notes));
    }
    blocks
}

fn changes(report: &Report) -> String {
    let failures = report.kustomizations.iter().filter_map(|kustomization| match &kustomization.finding {
        Finding::Failed { side, error, unknown } => {
            let name = code(&kustomization.name, 100);
            Some(format!("• {name}: {}. {}", words::failed(*side, *unknown), code(error, 300)))
        }
        Finding::Changes { .. } => None,
    });
    let changes = lines::by_weight(report);
    let all: Vec<String> = failures.chain(changes.iter().map(|change| lines::line(change))).collect();
    // Eight long lines may be too many for one section; the last ones then only count.
    let mut shown = Vec::new();
    let mut room = CHANGES;
    for line in all.iter().take(OBJECTS) {
        if cost(line) > room {
            break;
        }
        room -= cost(line);
        shown.push(line.clone());
    }
    if all.len() > shown.len() {
        shown.push(format!("and {} more, in the thread", all.len() - shown.len()));
    }
    shown.join("\n")
}

fn facts(report: &Report) -> Vec<String> {
    let mut facts = vec![words::cluster(&report.cluster), words::coverage(&report.coverage)];
    facts.extend(words::comparison(&report.comparison));
    facts.extend(words::untrusted(report));
    facts.iter().map(|fact| sentence(fact, FACT)).collect()
}

fn notes(report: &Report) -> Vec<String> {
    let mut all = words::unresolved(&report.coverage, 200);
    all.extend(report.notes.iter().map(|note| one_line(note, NOTE)).filter(|note| !note.is_empty()));
    let drifted = report.counts().drifted;
    if drifted > 0 {
        all.push(words::drift(drifted));
    }
    let mut shown: Vec<String> = all.iter().take(SENTENCES).map(|note| sentence(note, NOTE)).collect();
    if all.len() > SENTENCES {
        shown.push(format!("and {} more, in the thread", all.len() - SENTENCES));
    }
    shown
}

fn buttons(view: &MessageView<'_>) -> Vec<Value> {
    let view_button = || link(&view.pull.url).map(|url| button(Action::View, None, Some(url)));
    match view.state {
        State::Reported(report) => {
            let id = Some(&report.id);
            let mut all = vec![button(Action::PostComment, id, None)];
            // Only where one comment cannot hold it.
            all.extend(overflows(report).then(|| button(Action::PostWhole, id, None)));
            all.push(approve(report));
            all.extend(view.acts.request_changes.then(|| button(Action::RequestChanges, id, None)));
            // GitHub merges no draft.
            all.extend(view.acts.merge.filter(|_| !view.pull.draft).map(|how| merge(report, how)));
            all.extend(view_button());
            all.push(button(Action::RunAgain, id, None));
            all.extend((report.trust == Trust::Untrusted).then(|| full(report)));
            all
        }
        State::Failed { report, .. } => {
            let again = report.map(|id| button(Action::RunAgain, Some(id), None));
            view_button().into_iter().chain(again).collect()
        }
        State::Offered { report } => {
            let mut diff = button(Action::RunAgain, Some(report), None);
            diff["text"]["text"] = json!("Diff");
            diff["style"] = json!("primary");
            std::iter::once(diff).chain(view_button()).collect()
        }
        State::Queued | State::Running | State::Superseded => view_button().into_iter().collect(),
        State::Closed(_) | State::Merged(_) => Vec::new(),
    }
}

/// The configuration's buttons, as many as still fit; whoever filled them in kept to the limits of each.
fn extra(view: &MessageView<'_>, taken: usize) -> Vec<Value> {
    let room = limits::ACTIONS_ELEMENTS.saturating_sub(taken);
    extra_buttons(view.extra.iter().take(room))
}

/// Buttons of the configuration, in their order.
pub(super) fn extra_buttons<'a>(extra: impl Iterator<Item = &'a ExtraButton>) -> Vec<Value> {
    let made = extra.enumerate().map(|(place, extra)| {
        let (kind, field, value) = match &extra.does {
            ExtraDoes::Url(url) => ("link", "url", url),
            ExtraDoes::Command(command) => ("command", "value", command),
        };
        let label = one_line(&extra.text, limits::BUTTON - 1);
        let text = json!({"type": "plain_text", "text": label});
        let mut button = json!({"type": "button", "action_id": format!("{kind}_{place}"), "text": text});
        button[field] = json!(value);
        match extra.style {
            ButtonStyle::Plain => {}
            ButtonStyle::Primary => button["style"] = json!("primary"),
            ButtonStyle::Danger => button["style"] = json!("danger"),
        }
        button
    });
    made.collect()
}

fn button(action: Action, report: Option<&ReportId>, url: Option<&str>) -> Value {
    let text = json!({"type": "plain_text", "text": label(action)});
    let mut button = json!({"type": "button", "action_id": action.id(), "text": text});
    if let Some(id) = report {
        button["value"] = json!(id.as_str());
    }
    if let Some(url) = url {
        button["url"] = json!(url);
    }
    button
}

fn approve(report: &Report) -> Value {
    let mut approve = button(Action::Approve, Some(&report.id), None);
    let risks = words::risks(report).len();
    let text = words::replies::confirm_approval(&report.pull.key, &report.pull.head, risks);
    approve["style"] = json!("primary");
    approve["confirm"] = question("Approve this pull request?", &text, "Approve");
    approve
}

fn merge(report: &Report, how: MergeMethod) -> Value {
    let mut merge = button(Action::Merge, Some(&report.id), None);
    let risks = words::risks(report).len();
    let text = words::replies::confirm_merge(&report.pull.key, &report.pull.head, how, risks);
    merge["confirm"] = question("Merge this pull request?", &text, "Merge");
    merge
}

/// The button that shows an outsider's head to the cluster.
fn full(report: &Report) -> Value {
    let mut full = button(Action::RunFull, Some(&report.id), None);
    let text = words::replies::confirm_full(&report.pull.key, &report.pull.head);
    full["confirm"] = question("Show this commit to the cluster?", &text, "Run");
    full
}

pub(super) fn question(title: &str, text: &str, yes: &str) -> Value {
    let plain = |text: &str, most: usize| json!({"type": "plain_text", "text": cut(text, most)});
    json!({
        "title": plain(title, limits::CONFIRM_TITLE),
        "text": plain(text, limits::CONFIRM_TEXT),
        "confirm": plain(yes, limits::CONFIRM_LABEL),
        "deny": plain("Cancel", limits::CONFIRM_LABEL),
    })
}
