"""Every probe against every miniature server gives the verdict that a rule foretells."""

from __future__ import annotations

import pytest

from conformance.checklist.verdicts import Verdict
from conformance.judge.catalogue import catalogue

from .asking import MODELS, asked, outcome
from .servers import made

S = Verdict.SUPPORTED
P = Verdict.PARTIAL
R = Verdict.REJECTED
IGNORED = Verdict.IGNORED
B = Verdict.BROKEN
U = Verdict.INCONCLUSIVE

EXTENSIONS = {"chat/fields/reasoning/effort", "completions/features/json_mode"}
"""Rows of what OpenAI's clause does not have: a server that follows the clause refuses it."""

REQUIRED = ("chat/fields/model", "chat/fields/messages", "completions/fields/model", "completions/fields/prompt",
            "embeddings/fields/model", "embeddings/fields/input")  # fmt: skip


def verdicts(name: str) -> dict[str, Verdict]:
    return {row: finding.verdict for row, finding in outcome(name)[0].items()}


def is_field(row: str) -> bool:
    return "/fields/" in row and not row.startswith(REQUIRED)


def test_a_server_that_honours_everything_is_supported_in_every_row():
    findings, _ = outcome("honours_everything")
    odd = {row: found for row, found in findings.items() if found.verdict is not S and row not in EXTENSIONS}
    assert not odd
    assert {findings[row].verdict for row in EXTENSIONS} == {R}


def test_a_server_that_honours_everything_keeps_every_rule():
    _, exchanges = outcome("honours_everything")
    found = {row.id: row.rule(exchanges) for row in catalogue().values() if row.rule}
    assert {row: finding.reason for row, finding in found.items() if finding.verdict not in (S, U)} == {}
    assert sum(finding.verdict is S for finding in found.values()) > 40


def test_a_server_that_has_the_extensions_too_is_supported_in_them():
    findings, _ = asked(made("honours_extensions"), sorted(EXTENSIONS))
    assert {finding.verdict for finding in findings.values()} == {S}


@pytest.mark.parametrize(
    "name", ["ignores_every_field", "ignores_and_samples", "always_repeats_itself", "always_random"]
)
def test_a_server_that_ignores_every_field_is_supported_in_none(name):
    streams = ("chat/fields/stream", "completions/fields/stream")
    better = {
        row: verdict
        for row, verdict in verdicts(name).items()
        if is_field(row) and verdict.good and row not in streams and not row.endswith("/encoding_format/absent")
    }
    assert better == {}


def test_a_greedy_server_that_ignores_every_field_is_accused():
    found = verdicts("ignores_every_field")
    fields = [row for row in found if is_field(row)]
    assert sum(found[row] is IGNORED for row in fields) > 0.75 * len(fields)
    errors = {row: verdict for row, verdict in found.items() if row.startswith("errors/") and verdict.good}
    assert set(errors) <= {"errors/routes/unknown", "errors/routes/wrong_method"} | {
        row for row in errors if "/missing/" in row or "/malformed_json" in row or "/not_an_object" in row
    }


def test_a_server_that_refuses_extras_is_rejected_in_them():
    known = ("model", "messages", "prompt", "input", "stream", "temperature", "max_tokens", "encoding_format")
    found = verdicts("refuses_extras")
    odd = {
        row: verdict
        for row, verdict in found.items()
        if is_field(row) and row.split("/")[2] not in known and verdict not in (R, U)
    }
    assert odd == {}
    assert found["chat/fields/logprobs/plain"] is R
    assert found["chat/fields/user"] is R


def test_a_server_that_crashes_on_extras_is_broken_in_them():
    known = ("model", "messages", "prompt", "input", "stream", "temperature", "max_tokens", "encoding_format")
    odd = {
        row: verdict
        for row, verdict in verdicts("crashes_on_extras").items()
        if is_field(row) and row.split("/")[2] not in known and verdict not in (B, U)
    }
    assert odd == {}


@pytest.mark.parametrize("name", ["hangs", "cuts_the_stream"])
def test_of_a_server_that_does_not_answer_nothing_is_claimed(name):
    posted = {row: verdict for row, verdict in verdicts(name).items() if not row.startswith("models/")}
    assert set(posted.values()) <= {B, U}


@pytest.mark.parametrize("name", ["absent_404", "absent_501"])
def test_an_absent_endpoint_is_rejected_in_all_its_rows(name):
    found = {row: verdict for row, verdict in verdicts(name).items() if not row.startswith("errors/")}
    assert set(found.values()) == {R}
    errors = {verdict for row, verdict in verdicts(name).items() if row.startswith("errors/")}
    assert not errors & {S, P, IGNORED}


def test_a_server_that_answers_200_to_all_is_supported_in_nothing():
    good = {row for row, verdict in verdicts("ok_to_all").items() if verdict.good}
    assert good == set()


@pytest.mark.parametrize(
    "name",
    ["deep_json", "huge_numbers", "not_a_number", "infinite_numbers", "empty_answers", "html_to_all", "other_shapes"],
)
def test_no_answer_makes_the_judge_raise(name):
    findings, exchanges = outcome(name)
    assert len(findings) == sum(row.probe is not None and row.needs in MODELS for row in catalogue().values())
    for row in catalogue().values():
        if row.rule:
            assert row.rule(exchanges).row == row.id
