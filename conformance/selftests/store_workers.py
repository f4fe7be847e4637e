"""What the workers of a test of the shared store do: apart, so that a new process imports little."""

from __future__ import annotations

import time
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path

from conformance.wire.exchange import Call, Exchange
from conformance.wire.exchange_cache import FileExchangeCache

CALLS = tuple(Call(path="/models", method="GET", repetition=number) for number in range(5))
TEXT = '{"data": "\u2603"}'


def exchange_of(call: Call) -> Exchange:
    """A made answer."""
    return Exchange(call=call, status=200, chunks=((0.1, TEXT),), headers=(("a", "b"),))


def ask_all(folder: str, asked: str, together: Barrier) -> None:
    """Ask for each call at the same moment as the others, and note every call that was really asked."""

    def ask(call: Call) -> Exchange:
        with Path(asked).open("a", encoding="utf-8") as notes:
            notes.write(f"{call.id}\n")
        time.sleep(0.1)  # so that the others come meanwhile; with the lock they wait, however long it is
        return exchange_of(call)

    store = FileExchangeCache(Path(folder))
    for call in CALLS:
        together.wait(timeout=20)
        assert store.get_or_send(call, ask) == exchange_of(call)


def ask_for_ever(folder: str, asking: Event, never: Event) -> None:
    """Hold the lock of the first call until killed."""

    def ask(call: Call) -> Exchange:
        asking.set()
        never.wait()
        return exchange_of(call)

    FileExchangeCache(Path(folder)).get_or_send(CALLS[0], ask)


def ask_once(folder: str) -> None:
    """Ask for the first call."""
    FileExchangeCache(Path(folder)).get_or_send(CALLS[0], exchange_of)
