//! Configuration, telemetry and wiring
