//! A Flux Kustomization and a tree to objects, as kustomize-controller renders them; pure
