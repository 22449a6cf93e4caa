//! Random trees, each built by this crate and by the kustomize library: equal texts, or errors on both sides.
//!
//! A disagreement is shrunk, printed, and with `PREFLUX_ORACLE_SAVE=1` saved as a case folder. More variables:
//! `PREFLUX_ORACLE_CASES` (how many trees), `PREFLUX_ORACLE_TREE` (one of a report, by its number),
//! `PREFLUX_ORACLE_SEED` (which ones), `PREFLUX_ORACLE_FOCUS` (features of
//! `features.rs` that come up most), `PREFLUX_ORACLE_SHOW` (how many disagreements are shrunk and shown),
//! `PREFLUX_ORACLE_REFUSED=1` (count kustomize's reasons to refuse).

mod dice;
mod features;
mod generated;
mod mistakes;
mod objects;
mod oracle;
mod patches;
mod plugins;
mod schemas;
mod settings;
mod tree;
mod trees;
mod values;
mod write;

use std::collections::BTreeMap;
use std::panic::catch_unwind;

use kustomize::ErrorKind;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::common::program;
use crate::random::features::{ALL, Feature, OFF};
use crate::random::oracle::Oracle;
use crate::random::tree::{Shrinking, Tree, Trees};

/// Trees in flight at a time.
const BATCH: usize = 64;

/// What came of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Equal,
    BothRefuse,
    /// Both refuse, but this crate because it lacks something.
    BothRefuseOursTyped,
    /// The texts differ.
    Differ,
    /// kustomize builds what this crate refuses.
    OnlyTheyBuild,
    /// This crate builds what kustomize refuses.
    OnlyWeBuild,
    /// kustomize builds what this crate says that it cannot or will not.
    NotSupported,
    /// This crate panicked.
    Panicked,
}

impl Verdict {
    fn agrees(self) -> bool {
        matches!(self, Verdict::Equal | Verdict::BothRefuse | Verdict::BothRefuseOursTyped)
    }
}

/// The answer of this crate; `None` when it panicked.
type Ours = Option<Result<String, kustomize::Error>>;

fn ours(tree: &Tree) -> Ours {
    catch_unwind(|| tree.build()).ok()
}

fn verdict(ours: &Ours, theirs: &Result<String, String>) -> Verdict {
    let typed = |error: &kustomize::Error| {
        matches!(
            error.kind,
            ErrorKind::Unsupported { .. } | ErrorKind::Limit { .. } | ErrorKind::Remote { .. }
        )
    };
    match (ours, theirs) {
        (None, _) => Verdict::Panicked,
        (Some(Ok(ours)), Ok(theirs)) if ours == theirs => Verdict::Equal,
        (Some(Ok(_)), Ok(_)) => Verdict::Differ,
        (Some(Ok(_)), Err(_)) => Verdict::OnlyWeBuild,
        (Some(Err(error)), Ok(_)) if typed(error) => Verdict::NotSupported,
        (Some(Err(_)), Ok(_)) => Verdict::OnlyTheyBuild,
        (Some(Err(error)), Err(_)) if typed(error) => Verdict::BothRefuseOursTyped,
        (Some(Err(_)), Err(_)) => Verdict::BothRefuse,
    }
}

/// The smallest tree found that fails in the same way, and what both sides say of it.
fn shrunk(oracle: &mut Oracle, tree: &Tree, failure: Verdict) -> String {
    let mut shrinking = Shrinking::new(tree.clone());
    let mut steps = 0;
    while steps < 3000 && shrinking.simplify() {
        steps += 1;
        let smaller = shrinking.current();
        let (theirs, ours) = oracle.ask(std::slice::from_ref(&smaller), || ours(&smaller));
        if verdict(&ours, &theirs[0]) != failure {
            shrinking.complicate();
        }
    }
    let smallest = shrinking.current();
    let (theirs, ours) = oracle.ask(std::slice::from_ref(&smallest), || ours(&smallest));
    if std::env::var("PREFLUX_ORACLE_SAVE").is_ok() {
        let dir = smallest.save(&format!("random-{:016x}", tree.seed));
        eprintln!("saved {}", dir.display());
    }
    format!("{}{}", smallest.show(), difference(&ours, &theirs[0]))
}

fn difference(ours: &Ours, theirs: &Result<String, String>) -> String {
    let Some(ours) = ours else { return "-- ours panics\n".to_owned() };
    let (Ok(ours), Ok(theirs)) = (ours, theirs) else {
        let ours = ours.as_ref().map_err(ToString::to_string);
        return format!("-- ours: {ours:#?}\n-- theirs: {theirs:#?}\n");
    };
    format!("-- ours:\n{ours}-- theirs:\n{theirs}")
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

/// Trees of a run, from its seed.
fn runner(seed: u64) -> TestRunner {
    let bytes: Vec<u8> = seed.to_le_bytes().into_iter().cycle().take(32).collect();
    TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

/// What a run found.
#[derive(Default)]
struct Tally {
    verdicts: BTreeMap<Verdict, usize>,
    built: BTreeMap<Feature, usize>,
    /// Why kustomize refuses trees that are not wrong on purpose, in its words.
    refused: BTreeMap<String, usize>,
    failures: Vec<(Tree, Verdict, String)>,
}

impl Tally {
    fn add(&mut self, tree: Tree, ours: &Ours, theirs: &Result<String, String>) {
        let verdict = verdict(ours, theirs);
        *self.verdicts.entry(verdict).or_default() += 1;
        if theirs.is_ok() {
            tree.used.iter().for_each(|feature| *self.built.entry(*feature).or_default() += 1);
        }
        let deliberate = tree.used.iter().any(|f| matches!(f, Feature::Mistakes | Feature::Mutations));
        if let Err(error) = theirs
            && !deliberate
        {
            *self.refused.entry(kind_of(error)).or_default() += 1;
        }
        if !verdict.agrees() {
            let ours = match ours {
                Some(Ok(_)) => "builds".to_owned(),
                Some(Err(error)) => error.to_string(),
                None => "panics".to_owned(),
            };
            let theirs = theirs.as_ref().map_or_else(|error| error.clone(), |_| "builds".to_owned());
            let words = format!("ours: {ours:.200} | theirs: {theirs:.300}").replace('\n', " ");
            self.failures.push((tree, verdict, words));
        }
    }

    fn report(&self) -> String {
        let mut report = format!("{:?}\nbuilt, by feature: {:?}\n", self.verdicts, self.built);
        if std::env::var("PREFLUX_ORACLE_REFUSED").is_ok() {
            let mut refused: Vec<_> = self.refused.iter().map(|(words, count)| (count, words)).collect();
            refused.sort();
            refused
                .iter()
                .rev()
                .take(60)
                .for_each(|(count, words)| report.push_str(&format!("{count:6} {words}\n")));
        }
        for (tree, verdict, words) in &self.failures {
            report.push_str(&format!("{:016x} {verdict:?} {words}\n", tree.seed));
        }
        report
    }
}

/// An error without what differs from tree to tree.
fn kind_of(error: &str) -> String {
    let error = error.rsplit(": ").take(4).collect::<Vec<_>>().join(" <- ");
    error.chars().filter(|c| !c.is_ascii_digit()).take(260).collect::<String>().replace('\n', " ")
}

#[test]
fn random_trees_build_as_the_library_builds_them() {
    let test = "random_trees_build_as_the_library_builds_them";
    let Some(program) = program("PREFLUX_KUSTOMIZE_ORACLE", test, "no oracle") else { return };
    let cases = usize::try_from(number("PREFLUX_ORACLE_CASES", 2000)).unwrap();
    let focus = features::named(&std::env::var("PREFLUX_ORACLE_FOCUS").unwrap_or_default());
    let strategy = Trees { focus: focus.clone() };
    let mut runner = runner(number("PREFLUX_ORACLE_SEED", 1));
    let mut oracle = Oracle::start(&program);
    let mut tally = Tally::default();
    let mut left = cases;
    while left > 0 {
        let trees: Vec<Tree> = match std::env::var("PREFLUX_ORACLE_TREE") {
            Ok(seed) => vec![trees::tree(u64::from_str_radix(&seed, 16).unwrap(), &focus)],
            Err(_) => {
                (0..left.min(BATCH)).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
            }
        };
        left = left.saturating_sub(trees.len());
        let (theirs, ours) = oracle.ask(&trees, || trees.iter().map(ours).collect::<Vec<_>>());
        trees
            .into_iter()
            .zip(ours)
            .zip(theirs)
            .for_each(|((tree, ours), theirs)| tally.add(tree, &ours, &theirs));
    }
    let report = tally.report();
    eprintln!("{report}");
    let show = usize::try_from(number("PREFLUX_ORACLE_SHOW", 3)).unwrap();
    let shown: Vec<String> = tally
        .failures
        .iter()
        .take(show)
        .map(|(tree, verdict, _)| {
            format!("\n##### {:016x} {verdict:?}\n{}", tree.seed, shrunk(&mut oracle, tree, *verdict))
        })
        .collect();
    assert!(
        tally.failures.is_empty(),
        "{} of {cases} disagree\n{report}{}",
        tally.failures.len(),
        shown.concat()
    );
    if focus.is_empty() && cases >= 1000 {
        let unseen: Vec<_> =
            ALL.iter().filter(|f| !OFF.contains(f) && !tally.built.contains_key(f)).collect();
        assert!(unseen.is_empty(), "no tree built that uses {unseen:?}");
    }
}
