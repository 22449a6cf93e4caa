//! The kinds of Flux's that people ask for by name.

use serde_json::Value;

/// A kind of Flux's own objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FluxKind {
    /// `kustomize.toolkit.fluxcd.io`.
    Kustomization,
    /// `helm.toolkit.fluxcd.io`.
    HelmRelease,
    /// `source.toolkit.fluxcd.io`, as the next five.
    OciRepository,
    /// An S3-compatible bucket.
    Bucket,
    /// A Git repository.
    GitRepository,
    /// A repository of charts.
    HelmRepository,
    /// A chart that a HelmRelease asked for.
    HelmChart,
    /// An artifact that another controller made.
    ExternalArtifact,
    /// `image.toolkit.fluxcd.io`, as the next two.
    ImageRepository,
    /// Which tag is wanted.
    ImagePolicy,
    /// What writes tags to Git.
    ImageUpdateAutomation,
    /// `notification.toolkit.fluxcd.io`, as the next two.
    Receiver,
    /// Where alerts go.
    Provider,
    /// What is told.
    Alert,
    /// `source.extensions.fluxcd.io`.
    ArtifactGenerator,
}

/// How a kind is called where.
struct Names {
    kind: &'static str,
    group: &'static str,
    plural: &'static str,
    /// The words of the Flux CLI behind a verb that takes one object.
    typed: &'static str,
    /// In sentences, of several.
    several: &'static str,
}

impl FluxKind {
    /// Every kind, in the order in which the Flux CLI lists them.
    pub const ALL: [Self; 15] = [
        Self::OciRepository,
        Self::Bucket,
        Self::GitRepository,
        Self::HelmRepository,
        Self::HelmChart,
        Self::ExternalArtifact,
        Self::ImageRepository,
        Self::ImagePolicy,
        Self::ImageUpdateAutomation,
        Self::HelmRelease,
        Self::Kustomization,
        Self::Receiver,
        Self::Provider,
        Self::Alert,
        Self::ArtifactGenerator,
    ];

    /// The kind of this name, in any case: `GitRepository`.
    pub fn named(kind: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.kind().eq_ignore_ascii_case(kind))
    }

    /// The kind of an object, by its group and kind.
    pub fn of(object: &Value) -> Option<Self> {
        let group = object["apiVersion"].as_str()?.split_once('/')?.0;
        Self::named(object["kind"].as_str()?).filter(|kind| kind.group() == group)
    }

    /// Such as `GitRepository`.
    pub fn kind(self) -> &'static str {
        self.names().kind
    }

    /// The API group.
    pub fn group(self) -> &'static str {
        self.names().group
    }

    /// Such as `gitrepositories`.
    pub fn plural(self) -> &'static str {
        self.names().plural
    }

    /// What the Flux CLI calls one of them behind its verbs, such as `source git`.
    pub fn typed(self) -> &'static str {
        self.names().typed
    }

    /// Several of them, in a sentence: `GitRepositories`.
    pub fn several(self) -> &'static str {
        self.names().several
    }

    /// Whether no controller reconciles it, so that it has no conditions and is always ready.
    pub fn is_static(self) -> bool {
        matches!(self, Self::Provider | Self::Alert)
    }

    fn names(self) -> Names {
        const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io";
        const HELM: &str = "helm.toolkit.fluxcd.io";
        const SOURCE: &str = "source.toolkit.fluxcd.io";
        const IMAGE: &str = "image.toolkit.fluxcd.io";
        const NOTIFICATION: &str = "notification.toolkit.fluxcd.io";
        const EXTENSIONS: &str = "source.extensions.fluxcd.io";
        let (kind, group, plural, typed, several) = match self {
            Self::Kustomization => {
                ("Kustomization", KUSTOMIZE, "kustomizations", "kustomization", "Kustomizations")
            }
            Self::HelmRelease => ("HelmRelease", HELM, "helmreleases", "helmrelease", "HelmReleases"),
            Self::OciRepository => {
                ("OCIRepository", SOURCE, "ocirepositories", "source oci", "OCIRepositories")
            }
            Self::Bucket => ("Bucket", SOURCE, "buckets", "source bucket", "Buckets"),
            Self::GitRepository => {
                ("GitRepository", SOURCE, "gitrepositories", "source git", "GitRepositories")
            }
            Self::HelmRepository => {
                ("HelmRepository", SOURCE, "helmrepositories", "source helm", "HelmRepositories")
            }
            Self::HelmChart => ("HelmChart", SOURCE, "helmcharts", "source chart", "HelmCharts"),
            Self::ExternalArtifact => {
                ("ExternalArtifact", SOURCE, "externalartifacts", "source external", "ExternalArtifacts")
            }
            Self::ImageRepository => {
                ("ImageRepository", IMAGE, "imagerepositories", "image repository", "ImageRepositories")
            }
            Self::ImagePolicy => ("ImagePolicy", IMAGE, "imagepolicies", "image policy", "ImagePolicies"),
            Self::ImageUpdateAutomation => (
                "ImageUpdateAutomation",
                IMAGE,
                "imageupdateautomations",
                "image update",
                "ImageUpdateAutomations",
            ),
            Self::Receiver => ("Receiver", NOTIFICATION, "receivers", "receiver", "Receivers"),
            Self::Provider => ("Provider", NOTIFICATION, "providers", "alert-provider", "Providers"),
            Self::Alert => ("Alert", NOTIFICATION, "alerts", "alert", "Alerts"),
            Self::ArtifactGenerator => (
                "ArtifactGenerator",
                EXTENSIONS,
                "artifactgenerators",
                "artifact generator",
                "ArtifactGenerators",
            ),
        };
        Names { kind, group, plural, typed, several }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::FluxKind;

    #[test]
    fn kinds_are_told_apart_by_every_name() {
        let all = |name: fn(FluxKind) -> &'static str| {
            FluxKind::ALL.map(name).into_iter().collect::<BTreeSet<_>>().len()
        };
        let names =
            [all(FluxKind::kind), all(FluxKind::plural), all(FluxKind::typed), all(FluxKind::several)];
        assert_eq!(names, [FluxKind::ALL.len(); 4]);
        for kind in FluxKind::ALL {
            assert_eq!(FluxKind::named(&kind.kind().to_lowercase()), Some(kind));
            let object = json!({"apiVersion": format!("{}/v1", kind.group()), "kind": kind.kind()});
            assert_eq!(FluxKind::of(&object), Some(kind));
        }
        assert_eq!(
            FluxKind::of(&json!({"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"})),
            None
        );
        assert_eq!(FluxKind::of(&json!({"kind": "Kustomization"})), None);
    }
}
