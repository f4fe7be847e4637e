"""All rows there are: declared by probes, rules and derivations, or only documented."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from conformance import probes
from conformance.checklist.claims import documented_boxes
from conformance.checklist.rows import ENDPOINTS, KINDS, Row, declared_rows

from . import rules


@cache
def load_catalog() -> dict[str, Row]:
    """Row id -> row, in the order of the matrix: the documentation's own, then that of the declarations."""
    for package in (probes, rules):
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            importlib.import_module(module.name)
    rows = declared_rows()
    boxes = documented_boxes()
    for name, wording in boxes.items():
        if name not in rows:
            rows[name] = Row(id=name, title=wording, description="A box of the documentation, not probed yet.")
    place = {name: number for number, name in enumerate(boxes)}
    last = {name: number for number, name in enumerate(rows)}

    def key(row: str) -> tuple[object, ...]:
        endpoint, kind, *path = row.split("/")
        trail = []
        for depth in range(1, len(path) + 1):
            ancestor = "/".join([endpoint, kind, *path[:depth]])
            trail.append((place.get(ancestor, 10_000), last.get(ancestor, last[row])))
        known = KINDS.index(kind) if kind in KINDS else len(KINDS)
        return (list(ENDPOINTS).index(endpoint), known, kind, trail)

    return {name: rows[name] for name in sorted(rows, key=key)}
