//! Emulators of AWS that tests run against, named by environment variables. A test whose emulator is not named is skipped,
//! loudly: a line goes to the file `PREFLUX_SKIPS`; with `PREFLUX_REQUIRE_ALL=1` it fails.

use std::io::Write;
use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};

/// The emulator that `variable` names, or `None` if `test` is to be skipped.
pub(crate) fn named(variable: &str, test: &str) -> Option<SdkConfig> {
    part(variable, test).map(|url| at(&url))
}

/// What `variable` names, or `None` if `test` is to be skipped.
pub(crate) fn part(variable: &str, test: &str) -> Option<String> {
    match std::env::var(variable) {
        Ok(part) if !part.is_empty() => Some(part),
        _ => {
            skip(test, variable);
            None
        }
    }
}

/// A client configuration for the endpoint `url`.
pub(crate) fn at(url: &str) -> SdkConfig {
    let credentials = Credentials::new("test", "test", None, None, "tests");
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .operation_timeout(Duration::from_secs(10))
        .build();
    aws_config::SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(url)
        .timeout_config(timeouts)
        .build()
}

fn skip(test: &str, variable: &str) {
    let line = format!("backend-aws: {test}: {variable} is not set");
    assert!(std::env::var("PREFLUX_REQUIRE_ALL").as_deref() != Ok("1"), "{line}");
    if let Ok(file) = std::env::var("PREFLUX_SKIPS") {
        let mut file =
            std::fs::File::options().create(true).append(true).open(file).expect("the file of skips opens");
        writeln!(file, "{line}").expect("the file of skips is written");
    }
    eprintln!("skipped: {line}");
}

/// A name that no earlier run used.
pub(crate) fn fresh(name: &str) -> String {
    format!("{name}-{}", uuid::Uuid::new_v4().simple())
}
