"""Which rows -k and -m select, what they may cost, and what is said of options that nobody knows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conformance.checklist.claims import documented_boxes
from conformance.cli.run_pytest import describe_fault
from conformance.errors import UsageError
from conformance.judge.catalog import load_catalog
from conformance.runner.cost import estimate_cost
from conformance.runner.selected_rows import select_rows

REPORTS = Path(__file__).parents[2] / "reports"
ALL = frozenset(load_catalog())


def test_without_an_expression_all_rows_are_selected() -> None:
    probed = {row.id for row in load_catalog().values() if row.probe or row.rule or row.derived_from}
    assert set(select_rows("", "")) == probed


@pytest.mark.parametrize(
    ("marker", "row"),
    [
        ("chat", "chat/fields/n"),
        ("fields", "chat/fields/n"),
        ("stream", "chat/stream/done"),
        ("errors", "errors/chat/unknown_model"),
        ("documented", "chat/fields/n"),
        ("operations", "operations/files/list"),
    ],
)
def test_m_selects_by_the_first_two_parts_of_an_id_and_documented(marker: str, row: str) -> None:
    rows = set(select_rows("", marker))
    assert row in rows
    if marker == "documented":
        assert rows == ALL & set(documented_boxes())
    else:
        assert all(marker in each.split("/")[:2] for each in rows)


def test_rows_of_responses_that_are_named_operations_stay_without_the_sdks_operations() -> None:
    assert "responses/operations/cancel" in select_rows("", "not operations")


@pytest.mark.parametrize(
    ("keyword", "markers", "said"),
    [
        ("zq_nothing", "", "-k 'zq_nothing' selects no row"),
        ("zq_nothing", "chat", "-k 'zq_nothing' -m 'chat' selects no row"),
        ("stop and", "", "-k 'stop and': Wrong expression passed to '-k'"),
        ("", "chat and", "-m 'chat and': Wrong expression passed to '-m'"),
    ],
)
def test_what_selects_nothing_is_told(keyword: str, markers: str, said: str) -> None:
    with pytest.raises(UsageError, match="^" + said.replace("(", r"\(")):
        select_rows(keyword, markers)


def test_the_estimate_is_near_what_a_run_of_all_rows_took() -> None:
    report = json.loads(next(REPORTS.glob("llama.cpp-*/report.json")).read_text(encoding="utf-8"))
    cost = estimate_cost(ALL)
    assert cost.requests == pytest.approx(report["requests"], rel=0.15)
    assert cost.tokens == pytest.approx(report["prompt_tokens"] + report["completion_tokens"], rel=0.15)


def test_a_part_of_the_rows_costs_a_part() -> None:
    some = estimate_cost(select_rows("", "documented"))
    assert 0 < some.requests < estimate_cost(ALL).requests / 3
    assert some.describe("host.example").startswith(
        f"about {some.requests:,} requests and {some.tokens:,} tokens go to"
    )


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "usage: pytest [options]\npytest: error: unrecognized arguments: --basline x\n  inifile: /x",
            "unknown option --basline; did you mean --baseline?",
        ),
        (
            "pytest: error: unrecognized arguments: --zq=1\n",
            "unknown option --zq=1; see openai-conformance run --help, and pytest --help",
        ),
        (
            "pytest: error: argument -n/--numprocesses: invalid parse_numprocesses value: 'abc'\n  rootdir: /y",
            "-n/--numprocesses: it cannot be 'abc'",
        ),
        (
            "pytest: error: argument -k: expected one argument\n",
            "argument -k: expected one argument; see openai-conformance run --help",
        ),
        ("", "pytest cannot read these options; see openai-conformance run --help"),
    ],
)
def test_a_fault_of_the_command_line_is_one_sentence(said: str, told: str) -> None:
    assert describe_fault(said) == told
