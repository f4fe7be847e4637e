"""responses/stream: what single experiments show of a stream. What holds of each is a rule in `judge.rules`."""

from __future__ import annotations

from conformance.checklist.verdicts import Severity
from conformance.probes import chance, text_generation
from conformance.probes.arrival import judge_pieces
from conformance.probes.endpoints import Responses
from conformance.probes.observation import Observation, broken, inconclusive, supported
from conformance.probes.registry import probe
from conformance.probes.response_views import get_path
from conformance.probes.session import is_usable


@probe("responses/stream/equals_create", title="stream and plain answer say the same", chance=chance.GREEDY_TEXT)
def equals_create(responses: Responses) -> Observation:
    """At temperature 0 the stream makes up the plain answer: text, end, usage."""
    return text_generation.check_stream_equals_plain(responses, compare_counts=True)


@probe(
    "responses/stream/pieces",
    severity=Severity.SHOULD,
    title="pieces arrive as they are generated",
    chance=chance.ARRIVAL_TIMES,
)
def pieces(responses: Responses) -> Observation:
    """The text comes in several deltas, the first long before the whole of a plain answer would."""
    return judge_pieces(responses)


@probe(
    "responses/stream/error_before_start",
    title="an error before the start is no stream",
    chance=chance.STATUS_AND_ERROR,
)
def error_before_start(responses: Responses) -> Observation:
    """A bad request for a stream is refused with a 4xx and a JSON envelope, as a plain one is."""
    return text_generation.check_error_before_stream(responses, input=7)


@probe("responses/stream/client_leaves", title="a client that leaves frees the server", chance=chance.STILL_ANSWERS)
def client_leaves(responses: Responses) -> Observation:
    """After a client closes a long stream, the next request is answered."""
    responses.ask_control(stream=True)
    left = responses.attempt(stream=True, limit=400, abort_after_events=6)
    if left.status != 200 or not any(get_path(event, "type") for event in responses.read(left).chunks):
        return inconclusive("the stream to leave did not begin")
    after = responses.attempt(limit=1, purpose="after_abort")
    if is_usable(after) and responses.read(after).choices:
        return supported("the request after a stream was left is answered")
    return broken(f"the request after a stream was left: {after.failure or after.status}")
