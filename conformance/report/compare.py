"""Two reports, compared row by row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from conformance.checklist.verdicts import Verdict
from conformance.judge.expectation import Standing, assess_verdict

from .text import clean_line


@dataclass(frozen=True, kw_only=True)
class Change:
    """A row that differs between two reports."""

    row: str
    old: str | None
    new: str | None
    reason: str

    def to_record(self) -> dict[str, Any]:
        """Return the change as a JSON object."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """All changes between two reports, by what they mean."""

    regressions: tuple[Change, ...]
    improvements: tuple[Change, ...]
    lost_evidence: tuple[Change, ...]
    gained_evidence: tuple[Change, ...]
    new_rows: tuple[Change, ...]
    removed_rows: tuple[Change, ...]
    changed_reasons: tuple[Change, ...]
    untested: int
    changed_models: tuple[str, ...]
    """Capabilities whose model is another one: what changed there may be the model's doing."""

    @property
    def status(self) -> int:
        """Exit status of `compare`: 0 as expected, 1 worse than expected or evidence lost."""
        return 1 if self.regressions or self.lost_evidence else 0

    def to_record(self) -> dict[str, Any]:
        """Return the difference as a JSON object."""
        groups = ("regressions", "lost_evidence", "improvements", "gained_evidence", "new_rows", "removed_rows",
                  "changed_reasons")  # fmt: skip
        record: dict[str, Any] = {group: [change.to_record() for change in getattr(self, group)] for group in groups}
        return {
            **record,
            "untested": self.untested,
            "changed_models": list(self.changed_models),
            "status": self.status,
        }


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> Difference:
    """Return the differences of two reports. A row that one of them did not ask says nothing."""
    before = {row["id"]: row for row in old["rows"]}
    after = {row["id"]: row for row in new["rows"]}
    groups: dict[str, list[Change]] = {}
    untested = 0
    for name in dict.fromkeys([*after, *before]):
        was, now = before.get(name), after.get(name)
        if "untested" in ((was or {}).get("verdict"), (now or {}).get("verdict")):
            untested += 1
            continue
        group = _group(was, now)
        if group:
            reason = (now or was or {})["reason"]
            change = Change(row=name, old=was and was["verdict"], new=now and now["verdict"], reason=reason)
            groups.setdefault(group, []).append(change)

    def of(group: str) -> tuple[Change, ...]:
        return tuple(groups.get(group, ()))

    return Difference(
        regressions=of("regression"),
        improvements=of("improvement"),
        lost_evidence=of("lost"),
        gained_evidence=of("gained"),
        new_rows=of("new"),
        removed_rows=of("removed"),
        changed_reasons=of("reason"),
        untested=untested,
        changed_models=_other_models(old, new),
    )


_GROUPS = {
    Standing.REGRESSED: "regression",
    Standing.IMPROVED: "improvement",
    Standing.EVIDENCE_LOST: "lost",
    Standing.EVIDENCE_GAINED: "gained",
}


def _group(was: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> str | None:
    if was is None:
        return "new"
    if now is None:
        return "removed"
    group = _GROUPS.get(assess_verdict(Verdict(now["verdict"]), Verdict(was["verdict"])))
    return group or ("reason" if was["reason"] and was["reason"] != now["reason"] else None)


def _other_models(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    before, after = old["target"]["models"], new["target"]["models"]
    return tuple(name for name in sorted(set(before) & set(after)) if _differ(before[name], after[name]))


def _differ(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two models are not the same: by their digests, and by their names where either has none."""
    key = "digest" if one["digest"] and other["digest"] else "id"
    return bool(one[key] != other[key])


_HEADINGS = {
    "regressions": "Regressions",
    "lost_evidence": "Evidence lost",
    "improvements": "Improvements",
    "gained_evidence": "Evidence gained",
    "new_rows": "New rows",
    "removed_rows": "Removed rows",
    "changed_reasons": "Same verdict, another reason",
}


def format_difference(difference: Difference, *, groups: tuple[str, ...] = tuple(_HEADINGS)) -> list[str]:
    """Return the differences as lines for a terminal."""
    lines: list[str] = []
    if difference.changed_models:
        lines += [
            f"Another model answered for {', '.join(difference.changed_models)}: changes there may be the model's.",
            "",
        ]
    for group in groups:
        changes: tuple[Change, ...] = getattr(difference, group)
        if changes:
            lines.append(f"{_HEADINGS[group]} ({len(changes)})")
            lines += [
                f"  {each.row}: {each.old or '-'} -> {each.new or '-'}  {clean_line(each.reason)}" for each in changes
            ]
            lines.append("")
    if difference.untested:
        lines += [f"{difference.untested} rows were not asked in one of the two.", ""]
    return lines or ["No differences.", ""]
