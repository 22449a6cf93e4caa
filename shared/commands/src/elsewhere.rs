//! Commands of the Flux CLI that are not carried out in Slack, and what to do instead.

/// Those that change what runs, or need a machine of one's own.
const NEVER: [(&[&str], &str); 8] = [
    (
        &["bootstrap", "install"],
        "sets Flux up and needs an administrator's rights: run it in a terminal, once",
    ),
    (
        &["uninstall"],
        "takes Flux out of the cluster and needs an administrator's rights: run it in a terminal",
    ),
    (
        &["create"],
        "makes objects that Git does not have: add them to the repository, and the pull request is reported here",
    ),
    (
        &["delete"],
        "takes objects away that Git has: remove them from the repository, and the pull request is reported here",
    ),
    (
        &["push", "pull", "tag", "diff artifact", "build artifact", "list"],
        "works with artifacts of a registry: run it in a terminal",
    ),
    (
        &["migrate", "install-crds"],
        "changes stored objects and needs an administrator's rights: run it in a terminal",
    ),
    (&["debug"], "shows what Secrets hold: run it in a terminal"),
    (&["envsubst", "completion"], "works on a terminal's own input and output: run it there"),
];

/// Those that only read, and are not here yet.
const NOT_YET: [&str; 10] =
    ["build", "check", "diff", "events", "export", "logs", "stats", "trace", "tree", "version"];

/// What is said of a command that is not for Slack, unless its words are for the grammar.
pub(crate) fn of(words: &[String]) -> Option<String> {
    let first = words.first()?.as_str();
    let both = words.get(1).map(|second| format!("{first} {second}"));
    let is = |name: &&str| **name == *first || both.as_deref() == Some(*name);
    if let Some((name, why)) =
        NEVER.iter().find_map(|(names, why)| Some((names.iter().find(|n| is(n))?, why)))
    {
        return Some(format!("`flux {name}` is not done from Slack: it {why}."));
    }
    NOT_YET.contains(&first).then(|| {
        format!("`/flux {first}` is not there yet. In a terminal, `flux {first} --help` shows how the Flux CLI does it.")
    })
}
