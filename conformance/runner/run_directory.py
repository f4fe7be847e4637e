"""The folder in which a run's processes write, and its end: also where the run itself is told to end, or killed."""

from __future__ import annotations

import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from filelock import FileLock, Timeout

_PREFIX = "openai-conformance-"
_LOCK = "alive.lock"
_OLD = 3600.0
"""Seconds after which a folder may be a dead run's: a younger one may be about to take its lock."""


@contextmanager
def run_folder() -> Iterator[Path]:
    """A new folder in the temp folder, removed at the end. Folders of runs that were killed are removed now."""
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    try:
        with FileLock(folder / _LOCK):  # held as long as the process lives, however it ends
            _remove_dead(folder)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_dead(own: Path) -> None:
    """Remove the old folders of this user that no process holds any more."""
    for lock in own.parent.glob(f"{_PREFIX}*/{_LOCK}"):
        # Another run may remove it at the same time, or still be alive.
        with suppress(OSError, Timeout):
            about = lock.lstat()
            if about.st_uid == own.lstat().st_uid and time.time() - about.st_mtime > _OLD:
                with FileLock(lock, timeout=0):
                    pass
                shutil.rmtree(lock.parent, ignore_errors=True)


@contextmanager
def sigterm_as_keyboard_interrupt() -> Iterator[None]:
    """Take SIGTERM and SIGHUP for Ctrl-C: the report is written, and what was started is stopped.

    Who has handlers of his own, or ignores them (`nohup`), keeps that.
    """
    taken = []
    if threading.current_thread() is threading.main_thread():
        numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
        taken = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _interrupt(number: int, _frame: object) -> NoReturn:
    # Once: `timeout` and others tell the process and then its group, and the second would break off the first's end.
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
