"""How a row is probed, in words."""

from __future__ import annotations

import inspect

from conformance.checklist.rows import Row

NOT_PROBED = "not probed yet"
"""Said of a row of the checklist that the suite has no experiment for."""


def describe_probe(row: Row) -> list[str]:
    """Return how the row is answered: by which experiment, rule or parts."""
    if row.derived_from:
        return [f"follows from: {', '.join(row.derived_from)}"]
    if row.probe is None:
        return ["a rule over all answers of a run" if row.rule else NOT_PROBED]
    function = inspect.unwrap(row.probe)
    where = f"{function.__module__}.{function.__qualname__}"
    return [f"probed by: {where}", f"probability of a false verdict: {row.false_verdict_probability}"]
