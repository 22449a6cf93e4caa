//! What Preflux promises, seen from outside
