"""The folder in which a run's processes write what the others read."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from conformance.checklist.findings import Finding, finding_from_record
from conformance.files import atomic_write
from conformance.wire.exchange_cache import FileExchangeCache

_PREFIX = "openai-conformance-"
_ALIVE_LOCK = "alive.lock"
_MIN_DEAD_SECONDS = 3600.0
"""Seconds after which a folder may be a dead run's: a younger one may be about to take its lock."""


@dataclass(frozen=True, kw_only=True)
class SelectedItem:
    """The pytest item of a row that the run is to reach."""

    node_id: str
    location: tuple[str, int | None, str]
    """File, line counted from 0, and name, as pytest has it."""


class RunDirectory:
    """The folder that the controller and the workers of one run share. Nothing else names a file in it.

    Layout:

        alive.lock              held by the controller as long as it lives, however it ends
        selected.json           row -> node id and location of its pytest item, for all rows of the run
        findings-WORKER.jsonl   a finding per line, appended when it is made; WORKER is `main`, `gw0`, `gw1` ...
        exchanges/              the exchanges, see `FileExchangeCache`
        abort_reason            why the run ended early; not there while it goes on
        isolation.lock          held while one generation is asked alone
        cache_reset_requests    a number: requests sent only to reset the server's cache
        server/                 the log of the embedded server

    What is not appended is written whole or not at all: a process that is killed loses at most the row in hand.
    """

    def __init__(self, path: Path | str, *, worker: str = "main") -> None:
        """Use a folder that is there. `worker`: the process that writes, for files that each has of its own."""
        self.path = Path(path)
        self._worker = worker

    @property
    def server_logs(self) -> Path:
        """Folder of the embedded server's log."""
        return self.path / "server"

    def open_exchange_cache(self) -> FileExchangeCache:
        """Return the exchanges of all workers."""
        return FileExchangeCache(self.path / "exchanges")

    def append_finding(self, finding: Finding) -> None:
        """Keep a finding, at once."""
        with (self.path / f"findings-{self._worker}.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(finding.to_record()) + "\n")

    def read_findings(self) -> dict[str, Finding]:
        """Return what all workers have found so far, by row."""
        return {finding.row: finding for finding in self._read_findings()}

    def _read_findings(self) -> Iterator[Finding]:
        for file in sorted(self.path.glob("findings-*.jsonl")):
            for line in file.read_text(encoding="utf-8").splitlines():
                try:
                    record = json.loads(line)
                except ValueError:
                    continue  # the last line of a worker that was killed while it wrote
                yield finding_from_record(record)

    def write_selected(self, items: Mapping[str, SelectedItem]) -> None:
        """Keep the items of all rows that the run is to reach, by row. Each worker writes the same."""
        self._write("selected.json", json.dumps({row: [item.node_id, item.location] for row, item in items.items()}))

    def read_selected(self) -> dict[str, SelectedItem]:
        """Return the items of all rows that the run is to reach, by row; none before a worker has collected them."""
        items = json.loads(self._read("selected.json") or "{}")
        return {row: SelectedItem(node_id=node_id, location=tuple(place)) for row, (node_id, place) in items.items()}

    @property
    def abort_reason(self) -> str:
        """Why the run ended early, empty while it goes on."""
        return self._read("abort_reason")

    def abort(self, reason: str) -> None:
        """Tell all workers that there is no server left to ask."""
        self._write("abort_reason", reason)

    @contextmanager
    def isolate_generation(self) -> Iterator[None]:
        """Keep the generations of all other workers waiting as long as the context is open."""
        with FileLock(self.path / "isolation.lock"):
            yield

    def count_cache_reset(self) -> None:
        """Count a request that was sent only to reset the server's cache. Called with the generation isolated."""
        self._write("cache_reset_requests", str(self.cache_reset_requests + 1))

    @property
    def cache_reset_requests(self) -> int:
        """Requests that were sent between others only to reset the server's cache."""
        return int(self._read("cache_reset_requests") or 0)

    def _read(self, name: str) -> str:
        try:
            return (self.path / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""

    def _write(self, name: str, text: str) -> None:
        atomic_write(self.path / name, text)


@contextmanager
def create_run_directory() -> Iterator[RunDirectory]:
    """Make a new folder in the temp folder, and remove it at the end. What killed runs left there is removed now."""
    path = Path(tempfile.mkdtemp(prefix=_PREFIX))
    try:
        with FileLock(path / _ALIVE_LOCK):  # held as long as the process lives, however it ends
            _remove_dead_runs(path)
            yield RunDirectory(path)
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _remove_dead_runs(own: Path) -> None:
    """Remove the old folders of this user that no process holds any more."""
    for lock in own.parent.glob(f"{_PREFIX}*/{_ALIVE_LOCK}"):
        # Another run may remove it at the same time, or still be alive.
        with suppress(OSError, Timeout):
            about = lock.lstat()
            if about.st_uid == own.lstat().st_uid and time.time() - about.st_mtime > _MIN_DEAD_SECONDS:
                with FileLock(lock, timeout=0):
                    pass
                shutil.rmtree(lock.parent, ignore_errors=True)
