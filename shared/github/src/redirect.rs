//! Where a redirect leads: repositories that were renamed or transferred answer under their old name with their new place. It is
//! followed on the API's own host alone, because our token goes with the request.

use http::header::LOCATION;
use http::uri::{Authority, Uri};
use http::{Method, StatusCode};

use crate::http::{Answer, Ask};

/// Redirects in a row that are followed.
pub(crate) const MOST: usize = 3;

/// The path to ask for next; `None` when the answer is no redirect.
///
/// # Errors
/// The redirect may not be followed, and why.
pub(crate) fn next(base: &Uri, ask: Ask<'_>, answer: &Answer) -> Result<Option<String>, String> {
    let keeps_method = match answer.status {
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => *ask.method == Method::GET,
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => true,
        _ => return Ok(None),
    };
    if !keeps_method {
        return Err(format!("a write was redirected with status {}", answer.status.as_u16()));
    }
    let said = answer.headers.get(LOCATION).and_then(|place| place.to_str().ok()).unwrap_or_default();
    let place: Uri = said.parse().map_err(|_| "it was redirected to what is no address".to_owned())?;
    // An address without a host is on ours.
    let ours = place.host().is_none() || (place.scheme() == base.scheme() && host(&place) == host(base));
    let path = place.path_and_query().filter(|path| path.as_str().starts_with('/'));
    match path {
        Some(path) if ours => Ok(Some(path.as_str().to_owned())),
        Some(_) => Err(format!("it was redirected to another host, `{}`", place.host().unwrap_or_default())),
        None => Err("it was redirected to what is no address".to_owned()),
    }
}

/// Host and port, the scheme's own port filled in.
fn host(uri: &Uri) -> Option<(String, u16)> {
    let usual = if uri.scheme_str() == Some("http") { 80 } else { 443 };
    let of = |at: &Authority| (at.host().to_ascii_lowercase(), at.port_u16().unwrap_or(usual));
    uri.authority().map(of)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "the cases are well formed")]
    use bytes::Bytes;
    use http::HeaderMap;

    use super::*;

    /// Where an answer with this status and this `Location` leads, asked at `https://ghe.example/api/v3`.
    fn next_of(method: &Method, status: u16, place: &str) -> Result<Option<String>, String> {
        let base = Uri::from_static("https://ghe.example/api/v3");
        let ask = Ask { method, path: "/x", etag: None, body: None, doing: "asking", what: "`x`" };
        let headers = HeaderMap::from_iter([(LOCATION, place.parse().unwrap())]);
        let status = StatusCode::from_u16(status).unwrap();
        next(&base, ask, &Answer { status, headers, body: Bytes::new() })
    }

    #[test]
    fn only_our_own_host_is_followed() {
        let by_number = "/api/v3/repositories/7/pulls?page=2".to_owned();
        for place in [
            "https://ghe.example/api/v3/repositories/7/pulls?page=2",
            "https://GHE.example:443/api/v3/repositories/7/pulls?page=2",
            "/api/v3/repositories/7/pulls?page=2",
        ] {
            assert_eq!(next_of(&Method::GET, 301, place), Ok(Some(by_number.clone())), "{place}");
        }
        for place in [
            "http://ghe.example/api/v3/repositories/7",
            "https://ghe.example:8443/api/v3/repositories/7",
            "https://evil.example/api/v3/repositories/7",
            "https://ghe.example@evil.example/x",
            "//evil.example/x",
            "ftp://ghe.example/x",
            "",
            "repositories/7",
        ] {
            assert!(!matches!(next_of(&Method::GET, 301, place), Ok(Some(path)) if path != place), "{place}");
        }
        assert!(next_of(&Method::GET, 301, "https://evil.example/x").unwrap_err().contains("`evil.example`"));
    }

    #[test]
    fn writes_stay_writes() {
        for (status, wanted) in [(301, false), (302, false), (307, true), (308, true)] {
            assert_eq!(next_of(&Method::POST, status, "/y").is_ok(), wanted, "{status}");
            assert_eq!(next_of(&Method::GET, status, "/y"), Ok(Some("/y".to_owned())), "{status}");
        }
        assert_eq!(next_of(&Method::GET, 200, "/y"), Ok(None));
        assert_eq!(next_of(&Method::GET, 304, "/y"), Ok(None));
    }
}
