"""A rule that is worse than its baseline is judged once more over new answers, before it is believed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from conformance.checklist.findings import Finding
from conformance.checklist.verdicts import Verdict
from conformance.judge.catalog import load_catalog
from conformance.runner.controller import Controller
from conformance.runner.rule_confirmation import RULE_ATTEMPT, confirm_rules
from conformance.wire.exchange import Call, Exchange

from .openings import controller_of, reported
from .servers import CHAT_MODEL, HonoursEverything, Reply, Request, Server, listening

RULE = "chat/response/created"
ROW = "chat/fields/stop/string"


@dataclass(kw_only=True)
class BreaksTheRule:
    """Leaves `created` out of so many plain answers to requests with `stop`; None: out of all of them."""

    times: int | None
    inner: Server = field(default_factory=lambda: HonoursEverything(pace=0))
    broken: int = 0

    def answer(self, request: Request) -> Reply:
        reply = self.inner.answer(request)
        if request.path != "/v1/chat/completions" or not isinstance(reply.body, bytes) or reply.status != 200:
            return reply
        if self.times is not None and self.broken >= self.times:
            return reply
        body = json.loads(reply.body)
        if body.get("object") != "chat.completion" or "stop" not in request.json:
            return reply
        self.broken += 1
        del body["created"]
        return replace(reply, body=json.dumps(body).encode())


@contextmanager
def run(server: Server, folder: Path, expected: dict[str, str] | None) -> Iterator[Controller]:
    """A run of one probe and one rule, in the process."""
    given: dict[str, Any] = {"model": CHAT_MODEL}
    if expected is not None:
        (folder / "expected.json").write_text(json.dumps({"baseline": {}, "verdicts": expected}))
        given["baseline"] = str(folder / "expected.json")
    with listening(server) as url, closing(controller_of(url, folder, [], **given)) as controller:
        reported(controller, [ROW, RULE])
        yield controller


def row_of(controller: Controller, row: str = RULE) -> dict[str, Any]:
    assert controller.report is not None
    return next(each for each in controller.report["rows"] if each["id"] == row)


def attempts(controller: Controller) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for exchange in controller.worker.cache.all():
        found.setdefault(exchange.call.attempt, []).append(exchange.id)
    return found


def test_a_rule_that_is_broken_once_is_inconclusive_with_both_reasons(tmp_path: Path) -> None:
    with run(BreaksTheRule(times=1), tmp_path, {RULE: "supported"}) as controller:
        row, asked = row_of(controller), attempts(controller)
    assert row["verdict"] == "inconclusive"
    assert "broken (`created` is no whole number)" in row["reason"]
    assert "supported (the rule held in every answer)" in row["reason"]
    assert set(asked) == {0, RULE_ATTEMPT}
    assert len(asked[RULE_ATTEMPT]) == 1
    assert len(set(row["exchanges"]) & set(asked[0])) == 1
    assert set(row["exchanges"]) & set(asked[RULE_ATTEMPT]) == set(asked[RULE_ATTEMPT])
    assert controller.status == 1  # evidence was lost


def test_a_rule_that_is_broken_again_is_believed(tmp_path: Path) -> None:
    with run(BreaksTheRule(times=None), tmp_path, {RULE: "supported"}) as controller:
        row, asked = row_of(controller), attempts(controller)
    assert (row["verdict"], row["reason"]) == ("broken", "`created` is no whole number")
    assert len(asked[RULE_ATTEMPT]) == len(row["exchanges"]) > 0
    assert set(row["exchanges"]) <= set(asked[0])
    lines = (tmp_path / "reports" / "generic.partial" / "exchanges.jsonl").read_text().splitlines()
    assert set(asked[RULE_ATTEMPT]) <= {json.loads(line)["id"] for line in lines}  # kept as evidence
    assert controller.status == 1


@pytest.mark.parametrize("expected", [None, {RULE: "broken"}, {ROW: "partial"}])
def test_a_rule_that_is_as_expected_is_asked_once(tmp_path: Path, expected: dict[str, str] | None) -> None:
    with run(BreaksTheRule(times=None), tmp_path, expected) as controller:
        assert row_of(controller)["verdict"] == "broken"
        assert set(attempts(controller)) == {0}


def test_answers_of_a_second_attempt_have_no_part_in_rules(tmp_path: Path) -> None:
    """The probe is asked again, and only its second attempt breaks the rule."""

    @dataclass
    class LaterOnly:
        inner: HonoursEverything = field(default_factory=lambda: HonoursEverything(pace=0))
        seen: set[bytes] = field(default_factory=set)

        def answer(self, request: Request) -> Reply:
            reply = self.inner.answer(request)
            if request.path != "/v1/chat/completions" or not isinstance(reply.body, bytes) or reply.status != 200:
                return reply
            again = request.body in self.seen
            self.seen.add(request.body)
            body = json.loads(reply.body)
            if body.get("object") != "chat.completion" or "stop" not in request.json:
                return reply
            body["choices"][0]["message"]["content"] = "never stopped " * 9  # so the row is worse, and asked again
            if again:
                del body["created"]
            return replace(reply, body=json.dumps(body).encode())

    with run(LaterOnly(), tmp_path, {ROW: "supported", RULE: "supported"}) as controller:
        assert 1 in attempts(controller)
        assert row_of(controller)["verdict"] == "supported"


def exchange_of(body: dict[str, Any], **call: Any) -> Exchange:
    """An accepted plain answer."""
    sent = {"model": "m", "messages": [], "temperature": 0}
    text = json.dumps({"object": "chat.completion", **body})
    return Exchange(
        call=Call(path="/chat/completions", body=sent, **call), status=200, chunks=((0.0, text),), started=1.0
    )


def broken_finding(row: str, *exchanges: Exchange) -> Finding:
    return Finding(row=row, verdict=Verdict.BROKEN, reason="wrong", exchanges=tuple(each.id for each in exchanges))


def test_a_call_that_comes_right_after_a_bad_one_is_sent_after_it_again() -> None:
    bad = replace(exchange_of({}, repetition=1), status=400)
    after = replace(exchange_of({}, purpose="after_error", follows=bad.id), status=None, failure="timeout")
    sent: list[Call] = []

    def send(call: Call) -> Exchange:
        sent.append(call)
        return replace(bad if call == bad.call else after, call=replace(call, attempt=RULE_ATTEMPT))

    row = "errors/response/survives"
    first = {row: broken_finding(row, after)}
    confirmed = confirm_rules(first, [bad, after], is_regression=lambda _: True, send=send)
    assert sent == [bad.call, after.call]
    assert confirmed[row].verdict is Verdict.BROKEN


def test_a_rule_that_a_worse_derived_row_follows_from_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = dict(load_catalog())
    rows["chat/zq"] = replace(rows[RULE], id="chat/zq", rule=None, derived_from=("chat/zq/part", ROW))
    rows["chat/zq/part"] = replace(rows[RULE], id="chat/zq/part", rule=None, derived_from=(RULE,))
    monkeypatch.setattr("conformance.runner.rule_confirmation.load_catalog", lambda: rows)
    exchange = exchange_of({})
    parts = ("chat/zq", "chat/zq/part", RULE)
    findings = {row: broken_finding(row, exchange) for row in parts}
    findings[ROW] = Finding(row=ROW, verdict=Verdict.SUPPORTED, reason="")
    fine = exchange_of({"created": 1}, attempt=RULE_ATTEMPT)
    confirmed = confirm_rules(
        findings, [exchange], is_regression=lambda finding: finding.row == "chat/zq", send=lambda _: fine
    )
    assert {row: found.verdict for row, found in confirmed.items()} == {RULE: Verdict.INCONCLUSIVE}


def test_what_may_write_to_the_server_is_not_sent_again() -> None:
    row = "errors/response/no_error_in_200"
    copy = Exchange(call=Call(path="/api/copy", server="native", transport="http"), status=200)

    def send(_: Call) -> Exchange:
        raise AssertionError("it was sent")

    assert confirm_rules({row: broken_finding(row, copy)}, [copy], is_regression=lambda _: True, send=send) == {}
