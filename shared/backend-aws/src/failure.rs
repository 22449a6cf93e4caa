//! What a failed call to AWS means, for all services alike.

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// Codes that ask us to come back later; <https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html>.
const LATER: [&str; 14] = [
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "SlowDown",
    "PriorRequestNotComplete",
    "TransactionInProgressException",
    "RequestTimeout",
];

/// A failed call.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Whether the same call may succeed later.
    pub(crate) heals: bool,
    /// The call, the code and AWS's words for it.
    pub(crate) reason: String,
}

impl Failure {
    /// The failure of `call`, such as `dynamodb:GetItem on table preflux`.
    pub(crate) fn of<E>(call: &str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let Some(answer) = error.as_service_error() else {
            return Self { heals: unanswered(error), reason: format!("{call}: {}", chain(error)) };
        };
        let code = answer.code().unwrap_or_default();
        let status = error.raw_response().map_or(0, |r| r.status().as_u16());
        let words = answer.message().unwrap_or_default();
        let reason = match code {
            "" => format!("{call}: HTTP status {status}"),
            code => format!("{call}: {code}: {words}"),
        };
        Self { heals: status >= 500 || LATER.contains(&code), reason }
    }
}

/// A request that cannot even be made (no region, no credentials) fails again the same way.
fn unanswered<E>(error: &SdkError<E, HttpResponse>) -> bool {
    !matches!(error, SdkError::ConstructionFailure(_))
}

/// The SDK's own sentence is "dispatch failure"; what failed is in its sources.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "status codes of the cases are well formed")]
    use aws_sdk_dynamodb::error::ErrorMetadata;
    use aws_sdk_dynamodb::operation::get_item::GetItemError;
    use aws_smithy_types::body::SdkBody;

    use super::*;

    fn check(status: u16, code: &str, heals: bool) {
        let error = GetItemError::generic(ErrorMetadata::builder().code(code).message("why").build());
        let answer = HttpResponse::new(status.try_into().unwrap(), SdkBody::empty());
        let failure = Failure::of("dynamodb:GetItem", &SdkError::service_error(error, answer));
        assert_eq!((failure.heals, failure.reason), (heals, format!("dynamodb:GetItem: {code}: why")));
    }

    #[test]
    fn overload_heals_and_refusals_do_not() {
        check(400, "ThrottlingException", true);
        check(400, "ProvisionedThroughputExceededException", true);
        check(503, "SlowDown", true);
        check(500, "InternalServerError", true);
        check(400, "AccessDeniedException", false);
        check(400, "ResourceNotFoundException", false);
        check(400, "ValidationException", false);
    }
}
