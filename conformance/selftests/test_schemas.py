"""The schemas: what OpenAI sends passes, one wrong field does not."""

from functools import cache

import pytest
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter, ValidationError
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from conformance.judge.schema import MESSAGES, extensions, violations

from .instances import DATA, FILES, INSTANCES, MODEL, REPORT, ROW, TEXT_CHUNK, TYPES, USAGE_CHUNK
from .mutants import mutants

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
    silent = {"$schema", "$comment", "$ref", "$defs", "title"}
    applicators = {
        "properties",
        "propertyNames",
        "items",
        "additionalProperties",
        "allOf",
        "if",
        "then",
        "else",
        "should",
    }
    known = silent | applicators | MESSAGES.keys()
    assert {key for schema in subschemas(FILES[name]) for key in schema} <= known


@pytest.mark.parametrize("name", FILES)
def test_references_stand_alone(name):
    assert all(len(schema) == 1 for schema in subschemas(FILES[name]) if "$ref" in schema)


@pytest.mark.parametrize("name", FILES)
def test_conditions_hold_or_fail_on_musts_alone(name):
    for schema in subschemas(FILES[name]):
        assert all("should" not in inner for inner in subschemas(schema.get("if", {})))


def test_no_name_of_a_property_is_taken_for_the_keyword():
    assert not [
        name for name in FILES for schema in subschemas(FILES[name]) if "should" in schema.get("properties", {})
    ]


# Valid bodies


def test_twenty_instances_of_nine_types():
    assert len(INSTANCES) == 20
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


def severities(schema, body):
    return {violation.severity for violation in violations(schema, body)}


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
)
"""Ends of paths where the SDK's types reject what is no `must` for us."""


def test_what_the_types_of_the_sdk_reject_is_a_must():
    for schema, path, kind, mutant, sdk_type in all_mutants():
        if schema.startswith("response") or (schema == "error" and not path.startswith("error.")):
            continue  # of responses, `test_response_schemas.py` tells more
        try:
            adapter(sdk_type).validate_python(mutant["error"] if schema == "error" else mutant)
        except ValidationError:
            tolerated = path.endswith(THE_SDK_ALONE)
            assert tolerated or "must" in severities(schema, mutant), (schema, path, kind)
