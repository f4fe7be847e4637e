"""The schemas of a response and its stream: made from the SDK's types, and right about valid and wrong answers."""

import copy
import itertools
from functools import cache

import pytest
from jsonschema import Draft202012Validator
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter, ValidationError
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from conformance.checklist.packaged_data import folder
from conformance.judge.schema import extensions, violations

from . import response_overlay, response_schemas
from .instances import FILES
from .mutants import mutants
from .response_instances import (
    BEGUN,
    EVENTS,
    FUNCTION_CALL,
    ITEMS,
    REQUIRED,
    RESPONSES,
    TEXT,
    TOKEN,
    USAGE,
    message,
    response,
    unfinished,
)
from .response_overlay import ADDED, CONDITIONS, MEMBERS, Change

RESPONSE, EVENT = "response", "response_stream_event"
SDK_TYPES = {RESPONSE: TypeAdapter(Response), EVENT: TypeAdapter(ResponseStreamEvent)}
VALID = [*((RESPONSE, body) for body in RESPONSES.values()), *((EVENT, body) for body in EVENTS)]


def told(schema, body):
    return [(each.path, each.message, each.severity) for each in violations(schema, body)]


def severities(schema, body):
    return {each.severity for each in violations(schema, body)}


def event(kind, **members):
    return {"type": kind, "sequence_number": 7, **members}


def added(item):
    return event("response.output_item.added", output_index=0, item=item)


def done(item):
    return event("response.output_item.done", output_index=0, item=item)


# The generator


@pytest.mark.parametrize("file", [f"{RESPONSE}.json", f"{EVENT}.json"])
def test_the_files_are_what_the_generator_writes(file):
    text = (folder("schemas") / file).read_text(encoding="utf-8")
    assert text == response_schemas.make_files()[file], f"run {response_schemas.COMMAND}"


@pytest.mark.parametrize(
    ("table", "name", "entry"),
    [
        (MEMBERS, "Response.zz", Change(why="")),
        (ADDED, "Response.output", Change(why="", schema={})),
        (CONDITIONS, "NoClass", {}),
    ],
)
def test_an_entry_of_the_overlay_that_changes_nothing_is_refused(table, name, entry, monkeypatch):
    monkeypatch.setitem(table, name, entry)
    with pytest.raises(LookupError, match=name):
        response_schemas.make_documents()


@pytest.mark.parametrize("name", [*MEMBERS, *ADDED])
def test_every_entry_of_the_overlay_has_a_reason(name):
    assert (MEMBERS | ADDED)[name].why


@pytest.mark.parametrize("change", [*MEMBERS.values(), *ADDED.values()], ids=[*MEMBERS, *ADDED])
def test_every_entry_of_the_overlay_changes_something(change):
    assert change != Change(why=change.why)


def test_no_definition_is_unused():
    used = "".join((folder("schemas") / f"{name}.json").read_text() for name in (RESPONSE, EVENT))
    definitions = {name for file in (RESPONSE, EVENT) for name in FILES[file]["$defs"]}
    assert {name for name in definitions if f'$defs/{name}"' not in used} == set()


# Valid answers


def test_the_instances_are_of_every_kind_of_the_sdk():
    assert {item["type"] for item in ITEMS} == {
        kind for model in response_schemas.ITEMS for kind in response_schemas.kinds_of(model)
    }
    assert {body["type"] for body in EVENTS} == {
        kind
        for model in response_schemas.flatten(ResponseStreamEvent)
        for kind in response_schemas.kinds_of(model)
    }


@pytest.mark.parametrize(("schema", "body"), VALID)
def test_a_valid_answer_breaks_nothing_and_extends_nothing(schema, body):
    assert told(schema, body) == []
    assert extensions(schema, body) == ()


@pytest.mark.parametrize(("schema", "body"), VALID)
def test_the_sdk_accepts_a_valid_answer(schema, body):
    SDK_TYPES[schema].validate_python(body)


@pytest.mark.parametrize("item", BEGUN)
def test_an_item_that_is_added_may_be_empty(item):
    assert told(EVENT, added(item)) == []
    assert told(RESPONSE, unfinished(output=[item])) == []


def test_a_small_server_breaks_no_must():
    assert {(message, severity) for _, message, severity in told(RESPONSE, REQUIRED)} == {("is missing", "should")}


LEGAL = {
    "an event of a vendor's": event("acme:trace", anything=1),
    "an event of a vendor's without number": {"type": "acme:trace"},
    "an event of Codex": event("codex.rate_limits", anything=1),
    "an event that keeps the connection alive": event("keepalive"),
    "an event that the SDK does not know": event(
        "response.apply_patch_call_operation_diff.delta", item_id="apc_1", output_index=0, delta="x"
    ),
    "an item of a vendor's": done({"type": "acme:thing"}),
    "an error that is wrapped": event("error", error={"type": "t", "message": "m", "code": None, "param": None}),
    "the name of a call at its end": event(
        "response.function_call_arguments.done", item_id="fc_1", output_index=0, arguments="{}", name="f"
    ),
    "obfuscation": event("response.audio.delta", delta="eA==", obfuscation="x"),
    "a custom call with a status": done(
        {
            "type": "custom_tool_call",
            "id": "c",
            "call_id": "c",
            "name": "f",
            "input": "x",
            "status": "completed",
        }
    ),
}


@pytest.mark.parametrize("body", LEGAL.values(), ids=LEGAL)
def test_what_is_legal_breaks_nothing(body):
    assert told(EVENT, body) == []


DIFFERENT = {
    "an event of a new name": (event("response.brand_new"), "type"),
    "an event of a name without vendor": (event("ping"), "type"),
    "an item of a new kind": (done({"type": "brand_new_call"}), "item.type"),
    "a search before it has begun": (
        added({"type": "web_search_call", "id": "ws_1", "status": "in_progress"}),
        "item.action",
    ),
    "a call that is added without status": (
        added({key: value for key, value in FUNCTION_CALL.items() if key != "status"}),
        "item.status",
    ),
    "no number": ({"type": "response.audio.done"}, "sequence_number"),
    "no number of an error": ({"type": "error", "message": "m", "code": None, "param": None}, "sequence_number"),
    "null for no log probabilities": (
        event(
            "response.output_text.delta", item_id="msg_1", output_index=0, content_index=0, delta="x", logprobs=None
        ),
        "logprobs",
    ),
    "an identifier that is empty": (
        event("response.refusal.delta", item_id="", output_index=0, content_index=0, delta="x"),
        "item_id",
    ),
    "a name that is empty": (done({**FUNCTION_CALL, "name": ""}), "item.name"),
    "a state that the SDK does not know": (
        done({"type": "image_generation_call", "id": "ig_1", "result": "", "status": "paused"}),
        "item.status",
    ),
}


@pytest.mark.parametrize(("body", "path"), DIFFERENT.values(), ids=DIFFERENT)
def test_what_differs_and_breaks_no_client_is_a_should(body, path):
    assert [(place, severity) for place, _, severity in told(EVENT, body)] == [(path, "should")]


def without(value, keys):
    """Return a body without members of those names, wherever they are."""
    if isinstance(value, dict):
        return {key: without(below, keys) for key, below in value.items() if key not in keys}
    return [without(member, keys) for member in value] if isinstance(value, list) else value


@pytest.mark.parametrize("key", ["cache_write_tokens", "logprobs", "sequence_number", "input_tokens_details"])
def test_what_recorded_answers_leave_out_is_no_must(key):
    left_out = [(schema, body, without(body, {key})) for schema, body in VALID]
    changed = [(schema, body) for schema, before, body in left_out if body != before]
    assert len(changed) > 5
    for schema, body in changed:
        assert severities(schema, body) == {"should"}
        assert {path.rpartition(".")[2] for path, _, _ in told(schema, body)} == {key}


# Wrong answers


TEXT_WITHOUT_ANNOTATIONS = {key: value for key, value in TEXT.items() if key != "annotations"}
WRONG = {
    "arguments that are an object": (
        RESPONSE,
        response({**FUNCTION_CALL, "arguments": {}}),
        ("output.*.arguments", "is an object, not a string"),
    ),
    "chat's kind of part": (
        RESPONSE,
        response(message({"type": "text", "text": "x"})),
        ("output.*.content.*.type", "is 'text', not 'output_text' or 'refusal'"),
    ),
    "a content that is a text": (RESPONSE, response(message(content="x")), ("output.*.content", "is a string, not an array")),
    "an output that is null": (RESPONSE, {**REQUIRED, "output": None}, ("output", "is null, not an array")),
    "a text without annotations": (
        RESPONSE,
        response(message(TEXT_WITHOUT_ANNOTATIONS)),
        ("output.*.content.*.annotations", "is missing"),
    ),
    "a call without id": (
        RESPONSE,
        response({key: value for key, value in FUNCTION_CALL.items() if key != "id"}),
        ("output.*.id", "is missing"),
    ),
    "a finished call without status": (
        EVENT,
        done({key: value for key, value in FUNCTION_CALL.items() if key != "status"}),
        ("item.status", "is missing"),
    ),
    "a thought without summary": (RESPONSE, response({"type": "reasoning", "id": "rs_1"}), ("output.*.summary", "is missing")),
    "a state of no response": (
        RESPONSE,
        response(status="done"),
        ("status", "is 'done', not 'completed' or 'failed' or 'in_progress' or 'cancelled' or 'queued' or 'incomplete' or null"),
    ),
    "no usage at the end": (RESPONSE, response(usage=None), ("usage", "is null, not an object")),
    "incomplete without reason": (
        RESPONSE,
        unfinished(status="incomplete", incomplete_details={}),
        ("incomplete_details.reason", "is missing"),
    ),
    "a lifecycle without response": (EVENT, event("response.created"), ("response", "is missing")),
    "a fault in a lifecycle's response": (
        EVENT,
        event("response.completed", response=response(created_at="now")),
        ("response.created_at", "is a string, not a number"),
    ),
    "a delta without index": (
        EVENT,
        event("response.refusal.delta", item_id="msg_1", content_index=0, delta="x"),
        ("output_index", "is missing"),
    ),
    "a delta that is an object": (
        EVENT,
        event("response.refusal.delta", item_id="msg_1", output_index=0, content_index=0, delta={}),
        ("delta", "is an object, not a string"),
    ),
    "an error without message": (EVENT, event("error", code=None, param=None), ("message", "is missing")),
    "a wrapped error without message": (
        EVENT,
        event("error", error={"type": "t", "code": None, "param": None}),
        ("error.message", "is missing"),
    ),
    "an event without type": (EVENT, {"sequence_number": 7}, ("type", "is missing")),
    "an event that is a text": (EVENT, "x", ("$", "is a string, not an object")),
}


@pytest.mark.parametrize(("schema", "body", "fault"), WRONG.values(), ids=WRONG)
def test_what_breaks_a_client_is_one_must_that_names_the_fault(schema, body, fault):
    assert ((*fault, "must"),) == tuple(each for each in told(schema, body) if each[2] == "must")


def test_milliseconds_are_told():
    assert told(RESPONSE, response(created_at=1_700_000_000_000)) == [
        ("created_at", "is above 99999999999", "should")
    ]


def test_a_negative_count_is_told():
    assert told(RESPONSE, response(usage={**USAGE, "total_tokens": -1})) == [
        ("usage.total_tokens", "is below 0", "should")
    ]


# Mutants. Items are judged alike in a response and in an event, so one of the two is enough.


MUTATED = [
    *((RESPONSE, body) for name, body in RESPONSES.items() if name != "every item"),
    *((EVENT, body) for body in EVENTS if "response" not in body and body["type"] != "response.output_item.added"),
]


@cache
def all_mutants():
    return [
        (schema, path, kind, mutant, severities(schema, mutant))
        for schema, body in MUTATED
        for path, kind, mutant in mutants(body)
    ]


def test_nine_mutants_of_ten_are_rejected():
    rejected = [bool(found) for *_, found in all_mutants()]
    assert len(rejected) > 4000
    assert sum(rejected) / len(rejected) > 0.9


ANY_VALUE = ("item.arguments", "item.arguments.query", "item.tools.*.input_schema")
"""Members of any kind: what a tool search was asked for, and a schema."""
SEVERAL_KINDS = ("item.results.*.attributes.a", "item.results.*.attributes.b", "item.error.code")
"""Members whose mutant is of a kind that they may be of."""


def test_no_member_of_a_wrong_kind_survives():
    survivors = {path for _, path, kind, _, found in all_mutants() if kind == "wrong type" and not found}
    assert survivors == {*ANY_VALUE, *SEVERAL_KINDS}


LAXER_THAN_THE_SDK = (
    "sequence_number",  # missing in older streams, and a rule of its own
    "logprobs",  # missing in recorded answers
    "logprobs.*.bytes",  # missing or null at other servers; clients read the text
    "top_logprobs.*.bytes",
    "usage.input_tokens_details",  # missing in the specification's own examples, as are the next
    "usage.input_tokens_details.cached_tokens",
    "usage.input_tokens_details.cache_write_tokens",
    "usage.output_tokens_details",
    "usage.output_tokens_details.reasoning_tokens",
    "item.action",  # of a search that has not begun
    "item.action.pattern",
    "item.action.url",
    "item.error.code",  # of an MCP server's error, which was a text once
    "item.error.message",
    "item.error.type",
)
"""Ends of paths where the SDK's types reject what is missing or null, and that is no `must` for us."""

CLOSED = {
    "object",  # the only word there is, as in the next
    "item.role",
    "output.*.role",
    "item.action.type",
    "item.output.type",
    "item.summary.*.type",
    "output.*.summary.*.type",
    "part.type",  # parts whose text clients would not find
    "item.content.*.type",
    "output.*.content.*.type",
    "status",  # of a response
    "item.status",  # of a message, a thought, a call of a function
    "output.*.status",
}
"""Paths where a word that is not in the SDK's list is a `must`."""


def rejected_by_the_sdk(schema, mutant):
    try:
        SDK_TYPES[schema].validate_python(mutant)
    except ValidationError:
        return True
    return False


def test_what_the_types_of_the_sdk_reject_is_a_must():
    lax = {
        (path, kind)
        for schema, path, kind, mutant, found in all_mutants()
        if "must" not in found and rejected_by_the_sdk(schema, mutant)
    }
    untold = {
        (path, kind) for path, kind in lax if kind != "bad enum" and not path.endswith(LAXER_THAN_THE_SDK)
    }
    assert untold == set()
    used = {end for end in LAXER_THAN_THE_SDK if any(path.endswith(end) for path, kind in lax if kind != "bad enum")}
    assert used == set(LAXER_THAN_THE_SDK)


STRICTER_THAN_THE_SDK = {
    "annotation",  # the event is about it
    "incomplete_details.reason",  # the AI SDK refuses the end of a stream without it
    "item.id",  # of a call, which the AI SDK refuses without
    "output.*.id",
    "item.status",  # of a finished call, likewise
    "logprobs.*.top_logprobs",  # the AI SDK refuses a token without
    "logprobs.*.top_logprobs.*.logprob",
    "logprobs.*.top_logprobs.*.token",
    "usage",  # of a finished response: OpenAI always sends it, and costs are counted by it
}
"""Paths where what is missing or null is a `must`, though the SDK's types take it. (They take `"1"` for 1, too.)"""


def test_a_must_is_what_the_types_of_the_sdk_reject_or_a_client_does():
    strict = {
        path
        for schema, path, kind, mutant, found in all_mutants()
        if "must" in found and kind != "wrong type" and not rejected_by_the_sdk(schema, mutant)
    }
    assert strict == STRICTER_THAN_THE_SDK


def test_a_word_that_is_not_in_a_list_is_a_must_only_where_clients_need_it():
    assert {path for _, path, kind, _, found in all_mutants() if kind == "bad enum" and "must" in found} == CLOSED


def test_a_validator_that_knows_neither_should_nor_cases_sees_exactly_the_musts():
    registry = Registry().with_resources(
        (f"{name}.json", DRAFT202012.create_resource(document)) for name, document in FILES.items()
    )
    for schema, path, kind, mutant, found in itertools.islice(all_mutants(), 0, None, 13):
        plain = Draft202012Validator({"$ref": f"{schema}.json"}, registry=registry).is_valid(mutant)
        assert plain == ("must" not in found), (schema, path, kind)


def test_no_instance_is_changed_by_its_mutants():
    before = copy.deepcopy(EVENTS)
    for body in EVENTS:
        list(mutants(body))
    assert before == EVENTS
