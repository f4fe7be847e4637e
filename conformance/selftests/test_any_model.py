"""Every row asked of every kind of model and server gives a verdict that is true of the kind.

What a kind honours is supported or could not be told; what it drops is ignored or could not be told; what it refuses
in its own words is rejected. And enough is decided: to find everything inconclusive would never be wrong. The kinds
are in `servers/kinds.py`; `python -m conformance.selftests.kinds` prints the same as a table.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from conformance.checklist.verdicts import Evidence, Verdict
from conformance.judge.catalog import load_catalog

from .asking import asker_of, examined
from .kinds import MODELS_OF_KINDS, PACED, PIECES, VALIDATED, due, member_of, outcome_of, rows_of
from .servers import strips
from .servers.kinds import DEAF, HONEST, KINDS
from .shortcut import shortened

pytestmark = pytest.mark.exhaustive


@pytest.mark.parametrize("name", KINDS)
def test_no_verdict_is_untrue_of_the_kind(name):
    found = {finding.row: f"{finding.verdict}: {finding.reason}" for finding in outcome_of(name).wrong}
    assert found == {}


@pytest.mark.parametrize("name", HONEST)
def test_enough_rows_are_decided(name):
    outcome = outcome_of(name)
    unclear = {finding.row: finding.reason for finding in outcome.inconclusive}
    assert outcome.decided >= outcome.kind.decided, unclear


@pytest.mark.parametrize("name", DEAF)
def test_a_deaf_server_is_supported_in_what_it_acts_on(name):
    found = outcome_of(name).findings
    assert found["chat/features/chat_completions"].verdict is Verdict.SUPPORTED
    assert found["chat/fields/stream"].verdict is Verdict.SUPPORTED


def test_what_is_said_of_kinds_is_about_rows_that_exist():
    rows = load_catalog()
    assert PACED | set(VALIDATED) <= set(rows)
    fields = {row.path[0] for row in rows.values() if row.kind == "fields"}
    for kind in KINDS.values():
        assert {*kind.refuses} <= fields
        assert {*kind.drops} <= fields | {member_of(row) for row in rows.values()}
        assert set(kind.endpoints) <= {row.endpoint for row in rows.values()}


def changes_a_row(pattern, kind):
    alone, none = (replace(kind, others=others) for others in ({pattern: kind.others[pattern]}, {}))
    return any(due(alone, row) != due(none, row) for row in rows_of(kind))


@pytest.mark.parametrize("pattern", sorted({pattern for kind in KINDS.values() for pattern in kind.others}))
def test_each_exception_is_about_some_row_and_says_why(pattern):
    kinds = [kind for kind in KINDS.values() if pattern in kind.others]
    assert any(changes_a_row(pattern, kind) for kind in kinds)
    assert all(kind.others[pattern][1] for kind in kinds)


@pytest.mark.parametrize("row", ["responses/fields/tools/cut_call", "responses/fields/max_output_tokens/incomplete"])
def test_a_limit_that_is_not_heard_cuts_no_answer(row):
    found = examined(row, asker_of(strips("max_output_tokens")).send)
    assert found.verdict is Verdict.INCONCLUSIVE, found.reason


def test_thoughts_that_come_in_pieces_are_text_that_does():
    server = KINDS["thinks_field"].server()
    found = examined(PIECES, shortened(server, asker_of(server)))
    assert found.verdict in (Verdict.SUPPORTED, Verdict.INCONCLUSIVE), found.reason


def test_without_the_sdk_between_verdicts_are_the_same():
    kind = KINDS["leading_space"]
    server = kind.server()
    asker = asker_of(server)
    rows = [row.id for row in rows_of(kind) if row.probe and row.endpoint in ("chat", "responses")]
    found = outcome_of("leading_space").findings
    odd = {
        row: str(seen.verdict)
        for row in rows
        if (seen := examined(row, asker.send, MODELS_OF_KINDS)).verdict != found[row].verdict
    }
    assert len(rows) > 150
    assert odd == {}


def test_a_support_by_parsing_alone_is_untrue_of_a_field_whose_effect_would_show():
    row = load_catalog()["chat/fields/verbosity"]
    assert Verdict.SUPPORTED in due(KINDS["plain"], row)
    assert Verdict.SUPPORTED not in due(KINDS["deaf_plain"], row, Evidence.PARSED)
    assert Verdict.SUPPORTED in due(KINDS["deaf_plain"], load_catalog()["chat/fields/user"], Evidence.PARSED)
    assert Verdict.SUPPORTED not in due(KINDS["deaf_plain"], load_catalog()["chat/fields/user"], Evidence.EFFECT)
