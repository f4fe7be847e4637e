"""How a row is declared beside its experiment: `@probe`, `derived`, `unseen`."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from conformance.checklist.claims import documented_boxes
from conformance.checklist.rows import Row, declare
from conformance.checklist.verdicts import Severity

from .observation import Observation

Experiment = Callable[..., Observation]


def probe(
    row: str,
    *,
    capability: str = "",
    severity: Severity = Severity.MUST,
    chance: str = "0",
    title: str = "",
    description: str = "",
    is_control: bool = False,
) -> Callable[[Experiment], Experiment]:
    """Declare a row and the experiment that answers it.

    The docstring says what the server should do. The experiment's parameters name what it speaks to: `chat`,
    `completions`, `embeddings`, `models`, `raw`. `capability` is the one that a target must declare a model for.
    `chance` is the probability of a false verdict, with its ground, for rules that rest on chance.
    `is_control` marks the row about the plain request that is every other row's control.
    """

    def register(experiment: Experiment) -> Experiment:
        declare(
            Row(
                id=row,
                description=description or inspect.cleandoc(experiment.__doc__ or ""),
                title=title or documented_boxes().get(row, "") or _title(row),
                capability=capability or _capability(row),
                severity=severity,
                false_verdict_probability=chance,
                probe=experiment,
                is_control=is_control,
            )
        )
        return experiment

    return register


def declare_derived(row: str, description: str, *parts: str, capability: str = "", title: str = "") -> None:
    """Declare a row whose verdict follows from other rows; without `parts`, from the rows below it."""
    declare(
        Row(
            id=row,
            description=description,
            title=title or documented_boxes().get(row, "") or _title(row),
            capability=capability or _capability(row),
            derived_from=parts or (f"{row}/*",),
        )
    )


def _capability(row: str) -> str:
    return "embedding" if row.startswith("embeddings/") else "chat"


def _title(row: str) -> str:
    kind, *path = row.split("/")[1:]
    if kind == "fields" and len(path) == 1:
        return f"`{path[0]}`"
    return path[-1].replace("_", " ") if path else kind
