//! What the random trees are made of, by name.

/// A feature of kustomize, or a habit of those who write for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Feature {
    Directories,
    Components,
    Lists,
    LocalConfig,
    Namespace,
    NamePrefix,
    NameSuffix,
    Labels,
    CommonLabels,
    CommonAnnotations,
    Images,
    Replicas,
    ConfigMapGenerator,
    SecretGenerator,
    GeneratorOptions,
    Patches,
    PatchesStrategicMerge,
    PatchesJson6902,
    Replacements,
    Vars,
    Configurations,
    Generators,
    Transformers,
    Validators,
    Crds,
    OpenApi,
    SortOptions,
    BuildMetadata,
    OddScalars,
    YamlStyle,
    Mistakes,
    Mutations,
}

/// All of them, in the order of the report.
pub(crate) const ALL: [Feature; 32] = {
    use Feature::{
        BuildMetadata, CommonAnnotations, CommonLabels, Components, ConfigMapGenerator, Configurations, Crds,
        Directories, GeneratorOptions, Generators, Images, Labels, Lists, LocalConfig, Mistakes, Mutations,
        NamePrefix, NameSuffix, Namespace, OddScalars, OpenApi, Patches, PatchesJson6902,
        PatchesStrategicMerge, Replacements, Replicas, SecretGenerator, SortOptions, Transformers,
        Validators, Vars, YamlStyle,
    };
    [
        Directories,
        Components,
        Lists,
        LocalConfig,
        Namespace,
        NamePrefix,
        NameSuffix,
        Labels,
        CommonLabels,
        CommonAnnotations,
        Images,
        Replicas,
        ConfigMapGenerator,
        SecretGenerator,
        GeneratorOptions,
        Patches,
        PatchesStrategicMerge,
        PatchesJson6902,
        Replacements,
        Vars,
        Configurations,
        Generators,
        Transformers,
        Validators,
        Crds,
        OpenApi,
        SortOptions,
        BuildMetadata,
        OddScalars,
        YamlStyle,
        Mistakes,
        Mutations,
    ]
};

/// What is left out: kustomize compares where each node stood in its file before and after a validator, so that almost
/// none passes; all but those that can do nothing are refused here.
pub(crate) const OFF: [Feature; 1] = [Feature::Validators];

/// The features that a list such as `Patches,Vars` names.
pub(crate) fn named(list: &str) -> Vec<Feature> {
    let find = |name: &str| {
        let found = ALL.into_iter().find(|feature| format!("{feature:?}") == name);
        found.unwrap_or_else(|| panic!("no feature `{name}`"))
    };
    list.split(',').filter(|name| !name.is_empty()).map(find).collect()
}
