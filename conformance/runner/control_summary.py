"""What a run found out of how its server and model can be asked: for the report, and for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from conformance.probes.control import Control
from conformance.probes.endpoints import Chat, Completions, Models, TextEndpoint
from conformance.probes.repetition import read_repeated
from conformance.probes.response_views import MalformedResponseError, as_int64, as_list, get_path
from conformance.probes.session import ControlFailedError, Session, UndeterminedError

from .evaluate import describe_failure

CONTEXT_MEMBERS = ("max_model_len", "context_length", "context_window", "max_context_length")
"""Members of a model's entry in which servers tell the size of its context, in tokens. OpenAI tells none."""

REPEATED_PROMPTS = 3
"""As many as the rows ask with, so that all of this is asked anyway."""


@dataclass(frozen=True, kw_only=True)
class ControlSummary:
    """How the chat model is asked, at each endpoint of text."""

    record: Mapping[str, Any]
    """As `target.control` of `report.json` holds it."""
    line: str
    notes: tuple[str, ...]
    """What was refused on the way, in the server's own words."""


def summarize_control(session: Session, model: str) -> ControlSummary:
    """Find out how the chat model is asked.

    Raises:
        ServerUnreachableError: there is no server left to ask.
    """
    endpoints = (Chat(session=session, model=model), Completions(session=session, model=model))
    controls = {endpoint.name: endpoint.control for endpoint in endpoints}
    asked, repeated = _count_repeated(endpoints[0])
    context = _read_context(session, model)
    record: dict[str, Any] = {name: control.record() for name, control in controls.items() if control.works}
    record |= {"greedy": {"asked": asked, "repeated": repeated}, "context_tokens": context}
    line = f"asked with {controls['chat'].line}; greedy text repeats itself on {repeated} of {asked} prompts"
    line += f"; context of {context} tokens" if context else ""
    return ControlSummary(
        record={**record, "line": line},
        line=line,
        notes=tuple(note for name, control in controls.items() for note in _notes(name, control)),
    )


def _notes(name: str, control: Control) -> list[str]:
    if not control.works:
        return []
    notes = [f"{name} with {words}: {describe_failure(exchange)}" for words, exchange in control.failures]
    switches = [switch for switch in control.settings if switch != "stream_options"]
    if switches:
        notes.append(f"{name}: the model thinks first; it is asked not to, with {', '.join(switches)}")
    elif control.thinking != "none":
        notes.append(f"{name}: the model thinks first, and nothing turns it off: texts are thoughts and answer")
    return notes


def _count_repeated(endpoint: TextEndpoint) -> tuple[int, int]:
    """Return how many prompts were asked twice at temperature 0, and how many texts repeated themselves."""
    if not endpoint.control.works or endpoint.control.temperature is None:
        return 0, 0
    repeated = 0
    try:
        for prompt in endpoint.prompts[:REPEATED_PROMPTS]:
            found = read_repeated(endpoint.ask_control(prompt), endpoint.repeat_control(prompt))
            repeated += found is not None and found.is_whole
    except (ControlFailedError, MalformedResponseError, UndeterminedError):
        return 0, 0
    return REPEATED_PROMPTS, repeated


def _read_context(session: Session, model: str) -> int | None:
    """Return the size of the context that the list of models tells for a model; None where it tells none."""
    try:
        listed = Models(session=session, model=model).list()
    except (ControlFailedError, UndeterminedError):
        return None
    entries = (entry for entry in as_list(get_path(listed.json, "data")) if get_path(entry, "id") == model)
    entry = next(entries, None)
    return next((size for name in CONTEXT_MEMBERS if (size := as_int64(get_path(entry, name)))), None)


def describe_no_control(control: Control) -> str:
    """Return what was tried in vain, in the server's words."""
    tried: dict[str, list[str]] = {}
    for words, exchange in control.failures:
        tried.setdefault(describe_failure(exchange), []).append(words)
    return "; ".join(f"{came} (asked with {' or '.join(words)})" for came, words in tried.items())
