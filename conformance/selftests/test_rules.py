"""Every rule can fail: an honest exchange keeps it, the smallest change breaks it, and the reason names it."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import ModuleType

import pytest

from conformance.checklist.verdicts import Evidence, Verdict
from conformance.judge.catalog import load_catalog
from conformance.judge.rules import errors, responses, streams
from conformance.judge.rules.registry import Rule
from conformance.wire.exchange import Exchange

from .rule_pairs import AFTER, PAIRS, REFUSED, RulePair, Sample, plain

RULES: dict[str, Rule] = {row.id: row.rule for row in load_catalog().values() if isinstance(row.rule, Rule)}


def exchanges(samples: Sequence[Sample]) -> list[Exchange]:
    return [sample.exchange() for sample in samples]


def expect_broken(rule: Rule, pair: RulePair) -> None:
    found = rule(exchanges(pair.broken))
    assert (found.row, found.verdict, found.evidence) == (pair.row, Verdict.BROKEN, Evidence.EFFECT), found.reason
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


@pytest.mark.parametrize("module", [responses, streams, errors], ids=lambda module: module.__name__.split(".")[-1])
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
