"""The shape of answers: JSON Schema, with two severities, and the keys that a schema does not know.

The schemas are ours (`schemas/*.json`, draft 2020-12) and know one keyword more, `should`: a subschema applied to
the same value, whose violations are of severity `should`; all others are `must`. `schemas/common.json` says what
decides between them. Source of both: the response objects of OpenAI's API (openai-openapi, 2026-08-21) and the
types of its SDK 3.52, which are laxer.

Bodies come from servers that nobody vouches for. So messages name kinds and limits and, of values, only those of
enumerations, clipped: they are short, and the same fault reads the same in every answer. Nothing here recurses
deeper than a schema does, or prints a body.
"""

from __future__ import annotations

import json
import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from conformance.checklist.packaged_data import folder

Severity = Literal["must", "should"]

ROOT = "$"
"""Path of the whole body."""

_CLIP = 60
_ENOUGH = 1000
"""Faulty elements of one array: what more there is says nothing new, and costs time."""


@dataclass(frozen=True, kw_only=True)
class Violation:
    """One way in which a body breaks its schema."""

    path: str
    """Keys joined by dots, `*` for the index of an array and for the keys of a map."""
    message: str
    """What the value there is or lacks; a predicate without subject."""
    severity: Severity


def violations(schema: str, body: object) -> tuple[Violation, ...]:
    """How a JSON document breaks the schema of that name, each way once, in the order of the schema.

    Raises:
        LookupError: there is no schema of that name. Nothing is raised for any body.
    """
    compiled = _compiled(schema)
    found: dict[Violation, None] = {}
    for error in compiled.validator.iter_errors(body):
        severity: Severity = "should" if "should" in error.absolute_schema_path else "must"
        path = ".".join(map(str, error.absolute_path)) or ROOT
        found[Violation(path=path, message=error.message, severity=severity)] = None
    for path, key, known in _unknown(body, compiled.known):
        for spelling in known.members:
            if _misspelt(key, spelling):
                message = f"is unknown and looks like {spelling!r}"
                found[Violation(path=_joined(path, key), message=message, severity="should")] = None
    return tuple(found)


def extensions(schema: str, body: object) -> tuple[str, ...]:
    """Paths of the keys that the schema of that name does not know, sorted. They are allowed, and worth listing.

    Raises:
        LookupError: there is no schema of that name. Nothing is raised for any body.
    """
    return tuple(sorted({_joined(path, key) for path, key, _ in _unknown(body, _compiled(schema).known)}))


# The dialect: every keyword that judges a value, with messages of our own. jsonschema's print the value.


def _limit(kind: str, holds: Callable[[Any, Any], object], says: str) -> Callable[..., Iterator[ValidationError]]:
    """A keyword that compares values of one kind with a limit."""

    def keyword(validator: Any, limit: Any, value: Any, _schema: Any) -> Iterator[ValidationError]:
        if validator.is_type(value, kind) and not holds(value, limit):
            yield ValidationError(says.format(limit))

    return keyword


def _type(validator: Any, wanted: str | list[str], value: Any, _schema: Any) -> Iterator[ValidationError]:
    kinds = [wanted] if isinstance(wanted, str) else wanted
    if not any(validator.is_type(value, kind) for kind in kinds):
        yield ValidationError(f"is {_kind(value)}, not {' or '.join(_ARTICLES[kind] for kind in kinds)}")


def _enum(_validator: Any, wanted: list[Any], value: Any, _schema: Any) -> Iterator[ValidationError]:
    if not any(_same(value, one) for one in wanted):
        yield ValidationError(f"is {_shown(value)}, not {' or '.join(map(_shown, wanted))}")


def _const(validator: Any, wanted: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
    return _enum(validator, [wanted], value, schema)


def _required(validator: Any, wanted: list[str], value: Any, _schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(value, "object"):
        for key in wanted:
            if key not in value:
                yield ValidationError("is missing", path=(key,))


def _items(validator: Any, wanted: Any, value: Any, _schema: Any) -> Iterator[ValidationError]:
    if not validator.is_type(value, "array"):
        return
    faulty = 0
    for element in value:
        errors = list(validator.descend(element, wanted, path="*"))
        yield from errors
        faulty += bool(errors)
        if faulty >= _ENOUGH:
            return


def _additional(validator: Any, wanted: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(value, "object"):
        for key, member in value.items():
            if key not in schema.get("properties", {}):
                yield from validator.descend(member, wanted, path="*")


def _should(validator: Any, wanted: Any, value: Any, _schema: Any) -> Iterator[ValidationError]:
    yield from validator.descend(value, wanted)


KEYWORDS: Mapping[str, Callable[..., Iterator[ValidationError]]] = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "required": _required,
    "items": _items,
    "additionalProperties": _additional,
    "should": _should,
    "minimum": _limit("number", operator.ge, "is below {}"),
    "maximum": _limit("number", operator.le, "is above {}"),
    "exclusiveMinimum": _limit("number", operator.gt, "is not above {}"),
    "minLength": _limit("string", lambda text, least: len(text) >= least, "has fewer characters than {}"),
    "pattern": _limit("string", lambda text, pattern: re.search(pattern, text), "does not match {}"),
    "minItems": _limit("array", lambda array, least: len(array) >= least, "has fewer elements than {}"),
    "maxItems": _limit("array", lambda array, most: len(array) <= most, "has more elements than {}"),
    "maxProperties": _limit("object", lambda members, most: len(members) <= most, "has more members than {}"),
}
"""The dialect: draft 2020-12 with these keywords in the place of its own, and `should` besides."""

_ARTICLES = {
    "object": "an object",
    "array": "an array",
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "a boolean",
    "null": "null",
}


def _finite(_checker: Any, value: object) -> bool:
    """Whether a value is a number of JSON, which has neither NaN nor infinity; Python's reader takes both."""
    return isinstance(value, int | float) and not isinstance(value, bool) and not _endless(value)


def _endless(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _same(one: object, other: object) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _kind(value: object) -> str:
    """The JSON kind of a value, with its article."""
    if _endless(value):
        return "NaN or infinite"
    names = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}
    return _ARTICLES[names.get(type(value), "null")]


def _shown(value: object) -> str:
    """A value of an enumeration: strings in quotes and clipped, of all others the kind."""
    if isinstance(value, str):
        quoted = repr(value[:_CLIP])
        return quoted if len(value) <= _CLIP and len(quoted) <= _CLIP else f"{quoted[:_CLIP]}..."
    return json.dumps(value) if isinstance(value, bool) else _kind(value)


# Schemas, read once.


@dataclass(frozen=True, kw_only=True)
class _Known:
    """The keys that a schema names, at one place of a body and below it."""

    members: Mapping[str, _Known]
    elements: _Known | None
    """Of an array; None where the schema says nothing of them."""
    values: _Known | None
    """Of a map, whose keys are data."""


@dataclass(frozen=True, kw_only=True)
class _Compiled:
    validator: Any
    known: _Known


_dialect: Any = validators.extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    validators=dict(KEYWORDS),
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("number", _finite),
)


@cache
def _registry() -> Registry[Any]:
    """The schemas under their file names, so that the relative references between them resolve."""
    files = sorted(folder("schemas").glob("*.json"))
    documents = {file.name: json.loads(file.read_text(encoding="utf-8")) for file in files}
    return Registry().with_resources(
        (name, DRAFT202012.create_resource(document)) for name, document in documents.items()
    )


@cache
def _compiled(name: str) -> _Compiled:
    file = f"{name}.json"
    if file not in _registry():
        raise LookupError(f"there is no schema {name!r}")
    schema = _resolved({"$ref": file}, _registry().resolver())
    return _Compiled(validator=_dialect(schema), known=_merged([schema]))


def _resolved(schema: Any, resolver: Any) -> Any:
    """A schema with the targets of its references in their places, which makes validation twice as fast.

    Without `$schema`, too: jsonschema leaves our dialect for the one that is named where it meets that.
    """
    if isinstance(schema, list):
        return [_resolved(item, resolver) for item in schema]
    if not isinstance(schema, dict):
        return schema
    rest = {key: _resolved(schema[key], resolver) for key in schema if key not in ("$ref", "$schema", "$defs")}
    if "$ref" not in schema:
        return rest
    target = resolver.lookup(schema["$ref"])
    found = _resolved(target.contents, target.resolver)
    return {**rest, "allOf": [*rest.get("allOf", ()), found]} if rest else found


def _parts(schema: Any) -> Iterator[Any]:
    """A schema and the subschemas that speak about the same value, whatever their conditions."""
    yield schema
    for inner in (
        *schema.get("allOf", ()),
        *(schema[key] for key in ("should", "then", "else") if key in schema),
    ):
        yield from _parts(inner)


def _merged(schemas: list[Any]) -> _Known:
    """The keys that any of several schemas names for the same value."""
    parts = [part for schema in schemas for part in _parts(schema)]
    members: dict[str, list[Any]] = {}
    for part in parts:
        for key, below in part.get("properties", {}).items():
            members.setdefault(key, []).append(below)
    elements = [part["items"] for part in parts if "items" in part]
    values = [part["additionalProperties"] for part in parts if "additionalProperties" in part]
    return _Known(
        members={key: _merged(below) for key, below in members.items()},
        elements=_merged(elements) if elements else None,
        values=_merged(values) if values else None,
    )


# Unknown keys. Objects of which the schema names no key are open, and nothing in them is unknown.


def _unknown(body: object, known: _Known, path: str = "") -> Iterator[tuple[str, str, _Known]]:
    """Path of the object, key, and what the schema knows there, of each key that it does not know."""
    if isinstance(body, list) and known.elements:
        below = _joined(path, "*")
        for element in body:
            if isinstance(element, dict | list):
                yield from _unknown(element, known.elements, below)
    elif isinstance(body, dict):
        for key, value in body.items():
            inner = known.members.get(key) or known.values
            if inner is None:
                if known.members:
                    yield path, key, known
            elif isinstance(value, dict | list):
                yield from _unknown(value, inner, _joined(path, key if key in known.members else "*"))


def _joined(path: str, key: str) -> str:
    """A path and a key of the server's choice below it: clipped, and without what would garble a report."""
    clipped = key if len(key) <= _CLIP else f"{key[:_CLIP]}..."
    printable = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in clipped)
    return f"{path}.{printable}" if path else printable


def _misspelt(key: str, spelling: str) -> bool:
    """Whether a key is one letter, one swap, or only its case and underscores away from a known one."""
    if len(spelling) < 4 or abs(len(key) - len(spelling)) > 3:
        return False
    if _folded(key) == _folded(spelling):
        return True
    short, long = sorted((key, spelling), key=len)
    same = next((place for place, letter in enumerate(short) if letter != long[place]), len(short))
    if len(short) == len(long):
        swapped = short[same : same + 2] == long[same : same + 2][::-1] and short[same + 2 :] == long[same + 2 :]
        return swapped or short[same + 1 :] == long[same + 1 :]
    return short[same:] == long[same + 1 :]


def _folded(key: str) -> str:
    return key.casefold().replace("_", "").replace("-", "")
