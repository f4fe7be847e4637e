"""About what a run costs, told before it begins on a server that may be paid for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from conformance.judge.catalog import load_catalog

_COSTS = {
    "chat": (214, 13_000), "completions": (82, 1_700), "embeddings": (17, 150), "responses": (141, 9_500),
    "errors": (172, 2_800), "clients": (8, 450), "models": (2, 0), "images": (1, 0), "operations": (363, 0),
}  # fmt: skip
"""Endpoint -> requests, and tokens of prompts and answers, that all of its rows took of a 135M model that does not
think; a row's share of them is taken to be the same. What rows share is counted where it was asked first."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a run may take of a server."""

    requests: int
    tokens: int

    def describe(self, host: str) -> str:
        """Return the line that tells it."""
        return (
            f"about {self.requests:,} requests and {self.tokens:,} tokens go to {host}; models that think take more"
        )


def estimate_cost(rows: Iterable[str]) -> Cost:
    """Return about what asking these rows takes."""
    catalog = load_catalog()
    there = Counter(row.endpoint for row in catalog.values() if row.probe is not None)
    asked = Counter(catalog[row].endpoint for row in rows if catalog[row].probe is not None)
    shares = {endpoint: asked[endpoint] / there[endpoint] for endpoint in asked}
    requests, tokens = (
        round(sum(_COSTS.get(endpoint, (0, 0))[part] * share for endpoint, share in shares.items()), -place)
        for part, place in ((0, 1), (1, 2))
    )
    return Cost(requests=int(requests), tokens=int(tokens))
