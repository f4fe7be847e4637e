"""Single-field mutants of valid responses and events: nine of ten are told, and a `must` is what breaks a client."""

import itertools
from functools import cache

import pytest
from jsonschema import Draft202012Validator
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter, ValidationError
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from conformance.judge.schema import violations

from .instances import FILES
from .mutants import mutants
from .response_instances import EVENTS, RESPONSES

RESPONSE, EVENT = "response", "response_stream_event"
SDK_TYPES = {RESPONSE: TypeAdapter(Response), EVENT: TypeAdapter(ResponseStreamEvent)}

MUTATED = [
    *((RESPONSE, body) for name, body in RESPONSES.items() if name != "every item"),
    *((EVENT, body) for body in EVENTS if "response" not in body and body["type"] != "response.output_item.added"),
]
"""Items are judged alike wherever they are, so once is enough."""


@cache
def all_mutants():
    return [
        (schema, path, kind, mutant, {each.severity for each in violations(schema, mutant)})
        for schema, body in MUTATED
        for path, kind, mutant in mutants(body)
    ]


def test_nine_mutants_of_ten_are_rejected():
    rejected = [bool(found) for *_, found in all_mutants()]
    assert len(rejected) > 4000
    assert sum(rejected) / len(rejected) > 0.9


SURVIVORS = {
    "wrong type": {
        "item.arguments",  # of a tool search: anything
        "item.arguments.query",
        "item.tools.*.input_schema",
        "item.results.*.attributes.a",  # texts, numbers and booleans alike
        "item.results.*.attributes.b",
        "item.error.code",
    },
    "bad enum": {
        "item.error.type",  # of an MCP server
        "item.tools.*.type",  # what was declared in the request
        "tools.*.type",
    },
    "bad value": {
        "item.actions.*.x",  # a screen may lie left of another
        "item.actions.*.y",
        "item.actions.*.path.*.x",
        "item.actions.*.path.*.y",
        "item.actions.*.scroll_x",
        "item.actions.*.scroll_y",
        "item.output.*.outcome.exit_code",
        "output.*.outcome.exit_code",
        "item.error.code",
        "item.results.*.attributes.a",
        "item.results.*.score",
        "item.max_output_length",
    },
}
"""Kind of mutation -> paths where it makes nothing wrong."""


@pytest.mark.parametrize("mutation", SURVIVORS)
def test_no_wrong_value_survives(mutation):
    survivors = {path for _, path, kind, _, found in all_mutants() if kind == mutation and not found}
    assert survivors == SURVIVORS[mutation]


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
    untold = {(path, kind) for path, kind in lax if kind != "bad enum" and not path.endswith(LAXER_THAN_THE_SDK)}
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
