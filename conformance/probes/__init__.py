"""What we ask: one module per endpoint, one function per row."""
