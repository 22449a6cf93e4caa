//! Slack's Web API behind the ports, and the check of Slack's request signature
