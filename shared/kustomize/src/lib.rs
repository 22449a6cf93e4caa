//! A tree of files to Kubernetes objects, exactly as kustomize builds them; pure
