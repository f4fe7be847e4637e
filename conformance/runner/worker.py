"""A run: what the controller tells its workers, and the folder in which all of them write."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from conformance.checklist.findings import Finding, finding_from_record
from conformance.checklist.rows import Row
from conformance.checklist.verdicts import Verdict
from conformance.judge.expectation import assess_verdict
from conformance.probes.endpoints import GENERATION_ROUTES, endpoint_for_model
from conformance.probes.session import Session
from conformance.wire.client import Address, Client
from conformance.wire.exchange_cache import FileExchangeCache

from .evaluate import ProbeRun
from .sharding import rows_in, shard_of


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a worker needs to know; plain types only, since it crosses process borders."""

    folder: str
    base_url: str
    embedding_base_url: str
    native_url: str = ""
    key: str = ""
    image_url: str = ""
    models: Mapping[str, str] = field(default_factory=dict)
    """Capability -> model id."""
    deadline: float = 60.0
    grace: float = 5.0
    """By how much longer a model's first answer may take: it may have to be loaded."""
    baseline: Mapping[str, str] | None = None
    """Row -> expected verdict; None where nothing is expected."""
    require_supported: bool = False
    apart: bool = False
    """Whether generations are asked one at a time, each from the same state of the server's cache."""
    shard: str = ""
    """Which part of the rows is asked, such as `2/5`; empty for all of them."""

    def line(self) -> str:
        """As one line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, line: str) -> Settings:
        """The settings of a line."""
        return cls(**json.loads(line))


@dataclass(kw_only=True)
class Run:
    """A worker's part in a run, and the controller's view of all of it."""

    settings: Settings
    worker: str = "main"

    def __post_init__(self) -> None:
        """Open the folder."""
        self.folder = Path(self.settings.folder)
        self.store = FileExchangeCache(self.folder / "exchanges")
        self.loaded: set[str] = set()
        self.answered: set[str] = set()

    def asks(self, rows: Iterable[Row]) -> frozenset[str]:
        """Ids of those rows that this run asks: all of them, or its shard's."""
        rows = list(rows)
        shard = shard_of(self.settings.shard)
        return frozenset(row.id for row in rows) if shard is None else rows_in(shard, rows)

    def asker(self, asked_again: int = 0) -> Client:
        """An asker; `asked_again` asks everything anew, controls included."""
        settings = self.settings
        return Client(
            address=Address(
                base_url=settings.base_url,
                embedding_base_url=settings.embedding_base_url,
                native_url=settings.native_url,
                key=settings.key,
                image_url=settings.image_url,
            ),
            store=self.store,
            deadline=settings.deadline,
            cold_start_factor=settings.grace,
            loaded=self.loaded,
            answered=self.answered,
            attempt=asked_again,
            apart=self.folder if settings.apart else None,
            generation_routes=GENERATION_ROUTES,
        )

    def place(self, row: Row) -> int:
        """Place of the row's model among those of the run; rows without a model come last."""
        models = list(dict.fromkeys(self.settings.models.values()))
        model = self.settings.models.get(row.capability)
        return models.index(model) if model is not None else len(models)

    def examine(self, row: Row) -> Finding:
        """The finding of a row, kept at once. A regression is asked once more before it is believed."""
        finding = ProbeRun(row=row, send=self.asker().send, models=self.settings.models).evaluate()
        if assess_verdict(finding.verdict, self.expected(row.id)).fails:
            again = ProbeRun(row=row, send=self.asker(1).send, models=self.settings.models).evaluate()
            finding = _agreed(finding, again)
        self.keep(finding)
        return finding

    def keep(self, finding: Finding) -> None:
        """Append the finding to this worker's file, at once: what is killed loses the row in hand only."""
        with (self.folder / f"findings-{self.worker}.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(finding.to_record()) + "\n")

    def findings(self) -> dict[str, Finding]:
        """What all workers have found so far."""
        return {finding.row: finding for finding in self._kept()}

    def _kept(self) -> Iterator[Finding]:
        for file in sorted(self.folder.glob("findings-*.jsonl")):
            for line in file.read_text(encoding="utf-8").splitlines():
                try:
                    yield finding_from_record(json.loads(line))
                except ValueError:
                    continue  # the last line of a worker that was killed while it wrote

    def expected(self, row: str) -> Verdict | None:
        """The verdict that the baseline has for the row."""
        baseline = self.settings.baseline
        return Verdict(baseline[row]) if baseline is not None and row in baseline else None

    @property
    def gone(self) -> str:
        """Why the run ended early: the server is gone. Empty while it is there."""
        mark = self.folder / "gone"
        return mark.read_text(encoding="utf-8") if mark.exists() else ""

    @property
    def between(self) -> int:
        """Requests that were sent between others only to reset the server's cache."""
        mark = self.folder / "between"
        return mark.stat().st_size if mark.exists() else 0

    def server_is_gone(self, why: str) -> None:
        """Tell all workers that there is nobody left to ask."""
        mark = self.folder / f"gone-{self.worker}"
        mark.write_text(why, encoding="utf-8")
        os.replace(mark, self.folder / "gone")  # noqa: PTH105 - one call, whole or not at all

    def warm(self, capability: str, model: str) -> Any:
        """Ask a model for one token, so that loading it is charged to nobody; the exchange."""
        asker = self.asker()
        session = Session(send=asker.send, models=self.settings.models)
        return asker.send(endpoint_for_model(capability)(session=session, model=model).warm_up_call())


def _agreed(first: Finding, again: Finding) -> Finding:
    """A finding that was made twice; where the two disagree nobody can tell."""
    if first.verdict is again.verdict:
        return first
    return Finding(
        row=first.row,
        verdict=Verdict.INCONCLUSIVE,
        reason=f"asked twice, two verdicts: {first.verdict} ({first.reason}); {again.verdict} ({again.reason})",
        exchanges=(*first.exchanges, *again.exchanges),
        model=first.model,
        seconds=first.seconds + again.seconds,
    )
