"""Whether a stream arrives while it is generated, told by its times and by those of plain requests.

A server that generates first and sends pieces then has its first piece when the whole plain answer would be there,
however fast it generates or sends. Load and queues lengthen every time at random. So times are compared only between
requests that were sent one after another, in several rounds where one leaves a doubt, and an accusation needs all of
them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import median

from .endpoints import CONTROL_TOKENS, ConversationEndpoint
from .observation import Observation, broken, inconclusive, supported
from .response_views import TextResponse

ROUNDS = 6
"""Rounds before a stream is accused. Then all plain requests of one token took less time than every first piece and
every whole answer. If waiting in a queue alone decided, that would be so in one run of 18,564: 12! 6! / 18!."""

MIN_SPREAD = 0.15
"""Share of a stream's time between its first piece and its last, or of the time of generation: less is one go. 24
pieces 0.1 ms apart after 0.1 s have 2 %. Streams of five servers, asked by several workers, had 39 % to 89 %."""
MAX_EARLY = 0.6
"""Share of the plain request's time by which a first piece is early beyond doubt."""
MAX_NOISE = 0.25
"""Share of the time of generation by which times of equal requests may differ, to be compared one by one."""
MAX_DELAY = 0.4
"""Share of the time of generation by which a first piece may come after the answer of one token, to be on time."""
MIN_LATENESS = 0.5
"""The same, from which on it is late: of the longest answer of one token and the shortest whole one."""


class Arrival(Enum):
    """What the times say."""

    GENERATED = "the pieces arrive as they are generated"
    FINISHED = "the pieces are those of a finished text"
    UNCLEAR = "the times do not tell"


@dataclass(frozen=True, kw_only=True)
class Round:
    """Times of requests sent one after another, in seconds: a stream, the same not streamed, one of one token."""

    first: float
    """Of the stream: until its first piece of text."""
    last: float
    """Of the stream: until its last piece of text."""
    whole: float
    """Of the plain request."""
    brief: Callable[[], float]
    """Of the plain request of one token: sent only where it is asked for."""

    @property
    def spread(self) -> float:
        """Share of the stream's time between its first and last piece."""
        return (self.last - self.first) / self.last if self.last > 0 else 0.0


def measure(endpoint: ConversationEndpoint, number: int) -> Round | None:
    """Send the requests of a round, and return its times; None where the stream has no pieces.

    Each round asks for another length: a cache of whole answers has not seen it.

    Raises:
        RequestRejectedError, RequestFailedError: the stream was not answered.
        ControlFailedError: the plain request was not answered.
    """
    tokens = CONTROL_TOKENS + 2 + number
    times = _send(endpoint, number, tokens, stream=True).text_times
    if len(times) < 3:
        return None
    whole = _send(endpoint, number, tokens).exchange.seconds
    return Round(
        first=times[0], last=times[-1], whole=whole, brief=lambda: _send(endpoint, number, 1).exchange.seconds
    )


def _send(endpoint: ConversationEndpoint, number: int, tokens: int, *, stream: bool = False) -> TextResponse:
    if stream:
        return endpoint.ask(limit=tokens, stream=True, purpose="timing", repetition=number)
    return endpoint.ask_control(limit=tokens, purpose="timing", repetition=number)


def judge_arrival(measure_round: Callable[[int], Round | None]) -> Arrival:
    """Return what the times of up to six rounds say, of which the first suffices where it is clear."""
    rounds: list[Round] = []
    briefs: list[float] = []
    for number in range(ROUNDS):
        measured = measure_round(number)
        if measured is None:
            return Arrival.UNCLEAR
        rounds.append(measured)
        # The best times of all rounds: a plain request that met with load must not make a late piece early.
        early = min(each.first for each in rounds) <= MAX_EARLY * min(each.whole for each in rounds)
        if early and _is_spread(rounds):
            return Arrival.GENERATED
        briefs.append(measured.brief())
        if len(rounds) >= ROUNDS // 2 and _is_on_time(rounds, briefs):
            return Arrival.GENERATED
    if _is_late(rounds, briefs):
        return Arrival.FINISHED if _is_even(rounds, briefs) or _is_in_one_go(rounds, briefs) else Arrival.UNCLEAR
    # Too noisy to compare. The stream alone still tells a text that was sent in one go from one that was not.
    return Arrival.GENERATED if _is_spread(rounds) else Arrival.UNCLEAR


def _is_spread(rounds: Sequence[Round]) -> bool:
    return median(each.spread for each in rounds) >= MIN_SPREAD


def _is_even(rounds: Sequence[Round], briefs: Sequence[float]) -> bool:
    """Tell whether equal requests took times so equal that single ones can be compared."""
    firsts, wholes = [each.first for each in rounds], [each.whole for each in rounds]
    noise = max(max(times) - min(times) for times in (firsts, wholes, briefs))
    return noise <= MAX_NOISE * (median(wholes) - median(briefs))


def _is_on_time(rounds: Sequence[Round], briefs: Sequence[float]) -> bool:
    """Tell whether the first piece comes with the first token, and the others take the time of the other tokens."""
    generation = median(each.whole for each in rounds) - median(briefs)
    delay = median(each.first for each in rounds) - median(briefs)
    lasts = median(each.last - each.first for each in rounds)
    return _is_even(rounds, briefs) and delay <= MAX_DELAY * generation <= lasts


def _is_in_one_go(rounds: Sequence[Round], briefs: Sequence[float]) -> bool:
    """Tell whether the pieces come within a small part of the time that they take to be generated at least."""
    generation = min(each.whole for each in rounds) - max(briefs)
    return median(each.last - each.first for each in rounds) < MIN_SPREAD * generation


def _is_late(rounds: Sequence[Round], briefs: Sequence[float]) -> bool:
    """Tell whether no first piece came nearly as soon as a single token does, nor before half of the text."""
    generation = min(each.whole for each in rounds) - max(briefs)
    return generation > 0 and min(each.first for each in rounds) > max(briefs) + MIN_LATENESS * generation


def judge_pieces(endpoint: ConversationEndpoint) -> Observation:
    """Check that the text of a stream comes in several pieces, at the times at which they are generated."""
    answer = endpoint.ask(stream=True)
    count = answer.content_chunk_count
    if count <= 2 and len(answer.text.split()) > 4:
        return broken(f"{len(answer.text)} characters arrived in {count} chunks")
    arrival = judge_arrival(lambda number: measure(endpoint, number)) if count > 2 else Arrival.UNCLEAR
    if arrival is Arrival.GENERATED:
        return supported("chunks with content arrive at different times")
    if arrival is Arrival.FINISHED:
        return broken(
            "the first chunk arrives when the whole plain answer does: the text is finished before it is sent"
        )
    return inconclusive(f"{count} chunks with content arrived too fast, or at times too uneven, to tell")
