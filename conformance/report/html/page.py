"""index.html of one report: what is wrong first, then the matrix, each row with its proof."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.report.render.markdown import find_disagreements
from conformance.wire.exchange import Exchange

from .document import rendered
from .embed import embedded
from .pairs import Pair, pairs
from .sections import sections

_SHOWN = 60
"""Exchanges listed for one row; derived rows have those of all their parts."""


SIZE = 1_450_000
"""Bytes of a page: its exchanges are cut so that it keeps to them."""

_LEAST = 400_000
"""Bytes that the exchanges get at least, however many rows there are."""

_PLACE = "[exchanges]"
_PROMPTS = (("messages",), ("prompt",), ("input",))


@dataclass(frozen=True, kw_only=True, eq=False)
class Step:
    """One exchange of a row, as its list shows it before it is opened."""

    pair: Pair

    @property
    def result(self) -> str:
        """Status or failure, and how long it took."""
        exchange = self.pair.treatment
        return f"{exchange.failure or exchange.status or 'no answer'} in {exchange.seconds:.2f} s"

    @property
    def changed(self) -> str:
        """The changed paths for the page's script: steps joined by `/`, paths by a newline."""
        return "\n".join("/".join(path) for path in self.pair.changed[:200])


def page(report: Mapping[str, Any], exchanges: Mapping[str, Exchange]) -> str:
    """The whole page. The same report and exchanges give the same bytes.

    Raises:
        TypeError, ValueError: an exchange holds what none can hold.
    """
    used = {name for row in report["rows"] for name in row["exchanges"]}
    kept = [exchange for name, exchange in sorted(exchanges.items()) if name in used]
    missing, unclaimed = find_disagreements(report)
    text = rendered(
        "page.html.j2",
        "page.css",
        ("page.js",),
        report=report,
        name=server(report),
        models=models(report),
        sections=sections(report["rows"]),
        missing=missing,
        unclaimed=unclaimed,
        difference=_difference(report),
        steps=lambda row: steps(row, exchanges),
        experiment=experiment,
        data=_PLACE,
    )
    before, _, after = text.rpartition(_PLACE)  # the last: what a server said stands before it
    return before + embedded(kept, max(_LEAST, SIZE - len(text.encode()))) + after


def server(report: Mapping[str, Any]) -> str:
    """The server's name and version."""
    target = report["target"]
    return f"{target['kind']} {target['version'] or ''}".rstrip()


def models(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The models, each once, with the capabilities it stood for."""
    found: dict[tuple[str, str | None], list[str]] = {}
    for capability, model in report["target"]["models"].items():
        found.setdefault((model["id"], model["digest"]), []).append(capability)
    return [{"id": name, "digest": digest, "names": names} for (name, digest), names in found.items()]


def steps(row: Mapping[str, Any], exchanges: Mapping[str, Exchange]) -> Sequence[Step]:
    """The exchanges of a row, each beside the one it is compared with."""
    own = [exchanges[name] for name in row["exchanges"][:_SHOWN] if name in exchanges]
    return [Step(pair=pair) for pair in pairs(own)]


def experiment(row: Mapping[str, Any], own: Sequence[Step]) -> Step | None:
    """The exchange that is opened with its row: the first that sets the row's own field, else the first that differs
    in more than its prompt, else the first."""
    field = row["id"].split("/")[2:3]
    about = [step for step in own if any(list(path[:1]) == field for path in step.pair.changed)]
    other = [step for step in own if any(path[:1] not in _PROMPTS for path in step.pair.changed)]
    return next(iter([*about, *other, *own]), None)


def _difference(report: Mapping[str, Any]) -> Mapping[str, Any]:
    """What differs from the baseline, where the report holds it: `Difference.record()`."""
    found = (report["baseline"] or {}).get("difference")
    return found if isinstance(found, dict) else {}
