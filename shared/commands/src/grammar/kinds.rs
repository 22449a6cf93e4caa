//! Kinds as the Flux CLI calls them: some by one word, some by two.

use clap::{Arg, ArgMatches, Command};
use domain::FluxKind;

/// The first word of kinds that have two: as it is listed, as it is for one, and what is said of it.
const FAMILIES: [(&str, &str, &str); 3] = [
    ("sources", "source", "List sources: Git, OCI and Helm repositories, buckets, charts, artifacts"),
    ("images", "image", "List image repositories, policies and update automations"),
    ("artifacts", "artifact", "List what makes artifacts"),
];

/// Kinds that `get all` leaves out, as the CLI does.
const NOT_IN_ALL: [FluxKind; 1] = [FluxKind::ArtifactGenerator];

/// `get` with a command for each kind, each family, and all.
pub(super) fn listed(mut get: Command) -> Command {
    get = get.subcommand(Command::new("all").about("List everything of Flux's"));
    for kind in FluxKind::ALL.into_iter().filter(|kind| !kind.typed().contains(' ')) {
        get = get.subcommand(of_one_kind(kind));
    }
    for (several, one, about) in FAMILIES {
        let mut family = Command::new(several)
            .visible_alias(one)
            .about(about)
            .arg_required_else_help(true)
            .subcommand_required(true);
        let kinds: Vec<FluxKind> = of_family(one).collect();
        if kinds.len() > 1 {
            family = family.subcommand(Command::new("all").about("All of these"));
        }
        for kind in kinds {
            family = family.subcommand(of_one_kind(kind));
        }
        get = get.subcommand(family);
    }
    get
}

/// A verb with a command for each of some kinds, as the CLI calls one of them.
pub(super) fn of_one(
    mut verb: Command,
    kinds: impl Iterator<Item = FluxKind>,
    with: impl Fn(FluxKind, Command) -> Command,
) -> Command {
    let mut families: Vec<(&'static str, &'static str, Command)> = FAMILIES
        .into_iter()
        .map(|(several, one, _)| (one, several, Command::new(one).visible_alias(several).about(one_of(one))))
        .collect();
    for kind in kinds {
        let (word, listed) = (second(kind), listed_as(kind));
        let mut command = Command::new(word);
        if listed != word {
            command = command.alias(listed);
        }
        command = match kind {
            FluxKind::Kustomization => command.visible_alias("ks"),
            FluxKind::HelmRelease => command.visible_alias("hr"),
            _ => command,
        };
        let command = with(kind, command);
        match families.iter_mut().find(|(one, ..)| kind.typed().split(' ').next() == Some(one)) {
            Some((.., family)) => *family = std::mem::take(family).subcommand(command),
            None => verb = verb.subcommand(command),
        }
    }
    for (.., family) in families.into_iter().filter(|(.., family)| family.has_subcommands()) {
        verb = verb.subcommand(family.subcommand_required(true).arg_required_else_help(true));
    }
    verb
}

fn one_of(family: &str) -> &'static str {
    match family {
        "source" => "Sources: Git, OCI and Helm repositories, buckets, charts",
        "image" => "Image repositories, policies and update automations",
        _ => "What makes artifacts",
    }
}

/// Which kind was named behind such a verb, and what was given with it.
pub(super) fn one(verb: &ArgMatches) -> Option<(FluxKind, &ArgMatches)> {
    let (first, given) = verb.subcommand()?;
    let (typed, given) = match given.subcommand() {
        Some((word, given)) => (format!("{first} {word}"), given),
        None => (first.to_owned(), given),
    };
    let kind = FluxKind::ALL.into_iter().find(|kind| kind.typed() == typed)?;
    Some((kind, given))
}

/// Which kinds were asked for, and what was given with them.
pub(super) fn chosen(get: &ArgMatches) -> (Vec<FluxKind>, &ArgMatches) {
    let (first, given) = get.subcommand().unwrap_or(("all", get));
    if let Some((_, one, _)) = FAMILIES.into_iter().find(|(several, ..)| *several == first) {
        let (second_word, given) = given.subcommand().unwrap_or(("all", given));
        let kinds = of_family(one).filter(|kind| second_word == "all" || listed_as(*kind) == second_word);
        return (kinds.collect(), given);
    }
    let kinds = FluxKind::ALL.into_iter().filter(|kind| match first {
        "all" => !NOT_IN_ALL.contains(kind),
        first => listed_as(*kind) == first && !kind.typed().contains(' '),
    });
    (kinds.collect(), given)
}

fn of_family(one: &str) -> impl Iterator<Item = FluxKind> {
    FluxKind::ALL
        .into_iter()
        .filter(move |kind| kind.typed().split(' ').next() == Some(one) && kind.typed() != one)
}

/// The second word of a kind that has two.
fn second(kind: FluxKind) -> &'static str {
    kind.typed().split_once(' ').map_or(kind.typed(), |(_, second)| second)
}

/// As it is called where several are listed: the CLI uses the plural of some words.
fn listed_as(kind: FluxKind) -> &'static str {
    match kind {
        FluxKind::Kustomization => "kustomizations",
        FluxKind::HelmRelease => "helmreleases",
        FluxKind::Receiver => "receivers",
        FluxKind::Provider => "alert-providers",
        FluxKind::Alert => "alerts",
        FluxKind::ArtifactGenerator => "generators",
        _ => second(kind),
    }
}

fn of_one_kind(kind: FluxKind) -> Command {
    let (word, listed) = (second(kind), listed_as(kind));
    let mut command = Command::new(listed).about(format!("List {}", kind.several())).arg(
        Arg::new("name")
            .value_name("NAME")
            .help("Only the one of this name; NAMESPACE/NAME names its namespace too"),
    );
    if listed != word {
        command = command.alias(word);
    }
    match kind {
        FluxKind::Kustomization => command.visible_alias("ks"),
        FluxKind::HelmRelease => command.visible_alias("hr"),
        _ => command,
    }
}
