"""Reports as files: report.json, exchanges.jsonl, and what is rendered from them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from conformance.errors import UsageError
from conformance.files import atomic_write
from conformance.judge.schema import violations
from conformance.report.render.badge import render_badges
from conformance.report.render.markdown import render_matrix
from conformance.wire.exchange import Exchange, exchange_from_record

from .record_types import check_types

FORMAT = 1
"""Version of the format of report.json. A reader refuses a newer one."""


class ReportError(Exception):
    """A file is no report that this version can read; the message says which and why."""


def check_writable(folder: Path, option: str = "--report-dir") -> None:
    """Make the folder of the reports, or of another file that an option names.

    Raises:
        UsageError: it cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".write-{os.getpid()}"
        probe.write_text("", encoding="utf-8")
        probe.unlink()
    except OSError as error:
        raise UsageError(f"{option}: cannot write to {folder}: {error.strerror or error}") from error


def write_report(report: Mapping[str, Any], exchanges: Iterable[Exchange], parent: Path, name: str | None) -> Path:
    """Write a report and all that is rendered from it; return the path of report.json.

    A partial report never overwrites a complete one: it gets a folder of its own beside it.

    Raises:
        ReportError: the report does not obey its own schema, which is our fault.
    """
    faults = [found for found in violations("report", report) if found.severity == "must"]
    if faults:
        raise ReportError(f"our own report breaks its schema: {faults[0].path}: {faults[0].message}")
    folder = parent / (name or _name_folder(report))
    if not report["complete"]:
        shard = report.get("shard")
        part = f"shard-{shard['index']}-of-{shard['of']}" if shard else "partial"
        folder = folder.with_name(f"{folder.name}.{part}")
    folder.mkdir(parents=True, exist_ok=True)
    atomic_write(folder / "exchanges.jsonl", "".join(json.dumps(each.to_record()) + "\n" for each in exchanges))
    atomic_write(folder / "report.json", json.dumps(report, indent=1, ensure_ascii=True) + "\n")
    render_report(folder)
    rebuild_index(parent)
    return folder / "report.json"


def _name_folder(report: Mapping[str, Any]) -> str:
    target = report["target"]
    safe = "".join(char if char.isalnum() or char in ".-_" else "-" for char in target["version"] or "")
    return f"{target['kind']}-{safe}" if safe else str(target["kind"])


def find_report(path: Path) -> Path:
    """Return the report.json that a path names: the file, its folder, or the newest below a folder of reports.

    A report of a part of the rows is taken only where there is no other.

    Raises:
        ReportError: there is none.
    """
    if path.is_file():
        return path
    if (path / "report.json").is_file():
        return path / "report.json"
    found = list_reports(path)
    if not found:
        raise ReportError(f"there is no report.json at {path}; make one with: openai-conformance run")
    whole = [file for file in found if not file.parent.name.endswith(".partial")]
    return (whole or found)[0]


def describe_read_error(error: Exception) -> str:
    """Return why a file of JSON could not be read, without its name, which stands before."""
    return error.strerror or str(error) if isinstance(error, OSError) else f"it is damaged: {error}"


def list_reports(folder: Path) -> list[Path]:
    """Return the report.json of each report in a folder, that of the newest run first.

    When a run began is told by the report, not by the file: a checkout gives all files the time that it was made at.
    """
    return sorted(folder.glob("*/report.json"), key=_measure_age, reverse=True)


def _measure_age(file: Path) -> tuple[str, float]:
    """Return what sorts the file by the time that its run began; a damaged one counts as older than all others."""
    try:
        report = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        report = None
    started = report.get("started") if isinstance(report, dict) else None
    return (started if isinstance(started, str) else "", file.stat().st_mtime)


def read_report(path: Path) -> dict[str, Any]:
    """Return the report at a path, checked against its schema.

    Raises:
        ReportError: it is missing, damaged, foreign, or of a newer format.
    """
    file = find_report(path)
    try:
        report = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ReportError(f"{file} cannot be read: {describe_read_error(error)}") from error
    if not isinstance(report, dict) or "format" not in report or "rows" not in report:
        raise ReportError(f"{file} is not a report of openai-conformance")
    if not isinstance(report["format"], int) or report["format"] > FORMAT:
        suite = report.get("suite") if isinstance(report.get("suite"), dict) else {}
        raise ReportError(
            f"{file} has format {report['format']!r}, written by version {(suite or {}).get('version')}; "
            f"this version reads formats up to {FORMAT}: upgrade openai-conformance"
        )
    faults = [found for found in violations("report", report) if found.severity == "must"]
    if faults:
        raise ReportError(f"{file} is damaged: {faults[0].path}: {faults[0].message}")
    return report


def read_exchanges(path: Path) -> dict[str, Exchange]:
    """Return the exchanges that lie beside a report, by id; empty where the file is missing.

    Raises:
        ReportError: the file is damaged, or of a version whose exchanges cannot be read.
    """
    file = find_report(path).with_name("exchanges.jsonl")
    if not file.exists():
        return {}
    found: dict[str, Exchange] = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        try:
            record = json.loads(line)
            if isinstance(record, dict) and "pieces" in record:  # as versions before 0.2 wrote them
                raise ReportError(
                    f"{file} was written by a version before 0.2, whose exchanges this one cannot read: run anew; "
                    "compare, docs and --baseline still read the report.json beside it"
                )
            exchange = exchange_from_record(record)
            check_types(exchange)
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
            raise ReportError(f"{file} is damaged in line {number}: {error!r}"[:400]) from error
        found[record["id"]] = exchange
    return found


def render_report(path: Path) -> Path:
    """Write again what is rendered from a report, or from all reports below a folder; return the folder.

    Raises:
        ReportError: a report cannot be read; what was there stays.
    """
    files = sorted(path.glob("*/report.json")) if path.is_dir() and not (path / "report.json").is_file() else []
    pages = {file: _render_files(file) for file in files or [find_report(path)]}
    for file, texts in pages.items():
        file.with_name("badges").mkdir(exist_ok=True)
        for name, text in texts.items():
            atomic_write(file.parent / name, text)
    if files:
        rebuild_index(path)
        return path
    return next(iter(pages)).parent


def _render_files(file: Path) -> dict[str, str]:
    """Return the text of each file beside a report by its name, made from the report and its exchanges alone."""
    from conformance.report.html.page import render_page

    report, exchanges = read_report(file), read_exchanges(file)
    texts = {"matrix.md": render_matrix(report), "index.html": render_page(report, exchanges)}
    return texts | {f"badges/{name}": text for name, text in render_badges(report).items()}


def rebuild_index(parent: Path) -> None:
    """Write the index of a folder of reports. Partial and unreadable reports do not stand in it."""
    from conformance.report.html.overview import render_overview

    found = {}
    for file in sorted(parent.glob("*/report.json")):
        try:
            report = read_report(file)
        except ReportError:
            continue  # `render` names it; what others lie there must not fail a run
        if report["complete"]:
            found[file.parent.name] = report
    if found:
        atomic_write(parent / "index.html", render_overview(found))
