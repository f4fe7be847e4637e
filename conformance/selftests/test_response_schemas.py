"""The schemas of a response and its stream: made from the SDK's types, and right about valid and wrong answers."""

import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from conformance.checklist.packaged_data import folder
from conformance.judge.schema import extensions, violations

from . import response_schemas, sdk_types
from .instances import FILES
from .response_instances import (
    BEGUN,
    EVENTS,
    FUNCTION_CALL,
    ITEMS,
    REQUIRED,
    RESPONSES,
    TEXT,
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
        kind for model in response_schemas.ITEMS for kind in sdk_types.kinds_of(model)
    }
    assert {body["type"] for body in EVENTS} == {
        kind for model in sdk_types.flatten(ResponseStreamEvent) for kind in sdk_types.kinds_of(model)
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


def test_a_kind_that_is_not_known_is_told_without_naming_all_that_are():
    assert told(EVENT, done({"type": "brand_new_call"})) == [
        ("item.type", f'is "brand_new_call", none of the {len(response_schemas.ITEMS)} values known', "should")
    ]


def without(value, keys):
    """Return a body without members of those names, wherever they are."""
    if isinstance(value, dict):
        return {key: without(below, keys) for key, below in value.items() if key not in keys}
    return [without(member, keys) for member in value] if isinstance(value, list) else value


def test_a_detail_that_most_recorded_answers_leave_out_is_no_fault():
    left_out = [(schema, without(body, {"cache_write_tokens"})) for schema, body in VALID]
    assert [body for schema, body in left_out if severities(schema, body)] == []
    assert left_out != VALID


@pytest.mark.parametrize("key", ["logprobs", "sequence_number", "input_tokens_details"])
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
        ("output.*.content.*.type", 'is "text", not "output_text" or "refusal"'),
    ),
    "a content that is a text": (
        RESPONSE,
        response(message(content="x")),
        ("output.*.content", "is a string, not an array"),
    ),
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
    "a thought without summary": (
        RESPONSE,
        response({"type": "reasoning", "id": "rs_1"}),
        ("output.*.summary", "is missing"),
    ),
    "a state of no message": (
        RESPONSE,
        response(message(status="done")),
        ("output.*.status", 'is "done", not "in_progress" or "completed" or "incomplete"'),
    ),
    "no usage at the end": (RESPONSE, response(usage=None), ("usage", "is null, not an object")),
    "incomplete without reason": (
        RESPONSE,
        unfinished(status="incomplete", incomplete_details={}, usage=USAGE),
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
