"""`openai-conformance merge`: the shards of a run become the report that a single run would have written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from conformance.checklist.findings import Finding, finding_from_record
from conformance.checklist.verdicts import Verdict
from conformance.judge.finalize import finalize_findings, has_regressions
from conformance.wire.exchange import Exchange

from .baseline import Baseline, baseline_for
from .build import RunResult, build_report
from .files import ReportError, read_exchanges, read_report
from .publish import check_outputs, publish
from .render.terminal import format_conclusion


@dataclass(frozen=True, kw_only=True)
class Part:
    """A shard's report, its findings, and the exchanges it made, under names that no other shard uses."""

    file: Path
    report: Mapping[str, Any]
    findings: Mapping[str, Finding]
    exchanges: Sequence[Exchange]

    @property
    def shard(self) -> Mapping[str, Any]:
        """Its note in the report: index, of, selected, ended."""
        note: Mapping[str, Any] = self.report["shard"]
        return note

    @property
    def name(self) -> str:
        """As the option has it: `2/5`."""
        return f"{self.shard['index']}/{self.shard['of']}"


@dataclass(frozen=True, kw_only=True)
class Merged:
    """All shards as one run."""

    report: dict[str, Any]
    findings: Mapping[str, Finding]
    exchanges: Sequence[Exchange]
    expected: Baseline | None
    ended: str
    """Why shards ended early; empty where none did."""


def merge_shards(
    paths: Iterable[Path], baseline: Callable[[Mapping[str, Any]], Baseline | None] = lambda _: None
) -> Merged:
    """Judge what the shards found as one run. `baseline`: what is expected of a target.

    Raises:
        ReportError: a shard is missing, there twice, damaged, or of another run; the message names it.
        UsageError: the baseline cannot be used.
    """
    parts = _disambiguate_calls(load_parts(paths))
    found = {name: finding for part in parts for name, finding in part.findings.items()}
    target = _target(parts)
    models = {name: model["id"] for name, model in target["models"].items()}
    expected = baseline(target)
    ended = "; ".join(f"shard {part.name}: {part.shard['ended']}" for part in parts if part.shard["ended"])
    selected = parts[0].shard["selected"]
    exchanges = sorted((exchange for part in parts for exchange in part.exchanges), key=lambda each: each.id)
    once = [exchange for exchange in exchanges if not exchange.call.shard]
    shards = [part.exchanges for part in parts]
    findings = finalize_findings(found, once, shards=shards, models=models, selected=selected, rules=not ended)
    measured = RunResult(
        target=target,
        findings=findings,
        exchanges=exchanges,
        started=min(datetime.fromisoformat(part.report["started"]).timestamp() for part in parts),
        seconds=sum(part.report["seconds"] for part in parts),
        gone=ended,
        between=sum(part.report["requests"] - len(part.exchanges) for part in parts),
        models=models,
    )
    return Merged(
        report=build_report(measured, expected),
        findings=findings,
        exchanges=exchanges,
        expected=expected,
        ended=ended,
    )


def merge(options: Any, environ: Mapping[str, str]) -> tuple[list[str], int]:
    """Write the report of all shards; return the lines to print, and the exit status as for a run.

    Raises:
        ReportError: they cannot be merged.
        UsageError: the baseline cannot be used, or nothing can be written.
    """
    check_outputs(options)
    run = merge_shards(options.shards, lambda target: baseline_for(options, target))
    made = publish(run.report, run.exchanges, run.expected, options=options, environ=environ)
    verdicts = {name: Verdict(verdict) for name, verdict in (run.expected.verdicts if run.expected else {}).items()}
    worse = has_regressions(run.findings, verdicts.get, required=options.require_supported)
    status = 2 if run.ended or made.refused else int(worse)
    conclusion = format_conclusion(
        run.report,
        status,
        difference=made.difference,
        baseline=run.expected.report["target"] if run.expected else None,
        required=options.require_supported,
        ended=run.ended,
    )
    return [line.text for line in (*made.lines, conclusion)], status


def load_parts(paths: Iterable[Path]) -> list[Part]:
    """Return the parts at these paths in their order, every one there once and all of one run.

    Raises:
        ReportError: they are not.
    """
    parts: dict[int, Part] = {}
    for file in _files(paths):
        part = _part(file)
        index = part.shard["index"]
        if index in parts:
            raise ReportError(f"shard {part.name} is there twice: {parts[index].file} and {file}")
        parts[index] = part
    if not parts:
        raise ReportError(f"no shard's report.json lies at {', '.join(map(str, paths))}")
    first = parts[min(parts)]
    for part in parts.values():
        _same_run(first, part)
    of = first.shard["of"]
    missing = [f"{index}/{of}" for index in range(1, of + 1) if index not in parts]
    if missing:
        there = ", ".join(part.name for _, part in sorted(parts.items()))
        raise ReportError(f"missing: shard {', '.join(missing)}; there: {there}")
    return [part for _, part in sorted(parts.items())]


def _files(paths: Iterable[Path]) -> list[Path]:
    """Return the shards' report.json files: those named, and all that lie below a folder of folders."""
    found: list[Path] = []
    for path in paths:
        if path.is_file():
            found.append(path)
        elif (path / "report.json").is_file():
            found.append(path / "report.json")
        else:
            below = sorted(path.rglob("report.json"))
            found += [file for file in below if read_report(file).get("shard")]
            if not below:
                raise ReportError(f"there is no report.json at {path}")
    return list({file.resolve(): file for file in found}.values())


def _part(file: Path) -> Part:
    report = read_report(file)
    if not report.get("shard"):
        raise ReportError(f"{file} is the report of no shard; a shard is made with --shard 1/2")
    names = {
        "row": "id",
        **{name: name for name in ("verdict", "reason", "evidence", "exchanges", "model", "seconds")},
    }
    findings = {
        row["id"]: finding_from_record({name: row[key] for name, key in names.items()})
        for row in report["rows"]
        if row["verdict"] != Verdict.UNTESTED and row["id"] in report["shard"]["selected"]
    }
    return Part(file=file, report=report, findings=findings, exchanges=list(read_exchanges(file).values()))


def _same_run(first: Part, part: Part) -> None:
    """See that two parts belong together.

    Raises:
        ReportError: they do not; the message names what differs.
    """
    for what, one, other in (
        ("number of shards", first.shard["of"], part.shard["of"]),
        ("server", *(each.report["target"]["kind"] for each in (first, part))),
        ("version of the server", *(each.report["target"]["version"] for each in (first, part))),
        ("models", *(_models(each) for each in (first, part))),
        ("version of the suite", *(each.report["suite"]["version"] for each in (first, part))),
        ("SDK", *(each.report["suite"]["sdk"] for each in (first, part))),
        ("selection of rows", first.shard["selected"], part.shard["selected"]),
    ):
        if one != other:
            shown = "" if isinstance(one, list) else f": {one} and {other}"
            raise ReportError(f"shards {first.name} and {part.name} are of different runs, by {what}{shown}")


def _models(part: Part) -> dict[str, str]:
    return {name: model["digest"] or model["id"] for name, model in part.report["target"]["models"].items()}


def _target(parts: Sequence[Part]) -> dict[str, Any]:
    """Return the server that all of them asked; where each had one of its own, the address is the first one's."""
    notes = dict.fromkeys(note for part in parts for note in part.report["target"].get("notes", ()))
    return {**parts[0].report["target"], "notes": list(notes)}


def _disambiguate_calls(parts: Sequence[Part]) -> list[Part]:
    """Return the parts with a name of its own for each call, also where several shards made the same.

    So each finding keeps the response it rests on.
    """
    seen: set[str] = set()
    renamed_parts = []
    for place, part in enumerate(parts, 1):
        renamed: dict[str, str] = {}
        exchanges = []
        for exchange in part.exchanges:
            own = exchange
            if exchange.id in seen:
                own = replace(exchange, call=replace(exchange.call, shard=place))
                renamed[exchange.id] = own.id
            exchanges.append(own)
        seen.update(exchange.id for exchange in exchanges)
        findings = {
            name: replace(found, exchanges=tuple(renamed.get(each, each) for each in found.exchanges))
            for name, found in part.findings.items()
        }
        renamed_parts.append(replace(part, findings=findings, exchanges=exchanges))
    return renamed_parts
