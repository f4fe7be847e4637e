"""Whether a stream arrives as it is generated: servers of known times, honest and not, alone and in noise.

No time passes here: the exchanges are a miniature server's, and their times are written over them.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from conformance.checklist.verdicts import Verdict
from conformance.probes.arrival import ROUNDS, Arrival, Round, judge_arrival
from conformance.probes.session import Send
from conformance.wire.exchange import Call, Exchange

from .asking import examined
from .spoiled import honest

ROW = "chat/stream/arrives_in_pieces"
S, B, U = Verdict.SUPPORTED, Verdict.BROKEN, Verdict.INCONCLUSIVE


@dataclass(frozen=True, kw_only=True)
class Clock:
    """The times of a server, in seconds."""

    prefill: float
    per_token: float
    pause: float | None = None
    """Between the pieces of a text that was generated first; None where each piece is sent as it is generated."""

    def plain(self, tokens: int) -> float:
        return self.prefill + tokens * self.per_token

    def piece(self, number: int, tokens: int) -> float:
        if self.pause is None:
            return self.plain(number + 1)
        return self.plain(tokens) + number * self.pause


CLOCKS = {
    "honest, slow": (Clock(prefill=0.2, per_token=0.05), S),
    "honest, fast": (Clock(prefill=0.003, per_token=0.0005), S),
    "honest, fast and far": (Clock(prefill=0.25, per_token=0.002), S),
    "finished, slow": (Clock(prefill=0.2, per_token=0.05, pause=0.0001), B),
    "finished, fast": (Clock(prefill=0.005, per_token=0.004, pause=0.0001), B),
    "finished, very fast": (Clock(prefill=0.002, per_token=0.0005, pause=0.00001), B),
    "finished, then typed": (Clock(prefill=0.03, per_token=0.007, pause=0.03), B),
}


def timed(clock: Clock) -> Send:
    def send(call: Call) -> Exchange:
        exchange = honest(call)
        tokens = call.body["max_tokens"]
        if not call.streams:
            return replace(exchange, seconds=clock.plain(tokens))
        chunks = tuple((clock.piece(number, tokens), text) for number, (_, text) in enumerate(exchange.chunks))
        return replace(exchange, chunks=chunks, seconds=chunks[-1][0])

    return send


@pytest.mark.parametrize("name", CLOCKS)
def test_a_finished_text_in_pieces_is_told_from_one_that_is_being_generated(name: str) -> None:
    clock, due = CLOCKS[name]
    found = examined(ROW, timed(clock))
    assert found.verdict is due, found.reason
    if due is B:
        assert found.reason == (
            "the first chunk arrives when the whole plain answer does: the text is finished before it is sent"
        )


def test_one_chunk_is_broken_and_nothing_is_measured() -> None:
    said = '{"choices":[{"index":0,"delta":{"content":"a b c d e f"},"finish_reason":"stop"}]}'
    asked: list[Call] = []

    def joined(call: Call) -> Exchange:
        asked.append(call)
        exchange = honest(call)
        return replace(exchange, chunks=((0.1, f"data: {said}\n\ndata: [DONE]\n\n"),)) if call.streams else exchange

    found = examined(ROW, joined)
    assert (found.verdict, found.reason) == (B, "11 characters arrived in 1 chunks")
    assert {call.purpose for call in asked} == {"probe"}


def test_a_clear_stream_costs_two_requests_and_a_doubtful_one_eighteen() -> None:
    for name, count in (("honest, slow", 2), ("finished, fast", 3 * ROUNDS)):
        asked: list[Call] = []
        send = timed(CLOCKS[name][0])

        def recording(call: Call, send: Send = send, asked: list[Call] = asked) -> Exchange:
            asked.append(call)
            return send(call)

        examined(ROW, recording)
        assert sum(call.purpose == "timing" for call in asked) == count


# In noise: every request waits in a queue, and runs on a machine with other work.

Noise = Callable[[random.Random], tuple[float, float]]


def noise(wait: float, load: float) -> Noise:
    """Seconds of waiting and factor of load, drawn for each request: two of three requests wait."""
    return lambda draw: (draw.expovariate(1 / wait) * (draw.random() < 0.67), 1 + draw.expovariate(1 / load))


NOISES = {"a little": noise(0.02, 0.1), "load": noise(0.001, 2), "a queue": noise(0.1, 0.3), "chaos": noise(2, 1)}


def arrivals(clock: Clock, disturb: Noise, runs: int = 400) -> Counter[Arrival]:
    draw = random.Random(7)  # noqa: S311 - the same in every run

    def disturbed(*seconds: float) -> list[float]:
        wait, load = disturb(draw)
        return [wait + load * each for each in seconds]

    def measure(number: int) -> Round:
        tokens = 26 + number
        first, last = disturbed(clock.piece(0, tokens), clock.piece(tokens - 1, tokens))
        (whole,) = disturbed(clock.plain(tokens))
        return Round(first=first, last=last, whole=whole, brief=lambda: disturbed(clock.plain(1))[0])

    return Counter(judge_arrival(measure) for _ in range(runs))


@pytest.mark.parametrize("disturb", NOISES)
@pytest.mark.parametrize("name", [name for name, (_, due) in CLOCKS.items() if due is S])
def test_no_noise_gets_an_honest_stream_accused(name: str, disturb: str) -> None:
    found = arrivals(CLOCKS[name][0], NOISES[disturb])
    assert found[Arrival.FINISHED] == 0
    assert found[Arrival.GENERATED] > 100


@pytest.mark.parametrize("disturb", NOISES)
@pytest.mark.parametrize("name", ["finished, slow", "finished, fast"])
def test_no_noise_makes_a_finished_text_look_generated(name: str, disturb: str) -> None:
    assert arrivals(CLOCKS[name][0], NOISES[disturb])[Arrival.GENERATED] == 0


@pytest.mark.parametrize("name", ["finished, slow", "finished, fast"])
def test_in_a_little_noise_a_finished_text_is_found_out(name: str) -> None:
    assert arrivals(CLOCKS[name][0], NOISES["a little"])[Arrival.FINISHED] > 360


def test_a_server_too_fast_for_the_noise_is_neither_accused_nor_supported() -> None:
    found = arrivals(Clock(prefill=0.25, per_token=0.0005), NOISES["a queue"])
    assert found[Arrival.UNCLEAR] > 380
    assert found[Arrival.FINISHED] == 0


def test_a_first_request_that_waits_for_the_model_accuses_nobody_and_excuses_nobody() -> None:
    for clock, due in (
        (Clock(prefill=0.03, per_token=0.007), Arrival.GENERATED),
        (CLOCKS["finished, fast"][0], None),
    ):

        def measure(number: int, clock: Clock = clock) -> Round:
            load = 5.0 if number == 0 else 0.0
            return Round(
                first=clock.piece(0, 26) + load,
                last=clock.piece(25, 26) + load,
                whole=clock.plain(26),
                brief=lambda: clock.plain(1),
            )

        found = judge_arrival(measure)
        assert found is due if due else found is not Arrival.GENERATED


def given(firsts: list[float], wholes: list[float], *, typing: float) -> Arrival:
    """What is concluded of rounds with these times, of streams whose pieces take `typing` seconds."""

    def measure(number: int) -> Round:
        first = firsts[number]
        return Round(first=first, last=first + typing, whole=wholes[number], brief=lambda: 0.03)

    return judge_arrival(measure)


def test_a_plain_request_that_meets_with_load_does_not_excuse_a_late_first_piece() -> None:
    assert given([0.2] * ROUNDS, [0.2, 1.0, 0.2, 0.2, 0.2, 0.2], typing=0.2) is not Arrival.GENERATED


def test_late_pieces_that_take_their_time_are_no_accusation_where_times_are_uneven() -> None:
    uneven = [0.9, 1.4, 0.8, 1.1, 1.3, 1.0]
    assert given(uneven, uneven[::-1], typing=0.2) is Arrival.UNCLEAR
    assert given([1.0] * ROUNDS, [1.0] * ROUNDS, typing=0.2) is Arrival.FINISHED
