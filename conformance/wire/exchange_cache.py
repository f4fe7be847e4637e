"""The exchanges of a run by call, so that no call is sent twice: in memory, or in a folder that workers share."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from filelock import FileLock

from conformance.files import atomic_write

from .exchange import Call, Exchange, exchange_from_record


class ExchangeCache(Protocol):
    """Exchanges by call."""

    def get_or_send(self, call: Call, send: Callable[[Call], Exchange]) -> Exchange:
        """Return the exchange of a call; where there is none yet, `send` makes it."""

    def all(self) -> Iterator[Exchange]:
        """Yield every exchange so far, in no particular order."""


class MemoryExchangeCache:
    """The cache of one process."""

    def __init__(self) -> None:
        """Begin empty."""
        self._exchanges: dict[str, Exchange] = {}

    def get_or_send(self, call: Call, send: Callable[[Call], Exchange]) -> Exchange:
        """Return the exchange of a call; see `ExchangeCache`."""
        if call.id not in self._exchanges:
            self._exchanges[call.id] = send(call)
        return self._exchanges[call.id]

    def all(self) -> Iterator[Exchange]:
        """Yield every exchange so far; see `ExchangeCache`."""
        return iter(self._exchanges.values())


class FileExchangeCache:
    """The cache of a run's workers: a file per exchange, and a lock per call, so that the second sender waits."""

    def __init__(self, folder: Path) -> None:
        """Use a folder, which is made if it is not there."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._known: dict[str, Exchange] = {}

    def get_or_send(self, call: Call, send: Callable[[Call], Exchange]) -> Exchange:
        """Return the exchange of a call; see `ExchangeCache`."""
        known = self._known.get(call.id)
        if known is None:
            file = self._folder / f"{call.id}.json"
            with FileLock(self._folder / f"{call.id}.lock"):
                known = _read(file) or _write(file, send(call))
            self._known[call.id] = known
        return known

    def all(self) -> Iterator[Exchange]:
        """Yield every exchange so far; see `ExchangeCache`."""
        for file in sorted(self._folder.glob("*.json")):
            if (exchange := _read(file)) is not None:
                yield exchange


def _read(file: Path) -> Exchange | None:
    """Return the exchange in a file; None where there is none, or where the file is damaged: it is sent anew.

    Files are written whole, so only a full disk or a crash of the machine leaves a damaged one.
    """
    if not file.exists():
        return None
    try:
        return exchange_from_record(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _write(file: Path, exchange: Exchange) -> Exchange:
    atomic_write(file, json.dumps(exchange.to_record()))
    return exchange
