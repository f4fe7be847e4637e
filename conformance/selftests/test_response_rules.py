"""The rules of /v1/responses: each fault reddens the rows that it belongs to and no other, and what is legal none."""

from __future__ import annotations

import pytest

from conformance.checklist.verdicts import Verdict
from conformance.judge.catalog import load_catalog
from conformance.judge.rules.registry import Rule
from conformance.wire.exchange import Exchange

from .response_events import SPEECH, write
from .response_spoiled import FAULTS, LEGAL
from .rule_samples import Sample

RULES: dict[str, Rule] = {
    row.id: row.rule
    for row in load_catalog().values()
    if isinstance(row.rule, Rule) and row.id.startswith("responses/") and "/schema" not in row.id
}
"""The rules of the endpoint, but those of its schemas."""


def faults(*samples: Sample | Exchange) -> dict[str, str]:
    """Row -> reason, of every rule that some answers break."""
    exchanges = [each.exchange() if isinstance(each, Sample) else each for each in samples]
    found = {row: rule(exchanges) for row, rule in RULES.items()}
    known = (Verdict.SUPPORTED, Verdict.INCONCLUSIVE, Verdict.NOT_APPLICABLE)
    return {row: finding.reason for row, finding in found.items() if finding.verdict not in known}


def broken(*samples: Sample | Exchange) -> set[str]:
    """The rules that some answers break, by the ends of their ids."""
    return {row.removeprefix("responses/stream/").removeprefix("responses/response/") for row in faults(*samples)}


def verdict(row: str, *samples: Sample) -> Verdict:
    return RULES[f"responses/{row}"]([sample.exchange() for sample in samples]).verdict


@pytest.mark.parametrize("fault", FAULTS)
def test_one_fault_of_a_stream_breaks_the_rows_that_it_belongs_to_and_no_other(fault: str) -> None:
    sample, due = FAULTS[fault]
    assert broken(sample) == due, faults(sample)


@pytest.mark.parametrize("name", LEGAL)
def test_what_is_legal_breaks_no_rule(name: str) -> None:
    assert faults(LEGAL[name]) == {}


def test_a_stream_that_was_left_early_is_not_judged() -> None:
    left = write(SPEECH[:5])
    aborted = Sample(
        call=type(left.call)(path="/responses", body=left.call.body, abort_after_events=5), wire=left.wire
    )
    assert broken(left) == {"terminal"}
    assert broken(aborted) == set()
