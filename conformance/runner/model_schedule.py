"""Whose turn it is: all workers ask one model, then all of them the next.

A server with room for one model would load models back and forth otherwise, where one worker still asks the first and
another the second already. Each load takes seconds, and is charged to the request that waits for it.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from filelock import FileLock, Timeout

_LOOK_SECONDS = 0.02


class Turns:
    """A worker's place in the order of the models, as the other workers see it."""

    def __init__(self, folder: Path, worker: str) -> None:
        """`folder` is shared by all workers. The place is the first one until `take` says otherwise."""
        self._folder = folder
        self._mark = folder / f"turn-{worker}.place"
        # Held as long as the worker lives: what a killed worker leaves holds nobody up.
        self._here = FileLock(folder / f"turn-{worker}.lock")
        self._here.acquire()
        self._place = -1
        self._write(0)

    def take(self, place: int) -> None:
        """Go on to a place, and wait until no other worker is at an earlier one.

        Who is first never waits, and whoever has nothing left to ask leaves: somebody always goes on.
        """
        self._write(place)
        while any(self._is_before(mark, place) for mark in self._folder.glob("turn-*.place")):
            time.sleep(_LOOK_SECONDS)

    def leave(self) -> None:
        """Hold nobody up any more."""
        self._here.release()

    def _write(self, place: int) -> None:
        if place == self._place:
            return
        partial = self._mark.with_name(f"partial-{self._mark.name}")
        partial.write_text(str(place), encoding="utf-8")
        os.replace(partial, self._mark)  # noqa: PTH105 - one call, whole or not at all
        self._place = place

    def _is_before(self, mark: Path, place: int) -> bool:
        """Whether the worker of this mark is at an earlier place, and alive."""
        if mark == self._mark or int(mark.read_text(encoding="utf-8")) >= place:
            return False
        try:
            FileLock(mark.with_suffix(".lock")).acquire(timeout=0).lock.release()
        except Timeout:
            return True
        return False
