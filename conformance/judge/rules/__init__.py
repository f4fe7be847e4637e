"""Rules that every answer of a run keeps: schemas, semantics, streams, errors."""

MODULE_ORDER = (
    "responses",
    "response_objects",
    "response_ids",
    "response_echo",
    "streams",
    "response_streams",
    "response_stream_items",
)
"""Modules whose rows stand together in the matrix, in this order."""
