//! The grammar, as the Flux CLI's where there is one: clap reads it, and writes the help.

mod acts;
mod kinds;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::listing::Listing;
use crate::selector::{Selector, Status};
use crate::{Request, Told};

/// Everything behind `/flux`.
fn cli() -> Command {
    let get = Command::new("get")
        .about("List Flux's objects and how they are")
        .args(which())
        .arg(cluster())
        .arg(page())
        .arg_required_else_help(true)
        .subcommand_required(true);
    Command::new("/flux")
        .bin_name("/flux")
        .no_binary_name(true)
        .about("See what Flux does in the cluster, have it reconcile, and link your GitHub account.")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(kinds::listed(get))
        .subcommands(acts::all())
        .subcommand(
            Command::new("link")
                .about("Link your own GitHub account, to approve, ask for changes and merge as yourself")
                .arg(Arg::new("code").value_name("CODE").help(
                    "What the browser showed after GitHub's consent; without it, the address to begin with",
                )),
        )
        .subcommand(Command::new("unlink").about("Take back the link to your GitHub account"))
        .subcommand(Command::new("whoami").about("Show which GitHub account is linked to you"))
}

/// As in the CLI, these stand before or behind what is listed.
fn which() -> [Arg; 4] {
    [
        namespace("Only this namespace"),
        Arg::new("all-namespaces")
            .short('A')
            .long("all-namespaces")
            .help("Every namespace; so it is without -n")
            .global(true)
            .conflicts_with("namespace")
            .action(ArgAction::SetTrue),
        Arg::new("label-selector")
            .short('l')
            .long("label-selector")
            .help("Only objects with these labels, such as app=web,tier!=db")
            .value_name("LABELS")
            .global(true)
            .value_parser(Selector::parse),
        Arg::new("status-selector")
            .long("status-selector")
            .help("Only objects with this condition, such as ready=false or ready!=true")
            .value_name("CONDITION=STATUS")
            .global(true)
            .value_parser(Status::parse),
    ]
}

fn namespace(help: &'static str) -> Arg {
    Arg::new("namespace").value_name("NAMESPACE").short('n').long("namespace").help(help).global(true)
}

fn cluster() -> Arg {
    Arg::new("cluster")
        .long("cluster")
        .value_name("NAME")
        .help("The cluster, where there are several")
        .global(true)
}

fn page() -> Arg {
    Arg::new("page")
        .long("page")
        .value_name("NUMBER")
        .help("Which part of a long answer; the first without it")
        .global(true)
        .value_parser(value_parser!(u16).range(1..=9_999))
}

/// Reads words.
pub(crate) fn read(words: &[String]) -> Result<Request, Told> {
    let all = cli().try_get_matches_from(words).map_err(told)?;
    let Some((verb, given)) = all.subcommand() else {
        return Err(Told::Help(cli().render_help().to_string()));
    };
    Ok(match verb {
        "get" => {
            let (kinds, given) = kinds::chosen(given);
            let page = given.get_one::<u16>("page").map_or(1, |page| usize::from(*page));
            Request::Get { kinds, listing: listing(given)?, page }
        }
        "reconcile" | "suspend" | "resume" => Request::Act(acts::read(verb, given)?),
        "unlink" => Request::Unlink,
        "whoami" => Request::WhoAmI,
        _ => Request::Link { code: text(given, "code") },
    })
}

fn text(given: &ArgMatches, name: &str) -> Option<String> {
    given.get_one::<String>(name).cloned()
}

fn listing(given: &ArgMatches) -> Result<Listing, Told> {
    let name = given.try_get_one::<String>("name").ok().flatten().cloned();
    let (namespace, name) = match name {
        Some(name) => named(given, &name)?,
        None => (text(given, "namespace"), None),
    };
    Ok(Listing {
        name,
        namespace,
        labels: given.get_one::<Selector>("label-selector").cloned(),
        status: given.get_one::<Status>("status-selector").cloned(),
        cluster: text(given, "cluster"),
    })
}

/// `NAME` or `NAMESPACE/NAME`, beside what -n says.
fn named(given: &ArgMatches, name: &str) -> Result<(Option<String>, Option<String>), Told> {
    let namespace = text(given, "namespace");
    match (name.split_once('/'), namespace) {
        (Some((of, _)), Some(other)) if of != other => Err(Told::Wrong(format!(
            "the name says namespace {of}, and -n says {other}: leave one of them out"
        ))),
        (Some((of, name)), _) => Ok((Some(of.to_owned()), Some(name.to_owned()))),
        (None, namespace) => Ok((namespace, Some(name.to_owned()))),
    }
}

fn told(error: clap::Error) -> Told {
    let text = error.render().to_string().trim_end().to_owned();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => Told::Help(text),
        _ => Told::Wrong(text.strip_prefix("error: ").map(str::to_owned).unwrap_or(text)),
    }
}

#[cfg(test)]
mod tests {
    use domain::FluxKind;
    use proptest::prelude::*;

    use super::cli;
    use crate::{Act, Listing, Request, Selector, Status, Told, What, parse};

    /// Characters that one section of a Slack message takes, with room for what stands around it.
    const SECTION: usize = 2_800;

    fn get(listing: Listing) -> Result<Request, Told> {
        Ok(Request::Get { kinds: vec![FluxKind::Kustomization], listing, page: 1 })
    }

    fn named(namespace: Option<&str>, name: Option<&str>) -> Listing {
        Listing {
            namespace: namespace.map(str::to_owned),
            name: name.map(str::to_owned),
            ..Listing::default()
        }
    }

    #[test]
    fn the_grammar_is_whole() {
        cli().debug_assert();
    }

    #[test]
    fn commands_are_read_as_the_flux_cli_does() {
        for text in ["get kustomizations", " get  ks -A ", "get kustomization --all-namespaces"] {
            assert_eq!(parse(text), get(Listing::default()), "{text}");
        }
        for text in
            ["get ks -n apps", "get ks --namespace=apps", "get ks \u{2014}namespace apps", "get -n apps ks"]
        {
            assert_eq!(parse(text), get(named(Some("apps"), None)), "{text}");
        }
        assert_eq!(parse("get ks web"), get(named(None, Some("web"))));
        assert_eq!(parse("get ks apps/web"), get(named(Some("apps"), Some("web"))));
        assert_eq!(parse("get ks apps/web -n apps"), get(named(Some("apps"), Some("web"))));
        assert!(matches!(parse("get ks apps/web -n other"), Err(Told::Wrong(why)) if why.contains("other")));
        let narrowed = Listing {
            labels: Selector::parse("app=web").ok(),
            status: Status::parse("ready=false").ok(),
            cluster: Some("prod".to_owned()),
            ..Listing::default()
        };
        assert_eq!(parse("get ks -l app=web --status-selector ready=false --cluster prod"), get(narrowed));
        assert_eq!(parse("link"), Ok(Request::Link { code: None }));
        assert_eq!(parse("link 12-ab"), Ok(Request::Link { code: Some("12-ab".to_owned()) }));
        assert_eq!((parse("unlink"), parse("whoami")), (Ok(Request::Unlink), Ok(Request::WhoAmI)));
    }

    #[test]
    fn every_kind_is_there_by_each_of_its_names() {
        let kinds = |text: &str| match parse(text) {
            Ok(Request::Get { kinds, .. }) => kinds,
            other => panic!("{text}: {other:?}"),
        };
        for kind in FluxKind::ALL {
            assert_eq!(kinds(&format!("get {}", kind.typed())), [kind], "one");
            let name = format!("get -n a {} b --page 2", kind.typed());
            assert!(
                matches!(parse(&name), Ok(Request::Get { page: 2, listing, .. }) if listing == named(Some("a"), Some("b")))
            );
        }
        for (text, expected) in [
            ("get hr", FluxKind::HelmRelease),
            ("get helmreleases", FluxKind::HelmRelease),
            ("get sources git", FluxKind::GitRepository),
            ("get images update", FluxKind::ImageUpdateAutomation),
            ("get alert-providers", FluxKind::Provider),
            ("get artifacts generators", FluxKind::ArtifactGenerator),
        ] {
            assert_eq!(kinds(text), [expected], "{text}");
        }
        assert_eq!(kinds("get sources all"), FluxKind::ALL[..6]);
        assert_eq!(kinds("get source all"), FluxKind::ALL[..6]);
        assert_eq!(kinds("get images all"), FluxKind::ALL[6..9]);
        assert_eq!(kinds("get all"), FluxKind::ALL[..14]);
    }

    #[test]
    fn what_flux_is_to_do_names_kind_objects_and_cluster() {
        let act = |text: &str| match parse(text) {
            Ok(Request::Act(act)) => act,
            other => panic!("{text}: {other:?}"),
        };
        let usual = What::Reconcile { with_source: false, force: false, reset: false };
        let one = |what, kind, namespace, name| Act {
            what,
            kind,
            objects: vec![named(namespace, Some(name))],
            cluster: None,
        };
        assert_eq!(act("reconcile ks web"), one(usual, FluxKind::Kustomization, None, "web"));
        assert_eq!(
            act("reconcile kustomizations web -n apps"),
            one(usual, FluxKind::Kustomization, Some("apps"), "web")
        );
        let with_source = What::Reconcile { with_source: true, force: false, reset: false };
        assert_eq!(
            act("reconcile ks apps/web --with-source"),
            one(with_source, FluxKind::Kustomization, Some("apps"), "web")
        );
        let forced = What::Reconcile { with_source: true, force: true, reset: true };
        assert_eq!(
            act("reconcile hr a --force --reset --with-source"),
            one(forced, FluxKind::HelmRelease, None, "a")
        );
        assert_eq!(act("reconcile source git fleet"), one(usual, FluxKind::GitRepository, None, "fleet"));
        assert_eq!(act("reconcile sources git fleet --cluster eu").cluster.as_deref(), Some("eu"));
        assert_eq!(
            act("suspend image update a"),
            one(What::Suspend, FluxKind::ImageUpdateAutomation, None, "a")
        );
        let several = act("resume ks a b/c a");
        assert_eq!(several.objects, [named(None, Some("a")), named(Some("b"), Some("c"))], "each once");
        assert_eq!(act("suspend hr --all -n apps").objects, [named(Some("apps"), None)]);
        for kind in FluxKind::ALL {
            let (typed, of) =
                (kind.typed(), |verb: &str| parse(&format!("{verb} {} a", kind.typed())).is_ok());
            let reconciles = !kind.is_static()
                && !matches!(kind, FluxKind::ExternalArtifact | FluxKind::ArtifactGenerator);
            assert_eq!(of("reconcile"), reconciles, "{typed}");
            let suspends = !matches!(kind, FluxKind::ExternalArtifact | FluxKind::ArtifactGenerator);
            assert_eq!((of("suspend"), of("resume")), (suspends, suspends), "{typed}");
        }
        for (text, says) in [
            ("reconcile ks", "required"),
            ("reconcile ks a b", "'b'"),
            ("reconcile source git a --with-source", "--with-source"),
            ("suspend ks", "<NAME>..."),
            ("suspend ks --all", "--namespace"),
            ("suspend ks a --all -n b", "cannot be used"),
            ("suspend ks a/b -n c", "leave one"),
        ] {
            let told = parse(text);
            assert!(matches!(&told, Err(Told::Wrong(why)) if why.contains(says)), "{text}: {told:?}");
        }
    }

    #[test]
    fn help_is_at_every_level_and_mistakes_are_explained() {
        for (text, says) in [
            ("", "get"),
            ("help", "whoami"),
            ("--help", "link"),
            ("-h", "unlink"),
            ("get", "kustomizations"),
            ("get sources", "oci"),
            ("get source git --help", "/flux get sources git [OPTIONS] [NAME]"),
            ("get --help", "[alias: ks]"),
            ("get ks --help", "--status-selector"),
            ("help get ks", "--label-selector"),
        ] {
            let told = parse(text);
            assert!(
                matches!(&told, Err(Told::Help(help)) if help.contains(says) && help.contains("/flux")),
                "{text}: {told:?}"
            );
        }
        for (text, says) in [
            ("get ksx", "similar"),
            ("gett ks", "'get'"),
            ("get ks --watch", "--watch"),
            ("get ks a b", "'b'"),
            ("get ks -n", "--namespace"),
            ("get ks -n a -A", "cannot be used"),
            ("get ks -l 'a b'", "no label selector"),
            ("get ks --status-selector ready", "ready=false"),
            ("get ks --page 0", "1..=9999"),
            ("get 'ks", "quote"),
            ("unlink me", "'me'"),
        ] {
            let told = parse(text);
            assert!(matches!(&told, Err(Told::Wrong(why)) if why.contains(says)), "{text}: {told:?}");
        }
    }

    #[test]
    fn what_is_not_for_slack_says_what_to_do() {
        for (text, says) in [
            ("delete ks apps", "remove them from the repository"),
            ("bootstrap github", "terminal"),
            ("diff artifact x", "registry"),
            ("debug hr x", "Secrets"),
            ("trace deployment web", "not there yet"),
            ("version", "not there yet"),
        ] {
            let told = parse(text);
            assert!(matches!(&told, Err(Told::Elsewhere(why)) if why.contains(says)), "{text}: {told:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_typed_is_answered_within_a_message(text in "\\PC{0,200}", words in proptest::collection::vec(0..12_usize, 0..8)) {
            const WORDS: [&str; 12] = ["get", "ks", "-n", "-A", "-l", "a=b", "--cluster", "help", "--help", "link", "'", "a/b"];
            let known = words.iter().map(|i| WORDS[*i]).collect::<Vec<_>>().join(" ");
            for text in [text.clone(), known.clone(), format!("{known} {text}")] {
                if let Err(Told::Help(said) | Told::Wrong(said) | Told::Elsewhere(said)) = parse(&text) {
                    prop_assert!(!said.is_empty() && said.chars().count() <= SECTION + 2 * text.chars().count(), "{said}");
                }
            }
        }
    }
}
