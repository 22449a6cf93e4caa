//! Which kubeconfigs are accepted. A kubeconfig can run programs, read files and switch TLS off, so what a stored one may
//! say is a short list, and everything else is refused with what to write instead.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kube::Config;
use kube::config::{AuthInfo, Cluster, Context, KubeConfigOptions, Kubeconfig, KubeconfigError};
use ports::EksTokens;
use secrecy::{ExposeSecret, SecretString};

use crate::eks::{self, Bearer, Exec};

/// Larger ones are refused unread.
const MAX_BYTES: usize = 1 << 20;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);

/// How a cluster is spoken to.
#[derive(Debug, Clone)]
pub struct Options {
    /// Requests at the same time; at least 1.
    pub concurrency: usize,
    /// Requests started in a second; at least 1. After a quiet time a second's worth may start at once.
    pub requests_per_second: u32,
    /// How long one try of a request may take.
    pub timeout: Duration,
    /// Whom to act as, instead of what the kubeconfig says.
    pub impersonate: Option<Impersonate>,
    /// Whose kubeconfig it is.
    pub trust: Trust,
    /// Who makes tokens of EKS clusters, where anybody can.
    pub eks: Option<Arc<dyn EksTokens>>,
}

impl Default for Options {
    /// 8 at once, 50 a second, 30 seconds each, as a stored kubeconfig says.
    fn default() -> Self {
        Self {
            concurrency: 8,
            requests_per_second: 50,
            timeout: Duration::from_secs(30),
            impersonate: None,
            trust: Trust::Stored,
            eks: None,
        }
    }
}

/// Whose kubeconfig it is, and so what it may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// It comes from a store of secrets: it may not name files.
    Stored,
    /// It is the file of the person who runs the program: it may name that person's other files.
    OwnFile,
}

/// An identity to act as. Guards in the cluster that look at who asks see this one alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Impersonate {
    /// The user, such as `system:serviceaccount:apps:preflux`.
    pub user: String,
    /// The groups.
    pub groups: Vec<String>,
}

/// A kubeconfig is not accepted. No variant repeats its contents.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("kubeconfig `{path}` cannot be read", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// It is not a kubeconfig, or names what is not in it.
    #[error("kubeconfig of cluster `{cluster}` cannot be used: {reason}")]
    Invalid {
        /// The cluster's name.
        cluster: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It says something that is refused.
    #[error("kubeconfig of cluster `{cluster}` has `{field}`, which is refused: {instead}")]
    Refused {
        /// The cluster's name.
        cluster: String,
        /// The field.
        field: &'static str,
        /// What to write instead.
        instead: &'static str,
    },
}

/// Reads a kubeconfig and makes a client's configuration of its current context; for an EKS cluster with what makes its tokens.
pub(crate) async fn read(
    cluster: &str,
    yaml: &SecretString,
    base: Option<&Path>,
    options: &Options,
) -> Result<(Config, Option<Bearer>), ConfigError> {
    let invalid = |reason: String| ConfigError::Invalid { cluster: cluster.to_owned(), reason };
    let yaml = yaml.expose_secret();
    if yaml.len() > MAX_BYTES {
        return Err(invalid("it is over 1 MiB".to_owned()));
    }
    let mut kubeconfig = Kubeconfig::from_yaml(yaml).map_err(|e| invalid(words(&e)))?;
    let (server, user) = current(&mut kubeconfig).map_err(&invalid)?;
    let bearer = token_maker(cluster, server, user, options)?;
    if let Some((field, instead)) = refused(server, user, options.trust) {
        return Err(ConfigError::Refused { cluster: cluster.to_owned(), field, instead });
    }
    if let Some(base) = base {
        absolute(server, user, base);
    }
    if let Some(wanted) = &options.impersonate {
        user.impersonate = Some(wanted.user.clone());
        user.impersonate_groups = Some(wanted.groups.clone());
        (user.impersonate_uid, user.impersonate_user_extra) = (None, None);
    }
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    let mut config = config.map_err(|e| invalid(words(&e)))?;
    config.connect_timeout = Some(CONNECT);
    config.proxy_url = None;
    config.default_retry = false;
    Ok((config, bearer))
}

/// What makes the tokens in place of the program that the kubeconfig would run; that is taken out of it.
fn token_maker(
    cluster: &str,
    server: &Cluster,
    user: &mut AuthInfo,
    options: &Options,
) -> Result<Option<Bearer>, ConfigError> {
    let refused = |instead| ConfigError::Refused { cluster: cluster.to_owned(), field: "exec", instead };
    match (eks::recognise(user, server), &options.eks) {
        (Some(Exec::Eks(eks)), Some(tokens)) => {
            user.exec = None;
            Ok(Some(Bearer::new(eks, tokens.clone())))
        }
        (Some(Exec::Eks(_)), None) => Err(refused(
            "no program is run, and EKS tokens are made by the function on AWS alone; give a service account's `token` here",
        )),
        (Some(Exec::EksAs(_)), _) => Err(refused(
            "the token of an EKS cluster is made for the function's own role: leave out `--role-arn` and the profile, and give \
             that role access to the cluster (an access entry with a Kubernetes group)",
        )),
        (Some(Exec::Unknown) | None, _) => Ok(None),
    }
}

/// The cluster and user of the current context. Other contexts are never used, so they may say what they like.
fn current(kubeconfig: &mut Kubeconfig) -> Result<(&mut Cluster, &mut AuthInfo), String> {
    let name = kubeconfig.current_context.as_deref().unwrap_or_default();
    if name.is_empty() {
        return Err("`current-context` is not set".to_owned());
    }
    let context: &Context = kubeconfig
        .contexts
        .iter()
        .find(|c| c.name == name)
        .and_then(|c| c.context.as_ref())
        .ok_or_else(|| format!("its current context `{name}` is not in it"))?;
    let server = kubeconfig.clusters.iter_mut().find(|c| c.name == context.cluster);
    let server = server
        .and_then(|c| c.cluster.as_mut())
        .ok_or_else(|| format!("cluster `{}` of its current context is not in it", context.cluster))?;
    let wanted = context.user.as_deref().unwrap_or_default();
    let user = kubeconfig.auth_infos.iter_mut().find(|u| u.name == wanted);
    let user = user
        .and_then(|u| u.auth_info.as_mut())
        .ok_or_else(|| format!("user `{wanted}` of its current context is not in it"))?;
    Ok((server, user))
}

/// The first thing that is refused, and what to write instead.
fn refused(server: &Cluster, user: &AuthInfo, trust: Trust) -> Option<(&'static str, &'static str)> {
    let https = server.server.as_deref().is_some_and(|s| s.starts_with("https://"));
    let stored = trust == Trust::Stored;
    let rules = [
        (
            user.exec.is_some(),
            "exec",
            "no program is run: give a service account's `token`, or `client-certificate-data`",
        ),
        (
            user.auth_provider.is_some(),
            "auth-provider",
            "no plugin is run: give a service account's `token`, or `client-certificate-data`",
        ),
        (
            server.insecure_skip_tls_verify == Some(true),
            "insecure-skip-tls-verify",
            "give the server's certificate authority as `certificate-authority-data`",
        ),
        (server.proxy_url.is_some(), "proxy-url", "the API server must be reachable without a proxy"),
        (!https, "server", "it must be an address that starts with https://"),
        (stored && user.token_file.is_some(), "tokenFile", "give the token itself as `token`"),
        (
            stored && server.certificate_authority.is_some(),
            "certificate-authority",
            "no file is read: give its base64 as `certificate-authority-data`",
        ),
        (
            stored && user.client_certificate.is_some(),
            "client-certificate",
            "no file is read: give its base64 as `client-certificate-data`",
        ),
        (
            stored && user.client_key.is_some(),
            "client-key",
            "no file is read: give its base64 as `client-key-data`",
        ),
    ];
    rules.into_iter().find(|(applies, ..)| *applies).map(|(_, field, instead)| (field, instead))
}

/// Paths in a kubeconfig are relative to it.
fn absolute(server: &mut Cluster, user: &mut AuthInfo, base: &Path) {
    let paths = [
        &mut server.certificate_authority,
        &mut user.client_certificate,
        &mut user.client_key,
        &mut user.token_file,
    ];
    for path in paths.into_iter().flatten() {
        *path = base.join(&*path).to_string_lossy().into_owned();
    }
}

/// What kube says of a kubeconfig, without the excerpt that it shows of one that is not YAML.
fn words(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::Parse(error) => match error.location() {
            Some(at) => format!("it is not YAML of a kubeconfig, at line {}", at.line()),
            None => "it is not YAML of a kubeconfig".to_owned(),
        },
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed set-up is the test's failure")]
    use super::*;

    const GOOD: &str = "
apiVersion: v1
kind: Config
current-context: a
contexts: [{name: a, context: {cluster: c, user: u}}, {name: b, context: {cluster: c, user: x}}]
clusters: [{name: c, cluster: {server: https://example.test}}]
users: [{name: u, user: {token: s3cret}}, {name: x, user: {exec: {command: aws}}}]
";

    async fn read_with(yaml: &str, options: &Options) -> Result<Config, String> {
        let base = (options.trust == Trust::OwnFile).then_some(Path::new("/nonexistent"));
        let read = read("prod", &yaml.to_owned().into(), base, options).await;
        read.map(|(config, _)| config).map_err(|e| e.to_string())
    }

    async fn check(from: &str, to: &str, expected: &str) {
        let yaml = GOOD.replace(from, to);
        assert_ne!(yaml, GOOD, "{from}");
        let said = read_with(&yaml, &Options::default()).await.err().unwrap_or_else(|| "accepted".to_owned());
        assert!(said.contains(expected), "{said}");
        assert!(!said.contains("s3cret"), "{said}");
    }

    #[tokio::test]
    async fn a_token_or_embedded_data_is_accepted() {
        let config = read_with(GOOD, &Options::default()).await.unwrap();
        assert_eq!(config.cluster_url.to_string(), "https://example.test/");
        assert_eq!(config.auth_info.token.unwrap().expose_secret(), "s3cret");
        check("current-context: a", "current-context: a\npreferences: {}", "accepted").await;
    }

    #[tokio::test]
    async fn what_runs_reads_or_trusts_too_much_is_refused() {
        let token = "{token: s3cret}";
        check(token, "{exec: {command: aws}}", "`prod` has `exec`, which is refused: no program is run")
            .await;
        check(token, "{auth-provider: {name: gcp}}", "has `auth-provider`").await;
        check(token, "{tokenFile: /token}", "has `tokenFile`, which is refused: give the token itself").await;
        check(token, "{client-certificate: /c}", "`client-certificate-data`").await;
        check(token, "{client-key: /k}", "`client-key-data`").await;
        let url = "https://example.test";
        check(url, "https://x, certificate-authority: /ca", "`certificate-authority-data`").await;
        check(url, "https://x, insecure-skip-tls-verify: true", "has `insecure-skip-tls-verify`").await;
        check(url, "https://x, proxy-url: http://proxy", "has `proxy-url`").await;
        check(url, "http://example.test", "must be an address that starts with https://").await;
        check("{server: https://example.test}", "{}", "must be an address that starts with https://").await;
    }

    #[tokio::test]
    async fn what_is_not_whole_is_refused() {
        check("current-context: a\n", "", "`current-context` is not set").await;
        check("current-context: a", "current-context: z", "current context `z` is not in it").await;
        check("{name: c,", "{name: z,", "cluster `c` of its current context is not in it").await;
        check("{name: u,", "{name: z,", "user `u` of its current context is not in it").await;
        check("users: [", "users: {s3cret: [", "it is not YAML of a kubeconfig, at line").await;
        check("{token: s3cret}", "{client-certificate-data: '%', token: s3cret}", "accepted").await;
        check("server:", "certificate-authority-data: '%', server:", "certificate authority").await;
        check("kind: Config", &format!("kind: Config\n# {}", "x".repeat(MAX_BYTES)), "over 1 MiB").await;
    }

    #[tokio::test]
    async fn a_persons_own_file_may_name_files_but_run_nothing() {
        let own = Options { trust: Trust::OwnFile, ..Options::default() };
        let with = |user: &str| GOOD.replace("{token: s3cret}", user);
        let config = read_with(&with("{tokenFile: token}"), &own).await.unwrap();
        assert_eq!(config.auth_info.token_file.as_deref(), Some("/nonexistent/token"));
        assert!(
            read_with(&with("{exec: {command: aws}}"), &own).await.is_err_and(|e| e.contains("has `exec`"))
        );
    }

    #[derive(Debug)]
    struct Nobody;

    #[async_trait::async_trait]
    impl EksTokens for Nobody {
        async fn token(&self, _: &ports::EksCluster) -> Result<ports::ClusterToken, String> {
            Err("nobody makes tokens here".to_owned())
        }
    }

    #[tokio::test]
    async fn the_program_of_an_eks_kubeconfig_is_replaced_and_no_other() {
        let with = |user: &str| GOOD.replace("{token: s3cret}", user);
        let eks = with("{exec: {command: aws, args: [eks, get-token, --cluster-name, prod], env: []}}");
        let role =
            with("{exec: {command: aws, args: [eks, get-token, --cluster-name, prod, --role-arn, x]}}");
        let here = Options { eks: Some(Arc::new(Nobody)), ..Options::default() };
        let (config, bearer) = read("prod", &eks.clone().into(), None, &here).await.unwrap();
        assert!(config.auth_info.exec.is_none() && config.auth_info.token.is_none());
        let error = bearer.unwrap().header().await.unwrap_err();
        assert_eq!(error, "no EKS token can be made: nobody makes tokens here");
        for (yaml, options, expected) in [
            (eks, &Options::default(), "made by the function on AWS alone"),
            (role, &here, "made for the function's own role"),
            (with("{exec: {command: sh, args: [-c, aws eks get-token]}}"), &here, "no program is run: give"),
        ] {
            let error = read_with(&yaml, options).await.unwrap_err();
            assert!(error.contains("has `exec`, which is refused") && error.contains(expected), "{error}");
        }
    }

    #[tokio::test]
    async fn impersonation_replaces_what_the_kubeconfig_says() {
        let yaml = GOOD
            .replace("{token: s3cret}", "{token: t, as: admin, as-groups: ['system:masters'], as-uid: '1'}");
        let wanted = Impersonate { user: "u".to_owned(), groups: vec!["g".to_owned()] };
        let options = Options { impersonate: Some(wanted), ..Options::default() };
        let user = read_with(&yaml, &options).await.unwrap().auth_info;
        assert_eq!((user.impersonate.as_deref(), user.impersonate_uid), (Some("u"), None));
        assert_eq!(user.impersonate_groups, Some(vec!["g".to_owned()]));
    }
}
