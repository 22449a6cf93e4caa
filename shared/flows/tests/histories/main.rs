//! Random histories of a repository, with everything that goes wrong in between: each must end with every open pull request
//! reported at its final head and against its final base, every closed one shown as closed, and nothing said twice.
//!
//! A history that fails says its number; `PREFLUX_HISTORY=NUMBER` tells it alone, step by step.
#![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

mod chance;
mod hub;
mod parts;
mod story;

use std::panic::{AssertUnwindSafe, catch_unwind};

/// How many histories are told.
const HISTORIES: u64 = 10_000;
/// How many tell them at once.
const THREADS: u64 = 2;

fn tell(number: u64) -> story::Told {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(story::tell(number))
}

#[tokio::test]
async fn a_look_comes_after_the_poll_that_is_under_way() {
    story::looks_after_a_poll().await;
}

#[test]
fn no_final_head_is_missed_and_nothing_is_said_twice() {
    if let Some(number) = std::env::var("PREFLUX_HISTORY").ok().and_then(|n| n.parse().ok()) {
        let told = tell(number);
        eprintln!("{told:#?}");
        return;
    }
    let threads: Vec<_> = (0..THREADS)
        .map(|first| {
            std::thread::spawn(move || {
                let mut all = story::Told::default();
                for number in (first..HISTORIES).step_by(THREADS as usize) {
                    let told = catch_unwind(AssertUnwindSafe(|| tell(number)));
                    all += told.unwrap_or_else(|_| {
                        panic!("history {number} fails; PREFLUX_HISTORY={number} tells it alone")
                    });
                }
                all
            })
        })
        .collect();
    let mut all = story::Told::default();
    for thread in threads {
        all += thread.join().unwrap();
    }
    eprintln!("{HISTORIES} histories: {all:?}");
    assert!(all.crashes > HISTORIES && all.reported > HISTORIES && all.closed > HISTORIES / 2, "{all:?}");
    assert!(
        all.crowds > HISTORIES / 200 && all.bases > HISTORIES / 2,
        "every sort of trouble was met: {all:?}"
    );
}
