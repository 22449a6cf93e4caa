//! What an answer means and what is done about it: rate limits are obeyed and never waited for, failed reads are tried again,
//! writes never, and a refused installation token is replaced once.

use std::time::Duration;

use domain::RepoName;
use http::{Method, StatusCode};
use ports::ForgeError;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::GitHub;
use crate::http::{Answer, Ask};

/// Pauses before a read is tried again.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(600)];
/// How long to stay away when GitHub limits us without saying for how long.
const UNSAID_LIMIT_S: i64 = 60;
/// Longest part of GitHub's own words that goes into an error, in characters.
const MAX_REASON: usize = 300;
/// Entries of a full page.
const PER_PAGE: usize = 100;

impl GitHub {
    /// Asks with the token for `repo`. Gives good answers and 304s; everything else is an error.
    pub(crate) async fn ask(&self, repo: &RepoName, ask: Ask<'_>) -> Result<Answer, ForgeError> {
        let token = self.token_for(repo).await?;
        match self.judged(ask, &token.name, &token.secret).await {
            Err(ForgeError::Unauthorized) if self.tokens.can_renew() => {
                self.tokens.refused(&token).await?;
                let token = self.token_for(repo).await?;
                self.judged(ask, &token.name, &token.secret).await
            }
            other => other,
        }
    }

    /// Asks as the App itself.
    pub(crate) async fn ask_as_app(&self, ask: Ask<'_>) -> Result<Answer, ForgeError> {
        let jwt = self.tokens.app_jwt()?;
        let name = format!("app-{}", self.tokens.app_id().unwrap_or_default());
        self.judged(ask, &name, &jwt).await
    }

    /// A GET whose answer is JSON of this form.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        repo: &RepoName,
        path: &str,
        doing: &str,
        what: &str,
    ) -> Result<T, ForgeError> {
        let ask = Ask { method: &Method::GET, path, etag: None, body: None, doing, what };
        parsed(&self.ask(repo, ask).await?, doing)
    }

    /// Every entry of a list, `max_pages` pages of 100 at most; and whether that was all.
    pub(crate) async fn all<T: DeserializeOwned>(
        &self,
        repo: &RepoName,
        path: &str,
        max_pages: u32,
        doing: &str,
        what: &str,
    ) -> Result<(Vec<T>, bool), ForgeError> {
        let mut entries = Vec::new();
        for page in 1..=max_pages {
            let path = format!("{path}?per_page={PER_PAGE}&page={page}");
            let ask = Ask { method: &Method::GET, path: &path, etag: None, body: None, doing, what };
            let answer = self.ask(repo, ask).await?;
            entries.extend(parsed::<Vec<T>>(&answer, doing)?);
            if !has_next(&answer) {
                return Ok((entries, true));
            }
        }
        Ok((entries, false))
    }

    async fn judged(
        &self,
        ask: Ask<'_>,
        limited_as: &str,
        token: &secrecy::SecretString,
    ) -> Result<Answer, ForgeError> {
        let mut pauses = PAUSES.iter();
        loop {
            if let Some(until) = self.tokens.budgets.limited_until(limited_as).await? {
                return Err(ForgeError::RateLimited { until });
            }
            let judged = match self.http.send(ask, token).await {
                Ok(answer) => {
                    self.tokens.budgets.heard(limited_as, &answer).await;
                    judge(answer, ask, self.clock.now())
                }
                Err(error) => Err(error),
            };
            match judged {
                Err(ForgeError::Unavailable { reason, .. })
                    if *ask.method == Method::GET && pauses.len() > 0 =>
                {
                    tracing::debug!(doing = ask.doing, reason, "GitHub did not answer, trying again");
                    tokio::time::sleep(*pauses.next().expect("the guard saw one left")).await;
                }
                Err(ForgeError::RateLimited { until }) => {
                    self.tokens.budgets.limit(limited_as, until).await;
                    return Err(ForgeError::RateLimited { until });
                }
                other => return other,
            }
        }
    }
}

/// Reads an answer's JSON.
pub(crate) fn parsed<T: DeserializeOwned>(answer: &Answer, doing: &str) -> Result<T, ForgeError> {
    serde_json::from_slice(&answer.body).map_err(|error| ForgeError::Unavailable {
        doing: doing.to_owned(),
        reason: format!("the answer is not in the form that GitHub documents ({error})"),
    })
}

/// Whether the `Link` header names a next page.
pub(crate) fn has_next(answer: &Answer) -> bool {
    answer.header("link").is_some_and(|links| links.contains("rel=\"next\""))
}

/// What an answer means.
pub(crate) fn judge(answer: Answer, ask: Ask<'_>, now: i64) -> Result<Answer, ForgeError> {
    let status = answer.status;
    if status.is_success() || status == StatusCode::NOT_MODIFIED {
        return Ok(answer);
    }
    let said = words(&answer);
    if let Some(until) = limited_until(&answer, &said, now) {
        return Err(ForgeError::RateLimited { until });
    }
    let doing = ask.doing.to_owned();
    Err(match status {
        StatusCode::UNAUTHORIZED => ForgeError::Unauthorized,
        StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS => {
            ForgeError::NotFound(ask.what.to_owned())
        }
        _ if status.is_client_error() && status != StatusCode::REQUEST_TIMEOUT => {
            ForgeError::Refused { doing, reason: format!("{said} ({})", status.as_u16()) }
        }
        _ => ForgeError::Unavailable { doing, reason: format!("status {}", status.as_u16()) },
    })
}

/// Until when we are limited, if that is what the answer says: `retry-after` first, then an empty primary limit's reset, then a minute.
fn limited_until(answer: &Answer, said: &str, now: i64) -> Option<i64> {
    let number = |name: &str| answer.header(name)?.trim().parse::<i64>().ok().filter(|n| *n >= 0);
    let limit = answer.status == StatusCode::TOO_MANY_REQUESTS;
    if !limit && answer.status != StatusCode::FORBIDDEN {
        return None;
    }
    if let Some(seconds) = number("retry-after") {
        return Some(now.saturating_add(seconds));
    }
    if number("x-ratelimit-remaining") == Some(0) {
        let reset = number("x-ratelimit-reset").map_or(now + UNSAID_LIMIT_S, |reset| reset.saturating_add(1));
        return Some(reset.max(now + 1));
    }
    let named = said.to_ascii_lowercase().contains("rate limit");
    (limit || named).then_some(now + UNSAID_LIMIT_S)
}

/// GitHub's `message` and `errors` on one line, cut.
fn words(answer: &Answer) -> String {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
    let mut said = vec![body["message"].as_str().unwrap_or("no reason given").to_owned()];
    for error in body["errors"].as_array().into_iter().flatten().take(3) {
        said.push(match error {
            Value::String(text) => text.clone(),
            _ => ["message", "field", "code"]
                .iter()
                .filter_map(|k| error[*k].as_str())
                .collect::<Vec<_>>()
                .join(" "),
        });
    }
    said.join("; ").chars().filter(|c| !c.is_control()).take(MAX_REASON).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "the cases are well formed")]
    use bytes::Bytes;
    use http::{HeaderMap, HeaderName};

    use super::*;

    /// What an answer to a request at second 1000 comes to.
    fn check(status: u16, headers: &[(&'static str, &'static str)], body: &'static str, wanted: &str) {
        let headers: HeaderMap = headers
            .iter()
            .map(|(k, v)| (HeaderName::from_static(k), http::HeaderValue::from_static(v)))
            .collect();
        let answer = Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers,
            body: Bytes::from_static(body.as_bytes()),
        };
        let ask =
            Ask { method: &Method::GET, path: "/x", etag: None, body: None, doing: "asking", what: "`x`" };
        let found = match judge(answer, ask, 1000) {
            Ok(answer) => format!("ok {}", answer.status.as_u16()),
            Err(error) => error.to_string(),
        };
        assert!(found.contains(wanted), "{status} {body}: {found:?} is not {wanted:?}");
    }

    #[test]
    fn answers_are_judged() {
        check(200, &[], "{}", "ok 200");
        check(304, &[], "", "ok 304");
        check(401, &[], "", "refused the token");
        check(404, &[], "", "`x` does not exist");
        check(410, &[], "", "`x` does not exist");
        check(
            403,
            &[],
            r#"{"message":"Resource not accessible"}"#,
            "while asking: Resource not accessible (403)",
        );
        check(422, &[], r#"{"message":"No","errors":["a",{"code":"b"}]}"#, "No; a; b (422)");
        check(403, &[], "not json", "no reason given");
        check(502, &[], "", "did not answer while asking: status 502");
        check(301, &[], "", "status 301");
    }

    #[test]
    fn next_pages_are_seen() {
        for (link, wanted) in [
            (r#"<https://x?page=2>; rel="next", <https://x?page=9>; rel="last""#, true),
            (r#"<https://x?page=1>; rel="prev", <https://x?page=1>; rel="first""#, false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(http::header::LINK, link.parse().unwrap())]);
            let answer = Answer { status: StatusCode::OK, headers, body: Bytes::new() };
            assert_eq!(has_next(&answer), wanted, "{link}");
        }
    }

    #[test]
    fn limits_say_until_when() {
        check(429, &[("retry-after", "7")], "", "until 1007 ");
        check(403, &[("retry-after", "7"), ("x-ratelimit-remaining", "0")], "", "until 1007 ");
        check(403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "2000")], "", "until 2001 ");
        check(403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "5")], "", "until 1001 ");
        check(403, &[("x-ratelimit-remaining", "0")], "", "until 1060 ");
        check(429, &[("retry-after", "soon")], "", "until 1060 ");
        check(403, &[], r#"{"message":"You have exceeded a secondary rate limit."}"#, "until 1060 ");
        check(429, &[("retry-after", "9223372036854775807")], "", "until 9223372036854775807 ");
    }
}
