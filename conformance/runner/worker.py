"""What a process of a run does: ask the rows it is given, and keep what it finds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

from conformance.checklist.findings import Finding
from conformance.checklist.rows import Row
from conformance.checklist.verdicts import Verdict
from conformance.judge.expectation import assess_verdict
from conformance.probes.control import Control
from conformance.probes.endpoints import GENERATION_ROUTES, endpoint_for_model
from conformance.probes.session import Session
from conformance.wire.client import Address, Client, ModelState
from conformance.wire.exchange import Exchange

from .evaluate import ProbeRun
from .run_directory import RunDirectory
from .sharding import rows_in, shard_of

PROBE_ATTEMPT = 1
"""`Call.attempt` of a probe that runs once more, before its row is reported as worse."""


Isolation = Literal["none", "alone", "reset"]
"""How generations are kept apart: not at all, one at a time, or one at a time and each after a reset."""


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """What a worker needs to know; plain types only, since it crosses process borders."""

    directory: str
    """Path of the `RunDirectory`."""
    base_url: str
    embedding_base_url: str
    native_url: str = ""
    key: str = ""
    image_url: str = ""
    models: Mapping[str, str] = field(default_factory=dict)
    """Capability -> model id."""
    deadline: float = 60.0
    """The longest one request may take, in seconds."""
    cold_start_factor: float = 5.0
    """Factor (not seconds) by which `deadline` is multiplied for a model's first request, which may load it."""
    baseline: Mapping[str, str] | None = None
    """Row -> expected verdict; None where nothing is expected."""
    require_supported: bool = False
    isolation: Isolation = "none"
    """Whether generations are asked one at a time, and each from the same state of the server's cache."""
    shard: str = ""
    """Which part of the rows is asked, such as `2/5`; empty for all of them."""

    def to_json(self) -> str:
        """Return the settings as one line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> RunSettings:
        """Return the settings that `to_json` wrote."""
        return cls(**json.loads(text))


class Worker:
    """One process's part in a run: a worker of xdist, or the controller itself."""

    def __init__(self, settings: RunSettings, *, name: str = "main") -> None:
        """Take part in the run of these settings. `name`: as xdist calls the process; `main` is the controller."""
        self.settings = settings
        self.directory = RunDirectory(settings.directory, worker=name)
        self.cache = self.directory.open_exchange_cache()
        self._models = ModelState()
        self._controls: dict[int, dict[tuple[str, str], Control]] = {}
        """Attempt -> how each endpoint and model is asked: what is sent anew is negotiated anew."""

    def client(self, *, attempt: int = 0) -> Client:
        """Return a client of the target. With another `attempt` everything is sent anew, controls included."""
        settings = self.settings
        return Client(
            address=Address(
                base_url=settings.base_url,
                embedding_base_url=settings.embedding_base_url,
                native_url=settings.native_url,
                key=settings.key,
                image_url=settings.image_url,
            ),
            cache=self.cache,
            deadline=settings.deadline,
            cold_start_factor=settings.cold_start_factor,
            models=self._models,
            attempt=attempt,
            isolation=None if settings.isolation == "none" else self.directory,
            resets_cache=settings.isolation == "reset",
            generation_routes=GENERATION_ROUTES,
        )

    def assigned_rows(self, rows: Iterable[Row]) -> frozenset[str]:
        """Return the ids of those rows that this run asks: all of them, or its shard's."""
        rows = list(rows)
        shard = shard_of(self.settings.shard)
        return frozenset(row.id for row in rows) if shard is None else rows_in(shard, rows)

    def stage(self, row: Row) -> int:
        """Return the number of the row's model in the order in which models are asked, from 0.

        Rows that need no model come last.
        """
        models = list(dict.fromkeys(self.settings.models.values()))
        model = self.settings.models.get(row.capability)
        return models.index(model) if model is not None else len(models)

    def examine(self, row: Row) -> Finding:
        """Return the finding of a row, and keep it. A regression is asked once more before it is believed.

        Raises:
            ServerUnreachableError: there is no server left to ask.
        """
        finding = self._evaluate(row, attempt=0)
        if self.is_regression(finding):
            finding = combine_attempts(finding, self._evaluate(row, attempt=PROBE_ATTEMPT))
        self.directory.append_finding(finding)
        return finding

    def _evaluate(self, row: Row, *, attempt: int) -> Finding:
        send = self.client(attempt=attempt).send
        controls = self._controls.setdefault(attempt, {})
        return ProbeRun(row=row, send=send, models=self.settings.models, controls=controls).evaluate()

    def expected(self, row: str) -> Verdict | None:
        """Return the verdict that the baseline has for a row; None where it has none."""
        baseline = self.settings.baseline
        return Verdict(baseline[row]) if baseline is not None and row in baseline else None

    def is_regression(self, finding: Finding) -> bool:
        """Return whether a finding is worse than expected, or lost evidence."""
        return assess_verdict(finding.verdict, self.expected(finding.row)).fails

    def session(self) -> Session:
        """Return a session of no row, which finds out how endpoints are asked for all of them."""
        controls = self._controls.setdefault(0, {})
        return Session(send=self.client().send, models=self.settings.models, controls=controls)

    def warm_up(self, capability: str, model: str) -> Exchange:
        """Ask a model for one token, so that no row is charged with loading it.

        Raises:
            ServerUnreachableError: there is no server to ask.
        """
        session = self.session()
        return session.send(endpoint_for_model(capability)(session=session, model=model).warm_up_call())


def combine_attempts(first: Finding, second: Finding) -> Finding:
    """Return the finding of a row that was asked twice; where the two disagree it is inconclusive."""
    if first.verdict is second.verdict:
        return first
    return Finding(
        row=first.row,
        verdict=Verdict.INCONCLUSIVE,
        reason=f"asked twice, two verdicts: {first.verdict} ({first.reason}); {second.verdict} ({second.reason})",
        exchanges=tuple(dict.fromkeys((*first.exchanges, *second.exchanges))),
        model=first.model,
        seconds=first.seconds + second.seconds,
    )
