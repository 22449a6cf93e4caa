//! Verbs that have Flux do something: `reconcile`, `suspend`, `resume`.

use clap::{Arg, ArgAction, ArgMatches, Command};
use domain::FluxKind;

use super::{cluster, kinds, named, namespace, text};
use crate::{Act, Listing, Told, What};

/// Kinds that nothing can be done with.
const NEVER: [FluxKind; 2] = [FluxKind::ExternalArtifact, FluxKind::ArtifactGenerator];

/// The verbs.
pub(super) fn all() -> [Command; 3] {
    let reconcilable = FluxKind::ALL.into_iter().filter(|kind| !NEVER.contains(kind) && !kind.is_static());
    let suspendable = || FluxKind::ALL.into_iter().filter(|kind| !NEVER.contains(kind));
    [
        verb("reconcile", "Have Flux reconcile something now, and wait for it", reconcilable, reconcile),
        verb("suspend", "Have Flux leave something alone", suspendable(), several),
        verb("resume", "Have Flux go on with what was suspended", suspendable(), several),
    ]
}

fn verb(
    name: &'static str,
    about: &'static str,
    of: impl Iterator<Item = FluxKind>,
    with: fn(FluxKind, Command) -> Command,
) -> Command {
    let verb = Command::new(name)
        .about(about)
        .arg(namespace("The namespace; without it, the one in which there is such a name"))
        .arg(cluster())
        .arg_required_else_help(true)
        .subcommand_required(true);
    kinds::of_one(verb, of, |kind, command| with(kind, command.about(kind.several())))
}

fn reconcile(kind: FluxKind, command: Command) -> Command {
    let flag = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).help(help).action(ArgAction::SetTrue)
    };
    let command = command.arg(
        Arg::new("name")
            .value_name("NAME")
            .required(true)
            .help("Which one; NAMESPACE/NAME names its namespace too"),
    );
    let command = match kind {
        FluxKind::Kustomization | FluxKind::HelmRelease => {
            command.arg(flag("with-source", "Its source first"))
        }
        _ => command,
    };
    match kind {
        FluxKind::HelmRelease => command
            .arg(flag("force", "Install or upgrade once, whatever it looks like"))
            .arg(flag("reset", "Forget its failures")),
        _ => command,
    }
}

fn several(_: FluxKind, command: Command) -> Command {
    let names = Arg::new("names").value_name("NAME").num_args(1..).required_unless_present("all");
    let names = names.help("Which ones; NAMESPACE/NAME names the namespace too").conflicts_with("all");
    // A flag of the parent is no requirement that clap knows here.
    let all =
        Arg::new("all").long("all").help("All of the namespace that -n names").action(ArgAction::SetTrue);
    command.args([names, all])
}

/// Reads what stands behind one of the verbs.
pub(super) fn read(verb: &str, given: &ArgMatches) -> Result<Act, Told> {
    let (kind, given) = kinds::one(given).ok_or_else(|| Told::Wrong("say of which kind".to_owned()))?;
    let flag = |name: &str| given.try_get_one::<bool>(name).ok().flatten().copied().unwrap_or(false);
    let of = |name: &str| {
        let (namespace, name) = named(given, name)?;
        Ok(Listing { namespace, name, ..Listing::default() })
    };
    let what = match verb {
        "suspend" => What::Suspend,
        "resume" => What::Resume,
        _ => What::Reconcile { with_source: flag("with-source"), force: flag("force"), reset: flag("reset") },
    };
    let mut objects: Vec<Listing> = Vec::new();
    if flag("all") {
        let namespace = text(given, "namespace").ok_or_else(|| {
            Told::Wrong("--all is all of one namespace: name it with --namespace".to_owned())
        })?;
        objects.push(Listing { namespace: Some(namespace), ..Listing::default() });
    } else if let What::Reconcile { .. } = what {
        objects.push(of(&text(given, "name").unwrap_or_default())?);
    } else {
        for name in given.get_many::<String>("names").into_iter().flatten() {
            let listing = of(name)?;
            if !objects.contains(&listing) {
                objects.push(listing);
            }
        }
    }
    Ok(Act { what, kind, objects, cluster: text(given, "cluster") })
}
