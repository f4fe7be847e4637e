"""/v1/chat/completions, in the order of the documentation."""
