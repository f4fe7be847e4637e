"""chat/fields/response_format: the text obeys a format that the prompt does not suggest."""

from __future__ import annotations

from conformance.checklist.field_values import values
from conformance.probes import chance, documents
from conformance.probes.endpoints import Chat
from conformance.probes.observation import Observation
from conformance.probes.registry import declare_derived, probe

declare_derived(
    "chat/fields/response_format",
    "The form that the text must have.",
    values=values({"type": "text"}, {"type": "zz_bogus"}),
)


@probe("chat/fields/response_format/text", chance=chance.GREEDY_OR_STATUS)
def format_text(chat: Chat) -> Observation:
    """`text`, the default. The value is read, or any nonsense would do."""
    return documents.check_format_text(chat, "response_format")


@probe("chat/fields/response_format/json_object", chance=chance.FORCED_DOCUMENT)
def format_json_object(chat: Chat) -> Observation:
    """`json_object`: the text is a JSON object. The prompt must name JSON (ours does, to forbid it)."""
    return documents.check_json_object(chat, documents.ASKS_FOR_PROSE)


@probe("chat/fields/response_format/json_schema", chance=chance.FORCED_DOCUMENT)
def format_json_schema(chat: Chat) -> Observation:
    """`json_schema`: the text obeys the schema."""
    return documents.check_schema(chat)


@probe("chat/fields/response_format/json_schema/stream", title="with stream", chance=chance.FORCED_DOCUMENT)
def format_json_schema_stream(chat: Chat) -> Observation:
    """The joined chunks obey the schema too."""
    return documents.check_schema(chat, stream=True)


@probe("chat/fields/response_format/json_object/stream", title="with stream", chance=chance.FORCED_DOCUMENT)
def format_json_object_stream(chat: Chat) -> Observation:
    """The joined chunks are a JSON object too."""
    return documents.check_json_object(chat, documents.ASKS_FOR_PROSE, stream=True)


@probe(
    "chat/fields/response_format/json_schema/keywords", title="keywords of the schema", chance=chance.FORCED_DOCUMENT
)
def format_keywords(chat: Chat) -> Observation:
    """Enums of numbers, arrays of fixed length, anyOf and $ref are enforced, as `.parse()` of the SDK needs them."""
    return documents.check_keywords(chat)
