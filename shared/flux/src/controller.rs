//! The kustomize-controller that will apply what is rendered: its version and arguments, as far as they change what it
//! renders. Read from its Deployment by [`Controller::of_deployment`]; what cannot be read is assumed, and said.

mod arguments;
mod version;

use serde_json::Value;

pub use version::Version;

/// The version and arguments of a kustomize-controller.
///
/// The default is 1.9.4, the one of Flux 2.9, without arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Controller {
    /// Its version.
    pub version: Version,
    /// The feature gate `StrictPostBuildSubstitutions`, when it is set.
    pub strict_gate: Option<bool>,
    /// Whether a kustomization may name bases outside the artifact; not with `--no-remote-bases`.
    pub remote_bases: bool,
    /// Whether a source may be in another namespace; not with `--no-cross-namespace-refs`.
    pub cross_namespace_refs: bool,
    /// Whom it impersonates for Kustomizations that name nobody (`--default-service-account`).
    pub default_service_account: Option<String>,
    /// Field managers whose fields it takes over (`--override-manager`).
    pub override_managers: Vec<String>,
    /// Kinds that are applied in a stage of their own (`--custom-apply-stage-kinds`), each as `group/Kind`.
    pub apply_stage_kinds: Vec<String>,
    /// What is assumed of it because it could not be read, or is not emulated: a sentence each.
    pub notes: Vec<String>,
}

impl Default for Controller {
    fn default() -> Self {
        Self {
            version: Version::EMULATED,
            strict_gate: None,
            remote_bases: true,
            cross_namespace_refs: true,
            default_service_account: None,
            override_managers: Vec::new(),
            apply_stage_kinds: Vec::new(),
            notes: Vec::new(),
        }
    }
}

impl Controller {
    /// A controller of a configured version, such as `v1.9.4` or `1.8.0`, without arguments. An unreadable one is
    /// taken for the default, with a note.
    pub fn of_version(text: &str) -> Self {
        match Version::parse(text) {
            Some(version) => Self { version, notes: note(version).into_iter().collect(), ..Self::default() },
            None => {
                let note = format!(
                    "`{text}` is no version of kustomize-controller: {} is assumed",
                    Version::EMULATED
                );
                Self { notes: vec![note], ..Self::default() }
            }
        }
    }

    /// The controller that a Deployment runs: its version from the image's tag, its arguments from the container.
    pub fn of_deployment(deployment: &Value) -> Self {
        let Some(container) = container(deployment) else {
            let note = format!(
                "the Deployment has no container of kustomize-controller: {} without arguments is assumed",
                Version::EMULATED
            );
            return Self { notes: vec![note], ..Self::default() };
        };
        let image = container["image"].as_str().unwrap_or_default();
        let mut controller = match tag(image).and_then(Version::parse) {
            Some(version) => Self { version, notes: note(version).into_iter().collect(), ..Self::default() },
            None => {
                let note = format!(
                    "the image `{image}` names no version of kustomize-controller: {} is assumed",
                    Version::EMULATED
                );
                Self { notes: vec![note], ..Self::default() }
            }
        };
        arguments::read(container, &mut controller);
        controller
    }

    /// Whether a variable that is not set and has no default is an error.
    pub fn is_strict(&self) -> bool {
        self.strict_gate.unwrap_or(self.version >= Version::new(1, 9, 0))
    }

    /// Whether an entry of `spec.images` keeps what it does not set; before, it replaced the whole entry.
    pub fn merges_images(&self) -> bool {
        self.version >= Version::new(1, 9, 4)
    }

    /// Whether `spec.buildMetadata`, `spec.ignore` and `spec.postBuild.substituteStrategy` exist.
    pub fn has_fields_of_1_9(&self) -> bool {
        self.version >= Version::new(1, 9, 0)
    }

    /// Whether a substring's negative length counts from the end; before, it was an error.
    pub fn counts_from_the_end(&self) -> bool {
        self.version >= Version::new(1, 9, 5)
    }

    /// Whether it publishes the digest of what it rendered, in `status.history`.
    pub fn publishes_digest(&self) -> bool {
        self.version >= Version::new(1, 7, 0)
    }
}

/// What to say of a version that is not emulated to the letter.
fn note(version: Version) -> Option<String> {
    let outside = if version >= Version::new(Version::EMULATED.major, Version::EMULATED.minor + 1, 0) {
        "newer"
    } else if version < Version::OLDEST {
        "older"
    } else {
        return None;
    };
    Some(format!("kustomize-controller {version} is {outside} than what is emulated: its render may differ"))
}

/// The container that runs the controller: by its image, by the name that Flux gives it, or the only one.
fn container(deployment: &Value) -> Option<&Value> {
    let containers = deployment.pointer("/spec/template/spec/containers")?.as_array()?;
    let by_image = containers.iter().find(|container| {
        let image = container["image"].as_str().unwrap_or_default();
        repository(image).rsplit('/').next() == Some("kustomize-controller")
    });
    let by_name = || containers.iter().find(|container| container["name"] == "manager");
    let only = || containers.first().filter(|_| containers.len() == 1);
    by_image.or_else(by_name).or_else(only)
}

/// An image without its digest and tag.
fn repository(image: &str) -> &str {
    let name = image.split_once('@').map_or(image, |(name, _)| name);
    match tag(image) {
        Some(tag) => name.strip_suffix(tag).and_then(|name| name.strip_suffix(':')).unwrap_or(name),
        None => name,
    }
}

/// The tag of an image.
fn tag(image: &str) -> Option<&str> {
    let name = image.split_once('@').map_or(image, |(name, _)| name);
    let last = name.rsplit('/').next()?;
    last.split_once(':').map(|(_, tag)| tag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn deployment(image: &str, args: &[&str]) -> Value {
        let proxy = json!({"name": "proxy", "image": "registry.example.com:5000/proxy:v3"});
        let container = json!({"name": "manager", "image": image, "args": args});
        json!({"spec": {"template": {"spec": {"containers": [proxy, container]}}}})
    }

    fn of_image(image: &str) -> (String, Vec<String>) {
        let controller = Controller::of_deployment(&deployment(image, &[]));
        (controller.version.to_string(), controller.notes)
    }

    #[test]
    fn the_tag_is_the_version() {
        for image in [
            "ghcr.io/fluxcd/kustomize-controller:v1.8.2",
            "registry.example.com:5000/mirror/kustomize-controller:v1.8.2@sha256:00ff",
            "kustomize-controller:1.8.2-distroless",
            "registry.example.com/other:v1.8.2",
        ] {
            assert_eq!(of_image(image), ("1.8.2".to_owned(), vec![]), "{image}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_assumed_and_said() {
        for image in ["ghcr.io/fluxcd/kustomize-controller@sha256:00ff", "kustomize-controller:latest", ""] {
            let (version, notes) = of_image(image);
            assert_eq!(version, "1.9.4");
            let note =
                format!("the image `{image}` names no version of kustomize-controller: 1.9.4 is assumed");
            assert_eq!(notes, [note]);
        }
        let none = Controller::of_deployment(&json!({"spec": 1}));
        assert_eq!((none.version, none.notes.len()), (Version::EMULATED, 1));
        assert_eq!(
            Controller::of_version("new").notes,
            ["`new` is no version of kustomize-controller: 1.9.4 is assumed"]
        );
    }

    #[test]
    fn versions_beyond_the_emulated_are_said() {
        let note = |text: &str| Controller::of_version(text).notes.join("");
        assert_eq!(
            note("v1.10.1"),
            "kustomize-controller 1.10.1 is newer than what is emulated: its render may differ"
        );
        assert!(note("v0.35.0").contains("older") && note("v2.0.0").contains("newer"));
        assert!(note("v1.9.6").is_empty() && note("v1.0.0").is_empty());
    }

    #[test]
    fn versions_switch_what_is_rendered() {
        let switches = |text: &str| {
            let controller = Controller::of_version(text);
            [
                controller.publishes_digest(),
                controller.is_strict(),
                controller.has_fields_of_1_9(),
                controller.merges_images(),
                controller.counts_from_the_end(),
            ]
        };
        assert_eq!(switches("v1.6.1"), [false; 5]);
        assert_eq!(switches("v1.7.0"), [true, false, false, false, false]);
        assert_eq!(switches("v1.9.0"), [true, true, true, false, false]);
        assert_eq!(switches("v1.9.4"), [true, true, true, true, false]);
        assert_eq!(switches("v1.9.5"), [true; 5]);
        assert_eq!(switches("v1.10.0"), [true; 5]);
    }

    #[test]
    fn arguments_switch_it_too() {
        let of = |args: &[&str]| Controller::of_deployment(&deployment("kustomize-controller:v1.9.4", args));
        assert_eq!(of(&["--log-level=info", "--watch-all-namespaces=true"]), Controller::default());
        assert!(!of(&["--feature-gates=CacheX=true,StrictPostBuildSubstitutions=false"]).is_strict());
        let older = deployment(
            "kustomize-controller:v1.8.0",
            &["--feature-gates", "StrictPostBuildSubstitutions=true"],
        );
        assert!(Controller::of_deployment(&older).is_strict());
        let strict = of(&[
            "--no-remote-bases",
            "--no-cross-namespace-refs=true",
            "--default-service-account=flux",
            "--override-manager=a",
            "--override-manager",
            "b",
            "--custom-apply-stage-kinds=rbac.authorization.k8s.io/Role, x.io/Y",
        ]);
        assert!(!strict.remote_bases && !strict.cross_namespace_refs && strict.notes.is_empty());
        assert_eq!(strict.default_service_account.as_deref(), Some("flux"));
        assert_eq!(strict.override_managers, ["a", "b"]);
        assert_eq!(strict.apply_stage_kinds, ["rbac.authorization.k8s.io/Role", "x.io/Y"]);
        assert!(of(&["--no-remote-bases=false"]).remote_bases);
    }

    #[test]
    fn an_argument_that_cannot_be_read_is_said() {
        let of = |args: &[&str]| Controller::of_deployment(&deployment("kustomize-controller:v1.9.4", args));
        assert_eq!(
            of(&["--no-remote-bases=perhaps"]).notes,
            ["`--no-remote-bases=perhaps` of kustomize-controller cannot be read and is ignored"]
        );
        assert_eq!(
            of(&["--default-service-account=$(ACCOUNT)"]).notes,
            ["`--default-service-account=$(ACCOUNT)` of kustomize-controller cannot be read and is ignored"]
        );
    }
}
