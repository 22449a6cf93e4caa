//! The Kubernetes API behind the ports: Flux objects, live objects, server-side-apply dry-run
