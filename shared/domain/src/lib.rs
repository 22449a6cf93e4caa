//! Nouns and decisions: pull requests, jobs, plans, change sets, reports, commands; pure
