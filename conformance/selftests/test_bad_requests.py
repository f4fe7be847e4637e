"""What follows a bad request, and what a refusal of an unknown model is worth: servers of one fault each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import pytest

from conformance.checklist.verdicts import Verdict
from conformance.judge.catalog import load_catalog
from conformance.wire.exchange import Exchange

from .asking import asked, outcome
from .servers import HonoursEverything, Reply, Request, Server
from .servers.interface import CutError, HangError, error_reply

S, B, U = Verdict.SUPPORTED, Verdict.BROKEN, Verdict.INCONCLUSIVE

UNKNOWN = ("chat/fields/model", "completions/fields/model", "embeddings/fields/model")


@cache
def honest() -> Server:
    return HonoursEverything(pace=0, late=0)


@dataclass(kw_only=True)
class Refuses:
    """Honours everything, and answers a name that no model has in its own way."""

    status: int
    inner: Server = field(default_factory=honest)

    def answer(self, request: Request) -> Reply:
        """The reply."""
        sent = request.json
        if isinstance(sent, dict) and str(sent.get("model")).startswith("no-such-model"):
            return error_reply(self.status, "no")
        return self.inner.answer(request)


@pytest.mark.parametrize(
    ("status", "due"),
    [(400, S), (404, S), (422, S), (401, U), (403, U), (405, U), (409, U), (410, U), (418, U), (500, U), (501, U)],
)
def test_only_a_refusal_of_the_model_is_support_for_model(status: int, due: Verdict) -> None:
    for row, found in asked(Refuses(status=status), UNKNOWN)[0].items():
        assert found.verdict is due, (row, found.reason)
        assert str(status) in found.reason


def test_a_route_that_is_not_there_is_no_support_for_model() -> None:
    for row in UNKNOWN:
        assert outcome("absent_404")[0][row].verdict is Verdict.REJECTED


# The plain request after a bad one


@dataclass(kw_only=True)
class Limps:
    """Refuses what a strict server refuses, and fails in some request after each refusal."""

    nth: int
    """Which request after a refusal fails: 1 is the next one."""
    how: type[Exception] | int
    inner: Server = field(default_factory=honest)
    _left: int = 0

    def answer(self, request: Request) -> Reply:
        """The reply."""
        self._left -= 1
        if self._left == 0:
            if isinstance(self.how, int):
                return error_reply(self.how, "down")
            raise self.how
        reply = self.inner.answer(request)
        if reply.status >= 400:
            self._left = self.nth
        return reply


ERRORS = ("errors/chat/wrong_type/temperature", "errors/chat/malformed_json", "errors/embeddings/empty_input")
WAYS = {
    "cut": (CutError, "the request after a bad one got no answer"),
    "hang": (HangError, "the request after a bad one got no answer"),
    "500": (500, "the request after a bad one is answered with status 500"),
}


def survives(exchanges: Sequence[Exchange]) -> tuple[Verdict, str]:
    rule = load_catalog()["errors/response/survives"].rule
    assert rule is not None
    found = rule(exchanges)
    return found.verdict, found.reason


@pytest.mark.parametrize("row", ERRORS)
@pytest.mark.parametrize("way", WAYS)
def test_a_server_that_fails_after_a_bad_request_is_found_out_by_each_row_alone(row: str, way: str) -> None:
    how, reason = WAYS[way]
    findings, exchanges = asked(Limps(nth=1, how=how), [row])
    assert survives(exchanges) == (B, reason)
    assert findings[row].verdict is S  # the refusal itself is right


@pytest.mark.parametrize("rows", [ERRORS, ERRORS[::-1]], ids=["in order", "in reverse"])
def test_an_honest_server_stays_available_and_each_bad_request_has_a_plain_one_of_its_own(
    rows: tuple[str, ...],
) -> None:
    _, exchanges = asked(honest(), rows)
    assert survives(exchanges)[0] is S
    after = {exchange.call.follows for exchange in exchanges if exchange.call.purpose == "after_error"}
    refused = {exchange.id for exchange in exchanges if exchange.status and exchange.status >= 400}
    assert after == refused
    assert len(after) == len(rows)


@dataclass(kw_only=True)
class FailsAt:
    """Honours everything but nonsense, at which it fails without an answer."""

    how: type[Exception]
    inner: Server = field(default_factory=honest)

    def answer(self, request: Request) -> Reply:
        """The reply."""
        reply = self.inner.answer(request)
        if reply.status >= 400:
            raise self.how
        return reply


@pytest.mark.parametrize("how", [CutError, HangError])
def test_a_failure_of_the_bad_request_itself_does_not_accuse_what_comes_next(how: type[Exception]) -> None:
    findings, exchanges = asked(FailsAt(how=how), ERRORS)
    assert {finding.verdict for finding in findings.values()} == {B}
    assert survives(exchanges)[0] is S


def test_a_bad_request_that_is_taken_has_none_after_it() -> None:
    _, exchanges = outcome("ignores_every_field")
    after = [exchange for exchange in exchanges if exchange.call.purpose == "after_error"]
    refused = [exchange.id for exchange in exchanges if not exchange.accepted]
    assert after
    assert {exchange.call.follows for exchange in after} <= set(refused)


def test_rows_that_share_a_bad_request_share_the_plain_one_after_it() -> None:
    shared = ("chat/fields/user", "errors/chat/wrong_type/user")
    _, exchanges = asked(honest(), shared)
    assert sum(exchange.call.purpose == "after_error" for exchange in exchanges) == 1
