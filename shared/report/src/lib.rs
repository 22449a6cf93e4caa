//! One report model to text, GitHub Markdown, Slack blocks and JSON, within every limit; pure
