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

from .files import ReportError, check_writable, read_report


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """Expected verdicts by row, and where they come from."""

    source: str
    version: str | None
    verdicts: Mapping[str, str]
    report: Mapping[str, Any]
    """As a report: at least `target` and `rows` with id, verdict, reason."""


def baseline_for(options: Any, target: Mapping[str, Any]) -> Baseline | None:
    """The baseline that `--baseline` names, None without one.

    Raises:
        TargetError: the file cannot be used.
    """
    named = options.baseline
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
        raise UsageError(f"--baseline: {file} cannot be read: {error}") from error
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
    """Whether these are capabilities with their models, as a report has them; there may be none."""
    return isinstance(models, dict) and all(
        isinstance(model, dict) and {"id", "digest"} <= set(model) for model in models.values()
    )


def _nearest(target: Mapping[str, Any]) -> Baseline:
    """The shipped report of the nearest version of the same kind that is not newer.

    Raises:
        TargetError: there is none.
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


def write_baseline(file: Path, report: Mapping[str, Any]) -> None:
    """Write the verdicts of a report as a baseline: sorted, one row per line."""
    about = {name: report["target"][name] for name in ("kind", "version", "models")}
    rows = sorted((row["id"], row["verdict"]) for row in report["rows"] if row["verdict"] != "untested")
    lines = ",\n".join(f"  {json.dumps(row)}: {json.dumps(verdict)}" for row, verdict in rows)
    text = f'{{\n "baseline": {json.dumps(about)},\n "verdicts": {{\n{lines}\n }}\n}}\n'
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(file)
