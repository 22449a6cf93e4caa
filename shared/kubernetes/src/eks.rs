//! Kubeconfigs of EKS: the program that they would run is recognised, and never run. Its token is made by a port instead.

use std::sync::Arc;

use http::HeaderValue;
use http::header::InvalidHeaderValue;
use kube::config::{AuthInfo, Cluster, ExecConfig};
use ports::{EksCluster, EksTokens};
use secrecy::ExposeSecret as _;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// What is said of a token that is not to be had, before the reason.
const NO_TOKEN: &str = "no EKS token can be made";

/// The cluster that a kubeconfig's `exec` asks a token for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Exec {
    /// A token for this cluster, by whoever runs the program.
    Eks(EksCluster),
    /// The same for somebody else, which this names.
    EksAs(&'static str),
    /// Another program.
    Unknown,
}

/// What a user's `exec` would do.
pub(crate) fn recognise(user: &AuthInfo, server: &Cluster) -> Option<Exec> {
    let exec = user.exec.as_ref()?;
    let command = exec.command.as_deref().unwrap_or_default();
    let program = command.rsplit(['/', '\\']).next().unwrap_or_default();
    let program = program.strip_suffix(".exe").unwrap_or(program);
    let args: Vec<&str> = exec.args.iter().flatten().map(String::as_str).collect();
    let has = |wanted: &[&str]| wanted.iter().all(|word| args.contains(word));
    let (name, role) = match program {
        "aws" if has(&["eks", "get-token"]) => {
            (value(&args, &["--cluster-name"]), value(&args, &["--role-arn"]))
        }
        "aws-iam-authenticator" if has(&["token"]) => {
            (value(&args, &["-i", "--cluster-id"]), value(&args, &["-r", "--role"]))
        }
        _ => return Some(Exec::Unknown),
    };
    let Some(name) = name else { return Some(Exec::Unknown) };
    if role.is_some() {
        return Some(Exec::EksAs("a role (`--role-arn`, `--role`)"));
    }
    if value(&args, &["--profile"]).is_some() || variable(exec, "AWS_PROFILE").is_some() {
        return Some(Exec::EksAs("a profile (`--profile`, `AWS_PROFILE`)"));
    }
    let region = value(&args, &["--region"]).map(str::to_owned);
    let region = region.or_else(|| variable(exec, "AWS_REGION"));
    let region = region.or_else(|| variable(exec, "AWS_DEFAULT_REGION")).or_else(|| in_address(server));
    Some(Exec::Eks(EksCluster { name: name.to_owned(), region }))
}

/// What follows a flag, or stands after its `=`.
fn value<'a>(args: &[&'a str], flags: &[&str]) -> Option<&'a str> {
    let given = |at: usize, arg: &'a str| match arg.split_once('=') {
        Some((flag, value)) if flags.contains(&flag) => Some(value),
        _ if flags.contains(&arg) => args.get(at + 1).copied(),
        _ => None,
    };
    args.iter().enumerate().find_map(|(at, arg)| given(at, arg)).filter(|value| !value.is_empty())
}

/// A variable that the program would be given.
fn variable(exec: &ExecConfig, name: &str) -> Option<String> {
    let all = exec.env.iter().flatten();
    let mut found = all.filter(|one| one.get("name").is_some_and(|n| n == name));
    found.next()?.get("value").filter(|value| !value.is_empty()).cloned()
}

/// The region in an address such as `https://ID.gr7.eu-central-1.eks.amazonaws.com`.
fn in_address(server: &Cluster) -> Option<String> {
    let (before, _) = server.server.as_deref()?.split_once(".eks.amazonaws.com")?;
    before.rsplit('.').next().filter(|region| region.contains('-')).map(str::to_owned)
}

/// The token of one cluster, made anew when it has had its time.
#[derive(Debug)]
pub(crate) struct Bearer {
    cluster: EksCluster,
    tokens: Arc<dyn EksTokens>,
    made: Mutex<Option<(Instant, HeaderValue)>>,
}

impl Bearer {
    pub(crate) fn new(cluster: EksCluster, tokens: Arc<dyn EksTokens>) -> Self {
        Self { cluster, tokens, made: Mutex::default() }
    }

    /// What to send as `Authorization`. Whoever comes while a token is made waits for that one.
    pub(crate) async fn header(&self) -> Result<HeaderValue, String> {
        let mut made = self.made.lock().await;
        if let Some((_, header)) = made.as_ref().filter(|(until, _)| Instant::now() < *until) {
            return Ok(header.clone());
        }
        let asked = Instant::now();
        let fresh = self.tokens.token(&self.cluster).await.map_err(|why| format!("{NO_TOKEN}: {why}"))?;
        let text = format!("Bearer {}", fresh.token.expose_secret());
        // The error has nothing to say, and must not repeat the token.
        let header: Result<HeaderValue, InvalidHeaderValue> = HeaderValue::from_str(&text);
        let mut header = header.map_err(|_| format!("{NO_TOKEN}: what was made is none"))?;
        header.set_sensitive(true);
        *made = Some((asked + fresh.good_for, header.clone()));
        Ok(header)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed set-up is the test's failure")]
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use async_trait::async_trait;
    use ports::ClusterToken;

    use super::*;

    fn user(exec: &str) -> AuthInfo {
        serde_json::from_str(&format!(r#"{{"exec": {exec}}}"#)).unwrap()
    }

    fn at(server: &str) -> Cluster {
        Cluster { server: Some(server.to_owned()), ..Cluster::default() }
    }

    fn check(exec: &str, server: &str, expected: Exec) {
        assert_eq!(recognise(&user(exec), &at(server)), Some(expected), "{exec}");
    }

    fn eks(name: &str, region: Option<&str>) -> Exec {
        Exec::Eks(EksCluster { name: name.to_owned(), region: region.map(str::to_owned) })
    }

    #[test]
    fn what_aws_writes_into_a_kubeconfig_is_recognised() {
        let own = "https://0AB.gr7.eu-west-1.eks.amazonaws.com";
        check(
            r#"{"command": "aws", "args": ["--region", "eu-central-1", "eks", "get-token", "--cluster-name", "prod", "--output", "json"]}"#,
            own,
            eks("prod", Some("eu-central-1")),
        );
        check(
            r#"{"command": "/usr/local/bin/aws-iam-authenticator", "args": ["token", "-i", "prod"], "env": [{"name": "AWS_REGION", "value": "eu-north-1"}]}"#,
            own,
            eks("prod", Some("eu-north-1")),
        );
        check(
            r#"{"command": "aws.exe", "args": ["eks", "get-token", "--cluster-name=prod"]}"#,
            own,
            eks("prod", Some("eu-west-1")),
        );
        check(
            r#"{"command": "aws", "args": ["eks", "get-token", "--cluster-name", "prod"]}"#,
            "https://10.0.0.1",
            eks("prod", None),
        );
        assert_eq!(recognise(&AuthInfo::default(), &at(own)), None);
    }

    #[test]
    fn other_programs_and_other_people_s_tokens_are_told_apart() {
        let own = "https://0AB.gr7.eu-west-1.eks.amazonaws.com";
        for exec in [
            r#"{"command": "aws", "args": ["s3", "ls"]}"#,
            r#"{"command": "aws", "args": ["eks", "get-token"]}"#,
            r#"{"command": "aws", "args": ["eks", "get-token", "--cluster-name"]}"#,
            r#"{"command": "sh", "args": ["-c", "aws eks get-token --cluster-name prod"]}"#,
            r#"{"command": "gke-gcloud-auth-plugin"}"#,
            "{}",
        ] {
            check(exec, own, Exec::Unknown);
        }
        for exec in [
            r#"{"command": "aws", "args": ["eks", "get-token", "--cluster-name", "prod", "--role-arn", "arn:aws:iam::1:role/x"]}"#,
            r#"{"command": "aws-iam-authenticator", "args": ["token", "-i", "prod", "-r", "arn:aws:iam::1:role/x"]}"#,
            r#"{"command": "aws", "args": ["eks", "get-token", "--cluster-name", "prod", "--profile", "x"]}"#,
            r#"{"command": "aws", "args": ["eks", "get-token", "--cluster-name", "prod"], "env": [{"name": "AWS_PROFILE", "value": "x"}]}"#,
        ] {
            assert!(matches!(recognise(&user(exec), &at(own)), Some(Exec::EksAs(_))), "{exec}");
        }
    }

    /// Counts the tokens, each of which is good for a minute.
    #[derive(Debug, Default)]
    struct Counted(AtomicUsize);

    #[async_trait]
    impl EksTokens for Counted {
        async fn token(&self, cluster: &EksCluster) -> Result<ClusterToken, String> {
            match self.0.fetch_add(1, Ordering::Relaxed) {
                2 => Err("the role is gone".to_owned()),
                3 => Ok(ClusterToken { token: "a\nb".into(), good_for: Duration::from_secs(60) }),
                number => Ok(ClusterToken {
                    token: format!("{}-{number}", cluster.name).into(),
                    good_for: Duration::from_secs(60),
                }),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_kept_for_its_time_and_then_made_anew() {
        let cluster = EksCluster { name: "prod".to_owned(), region: None };
        let bearer = Bearer::new(cluster, Arc::new(Counted::default()));
        let (first, same) = tokio::join!(bearer.header(), bearer.header());
        assert_eq!((first.unwrap(), same.unwrap()), (bearer_of("prod-0"), bearer_of("prod-0")));
        tokio::time::advance(Duration::from_secs(61)).await;
        assert_eq!(bearer.header().await.unwrap(), bearer_of("prod-1"));
        assert!(format!("{:?}", bearer.header().await.unwrap()).contains("Sensitive"));
        tokio::time::advance(Duration::from_secs(61)).await;
        assert_eq!(bearer.header().await.unwrap_err(), "no EKS token can be made: the role is gone");
        assert_eq!(bearer.header().await.unwrap_err(), "no EKS token can be made: what was made is none");
    }

    fn bearer_of(token: &str) -> HeaderValue {
        HeaderValue::from_str(&format!("Bearer {token}")).unwrap()
    }
}
