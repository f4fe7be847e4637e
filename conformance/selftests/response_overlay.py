"""What `response_schemas.py` lays over the SDK's types, each entry with its reason.

The types are the source: a member that they require is a `must`, since reading it where it is missing raises
AttributeError, and so is its kind. Values of an enumeration are a `should`: the SDK passes unknown ones on, and most
lists grow with every release. The tables say where that is too lax for a client, or too strict for a server that is
right. "AI SDK" is `@ai-sdk/openai` 4.0.118, which refuses what its own schemas do not allow; "specification" is
openai-openapi of 2026-08-21; "recorded" are answers of OpenAI's as its users have stored them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Schema = dict[str, Any]

Weight = Literal["must", "should", "no"]


@dataclass(frozen=True, kw_only=True)
class Change:
    """How a member differs from what the SDK's type makes of it."""

    why: str
    required: Weight | None = None
    """None keeps what the type says."""
    schema: Schema | None = None
    """Takes the place of the schema made from the type."""
    should: Schema | None = None
    """Is laid over it."""
    strict: bool = False
    """Whether the values of the enumeration are a `must`."""
    null: Literal["must", "should"] | None = None
    """How severe null is; None keeps what the type says: a `must`, or legal where it is optional."""


ARRAY_OF_TOOLS: Schema = {"type": "array", "items": {"$ref": "response.json#/$defs/tool"}}
OPTIONAL_IN_SDK = "required and nullable in the specification; the SDK's types cannot tell that from optional"
NOT_IN_EXAMPLES = "the specification's own examples leave it out"
ONLY_TOLD = "an echo of the request, whose form is the request's matter"

MEMBERS: dict[str, Change] = {
    # Response: what it says of itself
    "Response.id": Change(why="OpenAI's prefix", should={"pattern": "^resp_"}),
    "Response.created_at": Change(why="seconds, not milliseconds", schema={"$ref": "response.json#/$defs/seconds"}),
    "Response.completed_at": Change(
        why="seconds, not milliseconds; Open Responses requires it",
        required="should",
        schema={"type": ["number", "null"], "should": {"exclusiveMinimum": 0, "maximum": 99999999999}},
    ),
    "Response.status": Change(
        why="clients branch on it, and Open Responses requires it",
        required="should",
        strict=True,
        null="should",
    ),
    "Response.model": Change(why="an empty name names none", schema={"$ref": "common.json#/$defs/id_of_model"}),
    "Response.error": Change(why=OPTIONAL_IN_SDK, required="should"),
    "Response.incomplete_details": Change(why=OPTIONAL_IN_SDK, required="should"),
    "IncompleteDetails.reason": Change(
        why="the AI SDK refuses details without, and loses the end", required="must", null="must"
    ),
    "Response.usage": Change(why="Open Responses requires it, null while there is none", required="should"),
    # Response: what it tells of the request
    "Response.instructions": Change(
        why=f"{OPTIONAL_IN_SDK}; {ONLY_TOLD}", required="should", schema={"type": ["string", "array", "null"]}
    ),
    "Response.metadata": Change(why=OPTIONAL_IN_SDK, required="should"),
    "Response.temperature": Change(why=OPTIONAL_IN_SDK, required="should", should={"minimum": 0, "maximum": 2}),
    "Response.top_p": Change(why=OPTIONAL_IN_SDK, required="should", should={"minimum": 0, "maximum": 1}),
    "Response.tools": Change(why=ONLY_TOLD, schema=ARRAY_OF_TOOLS),
    "Response.prompt": Change(why=ONLY_TOLD, schema={"type": ["object", "null"]}),
    "Response.service_tier": Change(
        why="the list grows", required="should", schema={"$ref": "common.json#/$defs/service_tier"}
    ),
    "Response.text": Change(
        why="Open Responses requires it; the format is `text` where none was asked for",
        required="should",
        null="should",
    ),
    "ResponseTextConfig.format": Change(
        why="not nullable in the specification, and always told by OpenAI", required="should", null="should"
    ),
    "Response.truncation": Change(why="Open Responses requires it", required="should"),
    "Response.reasoning": Change(why="Open Responses requires it", required="should"),
    "Response.previous_response_id": Change(why="Open Responses requires it", required="should"),
    "Response.max_output_tokens": Change(
        why="Open Responses requires it", required="should", schema={"$ref": "response.json#/$defs/limit"}
    ),
    "Response.max_tool_calls": Change(
        why="Open Responses requires it", required="should", schema={"$ref": "response.json#/$defs/limit"}
    ),
    "Response.top_logprobs": Change(
        why="Open Responses requires it", required="should", should={"minimum": 0, "maximum": 20}
    ),
    "Response.background": Change(why="Open Responses requires it", required="should"),
    # Usage
    "ResponseUsage.input_tokens_details": Change(why=NOT_IN_EXAMPLES, required="should"),
    "ResponseUsage.output_tokens_details": Change(why=NOT_IN_EXAMPLES, required="should"),
    "InputTokensDetails.cached_tokens": Change(why="nullish for the AI SDK", required="should"),
    "InputTokensDetails.cache_write_tokens": Change(why="missing in 184 of 237 recorded answers", required="no"),
    "OutputTokensDetails.reasoning_tokens": Change(why="nullish for the AI SDK", required="should"),
    # Items
    "ResponseOutputMessage.id": Change(why="OpenAI's prefix", should={"pattern": "^msg_"}),
    "ResponseOutputMessage.status": Change(why="three states of a turn, on which clients branch", strict=True),
    "ResponseOutputMessage.phase": Change(why="the AI SDK refuses other values", strict=True),
    "ResponseOutputText.logprobs": Change(why="missing in 21 recorded parts", required="should", null="should"),
    "ResponseFunctionToolCall.id": Change(
        why="the AI SDK refuses a call without, and the SDK's stream helper compares it",
        required="must",
        schema={"type": "string", "should": {"pattern": "^fc_"}},
    ),
    "ResponseFunctionToolCall.name": Change(why="an empty name calls nothing", should={"minLength": 1}),
    "ResponseFunctionToolCall.status": Change(
        why="OpenAI always sends it", required="should", strict=True, null="should"
    ),
    "ResponseCustomToolCall.id": Change(
        why="the AI SDK refuses a call without",
        required="must",
        schema={"$ref": "common.json#/$defs/identifier"},
    ),
    "ResponseCustomToolCall.name": Change(why="an empty name calls nothing", should={"minLength": 1}),
    "ResponseReasoningItem.id": Change(why="OpenAI's prefix", should={"pattern": "^rs_"}),
    "ResponseReasoningItem.status": Change(why="three states of a turn, on which clients branch", strict=True),
    "ResponseFunctionWebSearch.action": Change(
        why="OpenAI's item has none before the search, and the AI SDK takes that", required="should"
    ),
    "ActionSearch.sources": Change(
        why="the AI SDK knows sources of a second kind, without `url`",
        schema={"type": ["array", "null"], "items": {"type": "object", "required": ["type"]}},
    ),
    "ActionFind.url": Change(why="nullish for the AI SDK", required="should", schema={"type": ["string", "null"]}),
    "ActionFind.pattern": Change(
        why="nullish for the AI SDK", required="should", schema={"type": ["string", "null"]}
    ),
    "McpCall.error": Change(
        why="a text before it was an object, and the AI SDK takes both",
        schema={
            "type": ["string", "object", "null"],
            "properties": {
                "type": {"type": "string"},
                "message": {"type": "string"},
                "code": {"type": ["integer", "string"]},
                "content": {},
            },
        },
    ),
    "McpCall.status": Change(why="the AI SDK asks for it", required="should"),
    "ResponseToolSearchCall.call_id": Change(why=OPTIONAL_IN_SDK, required="should"),
    "ResponseToolSearchOutputItem.call_id": Change(why=OPTIONAL_IN_SDK, required="should"),
    "ResponseToolSearchOutputItem.tools": Change(why="declarations of tools, as in `tools`", schema=ARRAY_OF_TOOLS),
    "AdditionalTools.tools": Change(why="declarations of tools, as in `tools`", schema=ARRAY_OF_TOOLS),
    "ImageGenerationCall.result": Change(why=OPTIONAL_IN_SDK, required="should"),
    "ResponseCodeInterpreterToolCall.code": Change(why=OPTIONAL_IN_SDK, required="should"),
    "ResponseCodeInterpreterToolCall.outputs": Change(why=OPTIONAL_IN_SDK, required="should"),
    "ResponseFunctionShellToolCall.environment": Change(why=OPTIONAL_IN_SDK, required="should"),
    "ResponseFunctionShellToolCallOutput.max_output_length": Change(why=OPTIONAL_IN_SDK, required="should"),
    "Action.max_output_length": Change(why=OPTIONAL_IN_SDK, required="should"),
    "Action.timeout_ms": Change(why=OPTIONAL_IN_SDK, required="should"),
    # Log probabilities; those of events have no bytes in the types, and OpenAI sends them
    "Logprob.bytes": Change(
        why="null where a token has none, which other servers leave out",
        required="should",
        schema={"$ref": "common.json#/$defs/token_bytes"},
    ),
    "Logprob.logprob": Change(why="never positive", schema={"$ref": "common.json#/$defs/logprob"}),
    "Logprob.top_logprobs": Change(why="the AI SDK refuses a token without", required="must", null="must"),
    "LogprobTopLogprob.bytes": Change(
        why="null where a token has none, which other servers leave out",
        required="should",
        schema={"$ref": "common.json#/$defs/token_bytes"},
    ),
    "LogprobTopLogprob.token": Change(
        why="the AI SDK refuses a candidate without", required="must", schema={"type": "string"}
    ),
    "LogprobTopLogprob.logprob": Change(
        why="never positive; the AI SDK refuses a candidate without",
        required="must",
        schema={"$ref": "common.json#/$defs/logprob"},
    ),
    # Events
    "ResponseTextDeltaEvent.logprobs": Change(why="nullish for the AI SDK", required="should", null="should"),
    "ResponseTextDoneEvent.logprobs": Change(why="as in the deltas", required="should", null="should"),
    "ResponseErrorEvent.message": Change(why="stands inside `error` where there is one", required="no"),
    "ResponseOutputTextAnnotationAddedEvent.annotation": Change(
        why="the event is about it, and the AI SDK refuses it without", required="must", null="must"
    ),
    "ResponseOutputItemDoneEvent.item": Change(
        why="the AI SDK refuses a finished call without status",
        schema={
            "allOf": [
                {"$ref": "response.json#/$defs/item"},
                {
                    "if": {"properties": {"type": {"const": "function_call"}}, "required": ["type"]},
                    "then": {"required": ["status"], "properties": {"status": {"type": "string"}}},
                },
            ]
        },
    ),
}
"""Class and member -> what is other than in the SDK's type."""

ADDED: dict[str, Change] = {
    "Response.output_text": Change(
        why="a property of the SDK's class, and a key of some servers", schema={"type": ["string", "null"]}
    ),
    "Response.store": Change(
        why="Open Responses requires it, OpenAI sends it, and null tells nothing",
        required="should",
        schema={"type": ["boolean", "null"], "should": {"type": "boolean"}},
    ),
    "Response.frequency_penalty": Change(why="Open Responses has it", schema={"type": ["number", "null"]}),
    "Response.presence_penalty": Change(why="Open Responses has it", schema={"type": ["number", "null"]}),
    "ResponseCustomToolCall.status": Change(
        why="OpenAI sends it, `completed` at the end, and the AI SDK asks for that",
        schema={"type": ["string", "null"]},
    ),
    "ResponseErrorEvent.error": Change(
        why="OpenAI and others wrap the error of a stream, and both SDKs take that",
        schema={"$ref": "error.json#/properties/error"},
    ),
    "ResponseFunctionCallArgumentsDoneEvent.name": Change(
        why="required by the specification, and left out by OpenAI (openai-openapi#545)", schema={"type": "string"}
    ),
}
"""Class and member that the SDK's type does not have -> what it is."""

CONDITIONS: dict[str, Schema] = {
    # Cost and limits are read from it; before the end there is none. A cut answer has come to its end too.
    "Response": {
        "if": {"properties": {"status": {"enum": ["completed", "incomplete"]}}, "required": ["status"]},
        "then": {"required": ["usage"], "properties": {"usage": {"type": "object"}}},
    },
    "ResponseErrorEvent": {
        "if": {"required": ["error"]},
        "else": {"required": ["message"], "should": {"required": ["code", "param"]}},
    },
}
"""Class -> keywords that its schema has besides its members."""

CLOSED = ("ResponseOutputText",)
"""A class of each union of which an unknown kind is a `must`: text that clients do not find is lost."""

SENT_TOO = (
    "response.apply_patch_call_operation_diff.delta",
    "response.apply_patch_call_operation_diff.done",
)
"""Events of OpenAI's which the AI SDK reads and the SDK has no type for."""

BY_HAND: dict[str, Schema] = {
    "seconds": {
        "$comment": "Since 1970. A number for the SDK; the maximum is the year 5138, so milliseconds are told.",
        "type": "number",
        "should": {"exclusiveMinimum": 0, "maximum": 99999999999},
    },
    "limit": {"type": ["integer", "null"], "should": {"minimum": 1}},
    "tool": {
        "$comment": "As declared in the request; other tools than functions are only asked for their `type`.",
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"type": "string"}},
        "allOf": [
            {
                "if": {"properties": {"type": {"const": "function"}}, "required": ["type"]},
                "then": {
                    "required": ["name"],
                    "properties": {
                        "name": {"type": "string"},
                        "parameters": {"type": ["object", "null"]},
                        "strict": {"type": ["boolean", "null"]},
                        "description": {"type": ["string", "null"]},
                    },
                    "should": {"required": ["parameters", "strict"]},
                },
            }
        ],
    },
}
"""Definitions of `response.json` that no type of the SDK's makes."""
