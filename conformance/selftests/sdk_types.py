"""Schemas of the SDK's types: what pydantic tells of a class, with the changes of `response_overlay.py`.

A union of classes is told apart by `type`, a case for each (`if`, `then`), so that a fault is one of the kind that
was meant; a kind that no case names is open. Only keywords that `judge/schema.py` has words for are used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from openai import BaseModel
from pydantic.fields import FieldInfo

from .response_overlay import ADDED, CLOSED, CONDITIONS, MEMBERS, Change, Schema

Entry = TypeVar("Entry")

UNCHANGED = Change(why="")

KINDS = {str: "string", bool: "boolean", int: "integer", float: "number", NoneType: "null"}

KINDS_OF_JSON = ("string", "boolean", "integer", "number", "array", "object")
"""All but null."""


class UnionError(TypeError):
    """A union of the SDK's that this program has no form for."""


class Converter:
    """Makes schemas of the SDK's types, and definitions of its classes, each once."""

    def __init__(self, file: str) -> None:
        self.file = file
        """Where definitions go; may change on the way."""
        self.definitions: dict[str, dict[str, Schema]] = {}
        """File -> name -> schema."""
        self.references: dict[object, Schema] = {}
        """Class, or the members of a union -> reference to its definition."""
        self.unused = {*MEMBERS, *ADDED, *CONDITIONS}
        """Entries of the overlay that have changed nothing yet."""

    def convert(self, annotation: Any) -> Schema:
        """Return the schema of a type."""
        members = tuple(dict.fromkeys(flatten(annotation)))
        if members in self.references:
            return self.references[members]
        origin, arguments = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            return self.convert(arguments[0])
        if origin in (Literal, Union, UnionType):
            return self.unite(members)
        if origin in (list, dict):
            below = self.convert(arguments[-1])
            kind, keyword = ("array", "items") if origin is list else ("object", "additionalProperties")
            return {"type": kind} | ({keyword: below} if below else {})
        if annotation is object:
            return {}
        return {"type": KINDS[annotation]} if annotation in KINDS else self.refer(annotation)

    def unite(self, members: tuple[Any, ...]) -> Schema:
        """Return the schema of a union: of classes, of words, or of several kinds of JSON."""
        classes = [member for member in members if isinstance(member, type) and issubclass(member, BaseModel)]
        words: list[str | None] = [member for member in members if isinstance(member, str)]
        others = [member for member in members if member not in [*classes, *words]]
        if object in others:
            return {}
        if not classes and str not in others and words:
            words += [None for other in others if other is NoneType]
            return {"type": ["string", "null"] if None in words else "string", "should": {"enum": words}}
        if not classes:
            schemas = [self.convert(other) for other in others]
            kinds = [schema["type"] for schema in schemas]
            merged = {keyword: value for schema in schemas for keyword, value in schema.items()}
            return merged | {"type": kinds[0] if len(kinds) == 1 else kinds}
        one = self.refer(classes[0]) if len(classes) == 1 else self.tell_apart(classes)
        if words and not others:
            return {"if": {"type": "string"}, "then": {"should": {"enum": words}}, "else": one}
        if words or others not in ([], [NoneType]):
            raise UnionError(members)
        return {"if": {"type": "null"}, "else": one} if others else one

    def tell_apart(self, classes: list[type[BaseModel]]) -> Schema:
        """Return the schema of a union of classes, a case for each that has more than its `type`."""
        known = [kind for one in classes for kind in kinds_of(one)]
        full = [one for one in classes if len(one.model_fields) > 1]
        cases = [({"const": kind}, self.refer(one)) for one in full for kind in kinds_of(one)]
        closed = any(one.__name__ in CLOSED for one in classes)
        kind: Schema = {"enum": known} if closed else {"type": "string", "should": {"enum": known}}
        return make_cases(kind, cases)

    def refer(self, model: type[BaseModel]) -> Schema:
        """Return a reference to the definition of a class."""
        if model not in self.references:
            schema = self.describe(model)
            place = self.find(model.__name__, schema) or self.define(model, schema)
            self.references[model] = {"$ref": place}
        return self.references[model]

    def find(self, name: str, schema: Schema) -> str | None:
        """Return the place of an equal definition of that name, or of any name where both tell their `type`."""
        tells = "const" in schema["properties"].get("type", {})
        for file, definitions in self.definitions.items():
            for other, known in definitions.items():
                if known == schema and (tells or other.rpartition(".")[2] == name):
                    return f"{file}#/$defs/{other}"
        return None

    def define(self, model: type[BaseModel], schema: Schema) -> str:
        """Define a class, under its name or, where that is taken, with its module's before it."""
        taken = any(model.__name__ in definitions for definitions in self.definitions.values())
        name = f"{model.__module__.rpartition('.')[2]}.{model.__name__}" if taken else model.__name__
        self.definitions.setdefault(self.file, {})[name] = schema
        return f"{self.file}#/$defs/{name}"

    def describe(self, model: type[BaseModel], without: tuple[str, ...] = ()) -> Schema:
        """Return the schema of an object of a class."""
        properties: dict[str, Schema] = {}
        required: dict[str, list[str]] = {"must": [], "should": [], "no": []}
        for attribute, field in model.model_fields.items():
            key = field.alias or attribute
            if key in without:
                continue
            change = self.look_up(MEMBERS, f"{model.__name__}.{key}") or UNCHANGED
            properties[key] = self.describe_member(key, field, change)
            required[change.required or ("must" if field.is_required() else "no")].append(key)
        for name in ADDED:
            owner, _, key = name.partition(".")
            if owner == model.__name__ and key not in properties and (added := self.look_up(ADDED, name)):
                properties[key] = added.schema or {}
                required[added.required or "no"].append(key)
        schema: Schema = {"type": "object", "required": required["must"], "properties": properties}
        schema |= {"should": {"required": required["should"]}} if required["should"] else {}
        schema |= self.look_up(CONDITIONS, model.__name__) or {}
        return {keyword: value for keyword, value in schema.items() if value != []}

    def look_up(self, table: Mapping[str, Entry], name: str) -> Entry | None:
        """Return the entry of a table, and note that it is of use."""
        if name in table:
            self.unused.discard(name)
        return table.get(name)

    def describe_member(self, key: str, field: FieldInfo, change: Change) -> Schema:
        """Return the schema of a member: as the type says, or as the overlay does."""
        if change.schema is not None:
            return change.schema
        schema = self.convert(field.annotation)
        if key in ("type", "object", "role"):
            schema = fix(schema)
        if change.strict:
            schema = {"enum": schema["should"]["enum"]}
        if change.null:
            schema = forbid_null(schema, change.null)
        if change.should:
            return schema | {"should": schema.get("should", {}) | change.should}
        return narrow(key, schema)


NARROWER: tuple[tuple[str, Schema, str], ...] = (
    ("id", {"type": "string"}, "identifier"),
    ("tokens", {"type": "integer"}, "count"),
    ("tokens", {"type": ["integer", "null"]}, "count_detail"),
    ("requests", {"type": "integer"}, "count"),
    ("index", {"type": "integer"}, "position"),
)
"""Last word of a key, the schema of its type, and the definition of `common.json` that the name promises."""


def narrow(key: str, schema: Schema) -> Schema:
    """Return the schema of a member, narrower where its name promises more than its type."""
    for word, wide, definition in NARROWER:
        if key.rpartition("_")[2] == word and schema == wide:
            return {"$ref": f"common.json#/$defs/{definition}"}
    return schema


def flatten(annotation: Any) -> Iterator[Any]:
    """Yield the members of a union or a `Literal`, and of those in it."""
    if get_origin(annotation) is Annotated:
        yield from flatten(get_args(annotation)[0])
    elif get_origin(annotation) in (Literal, Union, UnionType):
        for member in get_args(annotation):
            yield from [member] if isinstance(member, str) else flatten(member)
    else:
        yield annotation


def kinds_of(model: type[BaseModel]) -> list[str]:
    """Return the values of `type` by which a class of a union is known."""
    return list(get_args(model.model_fields["type"].annotation))


def fix(schema: Schema) -> Schema:
    """Return the schema of a word that is the only one, where that is a `must`."""
    only = schema.get("should", {}).get("enum", [])
    return {"const": only[0]} if len(only) == 1 else schema


def forbid_null(schema: Schema, severity: str) -> Schema:
    """Return the schema of a member for which null is as severe."""
    if "else" in schema:  # an object, or null
        return schema["else"] if severity == "must" else schema | {"should": {"type": "object"}}
    kinds = [kind for kind in KINDS_OF_JSON if kind in schema.get("type", "string")]
    some = kinds[0] if len(kinds) == 1 else kinds
    if severity == "must":
        enum = [word for word in schema.get("should", {}).get("enum", []) if word]
        return schema | {"type": some} | ({"should": {"enum": enum}} if enum else {})
    known = {"enum": schema["enum"]} if "enum" in schema else {"type": [*kinds, "null"]}
    return schema | known | {"should": schema.get("should", {}) | {"type": some}}


def make_cases(kind: Schema, cases: list[tuple[Schema, Schema]]) -> Schema:
    """Return the schema of objects whose `type` obeys the first schema and decides what else they obey."""
    return {
        "type": "object",
        "required": ["type"],
        "properties": {"type": kind},
        "allOf": [
            {"if": {"properties": {"type": condition}, "required": ["type"]}, "then": then}
            for condition, then in cases
        ],
    }
