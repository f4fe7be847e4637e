"""/v1/rerank."""

# ruff: noqa: INP001 - copied into the package

from __future__ import annotations

from conformance.checklist.field_values import values
from conformance.wire.exchange import Exchange

from . import chance, text_generation
from .availability import send_bad
from .endpoints.rerank import Rerank
from .observation import Observation, broken, ignored, supported
from .registry import probe
from .response_views import as_list, get_path


def order(answer: Exchange) -> list[object]:
    """Return the numbers of the documents, the best first."""
    return [get_path(result, "index") for result in as_list(get_path(answer.json, "results"))]


@probe("rerank/features/rerank", is_control=True, chance=chance.VECTORS)
def rerank_works(rerank: Rerank) -> Observation:
    """Every document gets a place."""
    found = order(rerank.ask())
    if sorted(map(str, found)) == ["0", "1", "2"]:
        return supported("three documents get three places")
    return broken(f"three documents get the places {found}")


@probe("rerank/fields/model", values=values(None, 7), chance=chance.VECTORS)
def model(rerank: Rerank) -> Observation:
    """The model that answers; a name that no model has is refused."""
    return text_generation.judge_unknown_model(send_bad(rerank, model="no-such-model-zz"))


@probe("rerank/fields/query", values=values(None, 7), chance=chance.VECTORS)
def query(rerank: Rerank) -> Observation:
    """What the documents are ordered by: another query, another order."""
    if order(rerank.ask("tea"))[:1] != order(rerank.ask("rain"))[:1]:
        return supported("two queries put two documents first")
    return ignored("two queries put the same document first")


@probe("rerank/fields/documents", values=values(None, 7), chance=chance.VECTORS)
def documents(rerank: Rerank) -> Observation:
    """What is ordered: where the documents change their places, so does the best one."""
    first, second = (order(rerank.ask(documents=names)) for names in (["tea", "rain"], ["rain", "tea"]))
    if (first, second) == ([0, 1], [1, 0]):
        return supported("the best document is found at either place")
    return ignored("the best document is not found at its place")


@probe("rerank/fields/top_n", values=values(1, "zz"), chance=chance.VECTORS)
def top_n(rerank: Rerank) -> Observation:
    """How many documents are returned, the best first."""
    best = order(rerank.ask(top_n=1))
    if best == order(rerank.ask_control())[:1]:
        return supported("of three documents the best one is returned")
    return ignored(f"{len(best)} documents are returned where one was asked for")
