//! Asking for installation tokens: one process asks while the others wait, so that cold starts at the same time make one token.

use std::time::Duration;

use http::Method;
use ports::ForgeError;
use secrecy::SecretString;
use serde::Deserialize;

use crate::GitHub;
use crate::auth::{App, MARGIN_S, unavailable};
use crate::http::Ask;
use crate::policy::parsed;
use crate::wire::Instant;

/// For so long one process asks for a token while the others wait for it (seconds).
const MINT_S: i64 = 10;
/// Between two looks for the token that another process asks for.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// Looks for it, before we ask ourselves.
const MOST_LOOKS: u32 = 20;

impl GitHub {
    /// A new token, or the one that another process is asking for at this moment.
    pub(crate) async fn made_once(
        &self,
        app: &App,
        name: &str,
        installation: u64,
    ) -> Result<(SecretString, i64), ForgeError> {
        let lease = format!("mint#{name}");
        for _ in 0..MOST_LOOKS {
            if let Some(lease) = self.tokens.ledger.lease(&lease, MINT_S).await.map_err(unavailable)? {
                // Another may have shared its own between our look and our lease.
                let made = match self.tokens.shared(app, name, MARGIN_S).await {
                    Ok(Some(shared)) => Ok(shared),
                    Ok(None) => self.made(app, name, installation).await,
                    Err(error) => Err(error),
                };
                self.tokens.ledger.release(lease).await.map_err(unavailable)?;
                return made;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
            if let Some(shared) = self.tokens.shared(app, name, MARGIN_S).await? {
                return Ok(shared);
            }
        }
        // Whoever was asking has died: one token more is better than none.
        self.made(app, name, installation).await
    }

    async fn made(
        &self,
        app: &App,
        name: &str,
        installation: u64,
    ) -> Result<(SecretString, i64), ForgeError> {
        #[derive(Deserialize)]
        struct Made {
            token: String,
            expires_at: Instant,
        }
        let doing = format!("asking for a token of installation {installation}");
        let what = format!("installation {installation} of the App");
        let path = format!("/app/installations/{installation}/access_tokens");
        let ask =
            Ask { method: &Method::POST, path: &path, etag: None, body: None, doing: &doing, what: &what };
        let made: Made = parsed(&self.ask_as_app(ask).await?, &doing)?;
        let expires_at = made.expires_at.0;
        self.tokens.share(app, name, &made.token, expires_at).await?;
        Ok((SecretString::from(made.token), expires_at))
    }
}
