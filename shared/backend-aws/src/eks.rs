//! Tokens of EKS clusters: an address of STS that says who we are, signed by our credentials for one cluster and one minute.
//! EKS calls it, and so learns the role. What `aws eks get-token` and aws-iam-authenticator print is the same.

use std::fmt;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ports::{ClusterToken, EksCluster, EksTokens};

/// What an EKS token begins with.
const PREFIX: &str = "k8s-aws-v1.";
/// The header by which a token is bound to its cluster.
const CLUSTER: &str = "x-k8s-aws-id";
/// How long STS takes the signature, counted from the request that EKS makes.
const SIGNED_FOR: Duration = Duration::from_secs(60);
/// EKS takes a token for 15 minutes; a request may be under way for the last of them.
const GOOD_FOR: Duration = Duration::from_secs(12 * 60);

/// Tokens for the role whose credentials the SDK finds.
pub struct RoleTokens {
    config: SdkConfig,
}

impl fmt::Debug for RoleTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RoleTokens")
    }
}

impl RoleTokens {
    /// Tokens for the credentials of `config`, in its region where a kubeconfig names none.
    pub fn new(config: SdkConfig) -> Self {
        Self { config }
    }
}

#[async_trait]
impl EksTokens for RoleTokens {
    async fn token(&self, cluster: &EksCluster) -> Result<ClusterToken, String> {
        let own = || self.config.region().map(ToString::to_string);
        let region = cluster.region.clone().or_else(own);
        let region = region.ok_or("no region is known: name it in the kubeconfig, as `--region`")?;
        let provider = self.config.credentials_provider().ok_or("there are no AWS credentials")?;
        let found = provider.provide_credentials().await;
        let credentials = found.map_err(|error| format!("AWS credentials cannot be had: {error}"))?;
        let token = signed(&credentials, &cluster.name, &region, SystemTime::now())?;
        Ok(ClusterToken { token: token.into(), good_for: GOOD_FOR })
    }
}

fn signed(credentials: &Credentials, name: &str, region: &str, at: SystemTime) -> Result<String, String> {
    let address = format!("https://{}/?Action=GetCallerIdentity&Version=2011-06-15", host(region)?);
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(SIGNED_FOR);
    let unsigned = |error: &dyn fmt::Display| format!("the token cannot be signed: {error}");
    let identity = credentials.clone().into();
    let params = SigningParams::builder().identity(&identity).region(region).name("sts").time(at);
    let params = params.settings(settings).build().map_err(|error| unsigned(&error))?.into();
    let headers = [(CLUSTER, name)].into_iter();
    let request = SignableRequest::new("GET", address.as_str(), headers, SignableBody::Bytes(&[]));
    let request = request.map_err(|error| unsigned(&error))?;
    let (signature, _) = sign(request, &params).map_err(|error| unsigned(&error))?.into_parts();
    let mut request = http::Request::get(address).body(()).map_err(|error| unsigned(&error))?;
    signature.apply_to_request_http1x(&mut request);
    Ok(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(request.uri().to_string())))
}

/// STS of a region. A region is a name, so that no kubeconfig can have us sign for somebody else's host.
fn host(region: &str) -> Result<String, String> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if region.is_empty() || region.len() > 32 || !region.bytes().all(plain) {
        return Err("the region in the kubeconfig is not the name of one".to_owned());
    }
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    Ok(format!("sts.{region}.{domain}"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed set-up is the test's failure")]
    use std::process::Command;

    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::emulator;

    /// What botocore signs, with its own clock.
    const BOTOCORE: &str = "
import calendar, sys, time
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
name, host, region, key, secret, session = sys.argv[1:]
url = f'https://{host}/?Action=GetCallerIdentity&Version=2011-06-15'
request = AWSRequest('GET', url, headers={'x-k8s-aws-id': name})
SigV4QueryAuth(Credentials(key, secret, session or None), 'sts', region, expires=60).add_auth(request)
print(request.url)
print(calendar.timegm(time.strptime(request.context['timestamp'], '%Y%m%dT%H%M%SZ')))
";

    const KEY: &str = "AKIDEXAMPLE";
    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    /// The address in a token, as its parameters in a fixed order.
    fn parameters(address: &str) -> (String, Vec<String>) {
        let (place, query) = address.split_once('?').unwrap();
        let mut all: Vec<String> = query.split('&').map(str::to_owned).collect();
        all.sort();
        (place.to_owned(), all)
    }

    fn address(token: &str) -> String {
        let text = token.strip_prefix(PREFIX).unwrap();
        String::from_utf8(URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
    }

    #[test]
    fn tokens_are_what_botocore_signs() {
        let Some(python) = emulator::part("PREFLUX_TEST_BOTOCORE", "tokens_are_what_botocore_signs") else {
            return;
        };
        for (name, region, session) in [
            ("prod", "eu-central-1", ""),
            ("a_Cluster-1", "us-gov-west-1", "FwoGZXIvYXdzEBYaD+/=example"),
            ("prod", "cn-north-1", ""),
        ] {
            let host = host(region).unwrap();
            let mut command = Command::new(&python);
            command.args(["-c", BOTOCORE, name, &host, region, KEY, SECRET, session]);
            let output = command.output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let said = String::from_utf8(output.stdout).unwrap();
            let (theirs, seconds) = said.trim().split_once('\n').unwrap();
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.parse().unwrap());
            let session = (!session.is_empty()).then(|| session.to_owned());
            let credentials = Credentials::new(KEY, SECRET, session, None, "test");
            let token = signed(&credentials, name, region, at).unwrap();
            assert_eq!(parameters(&address(&token)), parameters(theirs));
        }
    }

    #[tokio::test]
    async fn the_role_signs_for_the_cluster_of_its_region() {
        let tokens = RoleTokens::new(emulator::at("http://127.0.0.1:1"));
        let cluster =
            |region: Option<&str>| EksCluster { name: "prod".to_owned(), region: region.map(str::to_owned) };
        let made = tokens.token(&cluster(Some("eu-west-3"))).await.unwrap();
        let (place, parameters) = parameters(&address(made.token.expose_secret()));
        assert_eq!(place, "https://sts.eu-west-3.amazonaws.com/");
        for expected in
            ["Action=GetCallerIdentity", "X-Amz-Expires=60", "X-Amz-SignedHeaders=host%3Bx-k8s-aws-id"]
        {
            assert!(parameters.iter().any(|p| p == expected), "{parameters:?}");
        }
        assert!(made.good_for < Duration::from_secs(15 * 60));
        let own = tokens.token(&cluster(None)).await.unwrap();
        assert!(address(own.token.expose_secret()).starts_with("https://sts.eu-central-1.amazonaws.com/"));
    }

    #[tokio::test]
    async fn nothing_is_signed_for_a_host_that_is_no_region_s() {
        let tokens = RoleTokens::new(emulator::at("http://127.0.0.1:1"));
        for region in ["", "evil.example/", "eu-west-3@evil.example", "EU", &"a".repeat(33)] {
            let cluster = EksCluster { name: "prod".to_owned(), region: Some(region.to_owned()) };
            let error = tokens.token(&cluster).await.unwrap_err();
            assert!(error.contains("is not the name of one"), "{region}: {error}");
        }
        let nobody = RoleTokens::new(SdkConfig::builder().build());
        let cluster = EksCluster { name: "prod".to_owned(), region: None };
        assert!(nobody.token(&cluster).await.unwrap_err().contains("no region is known"));
        let cluster = EksCluster { region: Some("eu-west-3".to_owned()), ..cluster };
        assert!(nobody.token(&cluster).await.unwrap_err().contains("no AWS credentials"));
    }
}
