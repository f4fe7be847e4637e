"""What a request's values may be, as small checks that are put together; what fails is refused as OpenAI does."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from .interface import RefusalError

Check = Callable[[str, Any], None]
"""Takes the path of a value, as the envelope's `param` names it, and the value."""


def kind_of(value: Any) -> str:
    """The name of a value's type, as OpenAI's messages have it."""
    if value is None:
        return "null"
    for kind, name in ((bool, "boolean"), (int, "integer"), (float, "decimal"), (str, "string"), (list, "array")):
        if isinstance(value, kind):
            return name
    return "object"


def wrong_type(path: str, value: Any, wanted: str) -> RefusalError:
    """The refusal of a value of another type."""
    got = f"an {kind_of(value)}" if kind_of(value)[0] in "aeio" else f"a {kind_of(value)}"
    message = f"Invalid type for '{path}': expected {wanted}, but got {got} instead."
    return RefusalError(message, param=path, code="invalid_type")


def boolean(path: str, value: Any) -> None:
    """True or false."""
    if not isinstance(value, bool):
        raise wrong_type(path, value, "a boolean")


def anything(path: str, value: Any) -> None:
    """Any value at all."""


def nullable(check: Check) -> Check:
    """The same, or null."""

    def checked(path: str, value: Any) -> None:
        if value is not None:
            check(path, value)

    return checked


def number(low: float | None = None, high: float | None = None) -> Check:
    """A number within bounds."""

    def checked(path: str, value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise wrong_type(path, value, "a decimal")
        _bounded(path, value, low, high, "decimal")

    return checked


def integer(low: int | None = None, high: int | None = None) -> Check:
    """A whole number within bounds."""

    def checked(path: str, value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            raise wrong_type(path, value, "an integer")
        _bounded(path, value, low, high, "integer")

    return checked


def _bounded(path: str, value: float, low: float | None, high: float | None, kind: str) -> None:
    if low is not None and not value >= low:
        message = f"Invalid '{path}': {kind} below minimum value. Expected a value >= {low}, but got {value} instead."
        raise RefusalError(message, param=path, code=f"{kind}_below_min_value")
    if high is not None and not value <= high:
        message = (
            f"Invalid '{path}': {kind} above maximum value. Expected a value <= {high}, but got {value} instead."
        )
        raise RefusalError(message, param=path, code=f"{kind}_above_max_value")


def string(*, least: int = 0, most: int | None = None) -> Check:
    """A string of so many characters."""

    def checked(path: str, value: Any) -> None:
        if not isinstance(value, str):
            raise wrong_type(path, value, "a string")
        if len(value) < least:
            raise RefusalError(f"Invalid '{path}': empty string.", param=path, code="empty_string")
        if most is not None and len(value) > most:
            message = f"Invalid '{path}': string too long. Expected at most {most} characters."
            raise RefusalError(message, param=path, code="string_above_max_length")

    return checked


def one_of(*allowed: str, code: str = "invalid_value") -> Check:
    """One of so many words."""

    def checked(path: str, value: Any) -> None:
        if not isinstance(value, str):
            raise wrong_type(path, value, "one of " + ", ".join(allowed))
        if value not in allowed:
            listed = ", ".join(f"'{word}'" for word in allowed)
            message = f"Invalid value: '{value[:40]}'. Supported values are: {listed}."
            raise RefusalError(message, param=path, code=code)

    return checked


def array(check: Check, *, least: int = 0, most: int | None = None) -> Check:
    """An array of such values."""

    def checked(path: str, value: Any) -> None:
        if not isinstance(value, list):
            raise wrong_type(path, value, "an array")
        if len(value) < least:
            message = f"Invalid '{path}': empty array. Expected an array with minimum length {least}."
            raise RefusalError(message, param=path, code="empty_array")
        if most is not None and len(value) > most:
            message = f"Invalid '{path}': array too long. Expected an array with maximum length {most}."
            raise RefusalError(message, param=path, code="array_above_max_length")
        for place, item in enumerate(value):
            check(f"{path}[{place}]", item)

    return checked


def mapping(check: Check, *, most: int | None = None, longest_key: int | None = None) -> Check:
    """An object with any keys and such values."""

    def checked(path: str, value: Any) -> None:
        if not isinstance(value, Mapping):
            raise wrong_type(path, value, "an object")
        if most is not None and len(value) > most:
            message = f"Invalid '{path}': too many properties. Expected at most {most} properties."
            raise RefusalError(message, param=path, code="object_above_max_properties")
        for key, item in value.items():
            if longest_key is not None and len(key) > longest_key:
                raise RefusalError(
                    f"Invalid '{path}': a key is too long.", param=path, code="string_above_max_length"
                )
            check(f"{path}.{key}", item)

    return checked


def record(fields: Mapping[str, Check], required: Collection[str] = (), *, closed: bool = True) -> Check:
    """An object with these members."""

    def checked(path: str, value: Any) -> None:
        if not isinstance(value, Mapping):
            raise wrong_type(path, value, "an object")
        inside = f"{path}." if path else ""
        for name in value:
            if closed and name not in fields:
                raise unknown(f"{inside}{name}")
        for name in required:
            if name not in value:
                raise missing(f"{inside}{name}")
        for name, check in fields.items():
            if name in value:
                check(f"{inside}{name}", value[name])

    return checked


def unknown(path: str) -> RefusalError:
    """The refusal of a member that does not exist."""
    return RefusalError(f"Unknown parameter: '{path[:80]}'.", param=path[:80], code="unknown_parameter")


def missing(path: str) -> RefusalError:
    """The refusal for want of a member."""
    return RefusalError(f"Missing required parameter: '{path}'.", param=path, code="missing_required_parameter")


def by_type(kinds: Mapping[str, Check], *, key: str = "type") -> Check:
    """An object whose member `type` says which check it must pass."""

    def checked(path: str, value: Any) -> None:
        if not isinstance(value, Mapping):
            raise wrong_type(path, value, "an object")
        if key not in value:
            raise missing(f"{path}.{key}")
        one_of(*kinds)(f"{path}.{key}", value[key])
        kinds[value[key]](path, value)

    return checked


def string_or(check: Check, text: Check | None = None) -> Check:
    """A string, or what passes the check."""
    plain = text or string()

    def checked(path: str, value: Any) -> None:
        (plain if isinstance(value, str) else check)(path, value)

    return checked
