"""JSON documents that obey a schema: what constrained decoding lets through.

The model would choose among the tokens that a grammar allows; here the document is chosen first and its tokens are
demanded one by one, which comes to the same text.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .regexes import matching
from .vocabulary import words

DEEP = 6
"""Depth from which the smallest allowed value is taken."""
LARGEST = 5000
"""Parts that a document may have at most: members, items, words of strings."""

UNFOLLOWED = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""What a schema raises that is no schema, or cannot be followed here."""


def document(schema: Any, rng: random.Random, hints: Sequence[str] = ()) -> Any:
    """A value that obeys the schema. `hints`: what free strings should say, in order.

    Raises:
        UNFOLLOWED: the schema cannot be followed.
    """
    return _Author(root=schema, rng=rng, hints=list(hints)).value(schema, 0)


def any_object(rng: random.Random) -> dict[str, Any]:
    """An object without a schema: what JSON mode lets through."""
    return {rng.choice(words()[:300]): rng.choice(words()[:300]) for _ in range(2)}


def compact(value: Any) -> str:
    """The document as text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class _Author:
    def __init__(self, *, root: Any, rng: random.Random, hints: list[str]) -> None:
        self.root = root
        self.rng = rng
        self.hints = hints
        self.left = LARGEST

    def value(self, schema: Any, depth: int) -> Any:
        self.left -= 1
        if self.left < 0:
            raise ValueError("the schema demands too much")
        if schema is True:
            return self._string({})
        if not isinstance(schema, Mapping) or depth > 40:
            raise ValueError("the schema allows nothing that is finite")
        if "$ref" in schema:
            return self.value(self._referred(schema["$ref"]), depth + 1)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self.rng.choice(schema["enum"])
        if "allOf" in schema:
            return self.value(self._merged(schema), depth)
        for key in ("anyOf", "oneOf"):
            if key in schema:
                return self._one_of(schema[key], depth)
        return self._typed(schema, depth)

    def _one_of(self, branches: Sequence[Any], depth: int) -> Any:
        if depth >= DEEP:
            simple = [branch for branch in branches if isinstance(branch, Mapping) and "$ref" not in branch]
            return self.value((simple or list(branches))[-1], depth + 1)
        return self.value(self.rng.choice(list(branches)), depth + 1)

    def _typed(self, schema: Mapping[str, Any], depth: int) -> Any:
        kind = schema.get("type", "object" if "properties" in schema else "array" if "items" in schema else "string")
        if isinstance(kind, list):
            kind = "null" if depth >= DEEP and "null" in kind else self.rng.choice(kind)
        writers: dict[str, Callable[[], Any]] = {
            "object": lambda: self._object(schema, depth),
            "array": lambda: self._array(schema, depth),
            "string": lambda: self._string(schema),
            "integer": lambda: int(self._number(schema, whole=True)),
            "number": lambda: self._number(schema, whole=False),
            "boolean": lambda: self.rng.random() < 0.5,
            "null": lambda: None,
        }
        if kind not in writers:
            raise ValueError(f"{kind!r} is no type")
        return writers[kind]()

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        required = list(schema.get("required", ()))
        properties = schema.get("properties", {})
        found = {}
        for name, inside in properties.items():
            if name in required or (depth < 2 and self.rng.random() < 0.5):
                found[name] = self.value(inside, depth + 1)
        for name in required:
            if name not in found:
                extra = schema.get("additionalProperties", True)
                found[name] = self.value(extra if isinstance(extra, Mapping) else True, depth + 1)
        return found

    def _array(self, schema: Mapping[str, Any], depth: int) -> list[Any]:
        fixed = list(schema.get("prefixItems", ()))
        least = int(schema.get("minItems", len(fixed)))
        most = int(schema.get("maxItems", least + 2))
        count = least if depth >= DEEP or most < least else self.rng.randint(least, min(most, least + 2))
        inside = schema.get("items", True)
        return [self.value(fixed[at] if at < len(fixed) else inside, depth + 1) for at in range(count)]

    def _string(self, schema: Mapping[str, Any]) -> str:
        if "pattern" in schema:
            return matching(schema["pattern"], self.rng)
        if self.hints:
            return self.hints.pop(0)
        least, most = int(schema.get("minLength", 0)), int(schema.get("maxLength", 10_000))
        text = self.rng.choice(words()[:300])
        if least > LARGEST:
            raise ValueError("the schema demands too much")
        while len(text) < least:
            text += " " + self.rng.choice(words()[:300])
        return text[:most]

    def _number(self, schema: Mapping[str, Any], *, whole: bool) -> float:
        step = schema.get("multipleOf", 1 if whole else 0.5)
        low = schema.get("minimum", schema.get("exclusiveMinimum", schema.get("maximum", 0) - 9))
        high = schema.get("maximum", schema.get("exclusiveMaximum", low + 18))
        first = -(-low // step) * step
        count = int((high - first) // step) + 1
        allowed = [first + step * number for number in range(max(0, min(count, 20)))]
        allowed = [
            number
            for number in allowed
            if number != schema.get("exclusiveMinimum") and number != schema.get("exclusiveMaximum")
        ]
        if not allowed:
            raise ValueError("no number is allowed")
        return float(self.rng.choice(allowed)) if not whole else int(self.rng.choice(allowed))

    def _merged(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        merged: dict[str, Any] = {key: value for key, value in schema.items() if key != "allOf"}
        for part in schema["allOf"]:
            whole = self._referred(part["$ref"]) if "$ref" in part else part
            for key, value in whole.items():
                if key == "properties":
                    merged[key] = {**merged.get(key, {}), **value}
                elif key == "required":
                    merged[key] = [*merged.get(key, []), *value]
                else:
                    merged[key] = value
        return merged

    def _referred(self, reference: Any) -> Any:
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise ValueError("only references within the schema are followed")
        found = self.root
        for step in reference[1:].split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, Mapping) or name not in found:
                raise ValueError(f"{reference} leads nowhere")
            found = found[name]
        return found
