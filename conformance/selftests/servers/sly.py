"""Servers that do most things right: what they do wrong is what a careless probe does not see."""

from __future__ import annotations

from .behaviours import KnowsFewFields, behaviour
from .interface import CutError, HangError, Reply, Server


@behaviour
def hangs_on_extras() -> Server:
    """Never answers requests with a field beyond the few that it knows."""

    def hang(_: str) -> Reply:
        raise HangError

    return KnowsFewFields(otherwise=hang)


@behaviour
def cuts_on_extras() -> Server:
    """Closes the connection on requests with a field beyond the few that it knows."""

    def cut(_: str) -> Reply:
        raise CutError

    return KnowsFewFields(otherwise=cut)
