"""The schemas: what OpenAI sends passes, one wrong field does not, and no body whatever breaks the validator."""

import json
import math
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from openai.pagination import SyncPage
from openai.types import Completion, CreateEmbeddingResponse, Model, ModelDeleted
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from openai.types.shared import ErrorObject
from pydantic import TypeAdapter, ValidationError
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from conformance import resources
from conformance.judge import shape
from conformance.judge.shape import Violation, extensions, violations

from .mutants import mutants

DATA = Path(__file__).parent / "data"
FILES = {file.stem: json.loads(file.read_text()) for file in sorted(resources.folder("schemas").glob("*.json"))}
BODIES = sorted(FILES.keys() - {"common"})

TYPES = {
    "ChatCompletion": ("chat_completion", ChatCompletion),
    "ChatCompletionChunk": ("chat_completion_chunk", ChatCompletionChunk),
    "Completion": ("completion", Completion),
    "CreateEmbeddingResponse": ("embedding_list", CreateEmbeddingResponse),
    "ModelList": ("model_list", SyncPage[Model]),
    "ErrorObject": ("error", ErrorObject),
    "ModelDeleted": ("model_deleted", ModelDeleted),
    "Response": ("response", Response),
    "ResponseStreamEvent": ("response_stream_event", ResponseStreamEvent),
}

INSTANCES = [
    pytest.param(schema, {"error": instance} if schema == "error" else instance, sdk_type, id=f"{name}-{number}")
    for name, instances in json.loads((DATA / "instances.json").read_text())["instances"].items()
    for schema, sdk_type in [TYPES[name]]
    for number, instance in enumerate(instances)
]

USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
TEXT_CHUNK = {
    "id": "cmpl-1",
    "object": "text_completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "text": "x", "logprobs": None, "finish_reason": None}],
}
USAGE_CHUNK = {**TEXT_CHUNK, "choices": [], "usage": USAGE}
MODEL = {"id": "m", "object": "model", "created": 1, "owned_by": "x"}
ROW = {
    "id": "chat/fields/seed",
    "endpoint": "chat",
    "kind": "fields",
    "title": "seed",
    "order": 3,
    "verdict": "supported",
    "evidence": "effect",
    "severity": "must",
    "reason": "equal texts",
    "chance": "0",
    "claim": True,
    "agrees": True,
    "model": "m",
    "exchanges": ["e017"],
    "seconds": 0.5,
    "requests": 2,
}
REPORT = {
    "format": 1,
    "complete": True,
    "suite": {"version": "0.1.0", "commit": None, "sdk": "openai 3.52.0", "python": "3.11.7"},
    "target": {
        "kind": "ollama",
        "base_url": "http://127.0.0.1:11434/v1",
        "version": "0.24.0",
        "models": {"chat": {"id": "m", "digest": None, "base_url": "http://127.0.0.1:11434/v1"}},
    },
    "started": "2026-01-02T03:04:05+00:00",
    "seconds": 1.5,
    "requests": 2,
    "prompt_tokens": 10,
    "completion_tokens": 5,
    "counts": {"supported": 1},
    "extensions": {"chat_completion": ["timings"]},
    "baseline": None,
    "notes": [],
    "rows": [ROW],
}


def severities(schema, body):
    return {violation.severity for violation in violations(schema, body)}


def chat(**changed):
    return {**INSTANCES[0].values[1], **changed}


adapter = cache(TypeAdapter)


@cache
def registry():
    return Registry().with_resources(
        (f"{name}.json", DRAFT202012.create_resource(document)) for name, document in FILES.items()
    )


def subschemas(document):
    """Every schema in a document: values of `properties` and `$defs` are names, all others keywords."""
    yield document
    for key, below in document.items():
        if key in ("properties", "$defs"):
            inner = below.values()
        elif key == "allOf":
            inner = below
        else:
            inner = [below] if isinstance(below, dict) else []
        for schema in inner:
            yield from subschemas(schema)


# The schemas themselves


@pytest.mark.parametrize("name", FILES)
def test_every_schema_is_valid_draft_2020_12_inside_should_too(name):
    for schema in subschemas(FILES[name]):
        Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("name", FILES)
def test_no_schema_uses_a_keyword_that_would_print_or_pass_over_a_value(name):
    harmless = {"$schema", "$comment", "$ref", "$defs", "title", "properties", "propertyNames", "allOf"}
    known = harmless | {"if", "then", "else"} | shape.KEYWORDS.keys()
    assert {key for schema in subschemas(FILES[name]) for key in schema} <= known


@pytest.mark.parametrize("name", FILES)
def test_conditions_hold_or_fail_on_musts_alone(name):
    for schema in subschemas(FILES[name]):
        assert all("should" not in inner for inner in subschemas(schema.get("if", {})))


def test_no_name_of_a_property_is_taken_for_the_keyword():
    assert not [
        name for name in FILES for schema in subschemas(FILES[name]) if "should" in schema.get("properties", {})
    ]


# Valid bodies


def test_seventeen_instances_of_nine_types():
    assert len(INSTANCES) == 17
    assert len(TYPES) == 9


@pytest.mark.parametrize(("schema", "instance", "_sdk_type"), INSTANCES)
def test_a_valid_instance_breaks_nothing_and_extends_nothing(schema, instance, _sdk_type):
    assert violations(schema, instance) == ()
    assert extensions(schema, instance) == ()


@pytest.mark.parametrize(("schema", "instance", "sdk_type"), INSTANCES)
def test_the_sdk_accepts_a_valid_instance(schema, instance, sdk_type):
    TypeAdapter(sdk_type).validate_python(instance["error"] if schema == "error" else instance)


@pytest.mark.parametrize(
    ("schema", "body"),
    [
        ("model", MODEL),
        ("model_list", {"object": "list", "data": []}),
        ("completion_chunk", TEXT_CHUNK),
        ("completion_chunk", USAGE_CHUNK),
        ("completion_chunk", {**TEXT_CHUNK, "usage": None}),
        ("report", REPORT),
        ("report", {**REPORT, "baseline": {"source": "x"}, "rows": [{**ROW, "claim": None, "agrees": None}]}),
        (
            "embedding_list",
            {
                "object": "list",
                "data": [{"object": "embedding", "index": 0, "embedding": "zczMPQ=="}],
                "model": "m",
                "usage": {"prompt_tokens": 1, "total_tokens": 1},
            },
        ),
    ],
)
def test_other_valid_bodies(schema, body):
    assert violations(schema, body) == ()


# Mutants


def all_mutants():
    for parameters in INSTANCES:
        schema, instance, sdk_type = parameters.values
        for path, kind, mutant in mutants(instance):
            yield schema, path, kind, mutant, sdk_type


def allowed():
    lines = (DATA / "allowed_mutants.txt").read_text().splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def test_mutants_are_rejected_but_for_the_listed_ones():
    outcomes = [
        (bool(violations(schema, mutant)), f"{schema}: {path}: {kind}")
        for schema, path, kind, mutant, _ in all_mutants()
    ]
    survivors = {name for rejected, name in outcomes if not rejected}
    assert survivors - allowed() == set(), "these survive and are not listed as allowed"
    assert allowed() - survivors == set(), "these are listed as allowed and are rejected"
    rejected = sum(rejected for rejected, _ in outcomes)
    assert len(outcomes) > 1100
    assert rejected / len(outcomes) >= 0.85


def test_a_validator_that_does_not_know_should_sees_exactly_the_musts():
    for schema, path, kind, mutant, _ in all_mutants():
        plain = Draft202012Validator({"$ref": f"{schema}.json"}, registry=registry()).is_valid(mutant)
        assert plain == ("must" not in severities(schema, mutant)), (schema, path, kind)


THE_SDK_ALONE = (
    "service_tier",  # grows with every release
    "token_logprobs.*",  # OpenAI sends null for the first token of an echoed prompt
    "top_logprobs.*",
    "output.*.type",  # new kinds of items come with every release
    "type",
    "usage.input_tokens_details",  # missing in the specification's own examples, as are the next two
    "usage.output_tokens_details",
    "sequence_number",
    "logprobs",
    "usage.input_tokens_details.cached_tokens",
    "usage.input_tokens_details.cache_write_tokens",
    "usage.output_tokens_details.reasoning_tokens",
)
"""Ends of paths where the SDK's types reject what is no `must` for us."""


def test_what_the_types_of_the_sdk_reject_is_a_must():
    for schema, path, kind, mutant, sdk_type in all_mutants():
        if schema == "error" and not path.startswith("error."):
            continue
        try:
            adapter(sdk_type).validate_python(mutant["error"] if schema == "error" else mutant)
        except ValidationError:
            tolerated = path.endswith(THE_SDK_ALONE)
            assert tolerated or "must" in severities(schema, mutant), (schema, path, kind)


# What is told, and how severe it is


@pytest.mark.parametrize(
    ("schema", "body", "told"),
    [
        ("chat_completion", chat(usage=None), [("usage", "is null, not an object", "must")]),
        ("chat_completion", chat(choices=[]), [("choices", "has fewer elements than 1", "must")]),
        ("chat_completion", chat(object="chat"), [("object", "is 'chat', not 'chat.completion'", "must")]),
        ("chat_completion", chat(id="x"), [("id", "does not match ^chatcmpl-", "should")]),
        ("chat_completion", chat(created=0), [("created", "is not above 0", "should")]),
        (
            "chat_completion",
            chat(created=math.nan),
            [("created", "is NaN or infinite, not an integer", "must")],
        ),
        ("chat_completion", None, [("$", "is null, not an object", "must")]),
        (
            "chat_completion",
            chat(
                choices=[{"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}] * 3
            ),
            [
                ("choices.*.message.refusal", "is missing", "should"),
                ("choices.*.logprobs", "is missing", "should"),
            ],
        ),
        ("completion_chunk", {**USAGE_CHUNK, "usage": None}, [("usage", "is null, not an object", "should")]),
        ("completion_chunk", {**TEXT_CHUNK, "choices": []}, [("usage", "is missing", "should")]),
        (
            "error",
            {"error": {"message": "m", "type": "t", "param": None, "code": 400}},
            [("error.code", "is an integer, not a string or null", "must")],
        ),
        (
            "error",
            {"error": {"message": "m", "type": "t"}},
            [("error.param", "is missing", "should"), ("error.code", "is missing", "should")],
        ),
        ("error", {"error": "m"}, [("error", "is a string, not an object", "must")]),
        ("model_list", {"object": "list", "data": None}, [("data", "is null, not an array", "must")]),
        (
            "report",
            {**REPORT, "rows": [{**ROW, "verdict": "untested"}]},
            [("rows.*.agrees", "is a boolean, not null", "must")],
        ),
        ("report", {**REPORT, "counts": {"supported": -1}}, [("counts.*", "is below 0", "must")]),
    ],
)
def test_a_violation_tells_where_what_and_how_severe(schema, body, told):
    found = violations(schema, body)
    assert sorted(found, key=repr) == sorted(
        (Violation(path=path, message=message, severity=severity) for path, message, severity in told),
        key=repr,
    )


def test_a_null_that_is_required_is_told_from_an_optional_key():
    message = {"role": "assistant", "content": "x", "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    assert violations("chat_completion", chat(choices=[choice])) == ()
    without_tools = {**message, "tool_calls": None}
    assert severities("chat_completion", chat(choices=[{**choice, "message": without_tools}])) == {"should"}


def test_there_is_no_schema_of_an_unknown_name():
    with pytest.raises(LookupError):
        violations("chat", {})


# Extensions


def test_keys_that_the_schema_does_not_know_are_listed_and_allowed():
    choice = {**chat()["choices"][0], "stop_reason": None}
    body = chat(timings={"prompt_n": 1}, choices=[choice, choice])
    assert violations("chat_completion", body) == ()
    assert extensions("chat_completion", body) == ("choices.*.stop_reason", "timings")


def test_keys_of_a_map_are_no_extensions():
    assert extensions("chat_completion", chat(metadata={"anything": "x"})) == ()


@pytest.mark.parametrize("key", ["finish_reasn", "finsih_reason", "finishReason", "finish_reasons"])
def test_a_misspelt_key_is_told(key):
    choice = {**chat()["choices"][0], key: "stop"}
    told = violations("chat_completion", chat(choices=[choice]))
    assert told == (
        Violation(path=f"choices.*.{key}", message="is unknown and looks like 'finish_reason'", severity="should"),
    )


@pytest.mark.parametrize("key", ["reasoning", "thinking", "stop_reason", "token_ids", "ids", "finish_detail"])
def test_another_name_is_no_misspelling(key):
    assert violations("chat_completion", chat(choices=[{**chat()["choices"][0], key: "x"}])) == ()


# Bodies that nobody vouches for

KEYS = st.sampled_from(["choices", "message", "usage", "error", "data", "id", "logprobs", "rows", "output", "type"])
TEXTS = st.text(st.characters(codec=None), max_size=8)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**4000)
    | st.floats()
    | TEXTS
    | st.sampled_from(["message", "response.completed", "custom", "refusal", "completed"])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | TEXTS, inner, max_size=5),
    max_leaves=25,
)


def presentable(schema, body):
    """Whatever a body is: both functions answer, shortly, in text that can be written anywhere."""
    for violation in violations(schema, body):
        assert len(violation.message) < 300
        f"{violation.path} {violation.message}".encode()
    for path in extensions(schema, body):
        path.encode()


@settings(deadline=None)
@given(schema=st.sampled_from(BODIES), body=JSON)
def test_no_body_makes_it_raise(schema, body):
    presentable(schema, body)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_nothing_put_into_a_valid_body_makes_it_raise(data):
    schema, instance, _ = data.draw(st.sampled_from(INSTANCES)).values
    body = json.loads(json.dumps(instance))
    place = body
    while True:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not (isinstance(place[key], dict | list) and place[key]) or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(JSON)
    presentable(schema, body)


def deep(opening):
    value = []
    for _ in range(100_000):
        value = {"choices": value} if opening == "{" else [value]
    return value


@pytest.mark.parametrize("schema", BODIES)
@pytest.mark.parametrize(
    "value",
    [
        deep("["),
        deep("{"),
        "x" * 1_000_000,
        10**5000,
        -math.inf,
        "\ud800",
        {"\ud800" * 1000: 1},
        [0] * 100_000,
    ],
    ids=["lists", "objects", "long", "huge", "infinite", "surrogate", "key", "many"],
)
def test_a_monster_is_told_shortly_wherever_it_is(schema, value):
    presentable(schema, value)
    for key in FILES[schema]["properties"]:
        presentable(schema, {key: value})
        presentable(schema, {key: [value]})
        presentable(schema, {key: {"message": value, "choices": value, "x": value}})


# Where the schemas lie


@pytest.mark.parametrize("kind", ["wheel", "checkout", "both"])
def test_packaged_data_is_found_in_a_wheel_and_in_a_checkout(kind, tmp_path, monkeypatch):
    package = tmp_path / "conformance"
    inside, beside = package / "schemas", tmp_path / "schemas"
    for place in {"wheel": [inside], "checkout": [beside], "both": [inside, beside]}[kind]:
        place.mkdir(parents=True)
    monkeypatch.setattr(resources, "__file__", str(package / "resources.py"))
    assert resources.folder("schemas") == (beside if kind == "checkout" else inside)
