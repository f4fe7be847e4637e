"""JSON out of what a server sent, which may be anything."""

from __future__ import annotations

import json
from typing import Any

DEEPEST = 100
"""Levels of nesting; OpenAI's answers have fewer than ten. What is deeper could be read here, and then fail to be
compared or printed, where Python's own limit is nearer."""


def parsed(text: str) -> Any:
    """JSON of a text, or None: also where it is nested deeper than any answer."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if _shallow(document) else None


def _shallow(document: object) -> bool:
    level = [document]
    for _ in range(DEEPEST):
        level = [
            inner
            for value in level
            for inner in (value.values() if isinstance(value, dict) else value if isinstance(value, list) else ())
            if isinstance(inner, dict | list)
        ]
        if not level:
            return True
    return False
