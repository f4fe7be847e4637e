"""Write the schemas of a response and of its stream: `python -m conformance.selftests.response_schemas --write`.

They are made from the types of the installed SDK (`openai.types.responses`), with `response_overlay.py` laid over.
Without `--write` the command names the files that are not what it would write, and exits with 1.

Unions are told apart by `type`, each kind in a case of its own (`if`, `then`), so that a fault is one of the kind that
was meant; a kind that no case names is open. Only keywords that `judge/schema.py` has words for are used.
"""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from openai import BaseModel
from openai.types.responses import Response, ResponseOutputItem, ResponseStreamEvent
from pydantic.fields import FieldInfo

from conformance.checklist.packaged_data import folder

from .response_overlay import ADDED, BY_HAND, CLOSED, CONDITIONS, MEMBERS, SENT_TOO, Change, Schema

COMMAND = "python -m conformance.selftests.response_schemas --write"
DRAFT = "https://json-schema.org/draft/2020-12/schema"
RESPONSE = "response.json"
EVENT = "response_stream_event.json"
WIDTH = 116
"""Characters of a line."""

KINDS = {str: "string", bool: "boolean", int: "integer", float: "number", NoneType: "null"}

KINDS_OF_JSON = ("string", "boolean", "integer", "number", "array", "object")
"""All but null."""

VENDOR = "[A-Za-z0-9_-]+"
"""The name with which a kind of a vendor's own begins: Open Responses parts it off by a colon, Codex by a dot."""


class UnionError(TypeError):
    """A union of the SDK's that this program has no form for."""


class Converter:
    """Makes schemas of the SDK's types, and definitions of its classes, each once."""

    def __init__(self) -> None:
        self.file = RESPONSE
        self.definitions: dict[str, dict[str, Schema]] = {RESPONSE: dict(BY_HAND), EVENT: {}}
        self.references: dict[object, Schema] = {Response: {"$ref": RESPONSE}}
        self.applied: set[tuple[int, str]] = set()
        """Entries of the tables, to find those that nothing uses any more."""

    def convert(self, annotation: Any) -> Schema:
        """Return the schema of a type."""
        if list(flatten(annotation)) == ITEMS:
            return {"$ref": f"{RESPONSE}#/$defs/item"}
        origin, arguments = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            return self.convert(arguments[0])
        if annotation is object:
            return {}
        if annotation in KINDS:
            return {"type": KINDS[annotation]}
        if origin in (list, dict):
            members = self.convert(arguments[-1])
            kind, keyword = ("array", "items") if origin is list else ("object", "additionalProperties")
            return {"type": kind} | ({keyword: members} if members else {})
        if origin in (Literal, Union, UnionType):
            return self.unite(list(flatten(annotation)))
        return self.refer(annotation)

    def unite(self, members: list[Any]) -> Schema:
        """Return the schema of a union: of words, of kinds that differ, or of classes that their `type` tells apart."""
        classes = [member for member in members if isinstance(member, type) and issubclass(member, BaseModel)]
        others = [member for member in members if member not in classes]
        nullable = NoneType in others
        words = [member for member in others if isinstance(member, str)]
        if object in others:
            return {}
        if classes:
            if set(others) - {NoneType, *words}:
                raise UnionError(members)
            one = self.refer(classes[0]) if len(classes) == 1 else self.tell_apart(classes)
            if words:
                return {"if": {"type": "string"}, "then": {"should": {"enum": words}}, "else": one}
            return {"if": {"type": "null"}, "else": one} if nullable else one
        if words and str not in others:
            only = [*words, *([None] if nullable else [])]
            return {"type": ["string", "null"] if nullable else "string", "should": {"enum": only}}
        schemas = [self.convert(member) for member in others if member not in words]
        kinds = [schema["type"] for schema in schemas]
        return {keyword: value for schema in schemas for keyword, value in schema.items()} | {
            "type": kinds[0] if len(kinds) == 1 else kinds
        }

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
        self.definitions[self.file][name] = schema
        return f"{self.file}#/$defs/{name}"

    def describe(self, model: type[BaseModel], without: tuple[str, ...] = ()) -> Schema:
        """Return the schema of an object of a class."""
        properties: dict[str, Schema] = {}
        required: dict[str, list[str]] = {"must": [], "should": [], "no": []}
        for attribute, field in model.model_fields.items():
            key = field.alias or attribute
            if key not in without:
                change = self.apply(MEMBERS, f"{model.__name__}.{key}")
                properties[key] = self.describe_member(key, field, change)
                required[change.required or ("must" if field.is_required() else "no")].append(key)
        for name in ADDED:
            owner, _, key = name.partition(".")
            if owner == model.__name__ and key not in properties:
                change = self.apply(ADDED, name)
                properties[key] = change.schema or {}
                required[change.required or "no"].append(key)
        schema: Schema = {"type": "object", "required": required["must"], "properties": properties}
        schema |= {"should": {"required": required["should"]}} if required["should"] else {}
        schema |= self.apply(CONDITIONS, model.__name__) or {}
        return {keyword: value for keyword, value in schema.items() if value != []}

    def apply(self, table: Mapping[str, Any], name: str) -> Any:
        """Return the entry of a table, and note that it is of use."""
        self.applied.add((id(table), name))
        return table.get(name, Change(why="") if table is MEMBERS else None)

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
        return BY_NAME.get((key.rpartition("_")[2], str(schema)), schema)


BY_NAME = {
    ("id", str({"type": "string"})): {"$ref": "common.json#/$defs/identifier"},
    ("tokens", str({"type": "integer"})): {"$ref": "common.json#/$defs/count"},
    ("requests", str({"type": "integer"})): {"$ref": "common.json#/$defs/count"},
    ("tokens", str({"type": ["integer", "null"]})): {"$ref": "common.json#/$defs/count_detail"},
    ("index", str({"type": "integer"})): {"$ref": "common.json#/$defs/position"},
}
"""Last word of a key and the schema of its type -> the narrower schema that the name promises."""


def flatten(annotation: Any) -> Iterator[Any]:
    """Yield the members of a union or a `Literal`, and of those in it."""
    if get_origin(annotation) is Annotated:
        yield from flatten(get_args(annotation)[0])
    elif get_origin(annotation) in (Literal, Union, UnionType):
        for member in get_args(annotation):
            yield from [member] if isinstance(member, str) else flatten(member)
    else:
        yield annotation


ITEMS = list(flatten(ResponseOutputItem))
"""The classes of the items of an output."""


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


def item_schema(converter: Converter) -> Schema:
    """Return the schema of an item of the output: of the SDK's kinds, or of a vendor's, which is open."""
    schema = converter.tell_apart(ITEMS)
    known = schema["properties"]["type"]["should"]["enum"]
    schema["properties"]["type"] = {
        "type": "string",
        "if": {"type": "string", "pattern": f"^{VENDOR}[:.]"},
        "else": {"should": {"enum": known}},
    }
    return schema


def event_schema(converter: Converter) -> Schema:
    """Return the schema of an event: of the SDK's kinds, kinds of one shape together, or of a vendor's."""
    shapes: list[tuple[list[str], Schema]] = []
    for model in flatten(ResponseStreamEvent):
        shape = converter.describe(model, without=("type", "sequence_number"))
        shape = {keyword: value for keyword, value in shape.items() if keyword != "type" and value}
        for kinds, known in shapes:
            if known == shape:
                kinds += kinds_of(model)
                break
        else:
            shapes.append((kinds_of(model), shape))
    all_kinds = sorted({*SENT_TOO, *(kind for kinds, _ in shapes for kind in kinds)} - {"error"})
    cases = [({"enum": kinds} if kinds[1:] else {"const": kinds[0]}, shape) for kinds, shape in shapes if shape]
    schema = make_cases(
        {
            "type": "string",
            "if": {"type": "string", "pattern": "^response[.]"},
            "then": {"should": {"enum": all_kinds}},
            "else": {"should": {"pattern": f"^(error|keepalive|{VENDOR}[:.].+)$"}},
        },
        cases,
    )
    schema["properties"] |= {
        "sequence_number": {"$ref": "common.json#/$defs/position"},
        "obfuscation": {"type": ["string", "null"]},
    }
    numbered = {"properties": {"type": {"type": "string", "pattern": "^(response[.]|error$)"}}, "required": ["type"]}
    return schema | {"if": numbered, "then": {"should": {"required": ["sequence_number"]}}}


def make_documents() -> dict[str, Schema]:
    """Return file -> schema.

    Raises:
        LookupError: an entry of the overlay changes what the SDK does not have, or adds what it has.
    """
    converter = Converter()
    response = converter.describe(Response)
    item = item_schema(converter)
    converter.file = EVENT
    event = event_schema(converter)
    tables: list[Mapping[str, Any]] = [MEMBERS, ADDED, CONDITIONS]
    unused = [name for table in tables for name in table if (id(table), name) not in converter.applied]
    if unused:
        raise LookupError(f"these entries of the overlay change nothing: {', '.join(unused)}")
    converter.definitions[RESPONSE]["item"] = item
    made = f"Made by `{COMMAND}` from the SDK's types: change `response_overlay.py` there, not this file."
    said = "`should` is explained in common.json."
    return {
        RESPONSE: {
            "$schema": DRAFT,
            "title": "Response",
            "$comment": f"POST /responses, and inside its stream events. {said} {made}",
            **response,
            "$defs": dict(sorted(converter.definitions[RESPONSE].items(), key=lambda each: each[0].lower())),
        },
        EVENT: {
            "$schema": DRAFT,
            "title": "One event of a streamed response",
            "$comment": f"POST /responses with `stream`. {said} {made} Events of kinds that no case names are open.",
            **event,
            "$defs": dict(sorted(converter.definitions[EVENT].items(), key=lambda each: each[0].lower())),
        },
    }


def render(value: Any, indent: int = 0, before: int = 0) -> str:
    """Return JSON: on one line what fits there, after that many characters of indentation and of a key."""
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or indent + before + len(line) <= WIDTH:
        return line
    inner, margin = " " * (indent + 2), " " * indent
    opening, closing = "[]" if isinstance(value, list) else "{}"
    if isinstance(value, dict):
        lines = [f"{json.dumps(key)}: {render(below, indent + 2, len(key) + 5)}" for key, below in value.items()]
    elif all(isinstance(member, str) for member in value):
        lines = textwrap.wrap(line[1:-1], WIDTH - indent - 2, break_long_words=False, break_on_hyphens=False)
        return "\n".join([opening, *(f"{inner}{words}" for words in lines), f"{margin}{closing}"])
    else:
        lines = [render(member, indent + 2) for member in value]
    return "\n".join([opening, ",\n".join(f"{inner}{each}" for each in lines), f"{margin}{closing}"])


def shorten(value: Any, file: str) -> Any:
    """Return a schema whose references to definitions of its own file do not name that."""
    if isinstance(value, list):
        return [shorten(member, file) for member in value]
    if not isinstance(value, dict):
        return value.removeprefix(file) if isinstance(value, str) and value.startswith(f"{file}#") else value
    return {key: shorten(below, file) for key, below in value.items()}


def make_files() -> dict[str, str]:
    """Return file -> text."""
    return {file: f"{render(shorten(document, file))}\n" for file, document in make_documents().items()}


def main() -> int:
    """Write the files, or name those that are not up to date."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args().write
    old = False
    for file, text in make_files().items():
        path = folder("schemas") / file
        if write:
            path.write_text(text, encoding="utf-8")
        elif path.read_text(encoding="utf-8") != text:
            old = True
            print(f"{path} is not what {COMMAND} writes", file=sys.stderr)  # noqa: T201 - a command
    return int(old)


if __name__ == "__main__":
    sys.exit(main())
