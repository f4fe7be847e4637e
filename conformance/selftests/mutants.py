"""Single-field mutants of valid instances: what a server that gets one field wrong would send."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

WRONG = {str: 7, bool: "true", int: "1", float: "1.0", list: {}, dict: [], type(None): True}
"""Type of a value -> a value of a type that no specification takes in its place."""

ENUMERATED = (
    "object",
    "role",
    "type",
    "finish_reason",
    "status",
    "service_tier",
    "truncation",
    "tool_choice",
)
"""Keys whose strings are enumerated by the specification."""

PREFIXED = ("id", "item_id")
"""Keys whose strings are identifiers."""


def mutants(instance: Any) -> Iterator[tuple[str, str, Any]]:
    """Path (with `*` for indices), kind of mutation, and mutated copy, for every field of an instance."""
    for trail, value in _places(instance):
        path = ".".join("*" if isinstance(key, int) else key for key in trail)
        if isinstance(trail[-1], str):
            yield path, "dropped", _changed(instance, trail, drop=True)
        for kind, wrong in _wrongs(trail[-1], value):
            yield path, kind, _changed(instance, trail, wrong)


def _wrongs(key: str | int, value: Any) -> Iterator[tuple[str, Any]]:
    if value is not None:
        yield "null", None
    yield "wrong type", WRONG[type(value)]
    if isinstance(value, str) and key in ENUMERATED:
        yield "bad enum", "nonsense!"
    if isinstance(value, str) and key in PREFIXED:
        yield "bad prefix", "x1"
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield "bad value", 99.5 if isinstance(value, float) else -1
    if isinstance(value, list) and value:
        yield "emptied", []


def _places(value: Any, trail: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    if trail:
        yield trail, value
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in inner:
        yield from _places(below, (*trail, key))


def _changed(instance: Any, trail: tuple[str | int, ...], value: Any = None, *, drop: bool = False) -> Any:
    mutant = copy.deepcopy(instance)
    place = mutant
    for key in trail[:-1]:
        place = place[key]
    if drop:
        del place[trail[-1]]
    else:
        place[trail[-1]] = value
    return mutant
