"""A server that is busy, whatever is asked: nothing is learnt about what was asked."""

import pytest

from conformance.checklist.verdicts import Verdict
from conformance.selftests.asking import asker_of, examined
from conformance.selftests.servers.behaviours import KnowsFewFields
from conformance.selftests.servers.interface import json_reply

ROWS = ("chat/fields/stop/string", "completions/fields/seed", "embeddings/fields/dimensions")


def found(row, status, error, headers=()):
    """The finding on a server that answers plain requests, and says this to every other."""
    server = KnowsFewFields(otherwise=lambda _: json_reply({"error": error}, status, headers))
    return examined(row, asker_of(server, deadline=0.9).send)


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize(
    ("status", "error", "headers"),
    [
        (503, "server busy, please try again", ()),
        (503, "Loading model", ()),
        (503, "later", (("retry-after", "7"),)),
        (429, "quota", ()),
        (429, "quota", (("retry-after", "\udcb2"),)),
        (429, "quota", (("retry-after", "9" * 400),)),
    ],
)
def test_it_is_neither_broken_nor_rejected(row, status, error, headers):
    finding = found(row, status, error, headers)
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert f"the server was busy: status {status}" in finding.reason
    assert finding.exchanges


@pytest.mark.parametrize("row", ROWS)
def test_a_503_that_does_not_say_so_is_a_failure(row):
    assert found(row, 503, "upstream is gone").verdict is Verdict.BROKEN
