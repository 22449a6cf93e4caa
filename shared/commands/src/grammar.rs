//! The grammar, as the Flux CLI's where there is one: clap reads it, and writes the help.

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};

use crate::listing::Listing;
use crate::selector::Selector;
use crate::{Request, Told};

/// See what Flux does in the cluster, and link your GitHub account.
#[derive(Parser)]
#[command(
    name = "/flux",
    bin_name = "/flux",
    no_binary_name = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// List Flux's objects and how they are
    #[command(arg_required_else_help = true, subcommand_required = true)]
    Get {
        #[command(flatten)]
        which: Which,
        #[command(subcommand)]
        what: What,
    },
    /// Link your own GitHub account, to approve, ask for changes and merge as yourself
    Link {
        /// What the browser showed after GitHub's consent; without it, the address to begin with
        code: Option<String>,
    },
    /// Take back the link to your GitHub account
    Unlink,
    /// Show which GitHub account is linked to you
    Whoami,
}

#[derive(Subcommand)]
enum What {
    /// List Kustomizations: revision, suspended, ready, message
    #[command(visible_alias = "ks", alias = "kustomization")]
    Kustomizations {
        /// Only the one of this name; NAMESPACE/NAME names its namespace too
        name: Option<String>,
    },
}

/// As in the CLI, these stand before or behind what is listed.
#[derive(Args)]
struct Which {
    /// Only this namespace
    #[arg(short, long, global = true, conflicts_with = "all_namespaces")]
    namespace: Option<String>,
    /// Every namespace; so it is without -n
    #[arg(short = 'A', long, global = true)]
    all_namespaces: bool,
    /// Only objects with these labels, such as app=web,tier!=db
    #[arg(short = 'l', long, global = true, value_name = "LABELS", value_parser = Selector::parse)]
    label_selector: Option<Selector>,
    /// Only objects with this condition, such as ready=false
    #[arg(long, global = true, value_name = "CONDITION=STATUS", value_parser = condition)]
    status_selector: Option<(String, String)>,
    /// The cluster, where there are several
    #[arg(long, global = true, value_name = "NAME")]
    cluster: Option<String>,
}

fn condition(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').filter(|(kind, status)| !kind.is_empty() && !status.is_empty());
    let (kind, status) =
        parts.ok_or_else(|| "a condition and its status are needed, such as `ready=false`".to_owned())?;
    Ok((kind.to_owned(), status.to_owned()))
}

/// Reads words.
pub(crate) fn read(words: &[String]) -> Result<Request, Told> {
    let verb = Cli::try_parse_from(words).map_err(told)?.verb;
    Ok(match verb {
        Verb::Get { which, what: What::Kustomizations { name } } => {
            Request::GetKustomizations(listing(which, name)?)
        }
        Verb::Link { code } => Request::Link { code },
        Verb::Unlink => Request::Unlink,
        Verb::Whoami => Request::WhoAmI,
    })
}

fn listing(which: Which, name: Option<String>) -> Result<Listing, Told> {
    let Which { namespace, all_namespaces: _, label_selector: labels, status_selector: status, cluster } =
        which;
    let split = name.as_deref().and_then(|name| name.split_once('/'));
    let (namespace, name) = match (split, namespace) {
        (Some((of, _)), Some(other)) if of != other => {
            return Err(Told::Wrong(format!(
                "the name says namespace {of}, and -n says {other}: leave one of them out"
            )));
        }
        (Some((of, name)), _) => (Some(of.to_owned()), Some(name.to_owned())),
        (None, namespace) => (namespace, name),
    };
    Ok(Listing { name, namespace, labels, status, cluster })
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
    use clap::CommandFactory as _;
    use proptest::prelude::*;

    use super::Cli;
    use crate::{Listing, Request, Selector, Told, parse};

    /// Characters that one section of a Slack message takes, with room for what stands around it.
    const SECTION: usize = 2_800;

    fn get(listing: Listing) -> Result<Request, Told> {
        Ok(Request::GetKustomizations(listing))
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
        Cli::command().debug_assert();
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
            status: Some(("ready".to_owned(), "false".to_owned())),
            cluster: Some("prod".to_owned()),
            ..Listing::default()
        };
        assert_eq!(parse("get ks -l app=web --status-selector ready=false --cluster prod"), get(narrowed));
        assert_eq!(parse("link"), Ok(Request::Link { code: None }));
        assert_eq!(parse("link 12-ab"), Ok(Request::Link { code: Some("12-ab".to_owned()) }));
        assert_eq!((parse("unlink"), parse("whoami")), (Ok(Request::Unlink), Ok(Request::WhoAmI)));
    }

    #[test]
    fn help_is_at_every_level_and_mistakes_are_explained() {
        for (text, says) in [
            ("", "get"),
            ("help", "whoami"),
            ("--help", "link"),
            ("-h", "unlink"),
            ("get", "kustomizations"),
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
            ("reconcile ks apps", "not there yet"),
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
