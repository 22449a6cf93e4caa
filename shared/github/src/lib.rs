//! GitHub's REST API behind the ports
