//! What happens: poll, diff a pull request, interact; each told once, in order
