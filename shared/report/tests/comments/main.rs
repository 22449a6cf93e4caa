//! A hundred thousand generated reports, full of what somebody could smuggle in, as GitHub would read their comments.
//!
//! A failure names its seed; `PREFLUX_SEED=N cargo test -p report --test comments` runs that one alone.

mod generate;
mod judge;

use generate::Random;

/// How many reports there are in all.
const REPORTS: u64 = 100_000;
/// How many tests share them.
const SHARES: u64 = 4;
/// Of so many, one is also published whole.
const WHOLE: u64 = 8;

/// Every report of this share, unless the environment asks for another one alone.
fn share(number: u64) {
    match std::env::var("PREFLUX_SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => check(seed),
        None => (number..REPORTS).step_by(SHARES as usize).for_each(check),
    }
}

fn check(seed: u64) {
    let report = generate::report(&mut Random::new(seed));
    let lines = judge::lines_of(&report);
    let fail = |what: &str, comment: &str| -> ! { panic!("seed {seed}: {what}\n{comment}") };
    let comment = report::comment(&report, "preflux:report");
    if let Err(what) = judge::comment(&comment, &report, &lines) {
        fail(&what, &comment);
    }
    if !seed.is_multiple_of(WHOLE) {
        return;
    }
    let (title, summary) = report::check(&report);
    let plain = title.chars().all(|c| c.is_ascii_alphanumeric() || " ,.:·…".contains(c));
    if !plain || title.chars().count() > 140 || summary.len() > report::CHECK_LIMIT {
        fail("a check that is too long, or whose title has more than words and numbers", &title);
    }
    let as_comment = format!("{}\n{summary}", domain::marker::line("preflux:report", 1));
    if let Err(what) = judge::comment(&as_comment, &report, &lines) {
        fail(&format!("the check: {what}"), &summary);
    }
    let whole = report::comments(&report, "preflux:report");
    for (part, comment) in (1..).zip(&whole) {
        if let Err(what) = judge::comment(comment, &report, &lines) {
            fail(&format!("part {part}: {what}"), comment);
        }
        if domain::marker::part_of("preflux:report", comment) != Some(part) {
            fail(&format!("it is not part {part}"), comment);
        }
    }
    if let Err(what) = judge::whole(&whole, &lines) {
        fail(&what, &whole.concat());
    }
}

#[test]
fn a_hundred_thousand_reports_stay_harmless_a() {
    share(0);
}

#[test]
fn a_hundred_thousand_reports_stay_harmless_b() {
    share(1);
}

#[test]
fn a_hundred_thousand_reports_stay_harmless_c() {
    share(2);
}

#[test]
fn a_hundred_thousand_reports_stay_harmless_d() {
    share(3);
}

/// What people write in Slack is no less hostile: a hundred thousand reasons for changes, and names of people who approve.
#[test]
fn a_hundred_thousand_reviews_stay_harmless() {
    let head = "a".repeat(40).parse().expect("forty digits are a commit id");
    for seed in 0..REPORTS {
        let mut random = Random::new(seed);
        let (name, reason) = (random.name(), random.written());
        let request = report::review::request(&name, &head, &reason);
        for body in [report::review::approval(&name, &head), request] {
            if let Err(what) = judge::review(&body) {
                panic!("seed {seed}: {what}\n{body}");
            }
        }
    }
}

#[test]
fn the_judge_sees_what_is_alive() {
    judge::tests();
}
