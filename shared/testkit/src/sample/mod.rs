//! The sample repository.
