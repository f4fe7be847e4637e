"""/v1/chat/completions, in the order of the documentation."""

MODULE_ORDER = ("features", "formats", "tools")
"""Modules whose rows come first in the matrix, where the documentation gives no order; the others follow by name."""
