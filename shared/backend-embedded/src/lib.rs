//! SQLite for queue and state, files for secrets and reports, behind the ports
