"""Write the schemas of a response and of its stream: `python -m conformance.selftests.response_schemas --write`.

They are made from the types of the installed SDK (`openai.types.responses`), with `response_overlay.py` laid over.
Without `--write` the command names the files that are not what it would write, and exits with 1.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import textwrap
from typing import Any

from openai.types.responses import Response, ResponseOutputItem, ResponseStreamEvent

from conformance.checklist.packaged_data import folder

from .response_overlay import BY_HAND, SENT_TOO, Schema
from .sdk_types import Converter, flatten, kinds_of, make_cases

COMMAND = "python -m conformance.selftests.response_schemas --write"
RESPONSE = "response.json"
EVENT = "response_stream_event.json"
WIDTH = 116
"""Characters of a line."""

VENDOR = "[A-Za-z0-9_-]+"
"""The name with which a kind of a vendor's own begins: Open Responses parts it off by a colon, Codex by a dot."""

ITEMS = tuple(flatten(ResponseOutputItem))
"""The classes of the items of an output."""


def item_schema(converter: Converter) -> Schema:
    """Return the schema of an item of the output: of the SDK's kinds, or of a vendor's, which is open."""
    schema = converter.tell_apart(list(ITEMS))
    known = schema["properties"]["type"]["should"]["enum"]
    schema["properties"]["type"] = {
        "type": "string",
        "if": {"type": "string", "pattern": f"^{VENDOR}[:.]"},
        "else": {"should": {"enum": known}},
    }
    return schema


def event_schema(converter: Converter) -> Schema:
    """Return the schema of an event: of the SDK's kinds, kinds of one shape together, or of a vendor's."""
    shapes: dict[str, list[str]] = {}
    for model in flatten(ResponseStreamEvent):
        shape = converter.describe(model, without=("type", "sequence_number"))
        said = {keyword: value for keyword, value in shape.items() if keyword != "type" and value}
        shapes.setdefault(json.dumps(said), []).extend(kinds_of(model))
    all_kinds = sorted({*SENT_TOO, *itertools.chain(*shapes.values())} - {"error"})
    cases = [
        ({"enum": kinds} if kinds[1:] else {"const": kinds[0]}, json.loads(shape))
        for shape, kinds in shapes.items()
        if shape != "{}"
    ]
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
    converter = Converter(RESPONSE)
    converter.references |= {Response: {"$ref": RESPONSE}, ITEMS: {"$ref": f"{RESPONSE}#/$defs/item"}}
    response = converter.describe(Response)
    item = item_schema(converter)
    converter.file = EVENT
    event = event_schema(converter)
    if converter.unused:
        raise LookupError(f"these entries of the overlay change nothing: {', '.join(sorted(converter.unused))}")
    return {
        RESPONSE: finish(
            "Response",
            "POST /responses, and inside its stream events.",
            response,
            converter.definitions[RESPONSE] | BY_HAND | {"item": item},
        ),
        EVENT: finish(
            "One event of a streamed response",
            "POST /responses with `stream`; events of kinds that no case names are open.",
            event,
            converter.definitions[EVENT],
        ),
    }


def finish(title: str, comment: str, schema: Schema, definitions: dict[str, Schema]) -> Schema:
    """Return a schema as the document of a file."""
    made = f"Made by `{COMMAND}` from the SDK's types: change `response_overlay.py` there, not this file."
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "$comment": f"{comment} `should` is explained in common.json. {made}",
        **schema,
        "$defs": {name: definitions[name] for name in sorted(definitions, key=str.lower)},
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
