"""Real servers that others wrote, for `tools/other-server`: a module each, and what they share."""
