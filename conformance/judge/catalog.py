"""All rows there are: declared by probes, rules and derivations, or only documented."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from functools import cache
from types import ModuleType

from conformance import probes
from conformance.checklist.claims import documented_boxes
from conformance.checklist.rows import KINDS, Row, declared_rows
from conformance.probes.chance import NOT_PROBED
from conformance.probes.endpoints import HEADINGS
from conformance.probes.errors import declare_error_rows

from . import rules


@cache
def load_catalog() -> dict[str, Row]:
    """Return row id -> row, in the order of the matrix.

    That is the documentation's order; rows that it has no box for follow in the order in which modules declare them:
    that of `_modules_of`, probes before rules, and of the lines in each. What was imported first has no part in it.
    """
    modules = [*_modules_of(probes), *_modules_of(rules)]
    declare_error_rows()
    rows = declared_rows()
    boxes = documented_boxes()
    for name, wording in boxes.items():
        if name not in rows:
            about = "A box of the documentation, not probed yet."
            rows[name] = Row(id=name, title=wording, description=about, false_verdict_probability=NOT_PROBED)
    documented = {name: number for number, name in enumerate(boxes)}
    declared = _declaration_order(rows, modules)

    def key(row: str) -> tuple[object, ...]:
        endpoint, kind, *path = row.split("/")
        trail = []
        for depth in range(1, len(path) + 1):
            ancestor = "/".join([endpoint, kind, *path[:depth]])
            trail.append((documented.get(ancestor, len(boxes)), declared.get(ancestor, declared[row])))
        known = KINDS.index(kind) if kind in KINDS else len(KINDS)
        return (list(HEADINGS).index(endpoint), known, kind, trail)

    return {name: rows[name] for name in sorted(rows, key=key)}


def _modules_of(package: ModuleType) -> list[str]:
    """Return the names of a package's modules, packages first opened: those of its `MODULE_ORDER`, then by name."""
    first = getattr(package, "MODULE_ORDER", ())
    names = [module.name for module in pkgutil.iter_modules(package.__path__)]
    found = []
    for name in sorted(names, key=lambda name: (first.index(name) if name in first else len(first), name)):
        module = importlib.import_module(f"{package.__name__}.{name}")
        found.append(module.__name__)
        if hasattr(module, "__path__"):
            found += _modules_of(module)
    return found


def _declaration_order(rows: Mapping[str, Row], modules: Sequence[str]) -> dict[str, int]:
    """Return row id -> its number in the order of modules and lines; of one line, in the order of the loop there."""
    place = {name: number for number, name in enumerate(modules)}

    def key(row: str) -> tuple[int, int]:
        module, line = rows[row].declared_at
        return (place.get(module, len(modules)), line)

    return {name: number for number, name in enumerate(sorted(rows, key=key))}
