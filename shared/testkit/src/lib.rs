//! A world in a box: fake GitHub with real git over HTTP, fake Slack, builders, fixed clock
