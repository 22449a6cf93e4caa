//! What the API server says, as far as it may be repeated. Its messages quote values, of live objects too, and a webhook may say
//! anything. For the team, words that are no language and do not stand in Git are left out; for everyone, a closed set of sentences is left.

use super::GitText;

/// In place of what is left out.
const GAP: &str = "‹…›";
/// For everyone, in place of a reason that is the server's own.
pub const REASON_IN_SLACK: &str = "its reason is shown in Slack";

/// Our own sentences, without what stands in backticks. Whoever adds one that everyone may read adds it here.
const OURS: [&str; 17] = [
    "Flux applies it as ServiceAccount ``, which may not `` ``: grant it that",
    "Flux applies it as ServiceAccount ``, which may not `` `` in namespace ``: grant it that",
    "it waits for namespace ``, which comes with this pull request",
    "it waits for namespace ``, which Kustomization `` brings first",
    "it waits for namespace ``, which Kustomization `` brings without being waited for (no ``): it may fail until then, and Flux tries again",
    "it waits for the CRD of kind `` of group ``, which comes with this pull request; that CRD accepts it",
    "it waits for the CRD of kind `` of group ``, which Kustomization `` brings first; that CRD accepts it",
    "it waits for the CRD of kind `` of group ``, which Kustomization `` brings without being waited for (no ``): it may fail until then, and Flux tries again; that CRD accepts it",
    "it waits for namespace ``, which Kustomization `` would bring, and that one is suspended",
    "it waits for the CRD of kind `` of group ``, which Kustomization `` would bring, and that one is suspended",
    "namespace `` does not exist, and nothing here creates it: add it, or correct the name",
    "namespace `` is being deleted, and takes nothing new until it is gone",
    "the cluster does not serve the kind `` of group `` in this version: install its CRD first, or write a version that is served",
    "the cluster identity has no rights on Secrets, on purpose, so Git's two sides are compared",
    "its Kustomization applies to another cluster (``), which was not asked",
    "its group is served by an aggregated API server, which need not honour dry-runs, so Git's two sides are compared",
    "the time for comparing was over before the API server was asked",
];

/// What our sentences that hold the server's words begin or end with; that much is for everyone.
const PARTS: [(&str, &str); 16] = [
    ("the CRD of kind `` in this pull request refuses it", ": "),
    (
        "its CRD changes in this pull request and accepts it; the API server, which still has the old one, does not",
        ": ",
    ),
    ("an admission webhook did not answer the dry-run, and merging fails as long as it does not", ": "),
    ("an admission webhook does not support dry-runs", ": "),
    ("our cluster identity may not ask (grant it, see infra/cluster)", ": "),
    ("the API server did not answer", ": "),
    ("the API server did not answer in time; run the diff again later", ": "),
    ("the API server has too many requests to answer; run the diff again later", ": "),
    ("it changed in the cluster each time it was asked about; run the diff again", ": "),
    (
        "admission policy `` denies it, as it will after merging; change the object, or have the policy changed",
        ": ",
    ),
    (
        "admission webhook `` denies it, as it will after merging; change the object, or have the webhook's rules changed",
        ": ",
    ),
    ("ResourceQuota `` refuses it; ask for less, or have the quota raised", ": "),
    (
        "Pod Security at level `` refuses it; ask for fewer privileges, or have the namespace labelled otherwise",
        ": ",
    ),
    ("Git sets ``, which the live object does not have like that; take it out", ": "),
    ("the base branch's version could not be judged, so the renders are compared", ""),
    ("an immutable field changes; `spec.force` would recreate the object", ""),
];

/// Fields of Flux that our sentences name.
const FIELDS: [&str; 6] = [
    "spec.dependsOn",
    "spec.kubeConfig",
    "spec.force",
    "spec.prune",
    "metadata.resourceVersion",
    "metadata.uid",
];

/// Words that a name in quotes may stand behind: what they introduce is a kind, an identity or a policy.
const INTRODUCE: [&str; 15] = [
    "serviceaccount",
    "kustomization",
    "resource",
    "group",
    "namespace",
    "user",
    "webhook",
    "binding",
    "kind",
    "validatingadmissionpolicy",
    "policy",
    "verb",
    "manager",
    "with",
    "resourcequota",
];

/// A reason for everyone: ours, or that there is one.
pub fn for_everyone(reason: &str, git: &GitText) -> String {
    let pieces: Vec<&str> = reason.split('`').collect();
    let known = |name: &&str| FIELDS.contains(name) || git.has(name);
    if pieces.len() % 2 == 1
        && OURS.contains(&skeleton(reason).as_str())
        && pieces.iter().skip(1).step_by(2).all(|name| name.is_empty() || known(name))
    {
        return reason.to_owned();
    }
    let said = PARTS.iter().find_map(|(part, behind)| match *behind {
        // What is between the two halves is the server's.
        "" => {
            let (head, tail) = part.split_once(", ").unwrap_or(("", part));
            let fits = reason.starts_with(head) && reason.trim_end_matches(')').ends_with(tail);
            fits.then(|| (*part).to_owned())
        }
        behind => {
            let (head, _) = reason.split_once(behind)?;
            (skeleton(head) == *part).then(|| without_names(head, git))
        }
    });
    said.map_or_else(|| REASON_IN_SLACK.to_owned(), |part| format!("{part}; {REASON_IN_SLACK}"))
}

/// A sentence without what stands in backticks.
fn skeleton(text: &str) -> String {
    text.split('`').step_by(2).collect::<Vec<_>>().join("``")
}

/// A remark for everyone: ours, without names that are not in Git; one that quotes anybody is left out.
pub fn remark_for_everyone(remark: &str, git: &GitText) -> String {
    if remark.contains('"') {
        return "a remark on this is shown in Slack".to_owned();
    }
    without_names(remark, git)
}

/// A sentence of ours with gaps for the names that are not in Git.
fn without_names(text: &str, git: &GitText) -> String {
    let pieces = text.split('`').enumerate();
    let shown = pieces.map(|(at, piece)| match at % 2 == 0 || FIELDS.contains(&piece) || git.has(piece) {
        true => piece,
        false => GAP,
    });
    shown.collect::<Vec<_>>().join("`")
}

/// A reason for the team: words stay, values stay where they are Git's.
pub fn for_the_team(reason: &str, git: &GitText) -> String {
    let mut out = String::new();
    let mut rest = reason;
    while let Some(first) = rest.chars().next() {
        let (piece, next) = match first {
            '"' | '\'' | '`' => quoted(rest, first),
            c if c.is_whitespace() => rest.split_at(c.len_utf8()),
            _ => word(rest),
        };
        rest = next;
        out.push_str(&repeated(piece, &out, git));
    }
    while out.contains(&format!("{GAP}{GAP}")) {
        out = out.replace(&format!("{GAP}{GAP}"), GAP);
    }
    out
}

/// The text up to the quote that ends it; a quote without an end is a word of its own.
fn quoted(text: &str, quote: char) -> (&str, &str) {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '\\' if !escaped && quote == '"' => escaped = true,
            c if c == quote && !escaped => return text.split_at(at + 1),
            _ => escaped = false,
        }
    }
    text.split_at(quote.len_utf8())
}

/// A run of characters that belong to one word, or a single other character.
fn word(text: &str) -> (&str, &str) {
    let joins = |c: char| c.is_alphanumeric() || "._/-+=%@~$".contains(c);
    let end = text.find(|c| !joins(c)).unwrap_or(text.len());
    let first = text.chars().next().map_or(0, char::len_utf8);
    text.split_at(end.max(first))
}

fn repeated(piece: &str, before: &str, git: &GitText) -> String {
    let quote = piece.chars().next().filter(|c| "\"'`".contains(*c) && piece.len() > 1);
    let Some(quote) = quote else {
        return if is_language(piece) || git.has(piece) { piece.to_owned() } else { GAP.to_owned() };
    };
    let inner = piece.trim_matches(quote);
    let ours = quote == '`' && (FIELDS.contains(&inner) || is_language(&without_indexes(inner)));
    let introduced = before.split_whitespace().last().map(str::to_lowercase);
    let name = introduced.is_some_and(|word| INTRODUCE.contains(&word.as_str())) && is_name(inner);
    if inner.is_empty() || git.has(inner) || ours || name {
        return piece.to_owned();
    }
    format!("{quote}{GAP}{quote}")
}

/// A path without the places in lists: `rules[0].verbs` is `rules.verbs`.
fn without_indexes(path: &str) -> String {
    let is_index = |text: &&str| text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit() || b == b']');
    path.split_inclusive(['[', ']'])
        .filter(|part| !is_index(part))
        .map(|part| part.trim_end_matches('['))
        .collect()
}

/// Names of kinds, identities and policies: lower case, and at most a number by itself.
fn is_name(text: &str) -> bool {
    let words = |part: &str| part.chars().all(|c| c.is_ascii_lowercase());
    let number = |part: &str| part.len() <= 3 && part.chars().all(|c| c.is_ascii_digit());
    text.len() <= 100 && text.split(['.', ':', '-', '/']).all(|part| words(part) || number(part))
}

/// Words, paths of fields, versions, sizes and small numbers: nothing that a key or a password looks like.
fn is_language(piece: &str) -> bool {
    // `memory=1Gi`: a word, and a number of its own.
    piece.split('=').all(|side| is_words(side) || is_number(side))
}

fn is_words(text: &str) -> bool {
    let version = |part: &str| {
        let digits = part.strip_prefix('v').unwrap_or_default().replace("alpha", "").replace("beta", "");
        !digits.is_empty() && digits.len() <= 2 && digits.bytes().all(|b| b.is_ascii_digit())
    };
    let mixed = |part: &str| part.chars().skip(1).filter(|c| c.is_uppercase()).count() > 4;
    let plain = |part: &str| {
        part.len() <= 28 && part.chars().all(char::is_alphabetic) && !mixed(part) || version(part)
    };
    // A long chain of hyphens is a passphrase or a generated name.
    text.matches('-').count() <= 2 && text.split(|c: char| !c.is_alphanumeric()).all(plain)
}

fn is_number(text: &str) -> bool {
    let units = ["", "m", "k", "Ki", "Mi", "Gi", "Ti", "s", "ms", "h", "%"];
    let end = text.rfind(|c: char| c.is_ascii_digit()).map_or(0, |at| at + 1);
    let (digits, unit) = text.split_at(end);
    digits.len() <= 6 && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.') && units.contains(&unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::Mask;
    use serde_json::json;

    fn git() -> GitText {
        let object = json!({"kind": "Deployment", "metadata": {"name": "web", "namespace": "shop-2"}, "spec": {"image": "web:1.2", "a": "b3"}});
        GitText::of(Some(&object), None, &Mask::default())
    }

    #[track_caller]
    fn team(given: &str, expected: &str) {
        assert_eq!(for_the_team(given, &git()), expected);
    }

    #[test]
    fn the_team_reads_sentences_without_values() {
        let same = |text: &str| team(text, text);
        same("Deployment.apps \"web\" is invalid: spec.template.spec.containers[0].image: Required value");
        same(
            "pods \"web\" is forbidden: exceeded quota: pods, requested: pods=1, used: pods=5, limited: memory=1Gi",
        );
        same(
            "deployments.apps \"web\" is forbidden: User \"preflux\" cannot patch resource \"deployments\" in API group \"apps\" in the namespace \"shop-2\"",
        );
        same("namespace `shop-2` does not exist, and nothing here creates it");
        same("admission policy `no-latest-2` denies it, as it will after merging");
        same("it lacks `patch` on `deployments.apps` in namespace `shop-2`");
        same("an immutable field changes; `spec.force` would recreate the object");
        same("Invalid value: \"b3\": must be a number");
        team("Invalid value: \"hunter\": must be a number", "Invalid value: \"‹…›\": must be a number");
        team("Invalid value: {\"password\":\"a\\\"b\"}: x", "Invalid value: {\"‹…›\":\"‹…›\"}: x");
        team("denied: the token is xoxb-1234-abcd", "denied: the token is ‹…›");
        team("denied: key AKIAIOSFODNN7EXAMPLE/x!", "denied: key ‹…›!");
        team("correct-horse-battery-staple is wrong", "‹…› is wrong");
        team("an 'open quote", "an 'open quote");
        team("aGVsbG8gd29ybGQgYW5k is base64", "‹…› is base64".replace("base64", "‹…›").as_str());
    }

    #[test]
    fn everyone_reads_our_own_sentences() {
        let check = |given: &str, expected: &str| assert_eq!(for_everyone(given, &git()), expected);
        let same = |text: &str| check(text, text);
        same("namespace `shop-2` does not exist, and nothing here creates it: add it, or correct the name");
        same("it waits for namespace `shop-2`, which comes with this pull request");
        same(
            "it waits for the CRD of kind `Deployment` of group ``, which comes with this pull request; that CRD accepts it",
        );
        same("its Kustomization applies to another cluster (`spec.kubeConfig`), which was not asked");
        check("it waits for namespace `l1ve`, which comes with this pull request", REASON_IN_SLACK);
        check("Invalid value: \"l1ve\"", REASON_IN_SLACK);
        let remark = |given: &str| remark_for_everyone(given, &git());
        assert_eq!(remark("Flux takes `a` over from `l1ve`"), "Flux takes `a` over from `‹…›`");
        assert_eq!(remark("it says \"l1ve\""), "a remark on this is shown in Slack");
        check(
            "the API server did not answer: l1ve",
            "the API server did not answer; its reason is shown in Slack",
        );
        let denied = "admission policy `l1ve` denies it, as it will after merging; change the object, or have the policy changed";
        let shown = "admission policy `‹…›` denies it, as it will after merging; change the object, or have the policy changed; its reason is shown in Slack";
        check(&format!("{denied}: l1ve `web` is"), shown);
        check(
            "the API server did not answer: it waits for namespace `shop-2`, which comes with this pull request",
            "the API server did not answer; its reason is shown in Slack",
        );
        check(
            "Git sets `metadata.uid`, which the live object does not have like that; take it out: l1ve",
            "Git sets `metadata.uid`, which the live object does not have like that; take it out; its reason is shown in Slack",
        );
        check(
            "the base branch's version could not be judged (l1ve), so the renders are compared",
            "the base branch's version could not be judged, so the renders are compared; its reason is shown in Slack",
        );
        check(
            "l1ve (an immutable field changes; `spec.force` would recreate the object)",
            "an immutable field changes; `spec.force` would recreate the object; its reason is shown in Slack",
        );
    }
}
