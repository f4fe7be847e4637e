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

from conformance.checklist.verdicts import LEGEND, RANKED, Verdict
from conformance.report.text import clip, escape_invisible

EVIDENCE = {
    "effect": "seen on the wire",
    "echoed": "the response repeats the value",
    "parsed": "nonsense is refused, so the value is read",
    "accepted": "a 2xx, and no effect to be seen",
    "none": "nothing was seen",
}
SEVERITY = {
    "must": "a named client or the SDK breaks without it",
    "should": "OpenAI does it, and clients tolerate its absence",
}
SHORT_LEGEND = {
    "supported": "does what is documented",
    "partial": "some of its forms work",
    "rejected": "refused with a 4xx",
    "ignored": "accepted, without effect",
    "broken": "fails, or breaks a rule",
    "inconclusive": "we could not tell",
    "not_applicable": "nothing to ask it with",
    "untested": "not asked",
}
"""Verdict -> its meaning in a few words, where the badges are; `LEGEND` says it whole."""
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


def render_template(template: str, style: str, scripts: tuple[str, ...], **values: Any) -> str:
    """Return the document of a template. `style` and `scripts` name files beside the templates.

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
        finalize=_finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "render_backticks": render_backticks,
        "humanize": humanize,
        "safe_address": safe_address,
        "break_path": break_path,
        "shorten": shorten,
    }
    environment.globals |= {
        "LEGEND": {str(verdict): text for verdict, text in LEGEND.items()},
        "VERDICTS": tuple(str(verdict) for verdict in Verdict),
        "RANKED": tuple(str(verdict) for verdict in RANKED),
        "EVIDENCE": EVIDENCE,
        "SEVERITY": SEVERITY,
        "MARKS": MARKS,
        "SHORT_LEGEND": SHORT_LEGEND,
    }
    return environment


def _finalize(value: Any) -> Any:
    """Return what an expression of a template becomes before it is escaped."""
    return value if isinstance(value, Markup) or not isinstance(value, str) else escape_invisible(clip(value))


def render_backticks(text: str) -> Markup:
    """Return a text in which `backticks` mark code."""
    parts = re.split(r"`([^`]*)`", escape_invisible(clip(text)))
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part) for number, part in enumerate(parts)
    )


def humanize(verdict: str) -> str:
    """Return a verdict as people write it."""
    return verdict.replace("_", " ")


def break_path(text: str) -> Markup:
    """Return a row id that a narrow page breaks after its slashes."""
    return Markup("/<wbr>").join(escape(part) for part in escape_invisible(clip(text)).split("/"))


def shorten(text: str) -> str:
    """Return the beginning of a reason, for a cell."""
    return text if len(text) <= 140 else f"{text[:139]}…"


def safe_address(url: object) -> str:
    """Return the address if it may stand in a link; empty for any other scheme than https."""
    return url if isinstance(url, str) and re.fullmatch(r"https://[!-~]+", url) else ""
