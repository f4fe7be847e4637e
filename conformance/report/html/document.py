"""One self-contained HTML file: styles and scripts within, and nothing else that a browser may load or run."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from conformance.checklist.verdicts import LEGEND, Verdict
from conformance.report.text import clip, escape_invisible

from .sections import depth

EVIDENCE = {
    "effect": "seen on the wire",
    "echoed": "the response repeats the value",
    "parsed": "nonsense is refused, so somebody reads it",
    "accepted": "a 2xx, and nothing observable",
    "none": "nothing was seen",
}
SEVERITY = {
    "must": "a named client or the SDK breaks without it",
    "should": "OpenAI does it, clients tolerate its absence",
}
MARKS = {
    "supported": "✓",
    "partial": "◐",
    "rejected": "⊘",
    "ignored": "○",
    "broken": "✗",
    "inconclusive": "?",
    "not_applicable": "-",
    "untested": "·",
}
"""Verdict -> a sign beside its name, so that nothing rests on colour alone."""


def rendered(template: str, style: str, scripts: tuple[str, ...], **values: Any) -> str:
    """The document of a template. `style` and `scripts` name files beside the templates.

    The content security policy allows this style and these scripts by their hashes and forbids everything else,
    so that even markup that slipped through would do nothing.
    """
    css = _asset("common.css") + _asset(style)
    code = "".join(_asset(script) for script in scripts)
    own = {"css": Markup(css), "js": Markup(code)}  # noqa: S704 - our own files, not what a server said
    return _environment().get_template(template).render(**own, csp=_policy(css, code), **values)


def _policy(css: str, code: str) -> str:
    own = f"style-src '{_hash(css)}'; script-src '{_hash(code)}'"
    return f"default-src 'none'; {own}; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _asset(name: str) -> str:
    return resources.files(__package__).joinpath("templates", name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        finalize=_finalized,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"ticked": ticked, "word": word, "address": address, "path": path, "short": short}
    environment.globals |= {
        "LEGEND": {str(verdict): text for verdict, text in LEGEND.items()},
        "VERDICTS": tuple(str(verdict) for verdict in Verdict),
        "EVIDENCE": EVIDENCE,
        "SEVERITY": SEVERITY,
        "MARKS": MARKS,
        "depth": depth,
    }
    return environment


def _finalized(value: Any) -> Any:
    """What any expression of a template becomes before it is escaped."""
    return value if isinstance(value, Markup) or not isinstance(value, str) else escape_invisible(clip(value))


def ticked(text: str) -> Markup:
    """Text in which `backticks` mark code."""
    parts = re.split(r"`([^`]*)`", escape_invisible(clip(text)))
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part) for number, part in enumerate(parts)
    )


def word(verdict: str) -> str:
    """A verdict as people write it."""
    return verdict.replace("_", " ")


def path(text: str) -> Markup:
    """A row id that a narrow page breaks after its slashes."""
    return Markup("/<wbr>").join(escape(part) for part in escape_invisible(clip(text)).split("/"))


def short(text: str) -> str:
    """The beginning of a reason, for a cell."""
    return text if len(text) <= 140 else f"{text[:139]}…"


def address(url: object) -> str:
    """The address if it may stand in a link; empty for any other scheme than https."""
    return url if isinstance(url, str) and re.fullmatch(r"https://[!-~]+", url) else ""
