"""Signals that end a run, heard as Ctrl-C is."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn


@contextmanager
def sigterm_as_keyboard_interrupt() -> Iterator[None]:
    """Raise `KeyboardInterrupt` at SIGTERM and SIGHUP: the report is written, and what was started is stopped.

    Handlers that the process already has, and signals that it ignores (`nohup`), are left as they are.
    """
    replaced = []
    if threading.current_thread() is threading.main_thread():
        numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
        replaced = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
    for number in replaced:
        signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number in replaced:
            signal.signal(number, signal.SIG_DFL)


def _interrupt(number: int, _frame: object) -> NoReturn:
    # Once: `timeout` and others tell the process and then its group, and the second would break off the first's end.
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
