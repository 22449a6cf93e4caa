//! What Preflux asks of the world, in domain words, and the contract tests of a backend
