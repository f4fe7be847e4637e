"""A row that is worse than its baseline is asked once more, anew, before it is believed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.checklist.findings import Finding
from conformance.checklist.verdicts import Verdict
from conformance.judge.catalog import load_catalog
from conformance.runner import worker as module
from conformance.runner.worker import RunSettings, Worker
from conformance.wire.client import Client

from .asking import MODELS
from .servers import BASE_URL, HonoursEverything, InProcess, Server, made

ROW = "chat/fields/stop/string"

Examined = tuple[Finding, Worker]


def ignoring() -> Server:
    return made("ignores_every_field")


def honouring() -> Server:
    return HonoursEverything(pace=0)


@pytest.fixture
def examined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Examined]:
    """Examine the row, with a server for the first asking, one for the second, and what is expected."""

    def examine(first: Server, second: Server, expected: str | None) -> Examined:
        def client(**settings: Any) -> Client:
            transport = InProcess(second if settings["attempt"] else first)
            return Client(**settings, network=lambda _: transport, async_network=lambda _: transport)

        monkeypatch.setattr(module, "Client", client)
        baseline = None if expected is None else {ROW: expected}
        worker = Worker(
            RunSettings(
                directory=str(tmp_path),
                base_url=BASE_URL,
                embedding_base_url=BASE_URL,
                models=MODELS,
                baseline=baseline,
            )
        )
        return worker.examine(load_catalog()[ROW]), worker

    return examine


def requests_by_attempt(worker: Worker) -> tuple[int, int]:
    """Requests of the first asking, and of the second."""
    attempts = [exchange.call.attempt for exchange in worker.cache.all()]
    return attempts.count(0), attempts.count(1)


def test_a_regression_that_shows_twice_is_believed(examined: Callable[..., Examined]) -> None:
    finding, worker = examined(ignoring(), ignoring(), "supported")
    assert finding.verdict is Verdict.IGNORED
    first, second = requests_by_attempt(worker)
    assert first == second > 0  # the controls, too, are asked anew


def test_a_regression_that_shows_once_cannot_be_told(examined: Callable[..., Examined]) -> None:
    finding, worker = examined(ignoring(), honouring(), "supported")
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "ignored (" in finding.reason
    assert "supported (" in finding.reason
    # But for those that find out which limits are taken, which belong to no row.
    asked = {exchange.id for exchange in worker.cache.all() if exchange.call.body["max_tokens"] > 1}
    assert set(finding.exchanges) == asked
    assert all(requests_by_attempt(worker))


@pytest.mark.parametrize(
    ("server", "expected"),
    [(honouring, "supported"), (honouring, "ignored"), (ignoring, "ignored"), (ignoring, "broken"),
     (ignoring, "inconclusive"), (ignoring, "not_applicable"), (ignoring, None)],
)  # fmt: skip
def test_what_is_not_worse_is_asked_once(
    server: Callable[[], Server], expected: str | None, examined: Callable[..., Examined]
) -> None:
    finding, worker = examined(server(), made("hangs"), expected)
    assert finding.verdict is (Verdict.IGNORED if server is ignoring else Verdict.SUPPORTED)
    assert requests_by_attempt(worker)[1] == 0


def test_lost_evidence_is_asked_again_too(examined: Callable[..., Examined]) -> None:
    finding, worker = examined(made("empty_answers"), made("empty_answers"), "supported")
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "two verdicts" not in finding.reason
    assert all(requests_by_attempt(worker))


def test_what_was_found_is_kept(examined: Callable[..., Examined]) -> None:
    finding, worker = examined(ignoring(), honouring(), "supported")
    assert worker.directory.read_findings() == {ROW: finding}
