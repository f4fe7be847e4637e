"""JSON in text that a server sent, which may be anything."""

from __future__ import annotations

import json
from typing import Any

MAX_JSON_DEPTH = 100
"""Levels of nesting; deeper documents parse, but overflow the recursion limit in `==` and `json.dumps`; treated as
not JSON. OpenAI's own responses have fewer than ten."""


def parse_json(text: str) -> Any:
    """Return the JSON document in the text; None where there is none, or one deeper than `MAX_JSON_DEPTH`."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if _is_within_depth(document) else None


def _is_within_depth(document: object) -> bool:
    """Tell whether no container is nested deeper than `MAX_JSON_DEPTH`. Level by level, not recursively."""
    level = [document]
    for _ in range(MAX_JSON_DEPTH):
        level = [
            inner
            for value in level
            for inner in (value.values() if isinstance(value, dict) else value if isinstance(value, list) else ())
            if isinstance(inner, dict | list)
        ]
        if not level:
            return True
    return False


def quote_value(value: object, max_characters: int = 40) -> str:
    """Return a value of a body as JSON, for words that people read: its beginning, where it is longer.

    Characters that cannot be seen are written as JSON's escapes; those of other languages stay.
    """
    begun = value[:max_characters] if isinstance(value, str) else value  # its quotes make it longer than that
    text = "".join(
        char if char.isprintable() else json.dumps(char)[1:-1] for char in json.dumps(begun, ensure_ascii=False)
    )
    return text if len(text) <= max_characters else f"{text[: max_characters - 1]}…"
