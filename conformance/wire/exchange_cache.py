"""Where the exchanges of a run lie, so that no call is asked twice: in memory, or in a folder shared by workers."""

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

    def get_or_send(self, call: Call, ask: Callable[[Call], Exchange]) -> Exchange:
        """The exchange of the call; `ask` makes it if nobody has asked yet."""

    def all(self) -> Iterator[Exchange]:
        """Every exchange so far, in no particular order."""


class MemoryExchangeCache:
    """For one process."""

    def __init__(self) -> None:
        """Empty."""
        self._exchanges: dict[str, Exchange] = {}

    def get_or_send(self, call: Call, ask: Callable[[Call], Exchange]) -> Exchange:
        """See Store."""
        if call.id not in self._exchanges:
            self._exchanges[call.id] = ask(call)
        return self._exchanges[call.id]

    def all(self) -> Iterator[Exchange]:
        """See Store."""
        return iter(self._exchanges.values())


class FileExchangeCache:
    """For the workers of a run: a file per exchange, and a lock per call so that the second asker waits."""

    def __init__(self, folder: Path) -> None:
        """`folder` is made if it is not there."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._known: dict[str, Exchange] = {}

    def get_or_send(self, call: Call, ask: Callable[[Call], Exchange]) -> Exchange:
        """See Store."""
        known = self._known.get(call.id)
        if known is None:
            file = self._folder / f"{call.id}.json"
            with FileLock(self._folder / f"{call.id}.lock"):
                known = _read(file) or _write(file, ask(call))
            self._known[call.id] = known
        return known

    def all(self) -> Iterator[Exchange]:
        """See Store."""
        for file in sorted(self._folder.glob("*.json")):
            if (exchange := _read(file)) is not None:
                yield exchange


def _read(file: Path) -> Exchange | None:
    """The exchange in the file. None where there is none, or a damaged one: then the call is asked anew."""
    if not file.exists():
        return None
    try:
        return exchange_from_record(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # a full disk or a crash of the machine; half an answer must not end the run


def _write(file: Path, exchange: Exchange) -> Exchange:
    atomic_write(file, json.dumps(exchange.to_record()))
    return exchange
