"""Types of what was read from a file: a dataclass takes any value for any field, and a renderer would fail later."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints


def check_types(value: Any) -> None:
    """See that every field of a dataclass, and of those within, is of the type that the class declares.

    Raises:
        TypeError: one is not; the message names it.
    """
    kind: Any = type(value)
    for name, hint in _hints(kind).items():
        if not _is_of(getattr(value, name), hint):
            raise TypeError(f"{kind.__name__}.{name} is of a wrong type")


@cache
def _hints(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _is_of(value: Any, hint: Any) -> bool:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if origin in (Union, UnionType):
        return any(_is_of(value, option) for option in arguments)
    if origin is Literal:
        return value in arguments
    if origin is tuple:
        return isinstance(value, tuple) and _are_of(value, arguments)
    if origin is not None:
        return isinstance(value, Mapping) if issubclass(origin, Mapping) else isinstance(value, origin)
    return _is_plain(value, hint)


def _are_of(values: tuple[Any, ...], arguments: tuple[Any, ...]) -> bool:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return all(_is_of(each, arguments[0]) for each in values)
    return len(values) == len(arguments) and all(map(_is_of, values, arguments))


def _is_plain(value: Any, kind: Any) -> bool:
    if kind is None or kind is NoneType:
        return value is None
    if kind is float:  # JSON writes 1.0 as 1 where another program does; no time is infinite
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if is_dataclass(kind) and isinstance(value, kind):  # type: ignore[arg-type]
        check_types(value)
        return True
    return isinstance(value, kind)
