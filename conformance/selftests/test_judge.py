"""The judge, whatever a server says: nothing is raised, each row gets a finding, and no failure counts as support."""

from __future__ import annotations

import json
from functools import cache
from itertools import combinations_with_replacement, permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance.checklist.findings import Finding, finding_from_record
from conformance.checklist.rows import is_counted
from conformance.checklist.verdicts import Evidence, Verdict
from conformance.judge.catalog import load_catalog
from conformance.judge.derive import combine_verdicts
from conformance.judge.finalize import finalize_findings
from conformance.probes.endpoints import ENDPOINTS
from conformance.probes.responses.errors import BAD_REQUESTS
from conformance.probes.session import Send
from conformance.wire.exchange import Call, Exchange, SdkResult

from .asking import TIMED
from .instances import INSTANCES
from .mutants import mutants
from .spoiled import (
    EVERY,
    NASTY,
    calls_of,
    found_of,
    honest,
    honest_for,
    keys_of,
    nested,
    spoiled,
    spoiling,
    with_text,
)

pytestmark = pytest.mark.exhaustive

OPERATIONS = ("operations/files/list", "operations/files/create", "operations/chat/completions/retrieve")
"""One of each form: the others have the same experiment."""
PROBED = [row.id for row in load_catalog().values() if row.probe and (is_counted(row.id) or row.id in OPERATIONS)]
RULES = [row.id for row in load_catalog().values() if row.rule]

QUIET = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])

EDITS = (
    ("", "null"), ("", "list"), ("", "text"), ("", "deep object"),
    ("choices", "null"), ("choices", "list of null"), ("choices", "list of object"),
    ("message", "null"), ("message", "list of null"), ("delta", "text"),
    ("usage", "null"), ("usage", "text"), ("prompt_tokens", "huge"), ("completion_tokens", "not a number"),
    ("created", "infinite"), ("index", "true"), ("index", "list"), ("id", "empty text"), ("id", "surrogate"),
    ("finish_reason", "list of object"),
    ("logprobs", "true"), ("logprobs", "list of object"), ("top_logprobs", "true"),
    ("tool_calls", "list of null"), ("arguments", "deep"), ("data", "text"), ("data", "list of null"),
    ("embedding", "list of null"), ("embedding", "list of huge"), ("bytes", "list of huge"), ("error", "list"),
    ("message", "deep"), ("models", "object"), ("modified_at", "text"),
)  # fmt: skip
"""Key and nasty value: what a deterministic look at each row tries."""


def sound(finding: Finding, row: str) -> Finding:
    assert finding.row == row
    assert finding.verdict in Verdict
    assert finding.evidence in Evidence
    assert finding.reason.strip()
    assert finding_from_record(json.loads(json.dumps(finding.to_record()))) == finding
    return finding


# Probes


@pytest.mark.parametrize("row", PROBED)
def test_no_spoiled_answer_makes_a_probe_raise(row: str) -> None:
    asked, keys = keys_of(row)
    for key, nasty in EDITS:
        if key == "" or key in keys:
            for after in range(min(asked, 2)):
                sound(found_of(row, spoiling(key, nasty, after)), row)


def failing(**about: Any) -> Send:
    return lambda call: Exchange(call=call, **about)


FAILURES = {
    "500": failing(status=500, chunks=((0.1, '{"error": {"message": "m"}}'),)),
    "empty": failing(status=200, headers=(("content-type", "application/json"),)),
    "cut": failing(status=200, failure="cut", chunks=((0.1, '{"choices": [{"mess'),)),
}

NOT_ITS_OWN = {
    "chat/fields/messages/as_serialised": "the last request only asks whether null is taken beside tool calls",
    "embeddings/fields/encoding_format/absent": "the last request only asks whether base64 is known at all",
    "embeddings/fields/input/array_of_token_arrays": "the last request is a check beside the row's own",
    **{f"native/alias/{way}": "the last request removes the copy" for way in ("chat", "completions", "embeddings")},
    "native/alias/listed": "the last request removes the copy",
    "operations/chat/completions/retrieve": "the last request is to a route that cannot exist",
}
"""Rows whose last answer is not the one that their verdict is about."""


def beside(row: str) -> set[int]:
    """Which of a row's requests its verdict is not about: the plain one after a bad one, and a last that is a check.

    That is also the last request of a bad value, asked with a valid one in its place.
    """
    asked = calls_of(row)
    after = {place for place, exchange in enumerate(asked) if exchange.call.purpose == "after_error"}
    valid = ("wrong_type", "out_of_range", *(BAD_REQUESTS.keys() - {"unknown_field"}))
    checks = row in NOT_ITS_OWN or (row.startswith("errors/") and row.split("/")[2] in valid)
    return after | {len(asked) - 1} if checks else after


@pytest.mark.parametrize("how", FAILURES)
@pytest.mark.parametrize(
    "row", [row for row in PROBED if row not in TIMED]
)  # earlier rounds may have decided that one
def test_a_failure_is_never_support(row: str, how: str) -> None:
    asked, _ = keys_of(row)
    good = [
        after
        for after in range(asked)
        if sound(found_of(row, honest_for(after, FAILURES[how])), row).verdict is Verdict.SUPPORTED
    ]
    assert set(good) <= beside(row)


HUGE = NASTY["huge"]
SAID = '{"choices": [{"message": {"role": "assistant", "content": "a"}, "logprobs": {"content": [%s]}}]}'


@pytest.mark.parametrize("message", ["[1]", '"x"', "7", "true"])
def test_a_text_beside_a_message_that_is_none_is_no_assistants(message: str) -> None:
    body = f'{{"choices": [{{"message": {message}, "text": "a"}}]}}'
    row = "chat/features/chat_completions"
    found = sound(found_of(row, lambda call: Exchange(call=call, status=200, chunks=((0.1, body),))), row)
    assert found.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(("chosen", "top"), [("-1", HUGE), (f"-{HUGE}", "-1"), ("NaN", "-1"), ("-1", "NaN")])
def test_a_logprob_that_no_client_can_hold_breaks_the_rule(chosen: str, top: str) -> None:
    entry = f'{{"token": "a", "logprob": {chosen}, "top_logprobs": [{{"token": "a", "logprob": {top}}}]}}'
    call = Call(path="/chat/completions", body={"temperature": 0})
    rule: Any = load_catalog()["chat/response/logprobs"].rule
    assert rule([Exchange(call=call, status=200, chunks=((0.1, SAID % entry),))]).verdict is Verdict.BROKEN


# Anything at all

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)

SCHEMA_OF = {"chat_completion", "chat_completion_chunk", "completion", "completion_chunk", "embedding_list", "error"}


@cache
def bodies_by_schema() -> dict[str, list[Any]]:
    """Valid instances of the endpoints' schemas, and each with one field wrong."""
    found: dict[str, list[Any]] = {}
    for parameter in INSTANCES:
        schema, instance, _ = parameter.values
        if schema in SCHEMA_OF:
            found.setdefault(str(schema), []).append(instance)
            found[str(schema)] += [mutant for _, _, mutant in mutants(instance)]
    return found


def events(documents: list[Any]) -> str:
    return "".join(f"data: {json.dumps(document)}\n\n" for document in documents) + "data: [DONE]\n\n"


KNOWN = st.one_of([st.sampled_from(bodies) for bodies in bodies_by_schema().values()])
TEXTS = st.one_of(
    st.text(max_size=60),
    JSON.map(json.dumps),
    KNOWN.map(json.dumps),
    st.lists(KNOWN | JSON, max_size=4).map(events),
    st.lists(st.sampled_from(("data: {}", "data:", "event: x", ": hm", "odd", "", "data: [DONE]", "\r", "\x00")),
             max_size=8).map("\n".join),
    st.sampled_from(sorted(NASTY.values())),
    st.integers(1, 2000).map(nested),
)  # fmt: skip
TAKEN = st.none() | st.builds(
    SdkResult,
    exception=st.none() | st.sampled_from(("BadRequestError", "APIStatusError", "ValidationError", "x")),
    text=st.none() | st.text(max_size=10),
    vector_lengths=st.lists(st.integers(0, 9), max_size=3).map(tuple),
)
ABOUT = st.fixed_dictionaries(
    {
        "status": st.none() | st.sampled_from((200, 201, 204, 301, 400, 404, 405, 418, 422, 429, 500, 501, 503)),
        "headers": st.lists(st.tuples(st.sampled_from(("content-type", "X")), st.text(max_size=12)), max_size=2).map(
            tuple
        ),
        "chunks": st.lists(st.tuples(st.floats(0, 9), TEXTS), max_size=3).map(tuple),
        "failure": st.none() | st.sampled_from(("timeout", "cut", "unreachable", "too_large")),
        "invalid_utf8": st.booleans(),
        "sdk_result": TAKEN,
        "started": st.floats(0, 2e9),
        "seconds": st.floats(0, 99),
    }
)
"""Any answer: the arguments of an exchange but its call."""

ACCEPTED = ABOUT.map(lambda about: {**about, "status": 200, "failure": None, "sdk_result": None})


@settings(QUIET, max_examples=300)
@given(
    row=st.sampled_from(PROBED),
    after=st.integers(0, 3),
    answers=st.lists(ABOUT | ACCEPTED, min_size=1, max_size=4),
)
def test_no_answer_makes_a_probe_raise(row: str, after: int, answers: list[dict[str, Any]]) -> None:
    told: list[int] = []

    def later(call: Call) -> Exchange:
        told.append(1)
        return Exchange(call=call, **answers[len(told) % len(answers)])

    sound(found_of(row, honest_for(after, later)), row)


# Rules, and what follows from others


@cache
def various() -> list[Exchange]:
    """One answer of the honest server for each form of its answers."""
    rows = ("chat/features/chat_completions", "chat/fields/stream", "chat/fields/top_logprobs",
            "chat/fields/tools/function", "chat/stream/tool_calls", "chat/fields/stream_options/include_usage",
            "completions/fields/logprobs/plain", "completions/fields/stream", "embeddings/features/embeddings",
            "models/features/retrieve", "errors/chat/unknown_model")  # fmt: skip
    found: dict[str, Exchange] = {}

    def send(call: Call) -> Exchange:
        return found.setdefault(call.id, honest(call))

    for row in rows:
        found_of(row, send)
    return list(found.values())


@pytest.mark.parametrize("row", RULES)
def test_no_spoiled_answer_makes_a_rule_raise(row: str) -> None:
    rule: Any = load_catalog()[row].rule
    assert sound(rule(various()), row).verdict in (Verdict.SUPPORTED, Verdict.INCONCLUSIVE)
    for key, nasty in EDITS:
        sound(rule([spoiled(exchange, key, nasty) for exchange in various()]), row)


PATHS = sorted({endpoint.path for endpoint in ENDPOINTS} | {"/models/x", "/zz"})
BODIES = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "stream": st.sampled_from((True, False, None, "zz")),
        "stream_options": st.sampled_from(({"include_usage": True}, 7)),
        "temperature": st.just(0),
        "max_tokens": st.sampled_from((1, -5, "zz")),
        "model": st.sampled_from(("m", 7)),
    },
)
CALLS = st.builds(
    Call,
    path=st.sampled_from(PATHS),
    method=st.sampled_from(("POST", "GET")),
    body=BODIES,
    repetition=st.integers(0, 9),
)
EXCHANGES = st.lists(st.builds(lambda call, about: Exchange(call=call, **about), CALLS, ABOUT | ACCEPTED), max_size=5)


@settings(QUIET, max_examples=60)
@given(exchanges=EXCHANGES, verdicts=st.lists(st.sampled_from(list(Verdict)), min_size=1, max_size=5))
def test_every_rule_and_every_derived_row_gets_a_finding(exchanges: list[Exchange], verdicts: list[Verdict]) -> None:
    findings = {
        row: Finding(row=row, verdict=verdicts[number % len(verdicts)], reason="r")
        for number, row in enumerate(PROBED)
    }
    rest = {row for row in load_catalog() if row not in findings}
    given = dict(findings)
    whole = finalize_findings(findings, exchanges, models=set(EVERY), selected=rest)
    assert findings == given
    assert {row: whole[row] for row in findings} == findings
    made = {row: finding for row, finding in whole.items() if row not in findings}
    assert set(made) == {row.id for row in load_catalog().values() if row.rule or row.derived_from}
    for row, finding in made.items():
        sound(finding, row)


# What follows from parts: the whole truth table

DOUBTS = (Verdict.INCONCLUSIVE, Verdict.UNTESTED)
BAD = (Verdict.REJECTED, Verdict.IGNORED, Verdict.BROKEN)


def due(parts: tuple[Verdict, ...]) -> Verdict:
    """What a row deserves, said of its parts one rule after the other."""
    known = {part for part in parts if part is not Verdict.NOT_APPLICABLE}
    good, bad = known & {Verdict.SUPPORTED, Verdict.PARTIAL}, known & set(BAD)
    if not known:
        return Verdict.NOT_APPLICABLE
    if Verdict.PARTIAL in good or (good and bad):
        return Verdict.PARTIAL  # whatever the parts in doubt turn out to be
    if Verdict.UNTESTED in known:
        return Verdict.UNTESTED
    if Verdict.INCONCLUSIVE in known:
        return Verdict.INCONCLUSIVE
    if good:
        return Verdict.SUPPORTED
    most = max(parts.count(verdict) for verdict in bad)
    return next(verdict for verdict in BAD if parts.count(verdict) == most)  # of as many, the better


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4])
def test_the_verdict_of_a_whole_follows_from_its_parts(size: int) -> None:
    table = {parts: combine_verdicts(parts) for parts in combinations_with_replacement(Verdict, size)}
    assert {parts: str(got) for parts, got in table.items() if got is not due(parts)} == {}
    if size == 3:
        assert all(combine_verdicts(order) is got for parts, got in table.items() for order in permutations(parts))


def test_an_answer_nested_deeper_than_any_is_no_document() -> None:
    plain = honest(Call(method="GET", path="/models", sdk_method="models.list"))
    found = {depth: with_text(plain, nested(depth)).json is not None for depth in (1, 100, 101, 500, 100_000)}
    assert found == {1: True, 100: True, 101: False, 500: False, 100_000: False}
