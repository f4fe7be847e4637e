"""/v1/responses: one module per theme."""

MODULE_ORDER = ("features", "inputs", "tools", "tool_choice", "formats")
"""Modules whose rows come first in the matrix, where the documentation gives no order; the others follow by name."""
