"""What those who wait are told: lines, some of which say how far a thing is."""

from __future__ import annotations

from typing import Self


class Step(str):
    """A line about a thing that takes a while: `share` of it, from 0 to 1, is done."""

    __slots__ = ("share",)
    share: float

    def __new__(cls, text: str, *, share: float) -> Self:
        """Return the line."""
        step = super().__new__(cls, text)
        step.share = min(max(share, 0.0), 1.0)
        return step
