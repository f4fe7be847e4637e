"""What we say: the report and everything rendered from it."""
