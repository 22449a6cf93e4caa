//! Whose GitHub account belongs to whom in Slack: links that are being made, and links that stand.

use domain::interact::Person;
use serde::{Deserialize, Serialize};

use super::Ledger;
use crate::table::{Expect, Key, TableError};

/// A link that is begun is ended within this time (seconds); GitHub's own codes live as long.
const TO_LINK_S: i64 = 600;

/// A link that was begun, under its state.
#[derive(Serialize, Deserialize)]
struct Begun {
    by: Person,
}

impl Ledger {
    /// Keeps that somebody began to link, under a state that nobody can guess. What they began before ends.
    pub async fn begin_link(&self, by: &Person, state: &str) -> Result<(), TableError> {
        let expires = Some(self.clock.now() + TO_LINK_S);
        let begun = Begun { by: by.clone() };
        self.write(&Key::new("link-state", state), &begun, Expect::Absent, expires).await?;
        self.write(&pending(by), &state, Expect::Anything, expires).await.map(drop)
    }

    /// Who began a link with this state; only the first to ask is told.
    pub async fn use_state(&self, state: &str) -> Result<Option<Person>, TableError> {
        let place = Key::new("link-state", state);
        let Some((version, begun)) = self.read::<Begun>(&place).await? else { return Ok(None) };
        let newest = self.read::<String>(&pending(&begun.by)).await?.is_some_and(|(_, last)| last == state);
        let first = self.table.delete(&place, Expect::Version(version)).await?;
        Ok((first && newest).then_some(begun.by))
    }

    /// The state of the link that somebody began last; only the first to ask is told, and only once a browser came back with it.
    pub async fn end_link(&self, by: &Person) -> Result<Option<String>, TableError> {
        let place = pending(by);
        let Some((version, state)) = self.read::<String>(&place).await? else { return Ok(None) };
        let came_back = self.table.get(&Key::new("link-state", state.as_str())).await?.is_none();
        let first = came_back && self.table.delete(&place, Expect::Version(version)).await?;
        Ok(first.then_some(state))
    }

    /// Somebody's link, sealed, with its version.
    pub async fn link(&self, of: &Person) -> Result<Option<(u64, String)>, TableError> {
        self.read(&standing(of)).await
    }

    /// Keeps a link, sealed, where the version is still this one; `None` replaces whatever is there. Whether it was kept.
    pub async fn save_link(
        &self,
        of: &Person,
        sealed: &str,
        version: Option<u64>,
        expires_at: Option<i64>,
    ) -> Result<bool, TableError> {
        let expect = version.map_or(Expect::Anything, Expect::Version);
        self.write(&standing(of), &sealed, expect, expires_at).await.map(|kept| kept.is_some())
    }

    /// Forgets a link where the version is still this one. Whether it was there.
    pub async fn forget_link(&self, of: &Person, version: u64) -> Result<bool, TableError> {
        self.table.delete(&standing(of), Expect::Version(version)).await
    }
}

fn pending(by: &Person) -> Key {
    Key::new("link-begun", format!("{}#{}", by.team, by.id))
}

fn standing(of: &Person) -> Key {
    Key::new("link", format!("{}#{}", of.team, of.id))
}
