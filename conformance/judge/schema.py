"""JSON Schema of answers, with two severities, and the keys that a schema does not know.

The schemas are ours (`schemas/*.json`, draft 2020-12) and know one keyword more, `should`: a subschema applied to
the same value, whose violations are of severity `should`; all others are `must`. `schemas/common.json` says what
decides between them. Source of both: the response objects of OpenAI's API (openai-openapi, 2026-08-21) and the
types of its SDK 3.52, which are laxer.

`jsonschema` judges; the messages are ours, since its own print the value, and bodies come from servers that are not
trusted. Ours name kinds and limits and, of values, only those of enumerations, clipped: they are short, and the same
fault reads the same in every answer.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from conformance.checklist.packaged_data import folder
from conformance.checklist.verdicts import Severity
from conformance.wire.json_text import quote_value

ROOT = "$"
"""Path of the whole body."""

MAX_VALUE_CHARACTERS = 60
"""Characters of a value in a message, and of a key in a path."""

MAX_CHOICES = 12
"""Values of an enumeration that are all named where another stands."""

MAX_FAULTY_MEMBERS = 1000
"""Faulty members of one array or map that are judged: what more there is says nothing new, and costs time."""

MAX_ERRORS = 100_000
"""Errors of one body, all its arrays together, that are described."""

MAX_COMPARED_KEYS = 1000
"""Unknown keys of one body that are compared with the known ones."""

MAX_INTEGER = 10**100
"""What is above it is judged as if it were this: no schema has a limit as high."""


@dataclass(frozen=True, kw_only=True, order=True)
class Violation:
    """One way in which a body breaks its schema."""

    path: str
    """Keys joined by dots, `*` for the index of an array and for the keys of a map."""
    message: str
    """What the value there is or lacks; a predicate without subject."""
    severity: Severity


def violations(schema: str, body: object) -> tuple[Violation, ...]:
    """Return how a JSON document breaks the schema of that name, each way once, sorted by path.

    Raises:
        LookupError: there is no schema of that name. Nothing is raised for any body.
    """
    compiled = _compile(schema)
    found = {
        violation
        for error in islice(compiled.validator.iter_errors(_restrict(body, compiled.known)), MAX_ERRORS)
        for violation in _describe(error)
    }
    unknown = dict.fromkeys(_find_unknown(body, compiled.known))
    for path, key, known in islice(unknown, MAX_COMPARED_KEYS):
        for spelling in known.members:
            if _resembles(key, spelling):
                message = f"is unknown and looks like {quote_value(spelling)}"
                found.add(Violation(path=_join(path, key), message=message, severity=Severity.SHOULD))
    return tuple(sorted(found))


def extensions(schema: str, body: object) -> tuple[str, ...]:
    """Return the paths of the keys that the schema of that name does not know, sorted: allowed, and worth listing.

    Raises:
        LookupError: there is no schema of that name. Nothing is raised for any body.
    """
    return tuple(sorted({_join(path, key) for path, key, _ in _find_unknown(body, _compile(schema).known)}))


# Messages


def _describe(error: Any) -> Iterator[Violation]:
    """Yield what an error of `jsonschema` says, in our words."""
    message = MESSAGES[error.validator](error.instance, error.validator_value)
    severity = Severity.SHOULD if "should" in error.schema_path else Severity.MUST
    paths = [error.path]
    if error.validator == "required":  # of a missing key it tells only that there is one
        paths = [[*error.path, key] for key in error.validator_value if key not in error.instance]
    for path in paths:
        yield Violation(path=".".join(path) or ROOT, message=message, severity=severity)


MESSAGES: Mapping[Any, Callable[[Any, Any], str]] = {
    "type": lambda value, kinds: f"is {_kind(value)}, not {_either(kinds)}",
    "enum": lambda value, choices: f"is {_quote(value)}, {_not_among(choices)}",
    "const": lambda value, only: f"is {_quote(value)}, not {_quote(only)}",
    "required": lambda _value, _keys: "is missing",
    "minimum": lambda _value, limit: f"is below {limit}",
    "maximum": lambda _value, limit: f"is above {limit}",
    "exclusiveMinimum": lambda _value, limit: f"is not above {limit}",
    "minLength": lambda _value, limit: f"has fewer characters than {limit}",
    "pattern": lambda _value, pattern: f"does not match {pattern}",
    "minItems": lambda _value, limit: f"has fewer elements than {limit}",
    "maxItems": lambda _value, limit: f"has more elements than {limit}",
    "maxProperties": lambda _value, limit: f"has more members than {limit}",
}
"""Keyword -> message, given the value of the body and that of the keyword. The schemas use no other that can fail."""

_ARTICLES = {
    "object": "an object",
    "array": "an array",
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "a boolean",
    "null": "null",
}


def _either(kinds: str | list[str]) -> str:
    return " or ".join(_ARTICLES[kind] for kind in ([kinds] if isinstance(kinds, str) else kinds))


def _not_among(choices: list[object]) -> str:
    if len(choices) > MAX_CHOICES:
        return f"none of the {len(choices)} values known"
    return f"not {' or '.join(map(_quote, choices))}"


def _kind(value: object) -> str:
    """Return the JSON kind of a value, with its article."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN or infinite"
    names = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}
    return _ARTICLES[names.get(type(value), "null")]


def _quote(value: object) -> str:
    """Return a value of an enumeration: strings in quotes and clipped, of all others the kind."""
    if isinstance(value, str):
        return quote_value(value, MAX_VALUE_CHARACTERS)
    return quote_value(value) if isinstance(value, bool) else _kind(value)


# Validation


def _restrict(value: Any, known: _Known | None) -> Any:
    """Return a copy of a body that is judged alike and that `repr` can print: null where the schema says nothing.

    `jsonschema` prints each wrong value into its own message, which nobody reads. Python refuses that for integers
    of more than 4300 digits and for what is nested deeper than its stack.
    """
    if known is None:
        return None
    if isinstance(value, dict):
        return {key: _restrict(below, known.members.get(key) or known.values) for key, below in value.items()}
    if isinstance(value, list):
        return [_restrict(element, known.elements) for element in value]
    if isinstance(value, int):
        return max(-MAX_INTEGER, min(value, MAX_INTEGER))
    return value


def _is_finite_number(_checker: Any, value: Any) -> bool:
    """Return whether a value is a number of JSON, which has neither NaN nor infinity; Python's reader takes both."""
    return Draft202012Validator.TYPE_CHECKER.is_type(value, "number") and math.isfinite(value)


def _should(validator: Any, subschema: Any, value: Any, _schema: Any) -> Iterator[ValidationError]:
    yield from validator.descend(value, subschema)


def _all_of(validator: Any, subschemas: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
    """Yield what `allOf` of `jsonschema` does, without evaluating for each event the conditions of sixty kinds.

    Nothing for what is no object where it should be one: each kind would say so once more.
    """
    if schema.get("type") == "object" and not isinstance(value, dict):
        return
    kind = value.get("type") if isinstance(value, dict) else None
    for index, subschema in enumerate(subschemas):
        if kind is None or subschema.keys() != {"if", "then"} or kind in _kinds_of_case(subschema["if"], kind):
            yield from validator.descend(value, subschema, schema_path=index)


def _kinds_of_case(condition: Any, kind: object) -> list[object]:
    """Return the values of `type` with which a condition can hold; where it names none, the given one."""
    named = condition.get("properties", {}).get("type", {})
    kinds: list[object] = named.get("enum", [named.get("const", kind)])
    return kinds


def _each_member(keyword: str) -> Callable[..., Iterator[ValidationError]]:
    """Return a keyword of `jsonschema` for all members, with `*` for their index or key, and an end."""
    judge = Draft202012Validator.VALIDATORS[keyword]

    def bounded(validator: Any, subschema: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
        faulty = set()
        for error in judge(validator, subschema, value, schema):
            faulty.add(error.path[0])
            if len(faulty) > MAX_FAULTY_MEMBERS:
                return
            error.path[0] = "*"
            yield error

    return bounded


_Dialect: Any = validators.extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    validators={
        "should": _should,
        "allOf": _all_of,
        "items": _each_member("items"),
        "additionalProperties": _each_member("additionalProperties"),
    },
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("number", _is_finite_number),
)


# Schemas, read once


@dataclass(frozen=True, kw_only=True, eq=False)
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


@cache
def _registry() -> Registry[Any]:
    """Return the schemas under their file names, so that the relative references between them resolve."""
    documents = {file.name: json.loads(file.read_text(encoding="utf-8")) for file in folder("schemas").glob("*.json")}
    return Registry().with_resources(
        (name, DRAFT202012.create_resource(document)) for name, document in documents.items()
    )


@cache
def _compile(name: str) -> _Compiled:
    file = f"{name}.json"
    if file not in _registry():
        raise LookupError(f"there is no schema {name!r}")
    schema = _inline({"$ref": file}, _registry().resolver())
    return _Compiled(validator=_Dialect(schema), known=_merge([schema]))


def _inline(schema: Any, resolver: Any) -> Any:
    """Return a schema with the targets of its references in their places; a reference stands alone.

    `jsonschema` would look each of them up for each value anew, and take 2.3 times as long for a chat completion.
    Without `$schema`, too: it leaves our dialect for the one that is named where it meets that.
    """
    if isinstance(schema, list):
        return [_inline(item, resolver) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        target = resolver.lookup(schema["$ref"])
        return _inline(target.contents, target.resolver)
    return {key: _inline(below, resolver) for key, below in schema.items() if key not in ("$schema", "$defs")}


def _find_parts(schema: Any) -> Iterator[Any]:
    """Yield a schema and the subschemas that speak about the same value, whatever their conditions."""
    yield schema
    for inner in (
        *schema.get("allOf", ()),
        *(schema[key] for key in ("should", "if", "then", "else") if key in schema),
    ):
        yield from _find_parts(inner)


def _merge(schemas: list[Any]) -> _Known:
    """Return the keys that any of several schemas names for the same value."""
    parts = [part for schema in schemas for part in _find_parts(schema)]
    members: dict[str, list[Any]] = {}
    for part in parts:
        for key, below in part.get("properties", {}).items():
            members.setdefault(key, []).append(below)
    elements = [part["items"] for part in parts if "items" in part]
    values = [part["additionalProperties"] for part in parts if "additionalProperties" in part]
    return _Known(
        members={key: _merge(below) for key, below in members.items()},
        elements=_merge(elements) if elements else None,
        values=_merge(values) if values else None,
    )


# Unknown keys. Objects of which the schema names no key are open, and nothing in them is unknown.


def _find_unknown(body: object, known: _Known, path: str = "") -> Iterator[tuple[str, str, _Known]]:
    """Yield, of each key that the schema does not know, the path of its object, itself and what is known there.

    Not by `unevaluatedProperties`: that counts only keys of the branches whose conditions hold, and forgets them
    all where the object is faulty.
    """
    if isinstance(body, list) and known.elements:
        below = _join(path, "*")
        for element in body:
            if isinstance(element, dict | list):
                yield from _find_unknown(element, known.elements, below)
    elif isinstance(body, dict):
        for key, value in body.items():
            inner = known.members.get(key) or known.values
            if inner is None:
                if known.members:
                    yield path, key, known
            elif isinstance(value, dict | list):
                yield from _find_unknown(value, inner, _join(path, key if key in known.members else "*"))


def _join(path: str, key: str) -> str:
    """Return a path and a key of the server's choice below it, clipped and without what would garble a report."""
    clipped = key if len(key) <= MAX_VALUE_CHARACTERS else f"{key[:MAX_VALUE_CHARACTERS]}..."
    printable = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in clipped)
    return f"{path}.{printable}" if path else printable


def _resembles(key: str, spelling: str) -> bool:
    """Return whether a key is a known one but for one letter, one swap of neighbours, or case and underscores.

    Not by `difflib`: that misses swaps (`edned` for `ended`) and finds names of other letters (`usge` for `user`).
    """
    if len(spelling) < 4 or abs(len(key) - len(spelling)) > 3:
        return False
    if _fold(key) == _fold(spelling):
        return True
    pairs = enumerate(zip(key, spelling, strict=False))
    same = next((place for place, (one, other) in pairs if one != other), min(len(key), len(spelling)))
    left, right = key[same:], spelling[same:]
    return left[1:] in (right, right[1:]) or left in (right[1:], right[1::-1] + right[2:])


def _fold(key: str) -> str:
    return key.casefold().replace("_", "").replace("-", "")
