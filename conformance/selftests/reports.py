"""Reports without a run: what a report would hold had each row been found so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.checklist.findings import Finding
from conformance.checklist.verdicts import Evidence, Verdict
from conformance.judge.catalog import load_catalog
from conformance.report.baseline import Baseline
from conformance.report.build import RunResult, build_report
from conformance.targets.ollama import Model
from conformance.targets.opening import Target

URL = "http://127.0.0.1:11434/v1"


def report_of(
    verdicts: Mapping[str, str],
    *,
    others: str = "supported",
    reasons: Mapping[str, str] | None = None,
    kind: str = "ollama",
    version: str | None = "0.32.15",
    baseline: Baseline | None = None,
    shard: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A report in which the rows of `verdicts` have those, and all others `others`."""
    findings = {
        name: Finding(
            row=name,
            verdict=Verdict(verdicts.get(name, others)),
            reason=(reasons or {}).get(name, "as made for a test"),
            evidence=Evidence.EFFECT,
        )
        for name in load_catalog()
    }
    target = Target(
        kind=kind,
        version=version,
        selection_reason="a test",
        base_url=URL,
        embedding_base_url=URL,
        key="",
        models={"chat": Model(id="mini", digest="0123456789ab")},
    )
    measured = RunResult(
        target=target.record(),
        findings=findings,
        exchanges=[],
        started=1_700_000_000.0,
        seconds=1.0,
        gone="",
        models={"chat": "mini"},
        shard=shard,
    )
    return build_report(measured, baseline)
