"""How a server and a model can be asked for text: found out once, and then used by every plain request.

Most take `max_tokens` and temperature 0, and answer at once. Some take another limit or none below 16, no temperature
but their own, streams only, or think before they answer. What a request cannot be sent without is no finding about
the field of a row, so the rows are asked in the way that was found here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from conformance.wire.exchange import Exchange

from .response_views import MalformedResponseError, TextResponse, as_int64, get_path
from .session import is_rejection, is_usable

LimitField = Literal["max_tokens", "max_completion_tokens", "max_output_tokens"]

Thinking = Literal["none", "member", "content", "hidden"]
"""Where a model's thoughts stand: nowhere, in a member of the message, in the content between tags, or unseen."""

Counts = Literal["tokens", "other", "none"]
"""What `usage.completion_tokens` counts."""

CONTROL_TOKENS = 24
"""Tokens of a control. Long enough to cut, to penalise and to compare; no prose prompt ends within it."""

MIN_LIMITS = (1, 16)
"""Limits in tokens that are tried, smallest first. OpenAI's own newer endpoint takes none below 16."""

LOWEST_TEMPERATURE = 0.01
"""What is tried where 0 is refused."""

MAX_THINKING_TOKENS = (1024, 4096)
"""Limits in tokens within which a model's thoughts are waited for."""

THINKING_SWITCHES: tuple[Mapping[str, Any], ...] = (
    {"reasoning_effort": "none"},
    {"chat_template_kwargs": {"enable_thinking": False}},
)
"""Fields by which servers let thinking be turned off, in the spelling of chat."""

THINKING_FIELDS = frozenset({"reasoning", "reasoning_effort", "chat_template_kwargs"})
"""Fields that say how much is thought."""


@dataclass(frozen=True, kw_only=True)
class Control:
    """How the plain request of an endpoint is asked."""

    limit_field: LimitField = "max_tokens"
    min_limit: int = MIN_LIMITS[0]
    """The smallest limit that was taken, in tokens."""
    temperature: float | None = 0
    """None where every temperature but the server's own is refused."""
    stream: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Further fields: what turns thinking off, and what asks for the usage of a stream."""
    thinking: Thinking = "none"
    thinking_tokens: int = 0
    """Tokens that the thoughts before an answer take, generously."""
    counts: Counts = "none"
    failures: tuple[tuple[str, Exchange], ...] = field(default=(), repr=False)
    """What was tried in vain, in words, and what came of it."""
    works: bool = True

    def limit_for(self, limit: int, answer_limit: int | None) -> int:
        """Return the limit in tokens to ask with: of text, or of the answer that comes after the thoughts."""
        thoughts = self.thinking_tokens if self.thinking == "hidden" or answer_limit is not None else 0
        return max(self.min_limit, thoughts + (limit if answer_limit is None else answer_limit))

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of the plain request, beside its subject and its limit."""
        temperature = {} if self.temperature is None else {"temperature": self.temperature}
        return {**temperature, **({"stream": True} if self.stream else {}), **self.settings}

    def record(self) -> dict[str, Any]:
        """Return the control as `report.json` holds it."""
        return {
            "limit_field": self.limit_field,
            "min_limit": self.min_limit,
            "temperature": self.temperature,
            "stream": self.stream,
            "settings": dict(self.settings),
            "thinking": self.thinking,
            "thinking_tokens": self.thinking_tokens,
            "counts": self.counts,
        }

    @property
    def line(self) -> str:
        """How the endpoint is asked, in words."""
        temperature = "no temperature" if self.temperature is None else f"temperature {self.temperature:g}"
        words = [f"{self.limit_field} from {self.min_limit}", temperature, "streamed" if self.stream else "plain"]
        if self.thinking != "none":
            words.append(f"thinks first (about {self.thinking_tokens} tokens, {_PLACES[self.thinking]})")
        elif self.settings:
            words.append(f"with {', '.join(sorted(self.settings))}")
        counted = {"tokens": "counts tokens", "other": "counts something else than tokens", "none": "counts nothing"}
        return ", ".join([*words, counted[self.counts]])


_PLACES = {"member": "in a member of their own", "content": "in the content", "hidden": "not shown"}


class PlainRequest(Protocol):
    """The plain request of an endpoint, as far as a negotiation needs to know it."""

    @property
    def limit_fields(self) -> tuple[LimitField, ...]:
        """Fields that limit the answer, the likeliest first."""
        ...

    @property
    def thinking_switches(self) -> tuple[Mapping[str, Any], ...]:
        """Fields by which thinking may be turned off."""
        ...

    @property
    def usage_of_stream(self) -> Mapping[str, Any]:
        """What asks for the usage of a stream; empty where it comes unasked."""
        ...

    def attempt_as(self, control: Control, /, *, limit: int = CONTROL_TOKENS) -> Exchange:
        """Send it as a control says, and return what came of it."""
        ...

    def read(self, exchange: Exchange) -> TextResponse:
        """Return the view of an accepted response."""
        ...


MAX_REQUESTS = 12
"""Requests that a negotiation sends at most. What it does not come to find out is taken for the worse."""


@dataclass(kw_only=True)
class _Asker:
    """Sends plain requests, and counts them."""

    plain: PlainRequest
    left: int = MAX_REQUESTS

    def __call__(self, control: Control, /, *, limit: int = CONTROL_TOKENS) -> Exchange:
        self.left -= 1
        return self.plain.attempt_as(control, limit=limit)

    def read(self, exchange: Exchange) -> TextResponse:
        return self.plain.read(exchange)

    def takes(self, control: Control, *, limit: int = CONTROL_TOKENS) -> bool:
        """Whether a request is answered; False where there is none left to send."""
        return self.left > 0 and is_usable(self(control, limit=limit))


def negotiate(plain: PlainRequest) -> Control:
    """Return how an endpoint can be asked, after a dozen requests at most; most are the rows' own controls.

    The control that is returned is the default one, with `works` false, where nothing is answered.
    """
    failures: list[tuple[str, Exchange]] = []
    ask = _Asker(plain=plain)
    for candidate in _candidates(plain.limit_fields):
        exchange = ask(candidate)
        if is_usable(exchange):
            found = _refine(ask, candidate, ask.read(exchange))
            return replace(found, failures=tuple(failures))
        is_final = not _may_be_refused_for_its_fields(exchange) or _is_same_crash(exchange, failures)
        failures.append((_in_words(candidate), exchange))
        if is_final:
            break
    return Control(works=False, limit_field=plain.limit_fields[0], failures=tuple(failures))


def _candidates(limit_fields: tuple[LimitField, ...]) -> Iterator[Control]:
    for stream in (False, True):
        for temperature in (0, None):
            for limit_field in limit_fields:
                yield Control(limit_field=limit_field, temperature=temperature, stream=stream)


def _in_words(control: Control) -> str:
    temperature = "without temperature" if control.temperature is None else "temperature 0"
    return f"{control.limit_field}, {temperature}{', streamed' if control.stream else ''}"


def _may_be_refused_for_its_fields(exchange: Exchange) -> bool:
    """Whether the server may take the request with other fields. Some answer a field that they refuse with a 500."""
    status = exchange.status
    if exchange.failure is not None or status is None or status in (401, 403, 404, 405, 429, 501):
        return False
    return is_rejection(status) or status == 500


def _is_same_crash(exchange: Exchange, failures: list[tuple[str, Exchange]]) -> bool:
    """Whether a server fails with the same words whatever the fields: then they are not what it fails at."""
    return exchange.status == 500 and any(exchange.json == failed.json for _, failed in failures)


def _refine(ask: _Asker, control: Control, answer: TextResponse) -> Control:
    """Find out the rest, given a plain request that works."""
    if control.temperature is None and ask.takes(replace(control, temperature=LOWEST_TEMPERATURE)):
        control = replace(control, temperature=LOWEST_TEMPERATURE)
    if control.stream and ask.plain.usage_of_stream:
        counted = replace(control, settings=ask.plain.usage_of_stream)
        exchange = ask(counted)
        if is_usable(exchange):
            control, answer = counted, ask.read(exchange)
    try:
        control = replace(control, counts=_counts(answer))
        control = _with_thinking(ask, control, answer)
    except MalformedResponseError:
        return control  # the rows say so
    bare = replace(control, thinking_tokens=0)  # nothing added to the limit: literal ones are sent too
    least = next((limit for limit in MIN_LIMITS if ask.takes(bare, limit=limit)), CONTROL_TOKENS)
    return replace(control, min_limit=least)


def _counts(answer: TextResponse) -> Counts:
    if answer.completion_tokens is None:
        return "none"
    return "other" if answer.is_cut and answer.completion_tokens != CONTROL_TOKENS else "tokens"


def find_thinking(answer: TextResponse) -> Thinking:
    """Return where the thoughts of an answer stand."""
    if answer.has_thoughts_in_content:
        return "content"
    if answer.thoughts.strip():
        return "member"
    counted = as_int64(get_path(answer.usage, "completion_tokens_details", "reasoning_tokens"))
    return "hidden" if counted or (answer.is_cut and not answer.text.strip()) else "none"


def _with_thinking(ask: _Asker, control: Control, answer: TextResponse) -> Control:
    """Turn thinking off where that works, else find out how long it takes."""
    thinking = find_thinking(answer)
    if thinking == "none":
        return control
    for switch in ask.plain.thinking_switches:
        off = replace(control, settings={**control.settings, **switch})
        if ask.left and is_usable(exchange := ask(off)) and _answers_at_once(ask.read(exchange)):
            return off
    return replace(control, thinking=thinking, thinking_tokens=_measure_thinking(ask, control))


def _measure_thinking(ask: _Asker, control: Control) -> int:
    """Return how many tokens to allow for thoughts: twice what they took; the most that was tried if they go on."""
    tried = 0
    for limit in MAX_THINKING_TOKENS:
        if not ask.left or not is_usable(exchange := ask(control, limit=limit)):
            break
        tried = limit
        answer = ask.read(exchange)
        if answer.content.strip():
            return min(limit, 2 * _thinking_tokens(answer) + 2 * CONTROL_TOKENS)
    return tried


def _answers_at_once(answer: TextResponse) -> bool:
    return find_thinking(answer) == "none" and bool(answer.content.strip())


def _thinking_tokens(answer: TextResponse) -> int:
    """Return how many tokens the thoughts of a whole answer took: as counted, else as many as characters."""
    counted = as_int64(get_path(answer.usage, "completion_tokens_details", "reasoning_tokens"))
    if counted is not None and counted > 0:
        return counted
    characters = len(answer.thoughts) or len(answer.content)
    return min(answer.completion_tokens or characters, characters)
