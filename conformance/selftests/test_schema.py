"""The judge of schemas: what it tells about a body, and that no body whatever breaks it."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.checklist import packaged_data as resources
from conformance.judge import schema as judge
from conformance.judge.schema import Violation, extensions, violations

from .instances import FILES, INSTANCES, REPORT, ROW, TEXT_CHUNK, USAGE_CHUNK

BODIES = sorted(FILES.keys() - {"common"})
VERDICTS = FILES["report"]["$defs"]["verdict"]["enum"]


def severities(schema, body):
    return {violation.severity for violation in violations(schema, body)}


def chat(**changed):
    return {**INSTANCES[0].values[1], **changed}


@pytest.mark.parametrize(
    ("schema", "body", "told"),
    [
        ("chat_completion", chat(usage=None), [("usage", "is null, not an object", "must")]),
        ("chat_completion", chat(choices=[]), [("choices", "has fewer elements than 1", "must")]),
        ("chat_completion", chat(object="chat"), [("object", 'is "chat", not "chat.completion"', "must")]),
        ("chat_completion", chat(id="x"), [("id", "does not match ^chatcmpl-", "should")]),
        ("chat_completion", chat(created=0), [("created", "is not above 0", "should")]),
        ("chat_completion", chat(created=10**5000), [("created", "is above 99999999999", "should")]),
        ("chat_completion", chat(created=-(10**5000)), [("created", "is not above 0", "should")]),
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
        ("report", {**REPORT, "seconds": math.inf}, [("seconds", "is NaN or infinite, not a number", "must")]),
        ("report", {**REPORT, "counts": {"supported": -1}}, [("counts.*", "is below 0", "must")]),
        (
            "report",
            {
                **REPORT,
                "suite": {"commit": None, "sdk": "openai 3", "python": "3.11"},
                "shard": {"ended": "", "of": 0},
            },
            [
                ("shard.index", "is missing", "must"),
                ("shard.of", "is below 1", "must"),
                ("shard.selected", "is missing", "must"),
                ("suite.version", "is missing", "must"),
            ],
        ),
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


def test_violations_are_sorted():
    told = violations("report", {})
    assert len(told) == 14
    assert told == tuple(sorted(told, key=lambda violation: violation.path))


@pytest.fixture
def toy_schemas(tmp_path, monkeypatch):
    """The judge reads `toy.json` and `part.json` in the place of ours, which use few of the possible combinations."""
    draft = "https://json-schema.org/draft/2020-12/schema"
    toy = {
        "$schema": draft,
        "properties": {"list": {"minItems": 2}, "part": {"$ref": "part.json"}},
        "if": {"properties": {"kind": {"const": "x"}}, "required": ["kind"]},
        "then": {"required": ["more"]},
    }
    is_a = {"properties": {"type": {"const": "a"}}, "required": ["type"]}
    is_b = {"properties": {"type": {"enum": ["b", 7]}}, "required": ["type"]}
    cases = {
        "allOf": [
            {"if": is_a, "then": {"required": ["of_a"]}},
            {"if": is_b, "then": {"required": ["of_b"]}},
            {"if": is_a, "else": {"required": ["of_others"]}},
            {"if": {"properties": is_a["properties"]}, "then": {"required": ["of_a_or_none"]}},
            {"if": {"required": ["odd"]}, "then": {"required": ["even"]}},
            {"if": is_a, "then": {}, "required": ["of_all"]},
        ]
    }
    part = {"should": {"type": "string"}}
    for name, document in {"toy": toy, "part": {"$schema": draft, **part}, "cases": cases}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
    caches = (judge._registry, judge._compile)  # noqa: SLF001 - read once, and now from another folder
    monkeypatch.setattr(judge, "folder", lambda _name: tmp_path)
    for cached in caches:
        cached.cache_clear()
    yield
    for cached in caches:
        cached.cache_clear()


@pytest.mark.usefixtures("toy_schemas")
@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"list": [1]}, ("list", "has fewer elements than 2", "must")),
        ({"list": [1, 2]}, None),
        ({"kind": "x"}, ("more", "is missing", "must")),
        ({"kind": "y"}, None),
        ({"part": 1}, ("part", "is an integer, not a string", "should")),
    ],
)
def test_a_schema_may_combine_keywords_as_ours_do_not(body, told):
    found = [(each.path, each.message, each.severity) for each in violations("toy", body)]
    assert found == ([told] if told else [])


@pytest.mark.usefixtures("toy_schemas")
@pytest.mark.parametrize(
    ("body", "missing"),
    [
        ({"type": "a", "of_all": 1}, ["of_a", "of_a_or_none"]),
        ({"type": "a", "odd": 1, "of_all": 1}, ["even", "of_a", "of_a_or_none"]),
        ({"type": "b", "of_all": 1}, ["of_b", "of_others"]),
        ({"type": 7.0, "of_all": 1}, ["of_b", "of_others"]),
        ({"type": "c"}, ["of_all", "of_others"]),
        ({"type": None, "of_all": 1}, ["of_others"]),
        ({"type": ["a"], "of_all": 1}, ["of_others"]),
        ({"of_all": 1}, ["of_a_or_none", "of_others"]),
        ("a", []),
    ],
)
def test_only_what_holds_for_all_and_for_its_own_type_is_asked_of_a_body(body, missing):
    assert [each.path for each in violations("cases", body)] == missing


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


@pytest.mark.parametrize(
    "key",
    [
        "finish_reasn",
        "finish_reasom",
        "finsih_reason",
        "inish_reason",
        "finnish_reason",
        "finishReason",
        "finish_reasons",
    ],
)
def test_a_misspelt_key_is_told(key):
    choice = {**chat()["choices"][0], key: "stop"}
    told = violations("chat_completion", chat(choices=[choice]))
    assert told == (
        Violation(path=f"choices.*.{key}", message='is unknown and looks like "finish_reason"', severity="should"),
    )


@pytest.mark.parametrize(
    "key", ["reasoning", "thinking", "stop_reason", "token_ids", "ids", "finish_detail", "inish_reasonf", "mesge"]
)
def test_another_name_is_no_misspelling(key):
    assert violations("chat_completion", chat(choices=[{**chat()["choices"][0], key: "x"}])) == ()


def test_a_swap_of_neighbours_is_told_whatever_the_letters_around_it():
    shard = {"index": 1, "of": 1, "selected": [], "ended": "", "edned": ""}
    message = 'is unknown and looks like "ended"'
    assert violations("report", {**REPORT, "shard": shard}) == (
        Violation(path="shard.edned", message=message, severity="should"),
    )


# Bodies that nobody vouches for


@pytest.mark.parametrize("schema", BODIES)
def test_no_value_is_told_but_of_an_enumeration(schema):
    for key in FILES[schema]["properties"]:
        for value in (["s3cret"], {"message": "s3cret"}, {"role": ["s3cret"]}):
            assert "s3cret" not in repr(violations(schema, {key: value}))


FAULTS = [-1, "x", None, [], {}, True, 0.5]
"""Each breaks `counts.*` and `choices.*` in another way."""


@pytest.mark.parametrize(
    ("schema", "body"),
    [
        ("report", {**REPORT, "counts": dict(zip(VERDICTS, FAULTS, strict=False))}),
        ("chat_completion", chat(choices=FAULTS)),
    ],
    ids=["map", "array"],
)
def test_of_a_map_or_an_array_only_so_many_faulty_members_are_told(schema, body, monkeypatch):
    assert len(violations(schema, body)) > 3
    monkeypatch.setattr(judge, "MAX_FAULTY_MEMBERS", 3)
    assert len(violations(schema, body)) == 3


def test_what_comes_after_an_array_of_faults_is_told():
    assert violations("chat_completion", chat(choices=[0] * 1_000_000, usage=None)) == (
        Violation(path="choices.*", message="is an integer, not an object", severity="must"),
        Violation(path="usage", message="is null, not an object", severity="must"),
    )


def test_of_a_body_only_so_many_errors_are_told(monkeypatch):
    body = chat(usage=None, object="x", created=None)
    assert len(violations("chat_completion", body)) == 3
    monkeypatch.setattr(judge, "MAX_ERRORS", 2)
    assert len(violations("chat_completion", body)) == 2


def test_only_so_many_unknown_keys_are_compared_with_the_known(monkeypatch):
    body = chat(usagf=1, modell=1, objet=1)
    assert len(violations("chat_completion", body)) == 3
    monkeypatch.setattr(judge, "MAX_COMPARED_KEYS", 2)
    assert len(violations("chat_completion", body)) == 2


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
    monkeypatch.setattr(resources, "__file__", str(package / "checklist" / "packaged_data.py"))
    assert resources.folder("schemas") == (beside if kind == "checkout" else inside)
