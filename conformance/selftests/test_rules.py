"""Every rule can fail: an honest exchange keeps it, the smallest change breaks it, and the reason names it."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import ModuleType

import pytest

from conformance.checklist.verdicts import Evidence, Verdict
from conformance.judge import response_stream
from conformance.judge.catalog import load_catalog
from conformance.judge.rules import (
    errors,
    response_echo,
    response_ids,
    response_objects,
    response_stream_items,
    response_streams,
    responses,
    streams,
)
from conformance.judge.rules.registry import Rule
from conformance.wire.exchange import Call, Exchange

from .rule_pairs import AFTER, PAIRS, REFUSED, plain, stream
from .rule_samples import JSON_HEAD, RulePair, Sample, change

RULES: dict[str, Rule] = {row.id: row.rule for row in load_catalog().values() if isinstance(row.rule, Rule)}


TOLERATED = {"chat/stream/last_delta_empty"}
"""Rows of rules that no client is known to need."""


def exchanges(samples: Sequence[Sample]) -> list[Exchange]:
    return [sample.exchange() for sample in samples]


def expect_broken(rule: Rule, pair: RulePair) -> None:
    found = rule(exchanges(pair.broken))
    due = Verdict.PARTIAL if pair.row in TOLERATED else Verdict.BROKEN
    assert (found.row, found.verdict, found.evidence) == (pair.row, due, Evidence.EFFECT), found.reason
    assert found.reason == pair.change.reason
    assert exchanges(pair.broken)[-1].id in found.exchanges


def name(pair: RulePair) -> str:
    return f"{pair.row}: {pair.change.reason}"


@pytest.mark.parametrize("pair", PAIRS, ids=name)
def test_the_honest_exchange_keeps_the_rule_and_the_smallest_change_breaks_it(pair: RulePair) -> None:
    honest = RULES[pair.row](exchanges(pair.honest))
    assert (honest.row, honest.verdict) == (pair.row, Verdict.SUPPORTED), honest.reason
    expect_broken(RULES[pair.row], pair)


@pytest.mark.parametrize("row", RULES)
def test_a_check_that_finds_nothing_would_be_noticed(row: str) -> None:
    rule = RULES[row]
    blind = replace(rule, check=lambda answers: [(exchange, "") for exchange, _ in rule.check(answers)])
    pairs = [pair for pair in PAIRS if pair.row == row]
    assert pairs, "this rule row has no pair in rule_pairs.py"
    for pair in pairs:
        with pytest.raises(AssertionError):
            expect_broken(blind, pair)


def test_every_rule_row_has_a_pair_and_every_pair_a_rule_row() -> None:
    rows = {row.id for row in load_catalog().values() if row.rule is not None}
    assert rows == set(RULES)
    assert {pair.row for pair in PAIRS} == rows


def reasons_of(module: ModuleType) -> Iterator[str]:
    """The texts with a space in the functions of a module, but their docstrings: the reasons that they name."""
    for function in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(function, ast.FunctionDef):
            body = function.body[1:] if ast.get_docstring(function) else function.body
            for node in (node for statement in body for node in ast.walk(statement)):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
                    yield node.value


MODULES = (
    errors,
    response_echo,
    response_ids,
    response_objects,
    response_stream,
    response_stream_items,
    response_streams,
    responses,
    streams,
)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.split(".")[-1])
def test_every_reason_that_a_check_can_name_has_a_pair(module: ModuleType) -> None:
    named = set(reasons_of(module))
    assert named
    assert {text for text in named if not any(text in pair.change.reason for pair in PAIRS)} == set()


SURVIVES = RULES["errors/response/survives"]


def test_a_busy_answer_after_a_bad_request_says_nothing() -> None:
    assert SURVIVES([replace(AFTER.exchange(), status=429)]).verdict is Verdict.INCONCLUSIVE


def test_what_another_row_sends_after_a_bad_request_is_not_judged() -> None:
    refused = REFUSED.exchange()
    next_one = replace(plain("chat").exchange(), failure="cut", status=None, started=refused.started + 1)
    assert SURVIVES([refused, next_one]).verdict is Verdict.INCONCLUSIVE
    assert SURVIVES([refused, next_one, AFTER.exchange()]).verdict is Verdict.SUPPORTED


def verdict_of(row: str, *samples: Sample) -> Verdict:
    return RULES[row](exchanges(samples)).verdict


CUT = change("", '"finish_reason":"stop"', '"finish_reason":"length"')
HALF = change("", " two", " two\ufffd")


@pytest.mark.parametrize("endpoint", ["chat", "completions"])
def test_half_a_character_is_allowed_where_the_limit_cut_it_and_nowhere_else(endpoint: str) -> None:
    row = f"{endpoint}/stream/utf8"
    half = HALF.apply(stream(endpoint))
    assert verdict_of(row, CUT.apply(half)) is Verdict.SUPPORTED
    assert verdict_of(row, half) is Verdict.BROKEN
    torn = change("", " two", " t\ufffdwo").apply(stream(endpoint))
    assert verdict_of(row, CUT.apply(torn)) is Verdict.BROKEN
    elsewhere = change("", '"model":"m"', '"model":"m\ufffd"').apply(stream(endpoint))
    assert verdict_of(row, CUT.apply(elsewhere)) is Verdict.BROKEN


def spoken(said: str, tokens: str, data: str, finish: str = "length") -> Sample:
    entry = f'{{"token":"{tokens}","logprob":-0.1,"bytes":{data},"top_logprobs":[]}}'
    return plain("chat", f'"message":{{"role":"assistant",{said}}}', finish, f'{{"content":[{entry}]}}')


LOGPROBS_ROW = "chat/response/logprobs"


def test_tokens_may_join_to_the_thoughts_and_the_content_behind_them() -> None:
    for name in ("reasoning", "reasoning_content"):
        said = f'"{name}":"Well, ","content":"two"'
        assert verdict_of(LOGPROBS_ROW, spoken(said, "Well, two", "null")) is Verdict.SUPPORTED
        assert verdict_of(LOGPROBS_ROW, spoken(said, "two", "null")) is Verdict.SUPPORTED
        assert verdict_of(LOGPROBS_ROW, spoken(said, "Well, ", "null")) is Verdict.BROKEN
    silent = '"reasoning":"Well, ","content":null'
    assert verdict_of(LOGPROBS_ROW, spoken(silent, "Well, ", "null")) is Verdict.SUPPORTED


def test_half_a_character_may_be_in_the_tokens_and_not_in_the_text_where_the_limit_cut_it() -> None:
    dropped, shown = '"content":"a"', '"content":"a\ufffd"'
    half = "[97,240,159]"
    for said in (dropped, shown):
        assert verdict_of(LOGPROBS_ROW, spoken(said, "zq", half)) is Verdict.SUPPORTED
    assert verdict_of(LOGPROBS_ROW, spoken(dropped, "zq", half, finish="stop")) is Verdict.BROKEN
    assert verdict_of(LOGPROBS_ROW, spoken('"content":"b"', "zq", half)) is Verdict.BROKEN


def test_what_a_server_makes_of_a_bad_request_says_nothing_of_its_answers() -> None:
    row = "chat/response/schema"
    faulty = change("", '"index":0,').apply(plain("chat"))
    assert verdict_of(row, faulty) is Verdict.BROKEN
    for field, bad in (("top_logprobs", 21), ("n", 0), ("user", {}), ("messages", [])):
        call = replace(faulty.call, body={**faulty.call.body, field: bad})
        assert verdict_of(row, replace(faulty, call=call)) is Verdict.INCONCLUSIVE
        good = replace(faulty.call, body={**faulty.call.body, field: {"top_logprobs": 3}.get(field, "zq")})
        assert verdict_of(row, replace(faulty, call=good)) is Verdict.BROKEN
    call = Call(path="/embeddings", body={"model": "e", "input": []}, server="embedding")
    nothing = Sample(call=call, wire=f'{JSON_HEAD}{{"object":"list","data":[]}}')
    assert verdict_of("embeddings/response/vectors", nothing) is Verdict.INCONCLUSIVE


def test_several_faults_are_counted_in_words() -> None:
    faulty = [change("", '"role":"assistant"', f'"role":"{who}"').apply(plain("chat")) for who in "abc"]
    one, two = (RULES["chat/response/role"](exchanges(faulty[:count])).reason for count in (2, 3))
    assert one == 'the role is "a"; and 1 other fault'
    assert two == 'the role is "a"; and 2 other faults'
