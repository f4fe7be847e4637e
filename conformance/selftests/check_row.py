"""What a row still lacks, and where to add it: `python -m conformance.selftests.check_row chat/fields/foo`.

Prints one line for each thing, with file and line, and exits with 1 if one is missing. It asks the miniature servers,
so it also shows whether the row's verdict can flip.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from conformance.checklist.rows import Row
from conformance.checklist.verdicts import Evidence, Verdict
from conformance.judge.catalog import load_catalog
from conformance.probes.clauses import anchors
from conformance.probes.endpoints import HEADINGS, Endpoint, RequestEndpoint, endpoint_named
from conformance.selftests import ledger
from conformance.selftests.asking import asker_of, examined, rows
from conformance.selftests.servers import HonoursEverything, strips

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that a row needs, and where."""

    done: bool
    what: str
    where: str

    def __str__(self) -> str:
        """As a line."""
        return f"{'ok     ' if self.done else 'missing'}  {self.what}  ({self.where})"


def place_of(module: str, line: int) -> str:
    """Return `FILE:LINE` of a place in a module, the file relative to the checkout."""
    file = inspect.getsourcefile(importlib.import_module(module)) or module
    return f"{Path(file).relative_to(ROOT)}:{line}"


def neighbour_of(row: str) -> Row | None:
    """Return the declared row whose id has most of its first parts in common with an id; of several the last."""

    def common(other: str) -> int:
        pairs = list(zip(row.split("/"), other.split("/"), strict=False))
        return next((number for number, (one, two) in enumerate(pairs) if one != two), len(pairs))

    declared = [each for each in load_catalog().values() if each.declared_at[1] and each.id != row]
    best = max(declared, key=lambda each: (common(each.id), each.declared_at))
    return best if common(best.id) else None


def check_row(name: str) -> Iterator[Step]:
    """Return what a row needs, done or not, as far as it can be told."""
    first, *path = name.split("/")
    if first not in HEADINGS:
        yield from _endpoint_steps(first)
        return
    missing = [step for step in _endpoint_file_steps(first) if not step.done]
    yield from missing
    if missing:
        return  # without its files the miniature cannot be asked
    row = load_catalog().get(name)
    answered = row is not None and bool(row.probe or row.rule or row.derived_from)
    if row is None or not answered:
        yield from _new_row_steps(name, path)
        return
    yield Step(done=True, what="an experiment, a rule or parts", where=place_of(*row.declared_at))
    described = len(row.description) > 10
    yield Step(
        done=described, what="a docstring that says what the server should do", where=place_of(*row.declared_at)
    )
    if row.kind == "fields" and len(row.path) == 1:
        yield from _field_steps(row)
    ids = ledger.ROWS.read_text(encoding="utf-8").split()
    yield Step(done=name in ids, what="its id in the ledger", where=f"{_relative(ledger.ROWS)}: {ledger.COMMAND}")
    if row.probe is not None and row.id in {each.id for each in rows()}:
        yield from _verdict_steps(row)


def _new_row_steps(name: str, path: list[str]) -> Iterator[Step]:
    """Return what a row needs that nothing declares yet."""
    near = neighbour_of(name)
    where = f"beside {place_of(*near.declared_at)}" if near else "conformance/probes/"
    values = ", values=values(VALID, NONSENSE)" if path[:1] == ["fields"] and len(path) == 2 else ""
    yield Step(done=False, what=f'an experiment: @probe("{name}"{values}, chance=chance.STATEMENT)', where=where)
    yield Step(done=False, what="an effect in the miniature, if the field has any", where=_miniature_of(name))
    yield Step(done=False, what="its id in the ledger", where=f"{_relative(ledger.ROWS)}: {ledger.COMMAND}")


def _miniature_of(name: str) -> str:
    """Return where the honest server has its part of an endpoint; an error row names its endpoint second."""
    first, second, *_ = name.split("/")
    endpoint = second if first == "errors" and endpoint_named(second) else first
    file = f"conformance/selftests/servers/{endpoint}.py"
    return file if (ROOT / file).exists() else "conformance/selftests/servers/honours.py"


def _relative(file: Path) -> str:
    return str(file.relative_to(ROOT))


def _field_steps(row: Row) -> Iterator[Step]:
    what = "a valid value and nonsense: values=values(VALID, NONSENSE)"
    yield Step(done=row.values is not None, what=what, where=place_of(*row.declared_at))
    endpoint = endpoint_named(row.endpoint)
    if endpoint is not None and row.path[0] in ledger.sdk_fields(endpoint):
        known = row.path[0] in anchors().get(row.endpoint, {})
        what = "the anchor of its clause"
        yield Step(done=known, what=what, where=f"{_relative(ledger.ANCHORS)}: {ledger.COMMAND}")


def _verdict_steps(row: Row) -> Iterator[Step]:
    server = HonoursEverything(lenient=row.endpoint != "errors", extensions=row.endpoint != "errors", pace=0)
    asker = asker_of(server)
    found = examined(row.id, asker.send)
    what = f"the miniature that honours everything is supported (it is {found.verdict}: {found.reason})"
    yield Step(done=found.verdict is Verdict.SUPPORTED, what=what, where=_miniature_of(row.id))
    if row.kind != "fields" or found.evidence is not Evidence.EFFECT or found.verdict is not Verdict.SUPPORTED:
        return
    endpoint = endpoint_named(row.endpoint)
    if endpoint is None or not issubclass(endpoint, RequestEndpoint) or row.path[0] in endpoint.required:
        return
    stripped = examined(row.id, asker_of(strips(row.path[0], server)).send)
    what = f"without its field it is ignored (it is {stripped.verdict}: {stripped.reason})"
    flips = stripped.verdict is Verdict.IGNORED
    yield Step(done=flips, what=what, where=f"{place_of(*row.declared_at)}; exceptions: test_stripping.py")


def _endpoint_steps(name: str) -> Iterator[Step]:
    example = place_of("conformance.probes.endpoints.embeddings", 1)
    yield Step(
        done=False,
        what=f"a class of {Endpoint.__name__} with name = {name!r}, path, schema, required, smallest, reference",
        where=f"conformance/probes/endpoints/{name}.py, after the example of {example}",
    )
    yield from _new_endpoint_files(name, f"schemas/{name}.json")


def _endpoint_file_steps(name: str) -> Iterator[Step]:
    """Return the files of an endpoint that has its class; groups of rows such as `errors` have none of their own."""
    endpoint = endpoint_named(name)
    if endpoint is not None and issubclass(endpoint, RequestEndpoint):
        yield from _new_endpoint_files(name, f"schemas/{endpoint.schema}.json")


def _new_endpoint_files(name: str, schema: str) -> Iterator[Step]:
    for what, where in (
        ("its rows, with the values of its fields", f"conformance/probes/{name}.py"),
        ("the schema of its responses", schema),
        ("its pytest items", f"conformance/test_{name}.py, after conformance/test_embeddings.py"),
        (
            "its miniature: check(body), answer(body), and RULE_CHANGES for its shared rules",
            f"conformance/selftests/servers/{name}.py",
        ),
    ):
        file = ROOT / where.split(",")[0]
        yield Step(done=file.exists() or file.with_suffix("").is_dir(), what=what, where=where)


def main(arguments: list[str]) -> int:
    """Print what the rows that are named need; 1 if anything is missing, 2 if none is named."""
    if not arguments:
        sys.stdout.write((__doc__ or "").partition("\n")[0] + "\n")
        return 2
    steps = [step for name in arguments for step in check_row(name)]
    sys.stdout.write("".join(f"{step}\n" for step in steps))
    return 0 if all(step.done for step in steps) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
