"""Two reports, compared row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from conformance.checklist.verdicts import RANKED, Verdict
from conformance.judge.expectation import Standing, assess_verdict, explain_step

from .wrapping import align_rows, cut_line, wrap_line


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
    "regressions": "Worse",
    "lost_evidence": "No longer told",
    "improvements": "Better",
    "gained_evidence": "Told for the first time",
    "new_rows": "Rows that the first lacks",
    "removed_rows": "Rows that the second lacks",
    "changed_reasons": "Same verdict, another reason",
}
"""Group -> its heading, what is worse first."""

_COUNTED_ONLY = ("new_rows", "removed_rows")
"""Groups of rows that one report lacks: how many there are is told, and no verdict, which would read as a change."""

MAX_REASON_CHARACTERS = 200
MIN_ALIKE_ROWS = 4
"""Rows from which on those that changed alike, for one reason, are listed together."""


def format_difference(difference: Difference, *, width: int = 100) -> list[str]:
    """Return the differences as lines for a terminal of so many columns: counts in words, then the rows."""
    lines: list[str] = []
    if difference.changed_models:
        names = ", ".join(difference.changed_models)
        lines += wrap_line(f"Another model answered for {names}: changes there may be the model's.", width)
    lines += [*wrap_line(_count(difference), width), ""]
    for group, heading in _HEADINGS.items():
        changes: tuple[Change, ...] = getattr(difference, group)
        if changes and group in _COUNTED_ONLY:
            lines += [f"{heading} ({len(changes)}): nothing to compare them with", ""]
        elif changes:
            lines += [f"{heading} ({len(changes)})", *_format_changes(changes, width), ""]
    return lines


def _count(difference: Difference) -> str:
    """Return how many rows are worse, better and neither, in words."""
    worse, better = len(difference.regressions), len(difference.improvements)
    said = f"{worse} {'regression' if worse == 1 else 'regressions'}" + (f", {better} better" if better else "")
    for changes, words in (
        (difference.lost_evidence, "no longer told"),
        (difference.gained_evidence, "told for the first time"),
    ):
        said += f", {len(changes)} {words}" if changes else ""
    if not any(getattr(difference, group) for group in _HEADINGS):
        said = "No differences: 0 regressions"
    if difference.untested:
        rows = "1 row was" if difference.untested == 1 else f"{difference.untested} rows were"
        said += f"; {rows} not asked in one of the two"
    return f"{said}."


def _format_changes(changes: Sequence[Change], width: int) -> list[str]:
    """Return rows that changed, the worst first; many of one kind for one reason share a paragraph, as a list."""
    alike: dict[tuple[str, str], list[str]] = {}
    for change in sorted(changes, key=_badness):
        name, *words = _cells(change)
        alike.setdefault((words[0], words[1]), []).append(name)
    single = [(name, *words) for words, names in alike.items() if len(names) < MIN_ALIKE_ROWS for name in names]
    lines = align_rows(single, width)
    for (step, reason), names in alike.items():
        if len(names) >= MIN_ALIKE_ROWS:
            said = f"{len(names)} rows {step}" + (f": {reason}" if reason else "")
            lines += wrap_line(said, width, indent="  ", hanging="    ")
            lines += wrap_line(", ".join(names), width, indent="      ")
    return lines


def _badness(change: Change) -> tuple[int, int]:
    """Return what sorts the worst first: by the verdict it has now, and how good it was before."""
    now, was = (Verdict(word).rank if word else None for word in (change.new, change.old))
    return (-(now if now is not None else -1), was if was is not None else len(RANKED))


def _cells(change: Change) -> tuple[str, str, str]:
    old, new = (Verdict(word) if word else None for word in (change.old, change.new))
    reason = cut_line(change.reason, MAX_REASON_CHARACTERS)
    words = "; ".join(part for part in (explain_step(old, new), reason) if part)
    return (change.row, f"{change.old or '-'} -> {change.new or '-'}", words)


def format_comparison(
    old: Mapping[str, Any], new: Mapping[str, Any], difference: Difference, *, width: int
) -> list[str]:
    """Return what `openai-conformance compare` prints of two reports: who is compared with whom, then the rows."""
    before, after = old["target"], new["target"]
    lines = wrap_line(f"{_name(before)} -> {_name(after)}", width, hanging="    ")
    if before["kind"] != after["kind"]:
        words = f"ANOTHER SERVER: {_name(after)} is compared with {_name(before)}; worse and better say which of the"
        lines += wrap_line(f"{words} two does more, not that one of them lost or gained it.", width)
    models = [_models(target) for target in (before, after)]
    if models[0] == models[1]:
        lines += wrap_line(f"models of both: {models[1]}", width, hanging="    ")
    else:
        for target, said in zip((before, after), models, strict=True):
            lines += wrap_line(f"models of {_name(target)}: {said}", width, hanging="    ")
    partial = [_name(report["target"]) for report in (old, new) if not report["complete"]]
    if partial:
        lines += wrap_line(f"partial, not every row was asked: {' and '.join(partial)}", width)
    return [*lines, *format_difference(difference, width=width)]


def _name(target: Mapping[str, Any]) -> str:
    return cut_line(f"{target['kind']} {target['version'] or ''}".strip(), 60)


def _models(target: Mapping[str, Any]) -> str:
    names = dict.fromkeys(cut_line(str(model["id"]), 80) for model in target["models"].values())
    return ", ".join(names) or "none"
