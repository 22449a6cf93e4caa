//! What the adapter's tests have in common: the fake's clock, state in memory, and clients.

mod memory;

use std::sync::Arc;

use github::{Auth, GitHub, Settings};
use ports::ledger::Ledger;
use ports::{Clock, Table};
use testkit::github::{APP_ID, FakeGitHub, Options};

pub(crate) use memory::{Memory, SameClock};

/// A stand-in whose every exchange is held against GitHub's description.
pub(crate) fn options() -> Options {
    Options { watch: described::watch().into(), ..Options::default() }
}

pub(crate) fn app(fake: &FakeGitHub, installation: Option<u64>) -> Auth {
    Auth::App { app_id: APP_ID, private_key_pem: fake.app_key_pem().into(), installation }
}

pub(crate) fn client(fake: &FakeGitHub, table: &Arc<Memory>, auth: Auth) -> GitHub {
    let clock: Arc<dyn Clock> = Arc::new(SameClock(fake.clock()));
    let table: Arc<dyn Table> = Arc::<Memory>::clone(table);
    let ledger = Ledger::new(table, Arc::clone(&clock));
    // As on GitHub Enterprise Server, where the API has a path of its own.
    let api_url = format!("{}/api/v3", fake.url());
    GitHub::new(Settings { api_url, auth, clock, ledger, carry_etags: false }).unwrap()
}
