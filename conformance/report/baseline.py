"""What is expected: a baseline file, or any report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.checklist.claims import version_key
from conformance.checklist.packaged_data import folder
from conformance.checklist.verdicts import Verdict
from conformance.errors import UsageError
from conformance.files import atomic_write
from conformance.report.probing import NOT_PROBED

from .files import ReportError, check_writable, describe_read_error, read_report


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """Expected verdicts by row, and where they come from."""

    source: str
    version: str | None
    verdicts: Mapping[str, str]
    report: Mapping[str, Any]
    """As a report: at least `target` and `rows` with id, verdict, reason."""


def baseline_for(options: Any, target: Mapping[str, Any]) -> Baseline | None:
    """Return the baseline that `--baseline` names, None without one.

    Raises:
        UsageError: the file cannot be used, or `--update-baseline` names none to write.
    """
    named = options.baseline
    if options.update_baseline and named in (None, "", "auto"):
        raise UsageError("--update-baseline needs --baseline FILE, the file to write")
    if not named:
        return None
    if named == "auto":
        return _nearest(target)
    file = Path(named)
    if options.update_baseline:
        check_writable(file.parent, "--update-baseline")  # before a run whose end it would spoil
        if not file.exists():
            return None
    return _loaded(file)


def _loaded(file: Path) -> Baseline:
    try:
        text = file.read_text(encoding="utf-8")
        document = json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"--baseline: {file} cannot be read: {describe_read_error(error)}") from error
    if isinstance(document, dict) and "baseline" in document and "verdicts" in document:
        return _of_baseline(file, document)
    try:
        report = read_report(file)
    except ReportError as error:
        raise UsageError(f"--baseline: {error}") from error
    verdicts = {row["id"]: row["verdict"] for row in report["rows"] if row["verdict"] != "untested"}
    return Baseline(source=str(file), version=report["target"]["version"], verdicts=verdicts, report=report)


def _of_baseline(file: Path, document: dict[str, Any]) -> Baseline:
    verdicts = document["verdicts"]
    known = set(Verdict)
    words = verdicts.values() if isinstance(verdicts, dict) else [None]
    if not all(isinstance(word, str) and word in known for word in words):
        raise UsageError(
            f"--baseline: {file} holds a verdict that is none; remove it, and write it anew with --update-baseline"
        )
    rows = [{"id": row, "verdict": verdict, "reason": ""} for row, verdict in verdicts.items()]
    target = document["baseline"] if isinstance(document["baseline"], dict) else {}
    if not _tells_models(target.get("models", {})):
        raise UsageError(
            f"--baseline: {file} holds a model that is none; remove it, and write it anew with --update-baseline"
        )
    report = {"target": {"kind": None, "version": None, "models": {}, **target}, "rows": rows}
    return Baseline(source=str(file), version=target.get("version"), verdicts=verdicts, report=report)


def _tells_models(models: object) -> bool:
    """Whether these are capabilities with their models; there may be none, and older files also tell addresses."""
    return isinstance(models, dict) and all(
        isinstance(model, dict) and {"id", "digest"} <= set(model) for model in models.values()
    )


def _nearest(target: Mapping[str, Any]) -> Baseline:
    """Return the shipped baseline of the nearest older version of the same kind.

    Raises:
        UsageError: there is none.
    """
    key = version_key(target["version"] or "")
    found: list[tuple[tuple[int, ...], Path]] = []
    for file in sorted(folder("baselines").glob(f"{target['kind']}-*.json")):
        of_file = version_key(file.stem.removeprefix(f"{target['kind']}-"))
        if of_file and of_file < key:
            found.append((of_file, file))
    if not found:
        raise UsageError(
            f"--baseline auto: no baseline of a {target['kind']} older than {target['version']} is known"
        )
    return _loaded(max(found)[1])


def update_baseline(file: Path, report: Mapping[str, Any]) -> str:
    """Write the verdicts of a report to a baseline file; return the line that says how many were written and kept.

    A row that the report did not ask, or that nobody can probe, keeps the verdict that the file has for it. Only a
    complete report drops rows: those that the suite does not have any more.

    Raises:
        UsageError: the report is not complete and there is no file that it could add to, or the file cannot be read
            or written.
    """
    if not file.exists() and not report["complete"]:
        raise UsageError(
            f"--update-baseline: {file} was not written: this run did not ask every row, and there is no file yet "
            "that it could add to; write it with a complete run"
        )
    old = _loaded(file) if file.exists() else None
    before = dict(old.verdicts) if old else {}
    written = _new_verdicts(report, before)
    known = {row["id"] for row in report["rows"]}
    stays = known if report["complete"] else set(before)
    kept = {row: verdict for row, verdict in before.items() if row in stays and row not in written}
    target = _describe_target(report["target"], old.report["target"] if old and kept else None)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(file, format_baseline(target, {**kept, **written}))
    except OSError as error:
        raise UsageError(f"--update-baseline: cannot write {file}: {error.strerror or error}") from error
    return f"baseline {file}: {len(written)} rows written, {len(kept)} kept"


def _new_verdicts(report: Mapping[str, Any], before: Mapping[str, str]) -> dict[str, str]:
    """Return the verdicts that go into the file: of a row that nobody can probe, only where none is there yet."""
    adds = {row["id"] for row in report["rows"] if row["id"] not in before} if report["complete"] else set()
    return {
        row["id"]: row["verdict"]
        for row in report["rows"]
        if row["verdict"] != Verdict.UNTESTED and (row.get("probed") != NOT_PROBED or row["id"] in adds)
    }


def _describe_target(target: Mapping[str, Any], kept: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what a baseline says of the server: nothing that differs from machine to machine, such as its address.

    `kept`: the target that rows of the file were found on, and stay; its models of other capabilities stay too.
    """
    models = {**(kept["models"] if kept else {}), **target["models"]}
    return {
        "kind": target["kind"],
        "version": target["version"],
        "models": {
            capability: {"id": model["id"], "digest": model["digest"]} for capability, model in models.items()
        },
    }


def format_baseline(target: Mapping[str, Any], verdicts: Mapping[str, str]) -> str:
    """Return the text of a baseline file: sorted, one row per line."""
    lines = ",\n".join(f"  {json.dumps(row)}: {json.dumps(verdict)}" for row, verdict in sorted(verdicts.items()))
    return f'{{\n "baseline": {json.dumps(target)},\n "verdicts": {{\n{lines}\n }}\n}}\n'
